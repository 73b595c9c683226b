/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_COLLATERAL_FILES_H
#define LK_CLI_COLLATERAL_FILES_H
/* Files and folders taken apart into pieces of collateral: docs/collateral.md, "Files". Nothing is verified here. */
#include "proto/base/arena.h"
#include "proto/base/bytes.h"
#include "proto/base/result.h"

struct lk_piece_list {
    struct lk_bytes *p;
    const char **from; /* the file of each */
    size_t n, room;
};

struct lk_pieces {
    struct lk_arena *arena;
    struct lk_piece_list issuers; /* certificates that may issue others: they go with each batch */
    struct lk_piece_list others;
    size_t left_out;              /* files that hold nothing of use; each was named on standard error */
};

/* Adds a file, or all files below a folder. FILE (it has said why), MEMORY. */
LK_MUST_USE lk_result lk_pieces_read(struct lk_pieces *p, const char *path);
void lk_pieces_free(struct lk_pieces *p);

#endif
