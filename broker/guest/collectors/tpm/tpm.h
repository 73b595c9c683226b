/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLECTOR_TPM_H
#define LK_COLLECTOR_TPM_H
/* The TPM as a collector: one attestation's keys, and the calls of the protocol on them. */
#include "broker/guest/collectors/tpm/keys.h"

struct lk_tpm_options {
    const char *tcti;     /* "device:/dev/tpmrm0" */
    const char *ek;       /* "auto" or a kind of lk_ek_kind */
    const char *ak;       /* a kind of lk_ak_kind */
    const char *hash;     /* of the AK's signatures: "sha256", "sha384"; NULL: sha384 for P-384, else sha256 */
    uint32_t ak_handle;   /* persistent AK instead of a fresh one; 0: none */
    const char *ek_cert;  /* files, PEM or DER; NULL: none */
    const char *ak_cert;
    const char *ek_chain;
    uint32_t hcl_index;    /* of an Azure VM: NV index of the HCL report, persistent AK that it names */
    uint32_t hcl_ak;
    const char *hcl_certs; /* file, PEM or DER: VCEK, then its chain; NULL: the broker has them */
};

struct lk_tpm_collector;

/* NULL without memory. Nothing is opened yet: the first call does that. The options must outlive it. */
struct lk_tpm_collector *lk_tpm_collector_new(const struct lk_tpm_options *options);
/* Gives back every key and closes the TPM. */
void lk_tpm_collector_free(struct lk_tpm_collector *c);

extern const struct lk_collector_ops lk_tpm_collector_ops; /* self: struct lk_tpm_collector */

#endif
