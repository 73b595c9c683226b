/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVIDENCE_COLLATERAL_H
#define LK_EVIDENCE_COLLATERAL_H
/*
 * How a family recognises and verifies a piece of its own collateral that somebody uploads (docs/collateral.md). One function
 * for each vendor; policy/collateral/sort.h asks them in turn.
 */
#include "policy/evidence/family.h"
#include "proto/base/collateral.h"

#define LK_COLLATERAL_ISSUERS_MAX 16 /* certificates of one upload that may issue others */

enum lk_collateral_form { LK_FORM_CERTIFICATES, LK_FORM_CRL, LK_FORM_JSON };

struct lk_collateral_try {
    enum lk_collateral_form form;
    struct lk_bytes bytes;        /* a list (DER) or document as it came */
    const struct lk_bytes *certs; /* CERTIFICATES: DER */
    size_t n_certs;
    const struct lk_bytes *issuers; /* DER; hints, never trusted by themselves */
    size_t n_issuers;
    const struct lk_family_input *in; /* trust, time, arena, report; no parts */
};

/*
 * OK with name, facts and bytes of *out set: the vendor signed it, and it is in force. OK with an empty name: it is a root,
 * which only vouches for others. COLLATERAL_UNKNOWN without a finding: it is none of this vendor's. COLLATERAL_MIXED: more than
 * one certificate that has a name. Else the family's own reasons, with a finding.
 */
typedef lk_result lk_collateral_fn(const struct lk_collateral_try *try, struct lk_collateral_piece *out);

lk_collateral_fn lk_snp_collateral;
lk_collateral_fn lk_dcap_collateral;

#endif
