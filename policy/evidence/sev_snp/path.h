/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEV_SNP_PATH_H
#define LK_SEV_SNP_PATH_H
/*
 * The path ARK -> ASK or ASVK -> VCEK or VLEK. Certificates in evidence and
 * collateral are hints: an ARK counts when its fingerprint is pinned or an admin's
 * anchor; an ASK or ASVK when it is pinned, an admin's own, or issued by an
 * admin's anchor.
 */
#include "policy/chain/cert.h"
#include "policy/evidence/family.h"
#include "policy/evidence/sev_snp/product.h"

#define LK_SNP_HINTS_MAX 6

struct lk_snp_path {
    const struct lk_cert *ark, *intermediate, *vek;
    const struct lk_snp_product *product; /* as the VEK's issuer names it */
    const char *anchor;                   /* an admin's name for the ARK; NULL when the ARK is pinned */
};

struct lk_snp_path_input {
    const struct lk_family_input *in;
    struct lk_bytes vek;                 /* DER */
    enum lk_snp_kind kind;               /* SIGNING_KEY */
    const struct lk_snp_product *product; /* of the report; NULL in version 2 */
    const struct lk_bytes *hints;        /* DER certificates that the evidence brings */
    size_t n_hints;
};

/*
 * Finds the path, verifies every signature in it, then the dates at in->at. CERT_*, SNP_CERT_*,
 * SNP_VEK_KIND, SNP_VEK_KEY, SNP_PRODUCT_MISMATCH, SNP_CHAIN_EXTRA, SNP_CHAIN_MISSING, SNP_ARK_UNTRUSTED,
 * SNP_ASK_UNTRUSTED.
 */
LK_MUST_USE lk_result lk_snp_path_find(const struct lk_snp_path_input *in, struct lk_snp_path *out);

/*
 * For an ASK or ASVK alone: its ARK, with all that is checked of both; kind, vek and the path's vek are of no meaning.
 * As above.
 */
LK_MUST_USE lk_result lk_snp_issuer_find(const struct lk_snp_path_input *in, const struct lk_cert *intermediate,
                                         enum lk_snp_role role, struct lk_snp_path *out);

/* The ARKs of in->product that count, among hints of any product, collateral and what an admin added; at most *n. */
void lk_snp_arks(const struct lk_snp_path_input *in, const struct lk_cert **out, size_t *n);

#endif
