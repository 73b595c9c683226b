/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_DCAP_ITEM_H
#define LK_DCAP_ITEM_H
/* What both families know of one bundle's quote, step by step. */
#include "policy/evidence/dcap/dcap.h"
#include "policy/evidence/dcap/path.h"
#include "policy/evidence/dcap/tcb.h"

struct lk_item {
    /* parse */
    struct lk_quote quote;
    struct lk_dcap_pool pool; /* the quote's certificates, then those of the TCB chain */
    size_t n_quote;
    /* authenticate */
    struct lk_pck pck;
    struct lk_dcap_path path;
    struct lk_tcb_info info;
    struct lk_qe_identity identity;
    struct lk_tcb_result tcb;
};

/* The functions of both families; `tee` and `family` are what they differ in. */
LK_MUST_USE lk_result lk_dcap_parse(const struct lk_family_input *in, uint32_t tee, const char *family,
                                    struct lk_item **out);
LK_MUST_USE lk_result lk_dcap_authenticate(const struct lk_family_input *in, const char *family, struct lk_item *item,
                                           struct lk_anchoring *how);

/* QE report signature and binding, attestation key, quote signature. DCAP_QE_REPORT_SIGNATURE, DCAP_QE_BINDING,
   DCAP_ATTESTATION_KEY, DCAP_QUOTE_SIGNATURE. */
LK_MUST_USE lk_result lk_dcap_signatures(const struct lk_quote *q, const struct lk_cert *pck,
                                         const struct lk_dcap_say *say);

extern const struct lk_part lk_dcap_parts[LK_DCAP_PARTS];

#endif
