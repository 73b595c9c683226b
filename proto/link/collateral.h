/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_LINK_COLLATERAL_H
#define LK_LINK_COLLATERAL_H
/*
 * What a verifier says to the keeper about uploaded collateral (docs/collateral.md): for each piece its name, as
 * its own content says it, and what orders it among its like, or why it is none. The keeper believes that a vendor
 * signed it because of the descriptor that the frame came on, and still checks everything that it can know itself.
 */
#include "proto/base/collateral.h"
#include "proto/link/messages.h"

#define LK_COLLATERAL_FRAME_MAX ((2u << 20) + (256u << 10)) /* as in frames.def */

struct lk_collateral_frame {
    uint64_t deadline_mono_ms; /* as in verdicts */
    uint8_t caller[32];
    uint32_t roles;
    int64_t time;
    uint64_t generation;
    enum lk_reason_code failed; /* the whole request; no pieces then */
    struct lk_collateral_piece *pieces;
    size_t n;
};
void lk_collateral_frame_put(struct lk_buf *out, const struct lk_collateral_frame *f);
/*
 * pieces: room for LK_COLLATERAL_PIECES_MAX, which *f then points to; their bytes borrow from the payload.
 * FRAME_FORBIDDEN for anything that no honest verifier says.
 */
LK_MUST_USE lk_result lk_collateral_frame_get(struct lk_bytes payload, struct lk_collateral_piece *pieces,
                                              struct lk_collateral_frame *f);

/* A request for the list. */
struct lk_collateral_ask {
    uint64_t deadline_mono_ms;
    uint8_t caller[32];
    uint32_t roles;
    uint64_t generation;
    enum lk_reason_code failed;
    char after[LK_COLLATERAL_NAME_MAX + 1];
    uint32_t limit;
};
void lk_collateral_ask_put(struct lk_buf *out, const struct lk_collateral_ask *a);
LK_MUST_USE lk_result lk_collateral_ask_get(struct lk_bytes payload, struct lk_collateral_ask *a);

#endif
