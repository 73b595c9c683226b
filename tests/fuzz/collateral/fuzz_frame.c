/* SPDX-License-Identifier: Apache-2.0 */
/* What a verifier says to the keeper about collateral: what decodes encodes to the same bytes. The first byte chooses the frame. */
#include "proto/link/collateral.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct lk_buf *b, struct lk_bytes in)
{
    if (!lk_ok(lk_buf_ok(b)) || !lk_bytes_eq(lk_buf_bytes(b), in))
        abort();
}

static void check_pieces(const struct lk_collateral_frame *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct lk_collateral_piece *p = &f->pieces[i];
        bool kept = p->name[0] != '\0';
        if (kept && (p->why.code != LK_R_OK || p->bytes.len == 0 || !lk_collateral_name_ok(lk_bytes_str(p->name))))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lk_collateral_piece pieces[LK_COLLATERAL_PIECES_MAX];
    struct lk_collateral_frame f;
    struct lk_collateral_ask a;
    if (size == 0 || size > LK_COLLATERAL_FRAME_MAX)
        return 0;
    struct lk_bytes in = lk_bytes(data + 1, size - 1);
    LK_BUF_AUTO b = lk_buf(LK_COLLATERAL_FRAME_MAX);
    if ((data[0] & 1) == 0 && lk_ok(lk_collateral_frame_get(in, pieces, &f))) {
        check_pieces(&f);
        lk_collateral_frame_put(&b, &f);
        same(&b, in);
    }
    if ((data[0] & 1) == 1 && lk_ok(lk_collateral_ask_get(in, &a))) {
        lk_collateral_ask_put(&b, &a);
        same(&b, in);
    }
    return 0;
}
