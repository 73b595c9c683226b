/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TEST_FAMILY_RUN_H
#define LK_TEST_FAMILY_RUN_H
/*
 * Runs one item of one family through parse, authenticate and claim, as the chain engine does, and
 * holds the values against the safe defaults of the claim table: for tests of a family alone.
 */
#include "policy/evidence/family.h"

struct lk_family_run {
    struct lk_report report;
    struct lk_anchoring how;
    struct lk_value values[LK_FAMILY_CLAIMS_MAX];
    lk_result result; /* OK, or why the item stopped */
};

/* parts: family->n_parts runs. The values live until the arena is reset; the certificates in use are released. */
lk_result lk_family_run(const struct lk_family *family, const struct lk_bytes *parts, const struct lk_trust *trust,
                        int64_t at, struct lk_arena *arena, struct lk_family_run *out);

/* The refusal of the first claim whose safe default does not hold; OK when all do, or have none. */
lk_result lk_family_run_defaults(const struct lk_family *family, const struct lk_family_run *run);

/* The value of a claim; NULL when the family has none of that name. */
const struct lk_value *lk_family_run_value(const struct lk_family *family, const struct lk_family_run *run,
                                           const char *claim);

/* The whole file into the arena; absent when it cannot be read. */
struct lk_bytes lk_test_file(struct lk_arena *arena, const char *path);

#endif
