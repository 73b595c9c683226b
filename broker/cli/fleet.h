/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_FLEET_H
#define LK_CLI_FLEET_H
/* The fleet file (docs/collateral.md): which platforms must be covered, and by which pieces of collateral. */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#define LK_FLEET_NAME_MAX 192

struct lk_fleet_piece {
    char name[LK_FLEET_NAME_MAX];
    const char *product; /* "milan", for AMD's pieces; lives for ever. NULL for the others */
};

struct lk_fleet_flaw {
    unsigned line;    /* 1 is the first */
    const char *what; /* lives for ever */
};

/*
 * Calls `piece` for each piece that each line demands: some more than once. Hex of either case is taken. FLEET
 * with *flaw set; pieces of the lines before were told by then.
 */
LK_MUST_USE lk_result lk_fleet_read(struct lk_bytes text, void (*piece)(void *context, const struct lk_fleet_piece *p), void *context,
                                    struct lk_fleet_flaw *flaw);

#endif
