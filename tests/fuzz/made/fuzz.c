/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's own entry of made secrets: what is read writes the same bytes again, for there is one form only. */
#include "keystore/change/made.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_made m;
    if (!lk_ok(lk_made_get(lk_bytes(data, size), &m)))
        return 0;
    LK_BUF_AUTO content = lk_buf(1 << 20);
    LK_BUF_AUTO whole = lk_buf(1 << 20);
    lk_made_put_signed(&content, &m);
    lk_made_put(&whole, m.signed_part, m.signature);
    if (m.n == 0 || m.n > LK_MADE_MAX || !lk_bytes_eq(lk_buf_bytes(&content), m.signed_part) ||
        !lk_bytes_eq(lk_buf_bytes(&whole), lk_bytes(data, size)))
        __builtin_trap();
    return 0;
}
