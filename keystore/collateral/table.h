/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLATERAL_TABLE_H
#define LK_COLLATERAL_TABLE_H
/*
 * The collateral in the store (docs/collateral.md). A record of table COLLATERAL, under the piece's name, little-endian:
 *
 *   u8 kind | u64 number | i64 issued | i64 until | i64 stored | 32 SHA-256 of the bytes | bytes
 *
 * META "collateral" keeps u64 count, u64 bytes of all of them; both change in one transaction. Nothing is ever pushed
 * out: what would not fit is refused.
 */
#include "keystore/store/store.h"
#include "proto/base/collateral.h"

#define LK_COLLATERAL_RECORD_MAX (65 + LK_COLLATERAL_PIECE_MAX)
#define LK_COLLATERAL_AHEAD_MAX 300 /* seconds that a piece may be issued after the keeper's clock */

enum lk_collateral_outcome { LK_COLLATERAL_STORED, LK_COLLATERAL_UNCHANGED };

struct lk_collateral_row {
    struct lk_collateral_facts facts;
    int64_t stored;
    uint8_t digest[32];
    uint64_t revision; /* 1 for the first of its name, and one more each time */
    struct lk_bytes bytes;
};

/* The record's value. STORE_DAMAGED. bytes borrow from raw. */
LK_MUST_USE lk_result lk_collateral_row_get(struct lk_bytes raw, uint64_t version, struct lk_collateral_row *out);

struct lk_collateral_totals {
    uint64_t count, bytes;
};
LK_MUST_USE lk_result lk_collateral_totals_get(struct lk_store *s, struct lk_collateral_totals *out);

/*
 * Puts a piece that a verifier found good, unless what is there is newer. why is filled when it is refused:
 * COLLATERAL_OLDER (its number or date is below that of what is there; expected and actual say both),
 * COLLATERAL_EXPIRED, COLLATERAL_ISSUED_AHEAD, COLLATERAL_FULL. Else STORE_*. Equal number and date is UNCHANGED: what is
 * there stays. row: what was put, without its bytes.
 */
LK_MUST_USE lk_result lk_collateral_table_put(struct lk_txn *t, const struct lk_collateral_piece *piece, int64_t now,
                                              enum lk_collateral_outcome *outcome, struct lk_collateral_row *row,
                                              struct lk_report *why);

/* Takes a piece away, and with it the number and date that a new one of the name may not fall below. NOT_FOUND, STORE_*. */
LK_MUST_USE lk_result lk_collateral_table_drop(struct lk_txn *t, struct lk_bytes name);

#endif
