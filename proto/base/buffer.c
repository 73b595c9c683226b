/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/buffer.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lk_buf lk_buf(size_t max)
{
    return (struct lk_buf){.max = max};
}

void lk_buf_free(struct lk_buf *b)
{
    free(b->data);
    *b = (struct lk_buf){.max = b->max};
}

void lk_buf_wipe(struct lk_buf *b)
{
    if (b->data != NULL)
        OPENSSL_cleanse(b->data, b->cap);
    lk_buf_free(b);
}

/* A growing buffer never leaves a stale copy behind: the old block is wiped. */
static bool grow(struct lk_buf *b, size_t need)
{
    size_t cap = b->cap < 256 ? 256 : b->cap;
    while (cap < need)
        cap *= 2;
    uint8_t *data = malloc(cap);
    if (data == NULL)
        return false;
    if (b->len > 0)
        memcpy(data, b->data, b->len);
    if (b->data != NULL)
        OPENSSL_cleanse(b->data, b->cap);
    free(b->data);
    b->data = data;
    b->cap = cap;
    return true;
}

uint8_t *lk_put_room(struct lk_buf *b, size_t n)
{
    if (b->failed || n > b->max - b->len || (b->len + n > b->cap && !grow(b, b->len + n))) {
        b->failed = true;
        return NULL;
    }
    uint8_t *at = b->data + b->len;
    b->len += n;
    return at;
}

void lk_put(struct lk_buf *b, struct lk_bytes v)
{
    if (v.len == 0)
        return;
    uint8_t *at = lk_put_room(b, v.len);
    if (at != NULL)
        memcpy(at, v.data, v.len);
}

static void little(struct lk_buf *b, uint64_t v, size_t n)
{
    uint8_t *at = lk_put_room(b, n);
    for (size_t i = 0; at != NULL && i < n; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

static void big(struct lk_buf *b, uint64_t v, size_t n)
{
    uint8_t *at = lk_put_room(b, n);
    for (size_t i = 0; at != NULL && i < n; i++)
        at[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void lk_put_u8(struct lk_buf *b, uint8_t v) { little(b, v, 1); }
void lk_put_u16le(struct lk_buf *b, uint16_t v) { little(b, v, 2); }
void lk_put_u32le(struct lk_buf *b, uint32_t v) { little(b, v, 4); }
void lk_put_u64le(struct lk_buf *b, uint64_t v) { little(b, v, 8); }
void lk_put_u16be(struct lk_buf *b, uint16_t v) { big(b, v, 2); }
void lk_put_u32be(struct lk_buf *b, uint32_t v) { big(b, v, 4); }
void lk_put_u64be(struct lk_buf *b, uint64_t v) { big(b, v, 8); }

void lk_put_sized_u16be(struct lk_buf *b, struct lk_bytes v)
{
    if (v.len > UINT16_MAX) {
        b->failed = true;
        return;
    }
    lk_put_u16be(b, (uint16_t)v.len);
    lk_put(b, v);
}

void lk_put_sized_u32le(struct lk_buf *b, struct lk_bytes v)
{
    if (v.len > UINT32_MAX) {
        b->failed = true;
        return;
    }
    lk_put_u32le(b, (uint32_t)v.len);
    lk_put(b, v);
}

void lk_put_fmt(struct lk_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    uint8_t *at = n < 0 ? NULL : lk_put_room(b, (size_t)n + 1);
    if (at != NULL) {
        vsnprintf((char *)at, (size_t)n + 1, fmt, again);
        b->len--; /* the NUL is not part of the text */
    } else {
        b->failed = true;
    }
    va_end(again);
}

struct lk_bytes lk_buf_bytes(const struct lk_buf *b)
{
    static const uint8_t empty;
    return b->len == 0 ? lk_bytes(&empty, 0) : lk_bytes(b->data, b->len);
}

lk_result lk_buf_ok(const struct lk_buf *b)
{
    return b->failed ? LK_FAIL(TOO_LARGE) : LK_OK;
}
