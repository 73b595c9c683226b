/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEV_SNP_H
#define LK_SEV_SNP_H
/*
 * Family "sev-snp": an attestation report of AMD's secure processor with the
 * certificates of the key that signed it. docs/evidence-sev-snp.md says what is
 * checked and what is not.
 *
 * Collateral, looked up when the evidence does not bring it (P is milan, genoa or turin):
 *   sev-snp/chain/P        cert_chain of the VCEK: ASK, ARK
 *   sev-snp/chain/P-vlek   cert_chain of the VLEK: ASVK, ARK
 *   sev-snp/crl/P          revocation list of the ARK, DER
 *   sev-snp/vek/C/T        VCEK; C: CHIP_ID in hex (Turin: its first 8 bytes), T: REPORTED_TCB, 16 hex digits of
 *                          its eight bytes as the report has them
 *   sev-snp/vlek/P/T       VLEK
 */
#include "policy/evidence/family.h"

extern const struct lk_family lk_family_sev_snp;

/* Parts, in this order. */
enum lk_snp_part {
    LK_SNP_PART_REPORT,
    LK_SNP_PART_VEK,
    LK_SNP_PART_CHAIN,
    LK_SNP_PART_CRL,
    LK_SNP_PART_CERTS,
    LK_SNP_PARTS
};

#endif
