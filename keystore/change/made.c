/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/change/made.h"

#include "proto/seal/answer.h"
#include "proto/seal/hash.h"

enum { NAME_MAX_BYTES = 255, DECISION_MAX = 32 };

static struct lk_bytes domain(void)
{
    return lk_sign_domain_bytes(LK_SIGN_MADE);
}

bool lk_made_is(struct lk_bytes envelope)
{
    struct lk_cursor c = lk_cursor(envelope);
    return lk_bytes_eq(lk_take(&c, domain().len), domain());
}

void lk_made_put_signed(struct lk_buf *out, const struct lk_made *m)
{
    lk_put(out, domain());
    lk_put(out, m->installation_id);
    lk_put_u64be(out, m->index);
    lk_put(out, m->prev);
    lk_put_u64be(out, (uint64_t)m->time);
    lk_put_u8(out, (uint8_t)m->n);
    for (size_t i = 0; i < m->n; i++) {
        lk_put_u8(out, (uint8_t)m->secrets[i].kek);
        lk_put_sized_u16be(out, m->secrets[i].name);
        lk_put_sized_u16be(out, m->secrets[i].policy);
        lk_put_u64be(out, m->secrets[i].policy_revision);
        lk_put_sized_u16be(out, m->secrets[i].decision);
    }
}

lk_result lk_made_message(struct lk_bytes signed_part, uint8_t out[static 32])
{
    return lk_sha256(LK_PARTS(signed_part), out);
}

void lk_made_put(struct lk_buf *out, struct lk_bytes signed_part, struct lk_bytes signature)
{
    lk_put(out, signed_part);
    lk_put_sized_u16be(out, signature);
}

static void get_secret(struct lk_cursor *c, struct lk_made_secret *s)
{
    uint8_t kek = lk_u8(c);
    if (kek != LK_KEK_SEALED && kek != LK_KEK_IN_TOKEN)
        lk_cursor_fail(c);
    s->kek = (enum lk_kek)kek;
    s->name = lk_take_u16be(c, NAME_MAX_BYTES);
    s->policy = lk_take_u16be(c, NAME_MAX_BYTES);
    s->policy_revision = lk_u64be(c);
    s->decision = lk_take_u16be(c, DECISION_MAX);
}

lk_result lk_made_get(struct lk_bytes raw, struct lk_made *m)
{
    struct lk_cursor c = lk_cursor(raw);
    *m = (struct lk_made){0};
    LK_REQUIRE(lk_bytes_eq(lk_take(&c, domain().len), domain()), STORE_DAMAGED);
    m->installation_id = lk_take(&c, 32);
    m->index = lk_u64be(&c);
    m->prev = lk_take(&c, 32);
    m->time = (int64_t)lk_u64be(&c);
    m->n = lk_u8(&c);
    LK_REQUIRE(m->n >= 1 && m->n <= LK_MADE_MAX, STORE_DAMAGED);
    for (size_t i = 0; i < m->n; i++)
        get_secret(&c, &m->secrets[i]);
    m->signed_part = lk_bytes(raw.data, c.pos);
    m->signature = lk_take_u16be(&c, LK_SIGNATURE_MAX);
    return lk_ok(lk_cursor_end(&c)) ? LK_OK : LK_FAIL(STORE_DAMAGED);
}

lk_result lk_made_verify(const struct lk_made *m, struct lk_bytes installation_key)
{
    uint8_t message[32];
    LK_TRY(lk_made_message(m->signed_part, message));
    lk_result r = lk_signature_verify(installation_key, LK_PARTS(domain(), LK_BYTES(message)), m->signature);
    return lk_ok(r) ? LK_OK : LK_FAIL(STORE_DAMAGED);
}
