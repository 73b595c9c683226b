/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_APPRAISE_LISTS_H
#define LK_CLI_APPRAISE_LISTS_H
/* How the members of a list passed, for what was affirmed: an exclusion accepts unseen, and people want to see how much. */
#include "broker/cli/appraise.h"
#include "policy/appraise/lists.h"

struct lk_list_told {
    const char *policy, *accept, *family, *claim;
    struct lk_list_tally tally;
};

/* Calls fn for each rule on a list of each alternative that passed. */
void lk_appraise_lists(const struct lk_policyset *set, const struct lk_appraisal *out,
                       void (*fn)(void *arg, const struct lk_list_told *told), void *arg);

#endif
