/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/initdata/toml.h"

#include <string.h>

lk_result lk_toml_open(struct lk_bytes text, struct lk_arena *arena, struct lk_toml *t)
{
    /* A failing read puts one byte too. */
    *t = (struct lk_toml){.c = lk_cursor(text), .room = lk_arena_alloc(arena, text.len + 1)};
    LK_REQUIRE(t->room != NULL, MEMORY);
    return LK_OK;
}

/* 0 at the end and after a failure: the text has no NUL. */
static uint8_t peek(const struct lk_toml *t, size_t ahead)
{
    return !t->c.failed && ahead < lk_left(&t->c) ? t->c.data[t->c.pos + ahead] : 0;
}

static bool take(struct lk_toml *t, char want)
{
    if (peek(t, 0) != (uint8_t)want)
        return false;
    t->c.pos++;
    return true;
}

static void expect(struct lk_toml *t, char want)
{
    if (!take(t, want))
        lk_cursor_fail(&t->c);
}

static void blanks(struct lk_toml *t)
{
    while (take(t, ' ') || take(t, '\t'))
        ;
}

static bool control(uint8_t c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* What may stand behind a value or header: blanks, a comment, then the line's end or the text's. */
static void line_end(struct lk_toml *t)
{
    blanks(t);
    if (take(t, '#'))
        while (peek(t, 0) != 0 && !control(peek(t, 0)))
            t->c.pos++;
    if (lk_left(&t->c) > 0)
        expect(t, '\n');
}

/* One character of a string in one line. */
static uint8_t plain(struct lk_toml *t)
{
    uint8_t c = lk_u8(&t->c);
    if (control(c))
        lk_cursor_fail(&t->c);
    return c;
}

static struct lk_bytes since(const struct lk_toml *t, size_t start, size_t closing)
{
    return t->c.failed ? LK_BYTES_NONE : lk_bytes(t->c.data + start, t->c.pos - closing - start);
}

static struct lk_bytes quoted_key(struct lk_toml *t, char quote)
{
    size_t start = t->c.pos;
    for (uint8_t c; (c = plain(t)) != (uint8_t)quote && !t->c.failed;)
        if (c == '\\')
            lk_cursor_fail(&t->c);
    return since(t, start, 1);
}

static bool bare(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
}

static struct lk_bytes key(struct lk_toml *t)
{
    if (take(t, '"'))
        return quoted_key(t, '"');
    if (take(t, '\''))
        return quoted_key(t, '\'');
    size_t start = t->c.pos;
    while (bare(peek(t, 0)))
        t->c.pos++;
    if (t->c.pos == start)
        lk_cursor_fail(&t->c);
    return since(t, start, 0);
}

static void put(struct lk_toml *t, uint32_t byte)
{
    t->room[t->used++] = (uint8_t)byte;
}

static void put_utf8(struct lk_toml *t, uint32_t cp)
{
    static const struct {
        uint32_t below, head;
        unsigned tail;
    } forms[] = {{0x80, 0, 0}, {0x800, 0xc0, 1}, {0x10000, 0xe0, 2}, {0x110000, 0xf0, 3}};
    size_t f = 0;
    while (cp >= forms[f].below)
        f++;
    put(t, forms[f].head | cp >> 6 * forms[f].tail);
    for (unsigned i = forms[f].tail; i-- > 0;)
        put(t, 0x80 | (cp >> 6 * i & 0x3f));
}

static void unicode(struct lk_toml *t, unsigned digits)
{
    uint32_t cp = 0;
    for (unsigned i = 0; i < digits; i++) {
        uint8_t nibble = 0;
        char pair[2] = {'0', (char)lk_u8(&t->c)};
        if (lk_unhex(pair, 2, &nibble, 1) != 1)
            lk_cursor_fail(&t->c);
        cp = cp << 4 | nibble;
    }
    if (cp == 0 || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        lk_cursor_fail(&t->c);
    else
        put_utf8(t, cp);
}

/* A backslash at the end of a line takes away all white space up to the next character. */
static bool line_continues(struct lk_toml *t)
{
    size_t at = 0;
    while (peek(t, at) == ' ' || peek(t, at) == '\t')
        at++;
    if (peek(t, at) != '\n')
        return false;
    while (take(t, ' ') || take(t, '\t') || take(t, '\n'))
        ;
    return true;
}

static void escape(struct lk_toml *t, bool lines)
{
    static const char letters[] = "btnfr\"\\", meant[] = "\b\t\n\f\r\"\\";
    if (lines && line_continues(t))
        return;
    uint8_t c = lk_u8(&t->c);
    const char *at = c == 0 ? NULL : strchr(letters, c);
    if (at != NULL)
        put(t, (uint8_t)meant[at - letters]);
    else if (c == 'u' || c == 'U')
        unicode(t, c == 'u' ? 4 : 8);
    else
        lk_cursor_fail(&t->c);
}

/* At a quote in a string of many lines: true when it closes it. Up to two quotes just before the end are the string's. */
static bool closes(struct lk_toml *t, char quote)
{
    size_t n = 0;
    while (n < 5 && peek(t, n) == (uint8_t)quote)
        n++;
    size_t own = n >= 3 ? n - 3 : n;
    for (size_t i = 0; i < own; i++)
        put(t, (uint8_t)quote);
    t->c.pos += n;
    return n >= 3;
}

static void many_lines(struct lk_toml *t, char quote)
{
    take(t, '\n');
    while (!t->c.failed) {
        if (peek(t, 0) == (uint8_t)quote) {
            if (closes(t, quote))
                return;
        } else if (quote == '"' && take(t, '\\')) {
            escape(t, true);
        } else if (take(t, '\n')) {
            put(t, '\n');
        } else {
            put(t, plain(t));
        }
    }
}

static void one_line(struct lk_toml *t, char quote)
{
    while (!t->c.failed && !take(t, quote)) {
        if (quote == '"' && take(t, '\\'))
            escape(t, false);
        else
            put(t, plain(t));
    }
}

static struct lk_bytes text(struct lk_toml *t)
{
    char quote = (char)peek(t, 0);
    if (quote != '"' && quote != '\'') {
        lk_cursor_fail(&t->c);
        return LK_BYTES_NONE;
    }
    bool lines = peek(t, 1) == (uint8_t)quote && peek(t, 2) == (uint8_t)quote;
    t->c.pos += lines ? 3 : 1;
    size_t start = t->used;
    if (lines)
        many_lines(t, quote);
    else
        one_line(t, quote);
    return t->c.failed ? LK_BYTES_NONE : lk_bytes(t->room + start, t->used - start);
}

enum lk_toml_line lk_toml_next(struct lk_toml *t, struct lk_bytes *name, struct lk_bytes *value)
{
    *value = LK_BYTES_NONE;
    blanks(t);
    while (peek(t, 0) == '#' || peek(t, 0) == '\n') {
        line_end(t);
        blanks(t);
    }
    if (t->c.failed || lk_left(&t->c) == 0)
        return LK_TOML_END;
    bool table = take(t, '[');
    blanks(t);
    *name = key(t);
    blanks(t);
    expect(t, table ? ']' : '=');
    if (!table) {
        blanks(t);
        *value = text(t);
    }
    line_end(t);
    if (t->c.failed)
        return LK_TOML_END;
    return table ? LK_TOML_TABLE : LK_TOML_VALUE;
}

lk_result lk_toml_end(const struct lk_toml *t)
{
    return lk_cursor_end(&t->c);
}
