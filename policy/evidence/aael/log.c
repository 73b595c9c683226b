/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/aael/log.h"
#include "proto/base/text.h"

#include <string.h>

#define TAG_AAEL 0x4141454c
#define RTMR3_IN_LOG 4

static lk_result start(struct lk_aael *a, struct lk_arena *arena)
{
    a->events = lk_arena_array(arena, LK_AAEL_EVENTS_MAX, sizeof(*a->events));
    LK_REQUIRE(a->events != NULL, MEMORY);
    return LK_OK;
}

static lk_result extend(struct lk_aael *a, struct lk_bytes digest)
{
    struct lk_bytes both[] = {lk_bytes(a->end, a->hash->size), digest};
    uint8_t next[LK_TPM_DIGEST_MAX];
    LK_TRY(lk_tpm_digest(a->hash, both, 2, next));
    memcpy(a->end, next, a->hash->size);
    return LK_OK;
}

/* Up to the separator, which is read as well; absent when there is none. */
static struct lk_bytes until(struct lk_cursor *c, char separator)
{
    const uint8_t *at = lk_left(c) > 0 ? memchr(c->data + c->pos, separator, lk_left(c)) : NULL;
    if (at == NULL)
        lk_cursor_fail(c);
    struct lk_bytes run = at == NULL ? LK_BYTES_NONE : lk_take(c, (size_t)(at - (c->data + c->pos)));
    lk_take(c, 1);
    return run;
}

/* False for what is no event: fewer than three fields, or characters that do not print. */
static bool add_event(struct lk_aael *a, struct lk_bytes text)
{
    struct lk_cursor c = lk_cursor(text);
    struct lk_aael_event e;
    e.domain = until(&c, ' ');
    e.operation = until(&c, ' ');
    e.content = lk_take(&c, lk_left(&c));
    if (!lk_ok(lk_cursor_end(&c)) || e.domain.len == 0 || e.operation.len == 0 || e.content.len == 0 ||
        !lk_text_prints(text) || a->n == LK_AAEL_EVENTS_MAX)
        return false;
    a->events[a->n++] = e;
    return true;
}

static lk_result read_init(struct lk_cursor *c, struct lk_aael *a)
{
    char name[16] = "";
    struct lk_bytes word = lk_take(c, strlen("INIT/")), alg = until(c, ' '), hex = until(c, '\n');
    LK_REQUIRE(!c->failed && lk_bytes_eq(word, lk_bytes_str("INIT/")) && alg.len < sizeof(name), AAEL_LOG);
    memcpy(name, alg.data, alg.len);
    a->hash = lk_tpm_hash_by_name(name);
    LK_REQUIRE(a->hash != NULL, AAEL_LOG);
    LK_REQUIRE(lk_unhex((const char *)hex.data, hex.len, a->start, sizeof(a->start)) == a->hash->size, AAEL_LOG);
    memcpy(a->end, a->start, sizeof(a->end));
    return LK_OK;
}

lk_result lk_aael_read_raw(struct lk_bytes log, struct lk_arena *arena, struct lk_aael *out)
{
    struct lk_cursor c = lk_cursor(log);
    *out = (struct lk_aael){.n = 0};
    LK_TRY(start(out, arena));
    LK_TRY(read_init(&c, out));
    while (lk_left(&c) > 0) {
        uint8_t digest[LK_TPM_DIGEST_MAX];
        struct lk_bytes line = until(&c, '\n');
        LK_REQUIRE(!c.failed && add_event(out, line), AAEL_LOG);
        LK_TRY(lk_tpm_digest(out->hash, &line, 1, digest));
        LK_TRY(extend(out, lk_bytes(digest, out->hash->size)));
    }
    return LK_OK;
}

/* True when the data is an event and was what was hashed. */
static bool tagged(struct lk_aael *a, const struct lk_tcg_event *e, struct lk_bytes digest)
{
    uint8_t actual[LK_TPM_DIGEST_MAX];
    if (e->type != LK_TCG_EVENT_TAG || !lk_ok(lk_tpm_digest(a->hash, &e->data, 1, actual)) ||
        !lk_bytes_eq(digest, lk_bytes(actual, a->hash->size)))
        return false;
    struct lk_cursor c = lk_cursor(e->data);
    uint32_t tag = lk_u32le(&c);
    struct lk_bytes text = lk_take_u32le(&c, LK_AAEL_MAX);
    return lk_ok(lk_cursor_end(&c)) && tag == TAG_AAEL && add_event(a, text);
}

lk_result lk_aael_read_ccel(struct lk_bytes log, struct lk_arena *arena, struct lk_aael *out)
{
    struct lk_tcg_log t;
    struct lk_tcg_event e;
    *out = (struct lk_aael){.hash = lk_tpm_hash(LK_TPM_SHA384)};
    LK_TRY(start(out, arena));
    LK_TRY(lk_tcg_open(log, &t));
    for (bool more;;) {
        LK_TRY(lk_tcg_next(&t, &e, &more));
        if (!more)
            return LK_OK;
        if (e.index != RTMR3_IN_LOG || e.type == LK_TCG_NO_ACTION)
            continue;
        struct lk_bytes digest = lk_tcg_digest(&t, &e, out->hash->alg);
        LK_REQUIRE(digest.data != NULL, AAEL_LOG);
        LK_TRY(extend(out, digest));
        out->unknown += tagged(out, &e, digest) ? 0 : 1;
    }
}
