/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEV_SNP_VEK_H
#define LK_SEV_SNP_VEK_H
/*
 * The extensions of a VCEK or VLEK, under 1.3.6.1.4.1.3704.1 (AMD publication
 * 57230, table of X.509v3 extensions).
 */
#include "policy/chain/cert.h"
#include "policy/evidence/sev_snp/product.h"
#include "proto/base/report.h"

#define LK_SNP_SPLS 10      /* extensions .3.1 to .3.9; index 0 is unused */
#define LK_SNP_CSP_MAX 128  /* characters of a cspID */

struct lk_snp_vek {
    bool has_struct_version, has_spl[LK_SNP_SPLS];
    uint8_t struct_version, spl[LK_SNP_SPLS];
    struct lk_bytes product_name, hwid, csp_id; /* absent: the certificate lacks the extension */
};

/*
 * Reads the extensions, borrowed from the certificate. Form only: SNP_VEK_ENCODING, SNP_VEK_DUPLICATE,
 * SNP_VEK_CRITICAL, SNP_VEK_EXTENSION_EXTRA (more than 32 extensions).
 */
LK_MUST_USE lk_result lk_snp_vek_read(const struct lk_cert *cert, struct lk_report *report, struct lk_snp_vek *out);

/*
 * All that kind and product demand is there, and nothing that they exclude: structVersion, one SPL
 * for each byte of the TCB and no other, hwID of the product's length on a VCEK only, cspID on a VLEK
 * only. SNP_VEK_EXTENSION_MISSING, SNP_VEK_EXTENSION_EXTRA, SNP_VEK_STRUCT, SNP_VEK_ENCODING.
 */
LK_MUST_USE lk_result lk_snp_vek_check(const struct lk_snp_vek *vek, enum lk_snp_kind kind,
                                       const struct lk_snp_product *product, struct lk_report *report);

#endif
