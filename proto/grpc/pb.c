/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/pb.h"

#define FIELD_MAX ((1u << 29) - 1)

static uint64_t get_varint(struct lk_cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = lk_u8(c);
        v |= (uint64_t)(b & 127) << shift;
        if (b < 128)
            return v;
    }
    lk_cursor_fail(c);
    return 0;
}

static struct lk_bytes get_bytes(struct lk_cursor *c)
{
    uint64_t n = get_varint(c);
    if (n > lk_left(c))
        lk_cursor_fail(c);
    return lk_take(c, (size_t)n);
}

bool lk_pb_next(struct lk_cursor *c, struct lk_pb_field *f)
{
    if (lk_left(c) == 0)
        return false;
    uint64_t key = get_varint(c);
    *f = (struct lk_pb_field){.number = (uint32_t)(key >> 3), .wire = (enum lk_pb_wire)(key & 7)};
    if (key >> 3 == 0 || key >> 3 > FIELD_MAX)
        lk_cursor_fail(c);
    switch (f->wire) {
    case LK_PB_VARINT:
        f->value = get_varint(c);
        break;
    case LK_PB_FIXED64:
        f->value = lk_u64le(c);
        break;
    case LK_PB_FIXED32:
        f->value = lk_u32le(c);
        break;
    case LK_PB_BYTES:
        f->bytes = get_bytes(c);
        break;
    default:
        lk_cursor_fail(c);
    }
    return lk_ok(lk_cursor_ok(c));
}

struct lk_bytes lk_pb_find(struct lk_bytes message, uint32_t number)
{
    struct lk_cursor c = lk_cursor(message);
    struct lk_pb_field f;
    while (lk_pb_next(&c, &f))
        if (f.number == number && f.wire == LK_PB_BYTES)
            return f.bytes;
    return LK_BYTES_NONE;
}

static void put_varint(struct lk_buf *out, uint64_t v)
{
    for (; v >= 128; v >>= 7)
        lk_put_u8(out, (uint8_t)(v | 128));
    lk_put_u8(out, (uint8_t)v);
}

void lk_pb_put_uint(struct lk_buf *out, uint32_t number, uint64_t v)
{
    put_varint(out, (uint64_t)number << 3 | LK_PB_VARINT);
    put_varint(out, v);
}

void lk_pb_put_bytes(struct lk_buf *out, uint32_t number, struct lk_bytes v)
{
    put_varint(out, (uint64_t)number << 3 | LK_PB_BYTES);
    put_varint(out, v.len);
    lk_put(out, v);
}

void lk_pb_put_str(struct lk_buf *out, uint32_t number, const char *v)
{
    lk_pb_put_bytes(out, number, lk_bytes_str(v));
}
