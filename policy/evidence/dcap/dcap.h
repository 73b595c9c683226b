/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_DCAP_H
#define LK_DCAP_H
/*
 * Families "tdx" and "sgx": quotes of Intel's quoting enclaves for trust domains and for enclaves, with the
 * certificates and documents by which Intel vouches for the platform. docs/evidence-tdx.md says what is checked and what
 * is not.
 *
 * Collateral. The broker's own goes before what the evidence brings: a guest cannot choose the milder of two documents.
 * F is tdx or sgx, M the FMSPC in lower-case hex:
 *   F/tcb-info/M                TCB Info, as the service answers
 *   F/qe-identity               QE Identity, as the service answers
 *   sgx/pck-crl/platform        revocation lists of the PCK CAs, DER
 *   sgx/pck-crl/processor
 *   sgx/root-crl                revocation list of the root, DER
 *   sgx/tcb-chain               TCB signing certificate and root
 *   dcap/tcb-info, dcap/qe-identity, dcap/pck-crl, dcap/root-crl, dcap/tcb-chain
 *                               for what has none of the names above: the files of a flat folder
 */
#include "policy/evidence/family.h"

extern const struct lk_family lk_family_tdx;
extern const struct lk_family lk_family_sgx;

/* Parts of both, in this order. */
enum lk_dcap_part {
    LK_DCAP_PART_QUOTE,
    LK_DCAP_PART_TCB_INFO,
    LK_DCAP_PART_QE_IDENTITY,
    LK_DCAP_PART_TCB_CHAIN,
    LK_DCAP_PART_PCK_CRL,
    LK_DCAP_PART_ROOT_CRL,
    LK_DCAP_PARTS
};

#endif
