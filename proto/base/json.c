/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/json.h"

#include "proto/base/clock.h"

#include <string.h>

#define TIME_CHARS 20

struct lk_json lk_json(struct lk_bytes text, struct lk_arena *arena)
{
    return (struct lk_json){.c = lk_cursor(text), .arena = arena};
}

static bool white(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next character that is not white space, still unread; 0 at the end. */
static uint8_t peek(struct lk_json *j)
{
    struct lk_cursor *c = &j->c;
    while (!c->failed && c->pos < c->len && white(c->data[c->pos]))
        c->pos++;
    return !c->failed && c->pos < c->len ? c->data[c->pos] : 0;
}

/* True when the next character was `want`, which is then read. */
static bool take(struct lk_json *j, char want)
{
    if (peek(j) != (uint8_t)want)
        return false;
    j->c.pos++;
    return true;
}

static void expect(struct lk_json *j, char want)
{
    if (!take(j, want))
        lk_cursor_fail(&j->c);
}

/* The characters between the quotes, as written. */
static struct lk_bytes string(struct lk_json *j, bool *escaped)
{
    *escaped = false;
    expect(j, '"');
    size_t start = j->c.pos;
    for (uint8_t ch; (ch = lk_u8(&j->c)) != '"' && !j->c.failed;) {
        if (ch < 0x20 || ch > 0x7e)
            lk_cursor_fail(&j->c);
        if (ch == '\\') {
            *escaped = true;
            lk_u8(&j->c);
        }
    }
    return j->c.failed ? LK_BYTES_NONE : lk_bytes(j->c.data + start, j->c.pos - 1 - start);
}

static struct lk_bytes plain_string(struct lk_json *j)
{
    bool escaped;
    struct lk_bytes s = string(j, &escaped);
    if (escaped)
        lk_cursor_fail(&j->c);
    return j->c.failed ? LK_BYTES_NONE : s;
}

static bool enter(struct lk_json *j, char open)
{
    expect(j, open);
    if (++j->depth > LK_JSON_DEPTH)
        lk_cursor_fail(&j->c);
    return !j->c.failed;
}

/* After an element: true when another follows, false at the end of the object or array. */
static bool another(struct lk_json *j, char close)
{
    if (take(j, ','))
        return true;
    expect(j, close);
    j->depth--;
    return false;
}

static void read_name(struct lk_json *j)
{
    bool escaped;
    string(j, &escaped);
    expect(j, ':');
}

static void skip(struct lk_json *j);

static void skip_elements(struct lk_json *j, char close, bool named)
{
    if (take(j, close)) {
        j->depth--;
        return;
    }
    do {
        if (named)
            read_name(j);
        skip(j);
    } while (!j->c.failed && another(j, close));
}

/* A number, true, false or null: told apart only where a value is read. */
static void skip_word(struct lk_json *j)
{
    size_t start = j->c.pos;
    while (j->c.pos < j->c.len && strchr("+-.0123456789Eaeflnrstu", j->c.data[j->c.pos]) != NULL &&
           j->c.data[j->c.pos] != 0)
        j->c.pos++;
    if (j->c.pos == start)
        lk_cursor_fail(&j->c);
}

static void skip(struct lk_json *j)
{
    bool escaped;
    switch (peek(j)) {
    case '{':
        if (enter(j, '{'))
            skip_elements(j, '}', true);
        break;
    case '[':
        if (enter(j, '['))
            skip_elements(j, ']', false);
        break;
    case '"':
        string(j, &escaped);
        break;
    default:
        skip_word(j);
    }
}

static size_t row_of(const struct lk_json_member *table, size_t n, struct lk_bytes name)
{
    size_t i = 0;
    while (i < n && !lk_bytes_eq(lk_bytes_str(table[i].name), name))
        i++;
    return i;
}

static void read_member(struct lk_json *j, const struct lk_json_member *table, size_t n, void *to, uint32_t *seen)
{
    bool escaped;
    struct lk_bytes name = string(j, &escaped);
    expect(j, ':');
    size_t i = escaped ? n : row_of(table, n, name);
    if (j->c.failed)
        return;
    if (i == n) {
        if (j->strict)
            lk_cursor_fail(&j->c);
        skip(j);
        return;
    }
    if ((*seen >> i & 1) != 0)
        lk_cursor_fail(&j->c);
    *seen |= (uint32_t)1 << i;
    table[i].read(j, (uint8_t *)to + table[i].offset, table[i].size);
}

void lk_json_object(struct lk_json *j, const struct lk_json_member *table, size_t n, void *to)
{
    uint32_t seen = 0;
    if (n > LK_JSON_MEMBERS)
        lk_cursor_fail(&j->c);
    if (!enter(j, '{'))
        return;
    if (take(j, '}'))
        j->depth--;
    else
        do
            read_member(j, table, n, to, &seen);
        while (!j->c.failed && another(j, '}'));
    for (size_t i = 0; i < n && !j->c.failed; i++)
        if (!table[i].optional && (seen >> i & 1) == 0)
            lk_cursor_fail(&j->c);
}

static void read_elements(struct lk_json *j, const char brackets[static 2], struct lk_json_array *out, size_t max,
                          size_t element, lk_json_read *read)
{
    *out = (struct lk_json_array){lk_arena_array(j->arena, max, element), 0};
    if (out->elements == NULL)
        lk_cursor_fail(&j->c);
    if (!enter(j, brackets[0]))
        return;
    if (take(j, brackets[1])) {
        j->depth--;
        return;
    }
    do {
        if (brackets[0] == '{')
            read_name(j);
        if (out->n == max)
            lk_cursor_fail(&j->c);
        else
            read(j, (uint8_t *)out->elements + out->n++ * element, element);
    } while (!j->c.failed && another(j, brackets[1]));
}

void lk_json_array(struct lk_json *j, struct lk_json_array *out, size_t max, size_t element, lk_json_read *read)
{
    read_elements(j, "[]", out, max, element, read);
}

void lk_json_map(struct lk_json *j, struct lk_json_array *out, size_t max, size_t element, lk_json_read *read)
{
    read_elements(j, "{}", out, max, element, read);
}

static void store(void *field, size_t size, uint32_t v)
{
    uint16_t v16 = (uint16_t)v;
    uint8_t v8 = (uint8_t)v;
    memcpy(field, size == 1 ? (void *)&v8 : size == 2 ? (void *)&v16 : (void *)&v, size);
}

void lk_json_uint(struct lk_json *j, void *field, size_t size)
{
    peek(j);
    uint64_t v = 0, max = size == 1 ? UINT8_MAX : size == 2 ? UINT16_MAX : UINT32_MAX;
    size_t start = j->c.pos;
    while (j->c.pos < j->c.len && j->c.data[j->c.pos] >= '0' && j->c.data[j->c.pos] <= '9' && v <= max)
        v = v * 10 + (j->c.data[j->c.pos++] - (uint64_t)'0');
    size_t digits = j->c.pos - start;
    if (digits == 0 || v > max || (digits > 1 && j->c.data[start] == '0'))
        lk_cursor_fail(&j->c);
    else
        store(field, size, (uint32_t)v);
}

void lk_json_hex(struct lk_json *j, void *field, size_t size)
{
    struct lk_bytes s = plain_string(j);
    if (s.data == NULL || lk_unhex((const char *)s.data, s.len, field, size) != (ptrdiff_t)size)
        lk_cursor_fail(&j->c);
}

void lk_json_time(struct lk_json *j, void *field, size_t size)
{
    struct lk_bytes s = plain_string(j);
    char text[TIME_CHARS + 1] = "";
    int64_t t;
    if (s.len == TIME_CHARS)
        memcpy(text, s.data, TIME_CHARS);
    if (size == sizeof(t) && lk_time_parse(text, &t))
        memcpy(field, &t, sizeof(t));
    else
        lk_cursor_fail(&j->c);
}

void lk_json_text(struct lk_json *j, void *field, size_t size)
{
    struct lk_bytes s = plain_string(j);
    if (size == sizeof(s))
        memcpy(field, &s, sizeof(s));
}

void lk_json_raw(struct lk_json *j, void *field, size_t size)
{
    peek(j);
    size_t start = j->c.pos;
    skip(j);
    struct lk_bytes run = j->c.failed ? LK_BYTES_NONE : lk_bytes(j->c.data + start, j->c.pos - start);
    if (size == sizeof(run))
        memcpy(field, &run, sizeof(run));
}

void lk_json_flag(struct lk_json *j, void *field, size_t size)
{
    struct lk_bytes raw = LK_BYTES_NONE;
    lk_json_raw(j, &raw, sizeof(raw));
    uint8_t v = lk_bytes_eq(raw, lk_bytes_str("true")) ? LK_JSON_TRUE
                : lk_bytes_eq(raw, lk_bytes_str("false")) ? LK_JSON_FALSE : LK_JSON_ABSENT;
    if (v == LK_JSON_ABSENT || size != sizeof(v))
        lk_cursor_fail(&j->c);
    else
        memcpy(field, &v, sizeof(v));
}

/* -1: no digit of base64url. */
static int digit64(uint8_t c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = c == 0 ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

/* One encoding for each run of bytes: no padding, and the bits that are left over are zero. */
static bool decode64(struct lk_bytes text, uint8_t *out)
{
    uint32_t bits = 0;
    unsigned n = 0;
    for (size_t i = 0; i < text.len; i++) {
        int d = digit64(text.data[i]);
        if (d < 0)
            return false;
        bits = (bits << 6 | (uint32_t)d) & 0xfff;
        n += 6;
        if (n >= 8)
            *out++ = (uint8_t)(bits >> (n -= 8));
    }
    return n < 6 && (bits & ((UINT32_C(1) << n) - 1)) == 0;
}

void lk_json_base64url(struct lk_json *j, void *field, size_t size)
{
    struct lk_bytes s = plain_string(j), out = {NULL, s.len * 3 / 4};
    uint8_t *room = s.data == NULL ? NULL : lk_arena_alloc(j->arena, out.len + 1);
    out.data = room;
    if (room == NULL || size != sizeof(out) || !decode64(s, room))
        lk_cursor_fail(&j->c);
    else
        memcpy(field, &out, sizeof(out));
}

lk_result lk_json_end(struct lk_json *j)
{
    peek(j);
    return lk_cursor_end(&j->c);
}
