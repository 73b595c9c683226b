/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/ima/list.h"

#include <string.h>

#define FIELDS_MAX 5
#define OLD_PATH 256 /* template "ima" hashes the path padded with NUL to this */

enum field { END, DIGEST_OLD, PATH_OLD, DIGEST, PATH, BLOB, DIGEST_OR_NONE };

static const struct template {
    const char *name;
    enum field fields[FIELDS_MAX + 1];
} templates[] = {
    {"ima", {DIGEST_OLD, PATH_OLD}},
    {"ima-ng", {DIGEST, PATH}},
    {"ima-sig", {DIGEST, PATH, BLOB}},
    {"ima-buf", {DIGEST, PATH, BLOB}},
    {"ima-modsig", {DIGEST, PATH, BLOB, DIGEST_OR_NONE, BLOB}},
    {"ima-ngv2", {DIGEST, PATH}},
    {"ima-sigv2", {DIGEST, PATH, BLOB}},
};

static const struct template *template_named(struct lk_bytes name)
{
    for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++)
        if (lk_bytes_eq(lk_bytes_str(templates[i].name), name))
            return &templates[i];
    return NULL;
}

/* An ASCII list begins with a PCR's digits; a binary one with a u32 whose second byte is zero. */
void lk_ima_open(struct lk_bytes input, struct lk_ima_list *list)
{
    memset(list, 0, sizeof(*list));
    list->c = lk_cursor(input);
    list->ascii = input.len >= 2 && input.data[0] >= '0' && input.data[0] <= '9' && input.data[1] != 0;
    list->scratch = lk_buf(LK_IMA_DATA_MAX);
}

void lk_ima_close(struct lk_ima_list *list)
{
    lk_buf_free(&list->scratch);
}

/* "sha256:" NUL digest; with a kind in front, "ima:sha256:" NUL digest, in the second version. */
static bool split_digest(struct lk_bytes field, struct lk_ima_entry *e)
{
    const uint8_t *nul = memchr(field.data, 0, field.len);
    if (nul == NULL || nul < field.data + 2 || nul[-1] != ':')
        return false;
    const uint8_t *colon = memchr(field.data, ':', (size_t)(nul - field.data));
    const uint8_t *from = colon < nul - 1 ? colon + 1 : field.data;
    struct lk_bytes kind = lk_bytes(field.data, from == field.data ? 0 : (size_t)(colon - field.data));
    e->verity = lk_bytes_eq(kind, lk_bytes_str("verity"));
    e->algorithm = lk_bytes(from, (size_t)(nul - 1 - from));
    e->digest = lk_bytes(nul + 1, field.len - (size_t)(nul + 1 - field.data));
    return e->algorithm.len > 0 && (kind.len == 0 || e->verity || lk_bytes_eq(kind, lk_bytes_str("ima")));
}

static bool split_path(struct lk_bytes field, struct lk_ima_entry *e)
{
    if (field.len == 0 || field.data[field.len - 1] != 0 || memchr(field.data, 0, field.len - 1) != NULL)
        return false;
    e->path = lk_bytes(field.data, field.len - 1);
    return true;
}

/* Template data: each field with its u32 length, but for the template "ima": 20 bytes, then the path padded. */
static bool split_data(const struct template *t, struct lk_ima_entry *e)
{
    struct lk_cursor c = lk_cursor(e->data);
    bool blob_read = false;
    e->buffer = strcmp(t->name, "ima-buf") == 0;
    if (t->fields[0] == DIGEST_OLD) {
        e->algorithm = lk_bytes_str("sha1");
        e->digest = lk_take(&c, LK_IMA_SHA1);
        struct lk_bytes padded = lk_take(&c, OLD_PATH);
        e->path = lk_bytes(padded.data, padded.data == NULL ? 0 : strnlen((const char *)padded.data, OLD_PATH));
        return lk_ok(lk_cursor_end(&c));
    }
    bool ok = true;
    for (size_t i = 0; ok && i < FIELDS_MAX && t->fields[i] != END; i++) {
        struct lk_bytes field = lk_take_u32le(&c, LK_IMA_DATA_MAX);
        ok = field.data != NULL;
        if (ok && t->fields[i] == DIGEST)
            ok = split_digest(field, e);
        else if (ok && t->fields[i] == PATH)
            ok = split_path(field, e);
        else if (ok && t->fields[i] == BLOB && !blob_read) {
            e->blob = field; /* the second of ima-modsig is another signature's format */
            blob_read = true;
        }
    }
    return ok && lk_ok(lk_cursor_end(&c));
}

/* ---- binary ---- */

static void rebuild_old(struct lk_ima_list *list, struct lk_bytes digest, struct lk_bytes path)
{
    static const uint8_t zeros[OLD_PATH];
    lk_put(&list->scratch, digest);
    lk_put(&list->scratch, path);
    lk_put(&list->scratch, lk_bytes(zeros, OLD_PATH - path.len));
}

static lk_result next_binary(struct lk_ima_list *list, struct lk_ima_entry *e)
{
    struct lk_cursor *c = &list->c;
    e->pcr = lk_u32le(c);
    e->hash = lk_take(c, LK_IMA_SHA1);
    struct lk_bytes name = lk_take_u32le(c, 32);
    LK_REQUIRE(lk_ok(lk_cursor_ok(c)), IMA_ENTRY);
    const struct template *t = template_named(name);
    LK_REQUIRE(t != NULL, IMA_TEMPLATE);
    e->template_name = t->name;
    if (t->fields[0] == DIGEST_OLD) {
        struct lk_bytes digest = lk_take(c, LK_IMA_SHA1), path = lk_take_u32le(c, OLD_PATH - 1);
        LK_REQUIRE(lk_ok(lk_cursor_ok(c)), IMA_ENTRY);
        rebuild_old(list, digest, path);
        LK_TRY(lk_buf_ok(&list->scratch));
        e->rebuilt = true;
        e->data = lk_buf_bytes(&list->scratch);
    } else {
        e->data = lk_take_u32le(c, LK_IMA_DATA_MAX);
    }
    LK_REQUIRE(lk_ok(lk_cursor_ok(c)) && split_data(t, e), IMA_ENTRY);
    return LK_OK;
}

/* ---- ASCII ---- */

static struct lk_bytes take_line(struct lk_cursor *c)
{
    const uint8_t *from = c->data + c->pos, *end = memchr(from, '\n', lk_left(c));
    struct lk_bytes line = lk_take(c, end == NULL ? lk_left(c) : (size_t)(end - from));
    (void)lk_take(c, end == NULL ? 0 : 1);
    return line;
}

/* What stands before the next blank; the line shrinks. Absent when nothing is left. */
static struct lk_bytes word(struct lk_bytes *line)
{
    if (line->data == NULL)
        return LK_BYTES_NONE;
    const uint8_t *blank = memchr(line->data, ' ', line->len);
    struct lk_bytes w = lk_bytes(line->data, blank == NULL ? line->len : (size_t)(blank - line->data));
    *line = blank == NULL ? LK_BYTES_NONE : lk_bytes(blank + 1, line->len - w.len - 1);
    return w;
}

static bool put_hex(struct lk_buf *out, struct lk_bytes hex)
{
    uint8_t *room = hex.len % 2 == 0 ? lk_put_room(out, hex.len / 2) : NULL;
    return room != NULL && lk_unhex((const char *)hex.data, hex.len, room, hex.len / 2) == (ptrdiff_t)(hex.len / 2);
}

/* "sha256:hex": everything up to the last colon, a NUL, the digest. */
static bool put_digest(struct lk_buf *out, struct lk_bytes text)
{
    const uint8_t *colon = text.len == 0 ? NULL : memrchr(text.data, ':', text.len);
    if (colon == NULL)
        return false;
    size_t head = (size_t)(colon - text.data) + 1, hex = text.len - head;
    lk_put_u32le(out, (uint32_t)(head + 1 + hex / 2));
    lk_put(out, lk_bytes(text.data, head));
    lk_put_u8(out, 0);
    return put_hex(out, lk_bytes(text.data + head, hex));
}

static bool put_field(struct lk_ima_list *list, enum field kind, struct lk_bytes text)
{
    struct lk_buf *out = &list->scratch;
    if (kind == DIGEST || (kind == DIGEST_OR_NONE && text.len > 0))
        return put_digest(out, text);
    if (kind == PATH) {
        lk_put_u32le(out, (uint32_t)text.len + 1);
        lk_put(out, text);
        lk_put_u8(out, 0);
        return text.len > 0;
    }
    lk_put_u32le(out, (uint32_t)text.len / 2);
    return text.len == 0 || put_hex(out, text);
}

static bool put_fields(struct lk_ima_list *list, const struct template *t, struct lk_bytes line)
{
    if (t->fields[0] == DIGEST_OLD) {
        uint8_t digest[LK_IMA_SHA1];
        struct lk_bytes hex = word(&line), path = word(&line);
        if (hex.data == NULL || lk_unhex((const char *)hex.data, hex.len, digest, sizeof(digest)) != LK_IMA_SHA1 ||
            path.len == 0 || path.len >= OLD_PATH)
            return false;
        rebuild_old(list, LK_BYTES(digest), path);
        return line.data == NULL;
    }
    for (size_t i = 0; i < FIELDS_MAX && t->fields[i] != END; i++)
        if (!put_field(list, t->fields[i], word(&line)))
            return false;
    return line.len == 0; /* a blank may end the line */
}

static bool read_pcr(struct lk_bytes text, uint32_t *out)
{
    if (text.len == 0 || text.len > 2)
        return false;
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *out = *out * 10 + (uint32_t)(text.data[i] - '0');
    }
    return true;
}

static lk_result next_ascii(struct lk_ima_list *list, struct lk_ima_entry *e)
{
    struct lk_bytes line = take_line(&list->c);
    struct lk_bytes pcr = word(&line), hash = word(&line), name = word(&line);
    LK_REQUIRE(name.data != NULL && read_pcr(pcr, &e->pcr), IMA_ENTRY);
    LK_REQUIRE(lk_unhex((const char *)hash.data, hash.len, e->hash_room, LK_IMA_SHA1) == LK_IMA_SHA1, IMA_ENTRY);
    const struct template *t = template_named(name);
    LK_REQUIRE(t != NULL, IMA_TEMPLATE);
    e->template_name = t->name;
    e->hash = LK_BYTES(e->hash_room);
    LK_REQUIRE(put_fields(list, t, line), IMA_ENTRY);
    LK_TRY(lk_buf_ok(&list->scratch));
    e->rebuilt = true;
    e->data = lk_buf_bytes(&list->scratch);
    LK_REQUIRE(split_data(t, e), IMA_ENTRY);
    return LK_OK;
}

lk_result lk_ima_next(struct lk_ima_list *list, struct lk_ima_entry *e, bool *more)
{
    *more = lk_left(&list->c) > 0;
    if (!*more)
        return LK_OK;
    memset(e, 0, sizeof(*e));
    list->scratch.len = 0;
    LK_TRY(list->ascii ? next_ascii(list, e) : next_binary(list, e));
    e->violation = lk_bytes_zero(e->hash);
    list->n_entries++;
    return LK_OK;
}
