/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_RELEASE_BUDGET_H
#define LK_RELEASE_BUDGET_H
/*
 * Releases per secret, and secrets made per policy, in a day (UTC). Counts are held in memory and written with the record of the release, so that
 * a restart does not give a day's budget again.
 */
#include "keystore/store/store.h"

struct lk_budget;

struct lk_budget *lk_budget_new(void);
void lk_budget_free(struct lk_budget *b);

/* Reads the counts; those of other days are replaced when the secret is next released. STORE_DAMAGED, STORE_IO. */
LK_MUST_USE lk_result lk_budget_load(struct lk_budget *b, struct lk_store *s);

/* Counts one release; limit 0: none. *count is the new count. BUDGET_SPENT, MEMORY. */
LK_MUST_USE lk_result lk_budget_take(struct lk_budget *b, struct lk_bytes name, uint64_t limit, int64_t now,
                                     uint64_t *count);
/* The release did not come about. */
void lk_budget_give_back(struct lk_budget *b, struct lk_bytes name);

/* What the secrets that a policy had made are counted under, for all of these calls: the name of no secret. */
#define LK_BUDGET_KEY_MAX 257
void lk_budget_make_key(const char *policy, char out[static LK_BUDGET_KEY_MAX]);

/* Writes a count. */
LK_MUST_USE lk_result lk_budget_put(struct lk_txn *t, struct lk_bytes name, int64_t now, uint64_t count);

#endif
