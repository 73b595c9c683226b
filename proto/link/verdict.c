/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/link/verdict.h"
#include "proto/link/texts.h"

#include <string.h>

static bool get_bool(struct lk_cursor *c)
{
    uint8_t v = lk_u8(c);
    if (v > 1)
        lk_cursor_fail(c);
    return v == 1;
}

/* Of what is missing only that which a finding is about is sent. */
static void put_missing(struct lk_buf *out, const struct lk_report *r)
{
    uint8_t n = 0;
    for (size_t i = 0; i < r->n_missing; i++)
        n += lk_report_lacks(r, &r->missing[i]);
    lk_put_u8(out, n);
    for (size_t i = 0; i < r->n_missing; i++) {
        if (!lk_report_lacks(r, &r->missing[i]))
            continue;
        lk_put_u16le(out, (uint16_t)r->missing[i].code);
        lk_link_text_put(out, r->missing[i].name);
        lk_link_text_put(out, r->missing[i].note);
    }
}

static void get_missing(struct lk_cursor *c, struct lk_report *r)
{
    r->n_missing = lk_u8(c);
    if (r->n_missing > LK_REPORT_MISSING_MAX) {
        r->n_missing = 0;
        lk_cursor_fail(c);
    }
    for (size_t i = 0; i < r->n_missing; i++) {
        r->missing[i].code = lk_link_code_get(c);
        lk_link_text_get(c, r->missing[i].name, sizeof(r->missing[i].name), true);
        lk_link_text_get(c, r->missing[i].note, sizeof(r->missing[i].note), true);
        if (!lk_report_lacks(r, &r->missing[i]))
            lk_cursor_fail(c);
    }
}

static void put_report(struct lk_buf *out, const struct lk_report *r)
{
    lk_put_u8(out, (uint8_t)r->n);
    lk_put_u8(out, r->truncated ? 1 : 0);
    for (size_t i = 0; i < r->n; i++)
        lk_link_finding_put(out, &r->findings[i]);
    put_missing(out, r);
}

static void get_report(struct lk_cursor *c, struct lk_report *r)
{
    r->n = lk_u8(c);
    r->truncated = get_bool(c);
    if (r->n > LK_FINDINGS_MAX || (r->truncated && r->n < LK_FINDINGS_MAX)) {
        r->n = 0;
        lk_cursor_fail(c);
    }
    for (size_t i = 0; i < r->n; i++) {
        lk_link_finding_get(c, &r->findings[i]);
        if (r->findings[i].code == LK_R_OK)
            lk_cursor_fail(c);
    }
    get_missing(c, r);
}

/* The class is not sent: the code has it. */
static void put_secret(struct lk_buf *out, const struct lk_verdict_secret *s)
{
    lk_link_text_put(out, s->name);
    lk_put_u64le(out, s->version);
    lk_link_text_put(out, s->policy);
    lk_put_u64le(out, s->policy_revision);
    lk_put_u16le(out, (uint16_t)s->code);
    lk_put_u8(out, s->create ? 1 : 0);
}

static void get_secret(struct lk_cursor *c, struct lk_verdict_secret *s)
{
    lk_link_text_get(c, s->name, sizeof(s->name), false);
    s->version = lk_u64le(c);
    lk_link_text_get(c, s->policy, sizeof(s->policy), false);
    s->policy_revision = lk_u64le(c);
    s->code = lk_link_code_get(c);
    s->cls = lk_reason(s->code)->cls;
    s->create = get_bool(c);
}

static void put_judged(struct lk_buf *out, const struct lk_verdict *v)
{
    lk_put(out, LK_BYTES(v->ticket.bytes));
    lk_put(out, LK_BYTES(v->s_hash));
    lk_put_u8(out, v->demands_activation ? 1 : 0);
    lk_put(out, LK_BYTES(v->demanded_context));
    lk_put(out, LK_BYTES(v->broker_id));
    lk_put(out, LK_BYTES(v->statement_hash));
    lk_recipient_put(out, &v->recipient);
    lk_put_u8(out, v->stale_request ? 1 : 0);
    lk_put_u8(out, (uint8_t)v->n_secrets);
    for (size_t i = 0; i < v->n_secrets; i++)
        put_secret(out, &v->secrets[i]);
}

static void get_judged(struct lk_cursor *c, struct lk_verdict *v)
{
    lk_copy(c, v->ticket.bytes, sizeof(v->ticket.bytes));
    lk_copy(c, v->s_hash, sizeof(v->s_hash));
    v->demands_activation = get_bool(c);
    lk_copy(c, v->demanded_context, sizeof(v->demanded_context));
    lk_copy(c, v->broker_id, sizeof(v->broker_id));
    lk_copy(c, v->statement_hash, sizeof(v->statement_hash));
    lk_recipient_get(c, &v->recipient);
    v->stale_request = get_bool(c);
    v->n_secrets = lk_u8(c);
    if (v->n_secrets > LK_VERDICT_SECRETS_MAX) {
        v->n_secrets = 0;
        lk_cursor_fail(c);
    }
    for (size_t i = 0; i < v->n_secrets; i++)
        get_secret(c, &v->secrets[i]);
}

void lk_verdict_put(struct lk_buf *out, const struct lk_verdict *v)
{
    lk_put_u8(out, (uint8_t)v->kind);
    lk_put_u64le(out, v->deadline_mono_ms);
    lk_put(out, LK_BYTES(v->caller));
    lk_put_u32le(out, v->roles);
    lk_put_u64le(out, (uint64_t)v->time);
    lk_put_u64le(out, v->generation);
    put_report(out, &v->report);
    if (v->kind != LK_VERDICT_MALFORMED)
        put_judged(out, v);
}

/* What no honest verifier says, whatever it read. */
static bool consistent(const struct lk_verdict *v)
{
    const uint32_t roles = LK_ROLE_APPRAISE | LK_ROLE_COLLATERAL;
    if ((v->roles & ~roles) != 0 || v->time < 0)
        return false;
    if (v->kind == LK_VERDICT_MALFORMED)
        return v->report.n > 0;
    if (!v->demands_activation && !lk_bytes_zero(LK_BYTES(v->demanded_context)))
        return false;
    return v->kind == LK_VERDICT_RELEASE ? v->n_secrets > 0 : v->recipient.suite == LK_SUITE_NONE;
}

lk_result lk_verdict_get(struct lk_bytes payload, struct lk_verdict *v)
{
    memset(v, 0, sizeof(*v));
    struct lk_cursor c = lk_cursor(payload);
    uint8_t kind = lk_u8(&c);
    LK_REQUIRE(kind >= LK_VERDICT_RELEASE && kind <= LK_VERDICT_MALFORMED, FRAME_FORBIDDEN);
    v->kind = (enum lk_verdict_kind)kind;
    v->deadline_mono_ms = lk_u64le(&c);
    lk_copy(&c, v->caller, sizeof(v->caller));
    v->roles = lk_u32le(&c);
    v->time = (int64_t)lk_u64le(&c);
    v->generation = lk_u64le(&c);
    get_report(&c, &v->report);
    if (v->kind != LK_VERDICT_MALFORMED)
        get_judged(&c, v);
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)) && consistent(v), FRAME_FORBIDDEN);
    return LK_OK;
}
