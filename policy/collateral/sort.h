/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLATERAL_SORT_H
#define LK_COLLATERAL_SORT_H
/*
 * Collateral from anywhere: what each piece is, whether its vendor signed it, and its name, out of its own bytes
 * (docs/collateral.md). A pure function: no files, no clock.
 */
#include "policy/chain/trust.h"
#include "proto/base/arena.h"
#include "proto/base/collateral.h"

struct lk_collateral_sorting {
    const struct lk_trust *trust; /* anchors, and what is kept already: it may hold issuers */
    int64_t at;                   /* pieces must be in force then */
    struct lk_arena *arena;
    const struct lk_bytes *raw; /* certificates (DER or PEM), a list (DER or PEM), a JSON document */
    size_t n;
};

/*
 * Fills out[i] for each raw[i]; the bytes live in the arena or borrow from raw. Every certificate among them serves as
 * an issuer of the others, whatever the order. One bad piece does not hurt the others. MEMORY.
 */
LK_MUST_USE lk_result lk_collateral_sort(const struct lk_collateral_sorting *in, struct lk_collateral_piece *out);

#endif
