/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_DCAP_PCK_H
#define LK_DCAP_PCK_H
/*
 * The SGX extension 1.2.840.113741.1.13.1 of a PCK certificate ("Intel SGX PCK Certificate and Certificate
 * Revocation List Profile Specification", section 1.3.5): which platform it is, and its TCB.
 */
#include "policy/evidence/dcap/say.h"
#include "policy/evidence/family.h"

#define LK_TCB_COMPONENTS 16

struct lk_pck {
    struct lk_bytes ppid, cpu_svn, pce_id, fmspc; /* 16, 16, 2, 6 bytes; borrowed from the certificate */
    struct lk_bytes platform_instance;            /* 16 bytes; absent from the Processor CA's certificates */
    uint8_t components[LK_TCB_COMPONENTS];
    uint16_t pce_svn, sgx_type;
    bool has_configuration; /* the three below are known */
    bool dynamic_platform, cached_keys, smt;
};

/* Reads the content of the extension. DER in its canonical form, each member at most once. DCAP_PCK_EXTENSION. */
LK_MUST_USE lk_result lk_pck_read(struct lk_bytes extension, const struct lk_dcap_say *say, struct lk_pck *out);

#endif
