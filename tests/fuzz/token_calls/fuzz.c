/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads between keeper and token; the first byte picks which. What is taken is written again to the same bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "keystore/token/calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One line a payload: decode, and if it is one, encode again. */
#define TRY(n, type, get, put)               \
    case n: {                                \
        struct type value;                   \
        if (!lk_ok(get(p, &value)))          \
            return 0;                        \
        put(&again, &value);                 \
        break;                               \
    }

static void result(struct lk_bytes p, struct lk_buf *again)
{
    lk_result r;
    struct lk_bytes output;
    if (lk_ok(lk_call_result_get(p, &r, &output)))
        lk_call_result_put(again, r, output);
    else
        lk_put(again, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct lk_bytes p = lk_bytes(data + 1, size - 1);
    LK_BUF_AUTO again = lk_buf(size + 16);
    switch (data[0] % 8) {
        TRY(0, lk_call_wrap, lk_call_wrap_get, lk_call_wrap_put)
        TRY(1, lk_call_unwrap, lk_call_unwrap_get, lk_call_unwrap_put)
        TRY(2, lk_call_rewrap, lk_call_rewrap_get, lk_call_rewrap_put)
        TRY(3, lk_call_import, lk_call_import_get, lk_call_import_put)
        TRY(4, lk_call_sign, lk_call_sign_get, lk_call_sign_put)
        TRY(5, lk_call_head, lk_call_head_get, lk_call_head_put)
        TRY(6, lk_token_info, lk_token_info_get, lk_token_info_put)
    default:
        result(p, &again);
    }
    if (!lk_bytes_eq(lk_buf_bytes(&again), p))
        abort();
    return 0;
}
