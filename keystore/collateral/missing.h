/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLATERAL_MISSING_H
#define LK_COLLATERAL_MISSING_H
/*
 * Which collateral requests could not be judged for, in memory and bounded. Anybody can make up the chip of an unsigned report,
 * so names of chips have a part of their own and push out only each other: the one asked for least goes first, then the one
 * not seen for longest. What guests really wait for is asked for again and again.
 */
#include "proto/base/bytes.h"
#include "proto/base/collateral.h"

#define LK_MISSING_CHIPS 512  /* names below sev-snp/vek and sev-snp/vlek */
#define LK_MISSING_OTHERS 512

struct lk_missing_row {
    struct lk_missing what;
    int64_t first_seen, last_seen;
    uint64_t count;
};

struct lk_missing_table;

struct lk_missing_table *lk_missing_new(void);
void lk_missing_free(struct lk_missing_table *t);

/* A request at `now` could not be judged for it. A name that is none is left out. */
void lk_missing_note(struct lk_missing_table *t, const struct lk_missing *what, int64_t now);

/* It has come. */
void lk_missing_clear(struct lk_missing_table *t, const char *name);

/* Row i, in no order; NULL behind the last. */
const struct lk_missing_row *lk_missing_at(const struct lk_missing_table *t, size_t i);

#endif
