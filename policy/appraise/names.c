/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/appraise/names.h"
#include "proto/base/cursor.h"
#include "proto/base/text.h"

#include <string.h>

/* A segment: what stands before and after its one variable. */
struct segment {
    struct lk_bytes whole, prefix, variable, suffix; /* variable: "{tpm.ek-sha256}" or "*"; absent in plain ones */
    bool ok;
};

static bool run_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-';
}

static bool is_run(struct lk_bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!run_char(text.data[i]))
            return false;
    return text.len > 0;
}

static struct lk_bytes slice(struct lk_bytes b, size_t from, size_t to)
{
    return lk_bytes(b.data + from, to - from);
}

/* Offset of c at or after from, or the length. */
static size_t find(struct lk_bytes b, size_t from, uint8_t c)
{
    const uint8_t *at = from < b.len ? memchr(b.data + from, c, b.len - from) : NULL;
    return at == NULL ? b.len : (size_t)(at - b.data);
}

static bool starts_with(struct lk_bytes text, struct lk_bytes prefix)
{
    return text.len >= prefix.len && lk_bytes_eq(slice(text, 0, prefix.len), prefix);
}

static bool ends_with(struct lk_bytes text, struct lk_bytes suffix)
{
    return text.len >= suffix.len && lk_bytes_eq(slice(text, text.len - suffix.len, text.len), suffix);
}

/* "{family.claim}": both parts present, nothing but run characters. */
static bool placeholder_ok(struct lk_bytes v)
{
    if (v.len < 5 || v.data[v.len - 1] != '}')
        return false;
    struct lk_bytes inside = slice(v, 1, v.len - 1);
    size_t dot = find(inside, 0, '.');
    return is_run(inside) && dot > 0 && dot + 1 < inside.len;
}

static struct segment split_segment(struct lk_bytes s, bool last)
{
    struct segment g = {.whole = s, .prefix = s, .ok = true};
    size_t brace = find(s, 0, '{'), star = find(s, 0, '*');
    if (brace == s.len && star == s.len) {
        g.ok = find(s, 0, '}') == s.len;
        return g;
    }
    size_t at = brace < star ? brace : star;
    size_t end = at == star ? at + 1 : find(s, at, '}') + 1;
    if (end > s.len) {
        g.ok = false;
        return g;
    }
    g.prefix = slice(s, 0, at);
    g.variable = slice(s, at, end);
    g.suffix = slice(s, end, s.len);
    bool tail_plain = find(g.suffix, 0, '{') == g.suffix.len && find(g.suffix, 0, '}') == g.suffix.len &&
                      find(g.suffix, 0, '*') == g.suffix.len && find(g.prefix, 0, '}') == g.prefix.len;
    g.ok = tail_plain && (at == star ? last && g.suffix.len == 0 : placeholder_ok(g.variable));
    return g;
}

/* Takes the next segment off *rest; false when there is none. */
static bool next_segment(struct lk_bytes *rest, struct segment *out)
{
    if (rest->data == NULL)
        return false;
    size_t slash = find(*rest, 0, '/');
    bool last = slash == rest->len;
    *out = split_segment(slice(*rest, 0, slash), last);
    *rest = last ? LK_BYTES_NONE : slice(*rest, slash + 1, rest->len);
    return true;
}

static bool segment_matches(const struct segment *p, struct lk_bytes name, bool asked)
{
    if (!p->ok)
        return false;
    if (p->variable.data == NULL)
        return lk_bytes_eq(p->whole, name);
    if (name.len <= p->prefix.len + p->suffix.len || !starts_with(name, p->prefix) || !ends_with(name, p->suffix))
        return false;
    struct lk_bytes middle = slice(name, p->prefix.len, name.len - p->suffix.len);
    if (p->variable.data[0] == '*')
        return true;
    return is_run(middle) || (asked && lk_bytes_eq(middle, p->variable));
}

static bool matches(struct lk_bytes pattern, struct lk_bytes name, bool asked)
{
    struct segment p, n;
    while (next_segment(&pattern, &p))
        if (!next_segment(&name, &n) || !segment_matches(&p, n.whole, asked))
            return false;
    return name.data == NULL;
}

bool lk_release_pattern_match(struct lk_bytes pattern, struct lk_bytes name)
{
    return name.data != NULL && matches(pattern, name, false);
}

bool lk_release_pattern_covers(struct lk_bytes pattern, struct lk_bytes asked)
{
    return asked.data != NULL && matches(pattern, asked, true);
}

static bool segments_overlap(const struct segment *a, const struct segment *b)
{
    if (a->variable.data == NULL)
        return segment_matches(b, a->whole, true);
    if (b->variable.data == NULL)
        return segment_matches(a, b->whole, true);
    bool prefixes = starts_with(a->prefix, b->prefix) || starts_with(b->prefix, a->prefix);
    bool suffixes = ends_with(a->suffix, b->suffix) || ends_with(b->suffix, a->suffix);
    return prefixes && suffixes;
}

bool lk_release_patterns_overlap(struct lk_bytes a, struct lk_bytes b)
{
    struct segment x, y;
    while (next_segment(&a, &x))
        if (!next_segment(&b, &y) || !segments_overlap(&x, &y))
            return false;
    return b.data == NULL;
}

bool lk_release_pattern_open(struct lk_bytes pattern)
{
    return pattern.len > 0 && pattern.data[pattern.len - 1] == '*';
}

struct lk_bytes lk_release_placeholder(struct lk_bytes text, size_t n)
{
    struct segment s;
    while (next_segment(&text, &s))
        if (s.ok && s.variable.len > 2 && n-- == 0)
            return slice(s.variable, 1, s.variable.len - 1);
    return LK_BYTES_NONE;
}

bool lk_release_pattern_bound(struct lk_bytes pattern)
{
    return lk_release_placeholder(pattern, 0).data != NULL && !lk_release_pattern_open(pattern);
}

bool lk_release_expand(struct lk_bytes text, lk_placeholder_fn *value, void *context, char out[static LK_NAME_MAX + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < text.len;) {
        struct lk_bytes piece = slice(text, i, i + 1);
        if (text.data[i] == '{') {
            size_t end = find(text, i, '}');
            piece = end < text.len ? value(context, slice(text, i + 1, end)) : LK_BYTES_NONE;
            if (!is_run(piece))
                return false;
            i = end;
        }
        if (n + piece.len > LK_NAME_MAX)
            return false;
        memcpy(out + n, piece.data, piece.len);
        n += piece.len;
        i++;
    }
    out[n] = '\0';
    return true;
}

bool lk_secret_name_ok(struct lk_bytes name, bool placeholders)
{
    if (name.len == 0 || name.len > LK_NAME_MAX || !lk_text_prints(name))
        return false;
    struct segment s;
    while (next_segment(&name, &s))
        if (!s.ok || s.whole.len == 0 || (s.variable.data != NULL && !placeholders))
            return false;
    return true;
}
