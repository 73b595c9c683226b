/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_APPRAISE_JUDGE_H
#define LK_APPRAISE_JUDGE_H
/*
 * Authenticated items against one alternative of a policy: links, rules, reference
 * records. Pure and repeatable: the engine asks once without a report to compare
 * alternatives, and again with one for the alternative it tells about.
 */
#include "policy/appraise/policy.h"

/* An item that is authentic and whose claims are known. */
struct lk_judged {
    const struct lk_family *family;
    const struct lk_value *values; /* by index of family->claims */
    int parent;                    /* index in the array of the item that vouched for it; -1: rooted */
    bool guest_link;               /* vouched for by bytes that the guest chose */
};

enum lk_judge_scope {
    LK_JUDGE_BUNDLE, /* the whole: missing families are findings */
    LK_JUDGE_PATH,   /* the items so far, before another is read: what is not there yet is not missed */
};

/*
 * True when everything holds. *score counts what held before the first failure, so that the
 * alternative that got furthest can be found. Findings name "policy/accept/family.claim" or
 * "record/family.claim".
 */
bool lk_accept_judge(const struct lk_policyset *set, const struct lk_policy *policy, const struct lk_accept *accept,
                     const struct lk_judged *items, size_t n, int64_t at, enum lk_judge_scope scope,
                     struct lk_report *report, size_t *score);

#endif
