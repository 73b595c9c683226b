/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVIDENCE_EVENTLOG_ITEM_H
#define LK_EVIDENCE_EVENTLOG_ITEM_H
/* Private to the family "eventlog". */
#include "policy/evidence/eventlog/eventlog.h"

struct lk_item {
    enum lk_register_kind kind;
    size_t first; /* where in the proofs the registers of the item above begin */
    struct lk_eventlog_judged judged;
    struct lk_boot boot;
};

/* claims.c */
#define LK_EVENTLOG_CLAIMS 27
extern const struct lk_claim lk_eventlog_claims[LK_EVENTLOG_CLAIMS];
LK_MUST_USE lk_result lk_eventlog_claim(const struct lk_family_input *in, const struct lk_item *item,
                                        struct lk_value *values);

#endif
