/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/ima/verity.h"
#include "proto/base/cursor.h"
#include "proto/tpm/algs.h"

#include <stdio.h>
#include <string.h>

/* What one target says. */
struct target {
    struct lk_bytes name, algorithm, root;
};

/* Up to the next , or ; that no backslash stands before; *end is it, or 0. */
static struct lk_bytes take_pair(struct lk_cursor *c, uint8_t *end)
{
    size_t from = c->pos;
    bool escaped = false;
    for (*end = 0; lk_left(c) > 0;) {
        uint8_t b = lk_u8(c);
        if (!escaped && (b == ',' || b == ';')) {
            *end = b;
            return lk_bytes(c->data + from, c->pos - 1 - from);
        }
        escaped = !escaped && b == '\\';
    }
    return lk_bytes(c->data + from, c->pos - from);
}

/* The value when the pair is KEY=value; absent otherwise. */
static struct lk_bytes value_of(struct lk_bytes pair, const char *key)
{
    size_t n = strlen(key);
    if (pair.len <= n || memcmp(pair.data, key, n) != 0 || pair.data[n] != '=')
        return LK_BYTES_NONE;
    return lk_bytes(pair.data + n + 1, pair.len - n - 1);
}

static void keep(struct lk_bytes *to, struct lk_bytes pair, const char *key)
{
    struct lk_bytes value = value_of(pair, key);
    if (value.data != NULL)
        *to = value;
}

static const struct lk_tpm_hash *hash_of(struct lk_bytes name)
{
    char text[16];
    if (name.len >= sizeof(text))
        return NULL;
    snprintf(text, sizeof(text), "%.*s", (int)name.len, (const char *)name.data);
    return lk_tpm_hash_by_name(text);
}

static lk_result copy(struct lk_arena *arena, struct lk_bytes from, struct lk_bytes *out)
{
    uint8_t *to = lk_arena_alloc(arena, from.len);
    LK_REQUIRE(to != NULL, MEMORY);
    if (from.len > 0)
        memcpy(to, from.data, from.len);
    *out = lk_bytes(to, from.len);
    return LK_OK;
}

static lk_result put(const struct target *t, struct lk_bytes device, struct lk_arena *arena, struct lk_member *m)
{
    const struct lk_tpm_hash *hash = hash_of(t->algorithm);
    uint8_t digest[LK_TPM_DIGEST_MAX];
    *m = (struct lk_member){.alg = 0};
    LK_TRY(copy(arena, device, &m->name));
    if (hash == NULL || t->root.data == NULL ||
        lk_unhex((const char *)t->root.data, t->root.len, digest, sizeof(digest)) != hash->size)
        return LK_OK;
    m->alg = hash->alg;
    return copy(arena, lk_bytes(digest, hash->size), &m->digest);
}

/* So begins each that the device mapper measures; a key on a keyring of that name begins as a certificate. */
static bool is_table(struct lk_bytes b)
{
    static const char begin[] = "dm_version=";
    return b.len >= sizeof(begin) - 1 && memcmp(b.data, begin, sizeof(begin) - 1) == 0;
}

lk_result lk_ima_verity(struct lk_bytes table, struct lk_arena *arena, struct lk_member *list, size_t max, size_t *n)
{
    struct lk_cursor c = lk_cursor(table);
    struct lk_bytes device = LK_BYTES_NONE;
    struct target t = {.name = LK_BYTES_NONE};
    while (is_table(table) && lk_left(&c) > 0) {
        uint8_t end;
        struct lk_bytes pair = take_pair(&c, &end);
        keep(&device, pair, "name");
        keep(&t.name, pair, "target_name");
        keep(&t.algorithm, pair, "verity_algorithm");
        keep(&t.root, pair, "root_digest");
        if (end == ',')
            continue;
        if (lk_bytes_eq(t.name, lk_bytes_str("verity"))) {
            LK_REQUIRE(*n < max, IMA_LIMIT);
            LK_TRY(put(&t, device, arena, &list[(*n)++]));
        }
        t = (struct target){.name = LK_BYTES_NONE};
    }
    return LK_OK;
}
