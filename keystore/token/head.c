/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/token/head.h"

#include "keystore/token/object.h"
#include "proto/base/log.h"

#include <string.h>

#define APPLICATION "latchkey"
#define GENESIS_LABEL "latchkey-genesis"
#define HEAD_LABEL "latchkey-head"
#define GENESIS_MAGIC "LKGEN001"
#define HEAD_MAGIC "LKHEAD01"

enum { VALUE_MAX = 64, HEADS_MAX = 16 };

static CK_OBJECT_CLASS class_data = CKO_DATA;

static lk_result find_data(struct lk_session *s, const char *label, CK_OBJECT_HANDLE *out, size_t max, size_t *n)
{
    const CK_ATTRIBUTE match[] = {
        LK_ATTR(CKA_CLASS, class_data),
        LK_ATTR(CKA_TOKEN, lk_true),
        LK_ATTR_TEXT(CKA_APPLICATION, APPLICATION),
        LK_ATTR_TEXT(CKA_LABEL, label),
    };
    return lk_object_find(s, match, 4, out, max, n);
}

static lk_result create_data(struct lk_session *s, const char *label, struct lk_bytes value)
{
    const CK_ATTRIBUTE template[] = {
        LK_ATTR(CKA_CLASS, class_data),
        LK_ATTR(CKA_TOKEN, lk_true),
        LK_ATTR(CKA_PRIVATE, lk_true),
        LK_ATTR_TEXT(CKA_APPLICATION, APPLICATION),
        LK_ATTR_TEXT(CKA_LABEL, label),
        LK_ATTR_BYTES(CKA_VALUE, value),
    };
    CK_OBJECT_HANDLE h;
    return lk_session_rv(s, s->token->module.f->C_CreateObject(s->handle, (CK_ATTRIBUTE *)(uintptr_t)template,
                                                    sizeof(template) / sizeof(template[0]), &h),
                 "C_CreateObject");
}

lk_result lk_data_count(struct lk_session *s, size_t *n)
{
    CK_OBJECT_HANDLE found[2];
    size_t genesis = 0, heads = 0;
    LK_TRY(find_data(s, GENESIS_LABEL, found, 2, &genesis));
    LK_TRY(find_data(s, HEAD_LABEL, found, 2, &heads));
    *n = genesis + heads;
    return LK_OK;
}

lk_result lk_genesis_create(struct lk_session *s, const uint8_t installation_id[static 32])
{
    LK_BUF_AUTO value = lk_buf(VALUE_MAX);
    lk_put(&value, lk_bytes_str(GENESIS_MAGIC));
    lk_put(&value, lk_bytes(installation_id, 32));
    LK_TRY(lk_buf_ok(&value));
    return create_data(s, GENESIS_LABEL, lk_buf_bytes(&value));
}

lk_result lk_genesis_read(struct lk_session *s, uint8_t installation_id[static 32])
{
    CK_OBJECT_HANDLE found[2];
    size_t n = 0;
    LK_BUF_AUTO value = lk_buf(VALUE_MAX);
    LK_TRY(find_data(s, GENESIS_LABEL, found, 2, &n));
    LK_REQUIRE(n == 1, TOKEN_CONFIG);
    LK_TRY(lk_object_get(s, found[0], CKA_VALUE, VALUE_MAX, &value));
    struct lk_cursor c = lk_cursor(lk_buf_bytes(&value));
    bool magic = lk_bytes_eq(lk_take(&c, 8), lk_bytes_str(GENESIS_MAGIC));
    lk_copy(&c, installation_id, 32);
    return magic && lk_ok(lk_cursor_end(&c)) ? LK_OK : LK_FAIL(TOKEN_CONFIG);
}

lk_result lk_head_create(struct lk_session *s, const struct lk_head *head)
{
    LK_BUF_AUTO value = lk_buf(VALUE_MAX);
    lk_put(&value, lk_bytes_str(HEAD_MAGIC));
    lk_put_u64be(&value, head->index);
    lk_put(&value, LK_BYTES(head->hash));
    LK_TRY(lk_buf_ok(&value));
    return create_data(s, HEAD_LABEL, lk_buf_bytes(&value));
}

/* False: the object is not whole. */
static lk_result read_one(struct lk_session *s, CK_OBJECT_HANDLE h, struct lk_head *out, bool *whole)
{
    LK_BUF_AUTO value = lk_buf(VALUE_MAX);
    lk_result r = lk_object_get(s, h, CKA_VALUE, VALUE_MAX, &value);
    LK_REQUIRE(r.code != LK_R_TOKEN_AWAY, TOKEN_AWAY);
    struct lk_cursor c = lk_cursor(lk_buf_bytes(&value));
    bool magic = lk_bytes_eq(lk_take(&c, 8), lk_bytes_str(HEAD_MAGIC));
    out->index = lk_u64be(&c);
    lk_copy(&c, out->hash, 32);
    *whole = lk_ok(r) && magic && lk_ok(lk_cursor_end(&c));
    return LK_OK;
}

struct heads {
    CK_OBJECT_HANDLE all[HEADS_MAX];
    struct lk_head value[HEADS_MAX];
    bool whole[HEADS_MAX];
    size_t n, best;
};

/* HEADS_MAX when none is whole. */
static size_t highest(const struct heads *h)
{
    size_t best = HEADS_MAX;
    for (size_t i = 0; i < h->n; i++)
        if (h->whole[i] && (best == HEADS_MAX || h->value[i].index > h->value[best].index))
            best = i;
    return best;
}

static bool contradicted(const struct heads *h)
{
    const struct lk_head *best = &h->value[h->best];
    for (size_t i = 0; i < h->n; i++)
        if (h->whole[i] && h->value[i].index == best->index && memcmp(h->value[i].hash, best->hash, 32) != 0)
            return true;
    return false;
}

static lk_result look(struct lk_session *s, struct heads *h)
{
    *h = (struct heads){0};
    LK_TRY(find_data(s, HEAD_LABEL, h->all, HEADS_MAX, &h->n));
    for (size_t i = 0; i < h->n; i++)
        LK_TRY(read_one(s, h->all[i], &h->value[i], &h->whole[i]));
    h->best = highest(h);
    LK_REQUIRE(h->best < HEADS_MAX, TOKEN_CONFIG);
    if (!contradicted(h))
        return LK_OK;
    lk_log(LK_LOG_ERROR, "token.head", "error=two-of-one-index index=%llu",
           (unsigned long long)h->value[h->best].index);
    return LK_FAIL(TOKEN_CONFIG);
}

/* What cannot be removed is tried again at the next look; it does no harm. */
static void remove_others(struct lk_session *s, const struct heads *h)
{
    for (size_t i = 0; i < h->n; i++)
        if (i != h->best)
            s->token->module.f->C_DestroyObject(s->handle, h->all[i]);
}

static lk_result read_locked(struct lk_session *s, struct lk_head *out)
{
    struct heads h;
    LK_TRY(look(s, &h));
    remove_others(s, &h);
    *out = h.value[h.best];
    return LK_OK;
}

static bool equal(const struct lk_head *a, const struct lk_head *b)
{
    return a->index == b->index && memcmp(a->hash, b->hash, 32) == 0;
}

/* Written, then read back: only what the token itself shows is answered for. */
static lk_result set_locked(struct lk_session *s, const struct lk_head *expected, const struct lk_head *next,
                            struct lk_head *out)
{
    LK_TRY(read_locked(s, out));
    if (!equal(out, expected))
        return LK_OK;
    LK_TRY(lk_head_create(s, next));
    return read_locked(s, out);
}

lk_result lk_head_read(struct lk_session *s, struct lk_head *out)
{
    pthread_mutex_lock(&s->token->head);
    lk_result r = read_locked(s, out);
    pthread_mutex_unlock(&s->token->head);
    return r;
}

lk_result lk_head_set(struct lk_session *s, const struct lk_head *expected, const struct lk_head *next,
                      struct lk_head *out)
{
    LK_REQUIRE(next->index > expected->index, FRAME_FORBIDDEN);
    pthread_mutex_lock(&s->token->head);
    lk_result r = set_locked(s, expected, next, out);
    pthread_mutex_unlock(&s->token->head);
    return r;
}
