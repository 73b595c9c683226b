/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/text.h"
#include "proto/base/cursor.h"

#include <string.h>

/* Bytes of the sequence that b begins, 0 when b begins none; *least is the smallest code point of that length. */
static unsigned sequence_length(uint8_t b, uint32_t *point, uint32_t *least)
{
    static const struct {
        uint8_t mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 1}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (unsigned i = 0; i < 4; i++) {
        if ((b & forms[i].mask) == forms[i].lead) {
            *point = b & (uint8_t)~forms[i].mask;
            *least = forms[i].least;
            return i + 1;
        }
    }
    return 0;
}

bool lk_utf8_ok(struct lk_bytes text)
{
    struct lk_cursor c = lk_cursor(text);
    while (lk_left(&c) > 0) {
        uint32_t point = 0, least = 0;
        unsigned n = sequence_length(lk_u8(&c), &point, &least);
        if (n == 0 || lk_left(&c) < n - 1)
            return false;
        for (unsigned i = 1; i < n; i++) {
            uint8_t b = lk_u8(&c);
            if ((b & 0xc0) != 0x80)
                return false;
            point = point << 6 | (b & 0x3f);
        }
        if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return false;
    }
    return true;
}

static bool hidden_at(struct lk_bytes text, size_t at)
{
    static const struct {
        const char *first, *last; /* UTF-8, ends included, of equal length */
    } hidden[] = {{"\x01", "\x1f"},
                  {"\x7f", "\x7f"},
                  {"\xc2\x80", "\xc2\x9f"},
                  {"\xe2\x80\x8b", "\xe2\x80\x8f"},
                  {"\xe2\x80\xa8", "\xe2\x80\xae"},
                  {"\xe2\x81\xa0", "\xe2\x81\xaf"},
                  {"\xef\xbb\xbf", "\xef\xbb\xbf"}};
    for (size_t h = 0; h < sizeof(hidden) / sizeof(hidden[0]); h++) {
        size_t n = strlen(hidden[h].first);
        if (at + n <= text.len && memcmp(text.data + at, hidden[h].first, n) >= 0 &&
            memcmp(text.data + at, hidden[h].last, n) <= 0)
            return true;
    }
    return false;
}

bool lk_text_prints(struct lk_bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (hidden_at(text, i))
            return false;
    return lk_utf8_ok(text);
}

const char *lk_yaml_flaw(struct lk_bytes text, int *line)
{
    *line = 1;
    if (!lk_utf8_ok(text))
        return "not UTF-8, or a NUL";
    for (size_t i = 0; i < text.len; i++) {
        bool first = i == 0 || text.data[i - 1] == '\n' || text.data[i - 1] == '\r';
        if (first && text.data[i] == '%')
            return "a directive; a document here has none";
        *line += text.data[i] == '\n' ? 1 : 0;
    }
    *line = 0;
    return NULL;
}
