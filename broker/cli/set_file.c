/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/set_file.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/client/pack.h"
#include "policy.pb-c.h"
#include "policy/appraise/text.h"
#include "proto/base/cursor.h"

static const char magic[] = "latchkey-set/1\n";
#define MAGIC (sizeof(magic) - 1)

#define GROUPS_MAX 9 /* files, and digests of four algorithms, each also of fs-verity */

/* Members of one kind and algorithm. */
struct group {
    uint16_t alg; /* 0: files */
    size_t width, n, cap;
    uint8_t *members;
    bool sorted;
};

struct lk_set_making {
    struct group groups[GROUPS_MAX];
    size_t n;
};

struct lk_set_making *lk_set_making_new(void)
{
    return calloc(1, sizeof(struct lk_set_making));
}

void lk_set_making_free(struct lk_set_making *m)
{
    for (size_t i = 0; m != NULL && i < m->n; i++)
        free(m->groups[i].members);
    free(m);
}

static struct group *group_of(struct lk_set_making *m, uint16_t alg, size_t width)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->groups[i].alg == alg)
            return &m->groups[i];
    if (m->n == GROUPS_MAX)
        return NULL;
    m->groups[m->n] = (struct group){.alg = alg, .width = width};
    return &m->groups[m->n++];
}

static lk_result append(struct group *g, const uint8_t *member)
{
    if (g->n == g->cap) {
        size_t cap = g->cap == 0 ? 1024 : 2 * g->cap;
        uint8_t *grown = reallocarray(g->members, cap, g->width);
        LK_REQUIRE(grown != NULL, MEMORY);
        g->members = grown;
        g->cap = cap;
    }
    memcpy(g->members + g->n++ * g->width, member, g->width);
    g->sorted = false;
    return LK_OK;
}

lk_result lk_set_making_add(struct lk_set_making *m, const struct lk_member *file, bool digest_only)
{
    uint8_t member[LK_SET_FILE_LEN];
    size_t size = lk_bank_size((uint16_t)(file->alg & ~LK_DIGEST_VERITY));
    LK_REQUIRE(size > 0 && file->digest.len == size, POLICY_OPERAND);
    if (!digest_only)
        LK_TRY(lk_set_file_member(file, member));
    struct group *g = group_of(m, digest_only ? file->alg : 0, digest_only ? size : LK_SET_FILE_LEN);
    LK_REQUIRE(g != NULL, INTERNAL);
    return append(g, digest_only ? file->digest.data : member);
}

static int by_bytes(const void *a, const void *b, void *width)
{
    return memcmp(a, b, *(const size_t *)width);
}

static void sort_once(struct group *g)
{
    size_t kept = 0;
    if (g->sorted)
        return;
    qsort_r(g->members, g->n, g->width, by_bytes, &g->width);
    for (size_t i = 0; i < g->n; i++) {
        const uint8_t *at = g->members + i * g->width;
        if (kept > 0 && memcmp(g->members + (kept - 1) * g->width, at, g->width) == 0)
            continue;
        memmove(g->members + kept++ * g->width, at, g->width);
    }
    g->n = kept;
    g->sorted = true;
}

size_t lk_set_making_count(struct lk_set_making *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++) {
        sort_once(&m->groups[i]);
        n += m->groups[i].n;
    }
    return n;
}

/* ---- writing ---- */

static int by_algorithm(const void *a, const void *b)
{
    return ((const struct group *)a)->alg - ((const struct group *)b)->alg;
}

/* The first 8 bytes of SHA-256 over algorithms, numbers and members: the same contents are the same version. */
static lk_result make_version(const struct lk_set_making *m, char out[static 17])
{
    uint8_t digest[32];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = ctx != NULL && EVP_DigestInit_ex2(ctx, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; done && i < m->n; i++) {
        const struct group *g = &m->groups[i];
        LK_BUF_AUTO head = lk_buf(16);
        lk_put_u16be(&head, g->alg);
        lk_put_u64be(&head, g->n);
        done = EVP_DigestUpdate(ctx, head.data, head.len) == 1 && EVP_DigestUpdate(ctx, g->members, g->n * g->width) == 1;
    }
    done = done && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    LK_REQUIRE(done, CRYPTO);
    lk_hex(lk_bytes(digest, 8), out, 17);
    return LK_OK;
}

static size_t per_part(const struct group *g)
{
    return LK_SET_PART_BYTES / g->width;
}

static uint32_t count_parts(const struct lk_set_making *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        n += (m->groups[i].n + per_part(&m->groups[i]) - 1) / per_part(&m->groups[i]);
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static lk_result put_group(const struct group *g, Latchkey__V1__ReferenceSet *s, struct lk_buf *out)
{
    s->kind = g->alg == 0 ? LATCHKEY__V1__REFERENCE_SET__MEMBERS__FILES : LATCHKEY__V1__REFERENCE_SET__MEMBERS__DIGESTS;
    s->algorithm = g->alg;
    for (size_t at = 0; at < g->n; at += per_part(g)) {
        size_t n = g->n - at < per_part(g) ? g->n - at : per_part(g);
        s->part++;
        s->members = lk_client_bin(lk_bytes(g->members + at * g->width, n * g->width));
        lk_put_u32le(out, (uint32_t)latchkey__v1__reference_set__get_packed_size(s));
        lk_client_pack(out, s);
    }
    return lk_buf_ok(out);
}

lk_result lk_set_making_put(struct lk_set_making *m, const struct lk_set_head *head, struct lk_buf *out)
{
    char version[17];
    Latchkey__V1__ReferenceSet s = LATCHKEY__V1__REFERENCE_SET__INIT;
    LK_REQUIRE(lk_policy_name_ok(head->name), POLICY_NAME);
    LK_REQUIRE(lk_set_making_count(m) > 0 && count_parts(m) <= LK_SET_PARTS_MAX, POLICY_LIMIT);
    qsort(m->groups, m->n, sizeof(m->groups[0]), by_algorithm);
    LK_TRY(make_version(m, version));
    s.schema = 1;
    s.name = (char *)(uintptr_t)head->name;
    s.version = version;
    s.parts = count_parts(m);
    s.from = (char *)(uintptr_t)head->from;
    s.approved_by = (char *)(uintptr_t)head->approved_by;
    lk_put(out, lk_bytes(magic, MAGIC));
    for (size_t i = 0; i < m->n; i++)
        LK_TRY(put_group(&m->groups[i], &s, out));
    return lk_buf_ok(out);
}

/* ---- reading ---- */

static lk_result check_order(const struct lk_set_parts *s)
{
    const struct lk_set_part *first = &s->parts[0];
    for (size_t i = 0; i < s->n; i++) {
        const struct lk_set_part *p = &s->parts[i];
        LK_REQUIRE(strcmp(p->set, first->set) == 0 && strcmp(p->version, first->version) == 0, SET_MALFORMED);
        LK_REQUIRE(p->parts == s->n && p->part == i + 1, SET_MALFORMED);
    }
    return s->n > 0 ? LK_OK : LK_FAIL(SET_MALFORMED);
}

lk_result lk_set_parts_read(struct lk_set_parts *s)
{
    struct lk_cursor c = lk_cursor(lk_buf_bytes(&s->bytes));
    struct lk_report report = {.n = 0};
    s->arena = lk_arena_new(4u << 20);
    LK_REQUIRE(s->arena != NULL, MEMORY);
    LK_REQUIRE(lk_bytes_eq(lk_take(&c, MAGIC), lk_bytes(magic, MAGIC)), SET_MALFORMED);
    for (s->n = 0; lk_left(&c) > 0; s->n++) {
        LK_REQUIRE(s->n < LK_SET_PARTS_MAX, SET_MALFORMED);
        s->messages[s->n] = lk_take_u32le(&c, 1u << 20);
        LK_REQUIRE(lk_ok(lk_cursor_ok(&c)), SET_MALFORMED);
        LK_TRY(lk_set_part_read(s->arena, s->messages[s->n], &report, &s->parts[s->n]));
    }
    return check_order(s);
}

void lk_set_parts_free(struct lk_set_parts *s)
{
    lk_buf_free(&s->bytes);
    lk_arena_free(s->arena);
    s->arena = NULL;
    s->n = 0;
}
