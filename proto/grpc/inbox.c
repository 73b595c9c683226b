/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/inbox.h"
#include "proto/base/cursor.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static size_t move(uint8_t *to, size_t room, struct lk_bytes *in)
{
    size_t n = in->len < room ? in->len : room;
    if (n > 0)
        memcpy(to, in->data, n);
    *in = lk_bytes(in->data + n, in->len - n);
    return n;
}

static void read_prefix(struct lk_grpc_inbox *b)
{
    struct lk_cursor c = lk_cursor(LK_BYTES(b->prefix));
    b->flag = lk_u8(&c);
    b->length = lk_u32be(&c);
}

enum lk_grpc_inbox_step lk_grpc_inbox_feed(struct lk_grpc_inbox *b, struct lk_bytes *in)
{
    if (b->prefix_len < LK_GRPC_PREFIX) {
        b->prefix_len += move(b->prefix + b->prefix_len, LK_GRPC_PREFIX - b->prefix_len, in);
        if (b->prefix_len < LK_GRPC_PREFIX)
            return LK_GRPC_INBOX_MORE;
        read_prefix(b);
    }
    if (!b->admitted)
        return LK_GRPC_INBOX_PREFIX;
    b->have += (uint32_t)move(b->data + b->have, b->length - b->have, in);
    return b->have == b->length ? LK_GRPC_INBOX_MESSAGE : LK_GRPC_INBOX_MORE;
}

lk_result lk_grpc_inbox_admit(struct lk_grpc_inbox *b)
{
    b->data = malloc(b->length == 0 ? 1 : b->length);
    LK_REQUIRE(b->data != NULL, MEMORY);
    b->admitted = true;
    return LK_OK;
}

struct lk_bytes lk_grpc_inbox_message(const struct lk_grpc_inbox *b)
{
    return lk_bytes(b->data, b->length);
}

void lk_grpc_inbox_next(struct lk_grpc_inbox *b)
{
    if (b->data != NULL)
        OPENSSL_cleanse(b->data, b->have); /* evidence and activation secrets */
    free(b->data);
    *b = (struct lk_grpc_inbox){0};
}

bool lk_grpc_inbox_empty(const struct lk_grpc_inbox *b)
{
    return b->prefix_len == 0;
}

void lk_grpc_prefix(uint8_t out[static LK_GRPC_PREFIX], uint32_t length)
{
    out[0] = 0;
    for (int i = 0; i < 4; i++)
        out[1 + i] = (uint8_t)(length >> (24 - 8 * i));
}
