/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/dcap/der.h"

static size_t length(struct lk_cursor *c)
{
    size_t n = lk_u8(c);
    if (n < 0x80)
        return n;
    size_t least = n == 0x81 ? 0x80 : 0x100;
    if (n != 0x81 && n != 0x82) {
        lk_cursor_fail(c);
        return 0;
    }
    n = n == 0x81 ? lk_u8(c) : lk_u16be(c);
    if (n < least)
        lk_cursor_fail(c);
    return n;
}

struct lk_bytes lk_der_take(struct lk_cursor *c, enum lk_der_tag tag)
{
    if (lk_u8(c) != tag)
        lk_cursor_fail(c);
    return lk_take(c, length(c));
}

bool lk_der_uint16(struct lk_bytes in, uint16_t *out)
{
    if (in.data == NULL || in.len == 0 || in.len > 3 || in.data[0] >= 0x80)
        return false;
    /* A leading zero stands only before a byte that would make the number negative. */
    if (in.len > 1 && in.data[0] == 0 && in.data[1] < 0x80)
        return false;
    uint32_t v = 0;
    for (size_t i = 0; i < in.len; i++)
        v = v << 8 | in.data[i];
    *out = (uint16_t)v;
    return v <= UINT16_MAX;
}
