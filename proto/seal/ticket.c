/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/seal/ticket.h"

#include "proto/base/buffer.h"
#include "proto/base/cursor.h"
#include "proto/seal/hash.h"

#include <openssl/crypto.h>
#include <string.h>

enum {
    OFF_START_ID = 4,
    OFF_CHALLENGE_MAC = 132,
    OFF_ADMISSION_MAC = 164,
};

enum { VERSION = 1, PURPOSE_RELEASE = 1 };

static lk_result challenge_mac(const struct lk_ticket *t, const uint8_t key[static 32], uint8_t out[static 32])
{
    return lk_hmac_sha256(lk_bytes(key, 32),
                          LK_PARTS(LK_DOMAIN("latchkey-challenge-v1"), lk_bytes(t->bytes, OFF_CHALLENGE_MAC)), out);
}

static lk_result admission_mac(const struct lk_ticket *t, const uint8_t key[static 32], uint8_t out[static 32])
{
    return lk_hmac_sha256(lk_bytes(key, 32),
                          LK_PARTS(LK_DOMAIN("latchkey-admission-v1"), lk_bytes(t->bytes, OFF_ADMISSION_MAC)), out);
}

static void put_fields(struct lk_buf *b, const struct lk_ticket_fields *f)
{
    lk_put_u8(b, VERSION);
    lk_put_u8(b, PURPOSE_RELEASE);
    lk_put_u8(b, f->activated ? 1 : 0);
    lk_put_u8(b, 0);
    lk_put(b, LK_BYTES(f->start_id));
    lk_put_u64be(b, (uint64_t)f->expiry);
    lk_put_u64be(b, f->generation);
    lk_put(b, LK_BYTES(f->context));
    lk_put(b, LK_BYTES(f->s_hash));
    lk_put(b, LK_BYTES(f->random));
}

lk_result lk_ticket_mint(const struct lk_ticket_fields *f, const uint8_t challenge_key[static 32],
                         const uint8_t admission_key[static 32], struct lk_ticket *out)
{
    LK_BUF_AUTO b = lk_buf(OFF_CHALLENGE_MAC);
    put_fields(&b, f);
    LK_TRY(lk_buf_ok(&b));
    memcpy(out->bytes, b.data, OFF_CHALLENGE_MAC);
    LK_TRY(challenge_mac(out, challenge_key, out->bytes + OFF_CHALLENGE_MAC));
    return admission_mac(out, admission_key, out->bytes + OFF_ADMISSION_MAC);
}

lk_result lk_ticket_parse(const struct lk_ticket *t, struct lk_ticket_fields *out)
{
    struct lk_cursor c = lk_cursor(LK_BYTES(t->bytes));
    uint8_t version = lk_u8(&c), purpose = lk_u8(&c), kind = lk_u8(&c), zero = lk_u8(&c);
    lk_copy(&c, out->start_id, 16);
    uint64_t expiry = lk_u64be(&c);
    out->generation = lk_u64be(&c);
    lk_copy(&c, out->context, 32);
    lk_copy(&c, out->s_hash, 32);
    lk_copy(&c, out->random, 32);
    lk_take(&c, 32 + 32);
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)), TICKET_MALFORMED);
    LK_REQUIRE(version == VERSION && purpose == PURPOSE_RELEASE && kind <= 1 && zero == 0, TICKET_MALFORMED);
    LK_REQUIRE(expiry <= INT64_MAX, TICKET_MALFORMED);
    out->activated = kind == 1;
    out->expiry = (int64_t)expiry;
    LK_REQUIRE(out->activated || lk_bytes_zero(LK_BYTES(out->context)), TICKET_MALFORMED);
    return LK_OK;
}

static bool of_start(const struct lk_ticket *t, const uint8_t start_id[static 16])
{
    return lk_bytes_eq(lk_bytes(t->bytes + OFF_START_ID, 16), lk_bytes(start_id, 16));
}

static lk_result same_mac(const uint8_t expected[static 32], const uint8_t *in_ticket)
{
    return lk_bytes_ct_eq(lk_bytes(expected, 32), lk_bytes(in_ticket, 32)) ? LK_OK : LK_FAIL(TICKET_FORGED);
}

lk_result lk_ticket_admit(const struct lk_ticket *t, const uint8_t start_id[static 16],
                          const uint8_t admission_key[static 32])
{
    LK_REQUIRE(of_start(t, start_id), TICKET_STALE);
    uint8_t mac[32];
    LK_TRY(admission_mac(t, admission_key, mac));
    return same_mac(mac, t->bytes + OFF_ADMISSION_MAC);
}

lk_result lk_ticket_check(const struct lk_ticket *t, const uint8_t start_id[static 16],
                          const uint8_t challenge_key[static 32])
{
    LK_REQUIRE(of_start(t, start_id), TICKET_STALE);
    uint8_t mac[32];
    LK_TRY(challenge_mac(t, challenge_key, mac));
    return same_mac(mac, t->bytes + OFF_CHALLENGE_MAC);
}

lk_result lk_binding(struct lk_bytes ticket, struct lk_bytes s, struct lk_bytes statement, uint8_t out[static 64])
{
    uint8_t challenge[32], statement_hash[64];
    LK_TRY(lk_sha256(LK_PARTS(ticket, s), challenge));
    LK_TRY(lk_sha512(LK_PARTS(statement), statement_hash));
    return lk_sha512(
        LK_PARTS(LK_DOMAIN("latchkey-binding-v1"), LK_BYTES(challenge), LK_BYTES(statement_hash)), out);
}
