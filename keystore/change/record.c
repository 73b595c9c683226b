/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/change/record.h"

#include "proto/base/cursor.h"
#include "proto/seal/hash.h"

#define GENESIS_VERSION 1
#define GENESIS_NAME_MAX 64

static const char list_domain[] = "latchkey-change-list-v1";

static void be64(uint64_t v, uint8_t out[static 8])
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (56 - 8 * i));
}

lk_result lk_genesis_put(struct lk_buf *out, const struct lk_genesis *g)
{
    LK_REQUIRE(g->n_admins >= 1 && g->n_admins <= LK_GENESIS_ADMINS_MAX, REQUEST_LIMIT);
    lk_put_u8(out, GENESIS_VERSION);
    lk_put(out, LK_BYTES(g->installation_id));
    lk_put_u64be(out, (uint64_t)g->time);
    lk_put_sized_u16be(out, g->installation_key);
    lk_put_sized_u16be(out, g->import_key);
    lk_put_u8(out, (uint8_t)g->n_admins);
    for (size_t i = 0; i < g->n_admins; i++) {
        lk_put_sized_u16be(out, g->admins[i].name);
        lk_put_sized_u16be(out, g->admins[i].ssh_key);
    }
    return lk_buf_ok(out);
}

lk_result lk_genesis_get(struct lk_bytes raw, struct lk_genesis *g)
{
    struct lk_cursor c = lk_cursor(raw);
    *g = (struct lk_genesis){0};
    LK_REQUIRE(lk_u8(&c) == GENESIS_VERSION, STORE_DAMAGED);
    lk_copy(&c, g->installation_id, 32);
    g->time = (int64_t)lk_u64be(&c);
    g->installation_key = lk_take_u16be(&c, 1024);
    g->import_key = lk_take_u16be(&c, 1024);
    g->n_admins = lk_u8(&c);
    LK_REQUIRE(g->n_admins >= 1 && g->n_admins <= LK_GENESIS_ADMINS_MAX, STORE_DAMAGED);
    for (size_t i = 0; i < g->n_admins; i++) {
        g->admins[i].name = lk_take_u16be(&c, GENESIS_NAME_MAX);
        g->admins[i].ssh_key = lk_take_u16be(&c, LK_SSH_KEY_MAX);
        LK_REQUIRE(g->admins[i].name.len > 0, STORE_DAMAGED);
    }
    return lk_ok(lk_cursor_end(&c)) ? LK_OK : LK_FAIL(STORE_DAMAGED);
}

lk_result lk_genesis_hash(struct lk_bytes raw, uint8_t out[static 32])
{
    const uint8_t zero[8] = {0};
    return lk_sha256(LK_PARTS(LK_BYTES(list_domain), LK_BYTES(zero), raw), out);
}

lk_result lk_change_record_put(struct lk_buf *out, const struct lk_change_record *r)
{
    LK_REQUIRE(r->prev.len == 32 && r->n >= 1 && r->n <= LK_ENVELOPE_ITEMS_MAX, INTERNAL);
    lk_put(out, r->prev);
    lk_put_u64be(out, (uint64_t)r->time);
    lk_put_sized_u32le(out, r->envelope);
    lk_put_u16be(out, (uint16_t)r->n);
    for (size_t i = 0; i < r->n; i++) {
        lk_put_u8(out, r->items[i].note);
        lk_put_sized_u32le(out, r->items[i].payload);
    }
    return lk_buf_ok(out);
}

lk_result lk_change_record_get(struct lk_bytes raw, struct lk_change_record *r)
{
    struct lk_cursor c = lk_cursor(raw);
    *r = (struct lk_change_record){0};
    r->prev = lk_take(&c, 32);
    r->time = (int64_t)lk_u64be(&c);
    r->envelope = lk_take_u32le(&c, LK_ENVELOPE_MAX);
    r->n = lk_u16be(&c);
    LK_REQUIRE(r->n >= 1 && r->n <= LK_ENVELOPE_ITEMS_MAX, STORE_DAMAGED);
    for (size_t i = 0; i < r->n; i++) {
        r->items[i].note = lk_u8(&c);
        r->items[i].payload = lk_take_u32le(&c, LK_CHANGE_RECORD_MAX);
    }
    return lk_ok(lk_cursor_end(&c)) ? LK_OK : LK_FAIL(STORE_DAMAGED);
}

lk_result lk_change_record_hash(uint64_t index, const struct lk_change_record *r, uint8_t out[static 32])
{
    uint8_t at[8], time[8], envelope[32], notes[LK_ENVELOPE_ITEMS_MAX];
    be64(index, at);
    be64((uint64_t)r->time, time);
    for (size_t i = 0; i < r->n; i++)
        notes[i] = r->items[i].note;
    LK_TRY(lk_sha256(LK_PARTS(r->envelope), envelope));
    return lk_sha256(LK_PARTS(LK_BYTES(list_domain), LK_BYTES(at), r->prev, LK_BYTES(time), LK_BYTES(envelope),
                              lk_bytes(notes, r->n)),
                     out);
}

void lk_change_key(uint64_t index, uint8_t out[static 8])
{
    be64(index, out);
}
