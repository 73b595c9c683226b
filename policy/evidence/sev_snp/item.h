/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEV_SNP_ITEM_H
#define LK_SEV_SNP_ITEM_H
/* What the family knows of one bundle's report, step by step. */
#include "policy/evidence/sev_snp/claims.h"
#include "policy/evidence/sev_snp/path.h"
#include "policy/evidence/sev_snp/report.h"
#include "policy/evidence/sev_snp/sev_snp.h"
#include "policy/evidence/sev_snp/vek.h"

struct lk_item {
    /* parse */
    struct lk_snp_report report;
    struct lk_bytes vek_part;     /* DER of part vek */
    struct lk_bytes vek_table[2]; /* DER of the certificate table's entries, by enum lk_snp_kind */
    struct lk_bytes hints[LK_SNP_HINTS_MAX];
    size_t n_hints;
    struct lk_bytes crl;
    /* authenticate */
    const struct lk_snp_product *product;
    struct lk_snp_vek vek;
    bool crl_checked;
};

extern const struct lk_claim lk_snp_claims[LK_SNP_N_CLAIMS];

/* The family's function claim. */
LK_MUST_USE lk_result lk_snp_claim(const struct lk_family_input *in, const struct lk_item *item,
                                   struct lk_value *values);

#endif
