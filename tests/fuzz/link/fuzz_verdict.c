/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts and challenges: what decodes encodes to the same bytes. The first byte chooses which. */
#include "proto/link/verdict.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct lk_buf *b, struct lk_bytes in)
{
    if (!lk_ok(lk_buf_ok(b)) || !lk_bytes_eq(lk_buf_bytes(b), in))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lk_verdict v;
    struct lk_challenge_frame c;
    if (size == 0)
        return 0;
    struct lk_bytes in = lk_bytes(data + 1, size - 1);
    LK_BUF_AUTO b = lk_buf(64u << 10);
    if ((data[0] & 1) == 0 && lk_ok(lk_verdict_get(in, &v))) {
        lk_verdict_put(&b, &v);
        same(&b, in);
    }
    if ((data[0] & 1) == 1 && lk_ok(lk_challenge_frame_get(in, &c))) {
        lk_challenge_frame_put(&b, &c);
        same(&b, in);
    }
    return 0;
}
