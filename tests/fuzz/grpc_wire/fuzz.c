/* SPDX-License-Identifier: Apache-2.0 */
/* grpc-timeout, percent-encoding, -bin values and message prefixes: the first byte chooses, the rest is the text. */
#include "proto/grpc/inbox.h"
#include "proto/grpc/wire.h"

#include <stdlib.h>
#include <string.h>

#define MOST 65536

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void fuzz_timeout(struct lk_bytes in)
{
    uint64_t ms, again;
    char text[16];
    if (!lk_grpc_timeout_parse(in, &ms))
        return;
    lk_grpc_timeout_format(ms, text, sizeof(text));
    must(lk_grpc_timeout_parse(lk_bytes_str(text), &again) && again <= ms);
}

static void fuzz_percent(struct lk_bytes in)
{
    LK_BUF_AUTO decoded = lk_buf(MOST);
    LK_BUF_AUTO encoded = lk_buf(3 * MOST);
    LK_BUF_AUTO back = lk_buf(3 * MOST);
    lk_grpc_percent_decode(&decoded, in);
    lk_grpc_percent_encode(&encoded, in);
    lk_grpc_percent_decode(&back, lk_buf_bytes(&encoded));
    if (in.len <= MOST)
        must(lk_bytes_eq(lk_buf_bytes(&back), in));
}

static void fuzz_bin(struct lk_bytes in)
{
    struct lk_bytes rest = in, one;
    while (lk_grpc_bin_next(&rest, &one)) {
        LK_BUF_AUTO decoded = lk_buf(MOST);
        LK_BUF_AUTO encoded = lk_buf(2 * MOST);
        if (!lk_ok(lk_grpc_bin_decode(&decoded, one)))
            continue;
        lk_grpc_bin_encode(&encoded, lk_buf_bytes(&decoded));
        must(encoded.len <= one.len && (encoded.len == 0 || memcmp(encoded.data, one.data, encoded.len) == 0));
    }
}

static void fuzz_inbox(struct lk_bytes in)
{
    struct lk_grpc_inbox box = {0};
    while (in.len > 0) {
        size_t n = in.len < 7 ? in.len : 7; /* messages do not respect frames */
        struct lk_bytes piece = lk_bytes(in.data, n);
        in = lk_bytes(in.data + n, in.len - n);
        for (enum lk_grpc_inbox_step step; (step = lk_grpc_inbox_feed(&box, &piece)) != LK_GRPC_INBOX_MORE;) {
            bool stop = step == LK_GRPC_INBOX_PREFIX && (box.length > MOST || !lk_ok(lk_grpc_inbox_admit(&box)));
            if (stop || step == LK_GRPC_INBOX_MESSAGE)
                lk_grpc_inbox_next(&box);
            if (stop || piece.len == 0)
                break;
        }
    }
    lk_grpc_inbox_next(&box);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(struct lk_bytes) = {fuzz_timeout, fuzz_percent, fuzz_bin, fuzz_inbox};
    if (size > 0)
        targets[data[0] % 4](lk_bytes(data + 1, size - 1));
    return 0;
}
