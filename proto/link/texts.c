/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/link/texts.h"

#include <string.h>

void lk_link_text_put(struct lk_buf *out, const char *text)
{
    size_t n = strlen(text);
    lk_put_u8(out, (uint8_t)n);
    lk_put(out, lk_bytes(text, n > UINT8_MAX ? UINT8_MAX : n));
}

void lk_link_text_get(struct lk_cursor *c, char *out, size_t size, bool ascii)
{
    uint8_t n = lk_u8(c);
    struct lk_bytes b = n < size ? lk_take(c, n) : LK_BYTES_NONE;
    out[0] = '\0';
    if (b.data == NULL) {
        lk_cursor_fail(c);
        return;
    }
    for (size_t i = 0; i < b.len; i++)
        if (b.data[i] < 0x20 || b.data[i] == 0x7f || (ascii && b.data[i] > 0x7f))
            lk_cursor_fail(c);
    memcpy(out, b.data, b.len);
    out[b.len] = '\0';
}

enum lk_reason_code lk_link_code_get(struct lk_cursor *c)
{
    uint16_t v = lk_u16le(c);
    if (v >= LK_R_COUNT)
        lk_cursor_fail(c);
    return v < LK_R_COUNT ? (enum lk_reason_code)v : LK_R_INTERNAL;
}

void lk_link_finding_put(struct lk_buf *out, const struct lk_finding *f)
{
    lk_put_u16le(out, (uint16_t)f->code);
    lk_link_text_put(out, f->item);
    lk_link_text_put(out, f->rule);
    lk_link_text_put(out, f->expected);
    lk_link_text_put(out, f->actual);
}

void lk_link_finding_get(struct lk_cursor *c, struct lk_finding *f)
{
    f->code = lk_link_code_get(c);
    lk_link_text_get(c, f->item, sizeof(f->item), true);
    lk_link_text_get(c, f->rule, sizeof(f->rule), true);
    lk_link_text_get(c, f->expected, sizeof(f->expected), true);
    lk_link_text_get(c, f->actual, sizeof(f->actual), true);
}
