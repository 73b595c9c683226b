/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/seal/envelope.h"

#include "proto/base/text.h"
#include "proto/seal/hash.h"

#define CHANGE_DOMAIN "latchkey-change-v1"
#define QUERY_DOMAIN "latchkey-query-v1"

enum { SCOPE_MAX = 64, OBJECT_MAX = 255, SSHSIG_MAX = 4096 };

static bool take_domain(struct lk_cursor *c, struct lk_bytes domain)
{
    struct lk_cursor ahead = *c;
    if (!lk_bytes_eq(lk_take(&ahead, domain.len), domain))
        return false;
    *c = ahead;
    return true;
}

static bool read_domain(struct lk_cursor *c, bool *query)
{
    if (take_domain(c, LK_DOMAIN(CHANGE_DOMAIN))) {
        *query = false;
        return true;
    }
    *query = true;
    return take_domain(c, LK_DOMAIN(QUERY_DOMAIN));
}

static bool kind_fits(bool query, enum lk_change_kind kind)
{
    if (query)
        return kind >= LK_QUERY_LIST && kind <= LK_QUERY_DECISION;
    return kind >= LK_CHANGE_POLICY_SET && kind <= LK_CHANGE_COLLATERAL_DROP;
}

static bool read_item(struct lk_cursor *c, bool query, struct lk_envelope_item *item)
{
    item->kind = (enum lk_change_kind)lk_u8(c);
    item->object = lk_take_u16be(c, OBJECT_MAX);
    item->revision = lk_u64be(c);
    item->payload_len = lk_u32be(c);
    item->payload_digest = lk_take(c, 32);
    return lk_ok(lk_cursor_ok(c)) && kind_fits(query, item->kind) && item->object.len > 0 && lk_text_prints(item->object);
}

static bool read_signed(struct lk_cursor *c, struct lk_envelope *e)
{
    if (!read_domain(c, &e->query))
        return false;
    e->installation_id = lk_take(c, 32);
    e->nonce = lk_take(c, 32);
    uint64_t not_after = lk_u64be(c);
    e->scope = lk_take(c, lk_u8(c));
    e->n_items = lk_u16be(c);
    if (!lk_ok(lk_cursor_ok(c)) || not_after > INT64_MAX || e->scope.len > SCOPE_MAX || !lk_text_prints(e->scope))
        return false;
    e->not_after = (int64_t)not_after;
    if (e->n_items < 1 || e->n_items > (e->query ? 1 : LK_ENVELOPE_ITEMS_MAX))
        return false;
    for (size_t i = 0; i < e->n_items; i++)
        if (!read_item(c, e->query, &e->items[i]))
            return false;
    return true;
}

static bool read_signatures(struct lk_cursor *c, struct lk_envelope *e)
{
    e->n_signatures = lk_u8(c);
    if (e->n_signatures < 1 || e->n_signatures > LK_ENVELOPE_SIGNATURES_MAX)
        return false;
    for (size_t i = 0; i < e->n_signatures; i++) {
        e->signatures[i] = lk_take_u16be(c, SSHSIG_MAX);
        if (e->signatures[i].len == 0)
            return false;
    }
    return lk_ok(lk_cursor_end(c));
}

lk_result lk_envelope_parse(struct lk_bytes raw, struct lk_envelope *out)
{
    *out = (struct lk_envelope){0};
    LK_REQUIRE(raw.len <= LK_ENVELOPE_MAX, CHANGE_MALFORMED);
    struct lk_cursor c = lk_cursor(raw);
    LK_REQUIRE(read_signed(&c, out), CHANGE_MALFORMED);
    out->signed_part = lk_bytes(raw.data, c.pos);
    LK_REQUIRE(read_signatures(&c, out), CHANGE_MALFORMED);
    return LK_OK;
}

static void put_item(struct lk_buf *out, const struct lk_envelope_item *item)
{
    lk_put_u8(out, (uint8_t)item->kind);
    lk_put_sized_u16be(out, item->object);
    lk_put_u64be(out, item->revision);
    lk_put_u32be(out, item->payload_len);
    lk_put(out, item->payload_digest);
}

void lk_envelope_put_signed(struct lk_buf *out, const struct lk_envelope *e)
{
    lk_put(out, e->query ? LK_DOMAIN(QUERY_DOMAIN) : LK_DOMAIN(CHANGE_DOMAIN));
    lk_put(out, e->installation_id);
    lk_put(out, e->nonce);
    lk_put_u64be(out, (uint64_t)e->not_after);
    lk_put_u8(out, (uint8_t)e->scope.len);
    lk_put(out, e->scope);
    lk_put_u16be(out, (uint16_t)e->n_items);
    for (size_t i = 0; i < e->n_items; i++)
        put_item(out, &e->items[i]);
}

void lk_envelope_put(struct lk_buf *out, struct lk_bytes signed_part, const struct lk_bytes *signatures, size_t n)
{
    lk_put(out, signed_part);
    lk_put_u8(out, (uint8_t)n);
    for (size_t i = 0; i < n; i++)
        lk_put_sized_u16be(out, signatures[i]);
}
