/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_APPRAISE_LISTS_H
#define LK_APPRAISE_LISTS_H
/*
 * Rules on claims that are lists: each member is judged for itself. A member of a list of files passes when it is in the
 * rule's sets or inline list, when a key signed it that the rule lets sign this name, or when its name is excluded, and
 * is counted under the first of these that holds.
 */
#include "policy/appraise/policy.h"
#include "proto/base/buffer.h"

#define LK_LIST_NAMED 4 /* members that a refusal names */

struct lk_list_tally {
    size_t members;
    size_t listed, signed_, excluded, refused; /* together: all members */
    const struct lk_member *first_excluded[LK_LIST_NAMED], *first_refused[LK_LIST_NAMED];
};

/*
 * Counts; the rule holds when refused is 0. v is of kind WORDS or FILES and present; the rule is one of IN, NOT_IN, IN_SET.
 * REFERENCE_SET_MISSING and REFERENCE_SET_PART with the set's name in *which, CRYPTO.
 */
LK_MUST_USE lk_result lk_list_judge(const struct lk_policyset *set, const struct lk_rule *rule, const struct lk_value *v,
                                    struct lk_list_tally *out, const char **which);

/* "/usr/bin/x sha256:ab12...", the path's end when it is long; " signed by KEY" between them. For findings. */
void lk_member_put(struct lk_buf *out, const struct lk_member *m);

bool lk_kind_is_list(enum lk_kind kind);

/* A rule that lets some members pass and refuses others. */
bool lk_rule_is_listing(const struct lk_rule *rule);

#endif
