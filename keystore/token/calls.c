/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/token/calls.h"

enum { SPKI_MAX = 1024, SUITES = 4 };

const char *lk_kek_name(enum lk_kek k)
{
    if (k == LK_KEK_SEALED)
        return "sealed";
    return k == LK_KEK_IN_TOKEN ? "in-token" : "";
}

struct lk_bytes lk_sign_domain_bytes(enum lk_sign_domain d)
{
#define DOMAIN(text) lk_bytes(text, sizeof(text))
    const struct {
        enum lk_sign_domain domain;
        struct lk_bytes text;
    } rows[] = {
        {LK_SIGN_ANSWER_KEY, DOMAIN("latchkey-answer-key-v1")},
        {LK_SIGN_CHECKPOINT, DOMAIN("latchkey-audit-checkpoint-v1")},
        {LK_SIGN_IMPORT_KEY, DOMAIN("latchkey-import-key-v1")},
        {LK_SIGN_GENESIS, DOMAIN("latchkey-genesis-v1")},
        {LK_SIGN_MADE, DOMAIN("latchkey-secrets-made-v1")},
    };
#undef DOMAIN
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].domain == d)
            return rows[i].text;
    return LK_BYTES_NONE;
}

/* Everything that ends a payload wrongly is one reason: the sender broke the rules. */
static lk_result done(const struct lk_cursor *c, bool ok)
{
    return ok && lk_ok(lk_cursor_end(c)) ? LK_OK : LK_FAIL(FRAME_FORBIDDEN);
}

static bool kek_ok(enum lk_kek k)
{
    return k == LK_KEK_SEALED || k == LK_KEK_IN_TOKEN;
}

static bool rsa_suite(enum lk_suite s)
{
    return s == LK_SUITE_RSA_SHA1 || s == LK_SUITE_RSA_SHA256;
}

static void put_head(struct lk_buf *out, const struct lk_head *h)
{
    lk_put_u64le(out, h->index);
    lk_put(out, LK_BYTES(h->hash));
}

static void get_head(struct lk_cursor *c, struct lk_head *h)
{
    h->index = lk_u64le(c);
    lk_copy(c, h->hash, sizeof(h->hash));
}

void lk_head_put(struct lk_buf *out, const struct lk_head *h)
{
    put_head(out, h);
}

lk_result lk_head_get(struct lk_bytes p, struct lk_head *h)
{
    struct lk_cursor c = lk_cursor(p);
    get_head(&c, h);
    return done(&c, true);
}

void lk_token_info_put(struct lk_buf *out, const struct lk_token_info *i)
{
    lk_put(out, LK_BYTES(i->installation_id));
    lk_put_sized_u16be(out, i->installation_key);
    lk_put_sized_u16be(out, i->import_key);
    lk_put_u8(out, (uint8_t)i->import_suite);
    for (size_t k = 0; k < SUITES; k++)
        lk_put_u8(out, (uint8_t)i->suites[k]);
    put_head(out, &i->head);
}

lk_result lk_token_info_get(struct lk_bytes payload, struct lk_token_info *i)
{
    struct lk_cursor c = lk_cursor(payload);
    lk_copy(&c, i->installation_id, sizeof(i->installation_id));
    i->installation_key = lk_take_u16be(&c, SPKI_MAX);
    i->import_key = lk_take_u16be(&c, SPKI_MAX);
    i->import_suite = (enum lk_suite)lk_u8(&c);
    bool suites_ok = rsa_suite(i->import_suite), ended = false;
    for (size_t k = 0; k < SUITES; k++) {
        i->suites[k] = (enum lk_suite)lk_u8(&c);
        suites_ok = suites_ok && (i->suites[k] == LK_SUITE_NONE || (!ended && rsa_suite(i->suites[k])));
        ended = ended || i->suites[k] == LK_SUITE_NONE;
    }
    get_head(&c, &i->head);
    return done(&c, suites_ok && ended);
}

void lk_call_wrap_put(struct lk_buf *out, const struct lk_call_wrap *c)
{
    lk_put_u8(out, (uint8_t)c->kek);
    lk_put_sized_u32le(out, c->plaintext);
}

lk_result lk_call_wrap_get(struct lk_bytes p, struct lk_call_wrap *c)
{
    struct lk_cursor in = lk_cursor(p);
    c->kek = (enum lk_kek)lk_u8(&in);
    c->plaintext = lk_take_u32le(&in, LK_SECRET_MAX);
    return done(&in, kek_ok(c->kek) && c->plaintext.len > 0);
}

void lk_call_unwrap_put(struct lk_buf *out, const struct lk_call_unwrap *c)
{
    lk_put_sized_u32le(out, c->blob);
}

lk_result lk_call_unwrap_get(struct lk_bytes p, struct lk_call_unwrap *c)
{
    struct lk_cursor in = lk_cursor(p);
    c->blob = lk_take_u32le(&in, LK_BLOB_MAX);
    return done(&in, true);
}

void lk_call_rewrap_put(struct lk_buf *out, const struct lk_call_rewrap *c)
{
    lk_put_sized_u32le(out, c->blob);
    lk_recipient_put(out, &c->recipient);
}

lk_result lk_call_rewrap_get(struct lk_bytes p, struct lk_call_rewrap *c)
{
    struct lk_cursor in = lk_cursor(p);
    c->blob = lk_take_u32le(&in, LK_BLOB_MAX);
    lk_recipient_get(&in, &c->recipient);
    LK_TRY(done(&in, rsa_suite(c->recipient.suite)));
    return lk_ok(lk_recipient_check(&c->recipient)) ? LK_OK : LK_FAIL(FRAME_FORBIDDEN);
}

void lk_call_import_put(struct lk_buf *out, const struct lk_call_import *c)
{
    lk_put_u8(out, (uint8_t)c->kek);
    lk_put_sized_u32le(out, c->sealed);
}

lk_result lk_call_import_get(struct lk_bytes p, struct lk_call_import *c)
{
    struct lk_cursor in = lk_cursor(p);
    c->kek = (enum lk_kek)lk_u8(&in);
    c->sealed = lk_take_u32le(&in, LK_SEALED_MAX);
    return done(&in, kek_ok(c->kek));
}

void lk_call_sign_put(struct lk_buf *out, const struct lk_call_sign *c)
{
    lk_put_u8(out, (uint8_t)c->domain);
    lk_put_sized_u32le(out, c->message);
}

lk_result lk_call_sign_get(struct lk_bytes p, struct lk_call_sign *c)
{
    struct lk_cursor in = lk_cursor(p);
    c->domain = (enum lk_sign_domain)lk_u8(&in);
    c->message = lk_take_u32le(&in, LK_SIGN_MAX);
    return done(&in, lk_sign_domain_bytes(c->domain).data != NULL);
}

void lk_call_head_put(struct lk_buf *out, const struct lk_call_head *c)
{
    lk_put_u8(out, c->set ? 1 : 0);
    if (!c->set)
        return;
    put_head(out, &c->expected);
    put_head(out, &c->next);
}

lk_result lk_call_head_get(struct lk_bytes p, struct lk_call_head *c)
{
    struct lk_cursor in = lk_cursor(p);
    *c = (struct lk_call_head){0};
    uint8_t set = lk_u8(&in);
    c->set = set == 1;
    if (!c->set)
        return done(&in, set == 0);
    get_head(&in, &c->expected);
    get_head(&in, &c->next);
    return done(&in, c->next.index > c->expected.index);
}

void lk_call_result_put(struct lk_buf *out, lk_result r, struct lk_bytes output)
{
    lk_put_u16le(out, (uint16_t)r.code);
    if (lk_ok(r))
        lk_put(out, output);
}

lk_result lk_call_result_get(struct lk_bytes p, lk_result *r, struct lk_bytes *output)
{
    struct lk_cursor in = lk_cursor(p);
    uint16_t code = lk_u16le(&in);
    *output = lk_take(&in, lk_left(&in));
    bool known = code < LK_R_COUNT && (code == LK_R_OK || output->len == 0);
    *r = known ? (lk_result){(enum lk_reason_code)code} : LK_FAIL(FRAME_FORBIDDEN);
    return done(&in, known);
}
