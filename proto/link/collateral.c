/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/link/collateral.h"
#include "proto/link/texts.h"

#include <string.h>

static void put_piece(struct lk_buf *out, const struct lk_collateral_piece *p)
{
    lk_link_finding_put(out, &p->why);
    if (p->why.code != LK_R_OK)
        return;
    lk_link_text_put(out, p->name);
    if (p->name[0] == '\0')
        return;
    lk_put_u8(out, (uint8_t)p->facts.kind);
    lk_put_u64le(out, p->facts.number);
    lk_put_u64le(out, (uint64_t)p->facts.issued);
    lk_put_u64le(out, (uint64_t)p->facts.until);
    lk_put_sized_u32le(out, p->bytes);
}

static bool nothing_found(const struct lk_finding *f)
{
    return f->item[0] == '\0' && f->rule[0] == '\0' && f->expected[0] == '\0' && f->actual[0] == '\0';
}

static void get_facts(struct lk_cursor *c, struct lk_collateral_facts *facts)
{
    uint8_t kind = lk_u8(c);
    facts->kind = (enum lk_collateral_kind)kind;
    facts->number = lk_u64le(c);
    facts->issued = (int64_t)lk_u64le(c);
    facts->until = (int64_t)lk_u64le(c);
    if (kind < LK_COLLATERAL_CERTIFICATE || kind > LK_COLLATERAL_DOCUMENT || facts->issued < 0 || facts->until < facts->issued)
        lk_cursor_fail(c);
}

static void get_piece(struct lk_cursor *c, struct lk_collateral_piece *p)
{
    *p = (struct lk_collateral_piece){0};
    lk_link_finding_get(c, &p->why);
    if (p->why.code != LK_R_OK)
        return;
    lk_link_text_get(c, p->name, sizeof(p->name), true);
    if (!nothing_found(&p->why))
        lk_cursor_fail(c);
    if (p->name[0] == '\0')
        return;
    get_facts(c, &p->facts);
    p->bytes = lk_take_u32le(c, LK_COLLATERAL_PIECE_MAX);
    if (!lk_collateral_name_ok(lk_bytes_str(p->name)) || p->bytes.len == 0)
        lk_cursor_fail(c);
}

static bool roles_known(uint32_t roles)
{
    return (roles & ~(uint32_t)(LK_ROLE_APPRAISE | LK_ROLE_COLLATERAL)) == 0;
}

void lk_collateral_frame_put(struct lk_buf *out, const struct lk_collateral_frame *f)
{
    lk_put_u64le(out, f->deadline_mono_ms);
    lk_put(out, LK_BYTES(f->caller));
    lk_put_u32le(out, f->roles);
    lk_put_u64le(out, (uint64_t)f->time);
    lk_put_u64le(out, f->generation);
    lk_put_u16le(out, (uint16_t)f->failed);
    lk_put_u16le(out, (uint16_t)f->n);
    for (size_t i = 0; i < f->n; i++)
        put_piece(out, &f->pieces[i]);
}

lk_result lk_collateral_frame_get(struct lk_bytes payload, struct lk_collateral_piece *pieces,
                                  struct lk_collateral_frame *f)
{
    struct lk_cursor c = lk_cursor(payload);
    *f = (struct lk_collateral_frame){.deadline_mono_ms = lk_u64le(&c), .pieces = pieces};
    lk_copy(&c, f->caller, sizeof(f->caller));
    f->roles = lk_u32le(&c);
    f->time = (int64_t)lk_u64le(&c);
    f->generation = lk_u64le(&c);
    f->failed = lk_link_code_get(&c);
    f->n = lk_u16le(&c);
    LK_REQUIRE(lk_ok(lk_cursor_ok(&c)) && f->n <= LK_COLLATERAL_PIECES_MAX && roles_known(f->roles) && f->time >= 0 &&
                   (f->failed == LK_R_OK) == (f->n > 0), FRAME_FORBIDDEN);
    for (size_t i = 0; i < f->n; i++)
        get_piece(&c, &pieces[i]);
    return lk_ok(lk_cursor_end(&c)) ? LK_OK : LK_FAIL(FRAME_FORBIDDEN);
}

void lk_collateral_ask_put(struct lk_buf *out, const struct lk_collateral_ask *a)
{
    lk_put_u64le(out, a->deadline_mono_ms);
    lk_put(out, LK_BYTES(a->caller));
    lk_put_u32le(out, a->roles);
    lk_put_u64le(out, a->generation);
    lk_put_u16le(out, (uint16_t)a->failed);
    lk_link_text_put(out, a->after);
    lk_put_u32le(out, a->limit);
}

lk_result lk_collateral_ask_get(struct lk_bytes payload, struct lk_collateral_ask *a)
{
    struct lk_cursor c = lk_cursor(payload);
    *a = (struct lk_collateral_ask){.deadline_mono_ms = lk_u64le(&c)};
    lk_copy(&c, a->caller, sizeof(a->caller));
    a->roles = lk_u32le(&c);
    a->generation = lk_u64le(&c);
    a->failed = lk_link_code_get(&c);
    lk_link_text_get(&c, a->after, sizeof(a->after), true);
    a->limit = lk_u32le(&c);
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)) && roles_known(a->roles), FRAME_FORBIDDEN);
    return a->after[0] == '\0' || lk_collateral_name_ok(lk_bytes_str(a->after)) ? LK_OK : LK_FAIL(FRAME_FORBIDDEN);
}
