/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/cursor.h"

#include <string.h>

struct lk_cursor lk_cursor(struct lk_bytes input)
{
    return (struct lk_cursor){input.data, input.len, 0, false};
}

struct lk_bytes lk_take(struct lk_cursor *c, size_t n)
{
    static const uint8_t empty;
    if (c->failed || n > c->len - c->pos) {
        c->failed = true;
        return LK_BYTES_NONE;
    }
    const uint8_t *at = n == 0 ? &empty : c->data + c->pos;
    c->pos += n;
    return lk_bytes(at, n);
}

static uint64_t little(struct lk_cursor *c, size_t n)
{
    struct lk_bytes b = lk_take(c, n);
    uint64_t v = 0;
    for (size_t i = b.len; i > 0; i--)
        v = v << 8 | b.data[i - 1];
    return v;
}

static uint64_t big(struct lk_cursor *c, size_t n)
{
    struct lk_bytes b = lk_take(c, n);
    uint64_t v = 0;
    for (size_t i = 0; i < b.len; i++)
        v = v << 8 | b.data[i];
    return v;
}

uint8_t lk_u8(struct lk_cursor *c) { return (uint8_t)little(c, 1); }
uint16_t lk_u16le(struct lk_cursor *c) { return (uint16_t)little(c, 2); }
uint32_t lk_u32le(struct lk_cursor *c) { return (uint32_t)little(c, 4); }
uint64_t lk_u64le(struct lk_cursor *c) { return little(c, 8); }
uint16_t lk_u16be(struct lk_cursor *c) { return (uint16_t)big(c, 2); }
uint32_t lk_u32be(struct lk_cursor *c) { return (uint32_t)big(c, 4); }
uint64_t lk_u64be(struct lk_cursor *c) { return big(c, 8); }

static struct lk_bytes take_limited(struct lk_cursor *c, size_t n, size_t max)
{
    if (n > max)
        c->failed = true;
    return lk_take(c, n);
}

struct lk_bytes lk_take_u16be(struct lk_cursor *c, size_t max)
{
    return take_limited(c, lk_u16be(c), max);
}

struct lk_bytes lk_take_u32le(struct lk_cursor *c, size_t max)
{
    return take_limited(c, lk_u32le(c), max);
}

void lk_copy(struct lk_cursor *c, uint8_t *out, size_t n)
{
    struct lk_bytes b = lk_take(c, n);
    if (b.data == NULL)
        memset(out, 0, n);
    else
        memcpy(out, b.data, n);
}

size_t lk_left(const struct lk_cursor *c)
{
    return c->failed ? 0 : c->len - c->pos;
}

void lk_cursor_fail(struct lk_cursor *c)
{
    c->failed = true;
}

lk_result lk_cursor_ok(const struct lk_cursor *c)
{
    return c->failed ? LK_FAIL(SHORT_INPUT) : LK_OK;
}

lk_result lk_cursor_end(const struct lk_cursor *c)
{
    LK_TRY(lk_cursor_ok(c));
    return c->pos == c->len ? LK_OK : LK_FAIL(TRAILING_BYTES);
}
