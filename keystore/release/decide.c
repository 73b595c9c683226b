/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/release/decide.h"

#include "keystore/change/payload.h"
#include "policy/appraise/policyset.h"

#include <string.h>

static bool is_rsa(enum lk_suite s)
{
    return s == LK_SUITE_RSA_SHA1 || s == LK_SUITE_RSA_SHA256;
}

static lk_result check_ticket(const struct lk_release_context *ctx, const struct lk_verdict *v, struct lk_ruling *r)
{
    struct lk_ticket_fields f;
    LK_TRY(lk_ticket_check(&v->ticket, ctx->start_id, ctx->challenge_key));
    LK_TRY(lk_ticket_parse(&v->ticket, &f));
    LK_REQUIRE(f.expiry >= ctx->now, TICKET_EXPIRED);
    r->expiry = f.expiry; /* from here on every verdict counts */
    LK_REQUIRE(lk_bytes_ct_eq(LK_BYTES(v->s_hash), LK_BYTES(f.s_hash)), TICKET_ACTIVATION);
    LK_REQUIRE(!v->demands_activation ||
                   (f.activated && lk_bytes_eq(LK_BYTES(v->demanded_context), LK_BYTES(f.context))),
               TICKET_KIND);
    return LK_OK;
}

/* Everything about the request as a whole. */
static lk_result check_request(const struct lk_release_context *ctx, const struct lk_verdict *v, struct lk_ruling *r)
{
    const struct lk_finding *first = lk_report_first(&v->report);
    if (v->kind == LK_VERDICT_MALFORMED)
        return first == NULL ? LK_FAIL(REQUEST_MALFORMED) : (lk_result){first->code};
    LK_TRY(check_ticket(ctx, v, r));
    LK_REQUIRE(lk_bytes_eq(LK_BYTES(v->broker_id), lk_bytes(ctx->broker_id, 32)), STATEMENT_BROKER);
    int64_t skew = v->time > ctx->now ? v->time - ctx->now : ctx->now - v->time;
    LK_REQUIRE(skew <= LK_CLOCK_SKEW_MAX, CLOCK_SKEW);
    LK_REQUIRE(!v->stale_request, STALE_REQUEST);
    LK_REQUIRE(v->kind != LK_VERDICT_APPRAISE || (v->roles & LK_ROLE_APPRAISE) != 0, CALLER_NOT_NAMED);
    LK_REQUIRE(v->n_secrets >= 1, REQUEST_MALFORMED);
    if (v->kind == LK_VERDICT_APPRAISE)
        return LK_OK;
    LK_REQUIRE(v->recipient.suite != LK_SUITE_NONE, RECIPIENT_SUITE);
    return lk_recipient_check(&v->recipient);
}

/* The policy that covers the secret by the keeper's own reading, and that it is the one of the verdict. */
static lk_result check_policy(const struct lk_release_context *ctx, const struct lk_verdict *v,
                              const struct lk_verdict_secret *s, const struct lk_object **policy)
{
    struct lk_bytes name = lk_bytes_str(s->name);
    size_t covering = lk_state_policies_for(ctx->state, name, policy);
    bool same = covering == 1 && strcmp((*policy)->name, s->policy) == 0 && (*policy)->revision == s->policy_revision;
    if (same)
        return LK_OK;
    *policy = covering == 1 ? *policy : NULL;
    return v->generation < ctx->generation ? LK_FAIL(STALE_REQUEST) : LK_FAIL(SECRET_POLICY);
}

static bool suite_fits(enum lk_kek kek, const struct lk_verdict *v)
{
    return kek == LK_KEK_SEALED || is_rsa(v->recipient.suite);
}

/* There is none: whether this request may have it made. A name that was once deleted stays deleted. */
static lk_result check_make(const struct lk_release_context *ctx, const struct lk_verdict *v,
                            const struct lk_verdict_secret *s, const struct lk_object *policy,
                            struct lk_ruling_secret *out)
{
    bool makes = lk_policy_rules_make(policy->rules, out->name);
    if (!s->create)
        return makes ? LK_FAIL(CREATE_NOT_ASKED) : LK_FAIL(SECRET_UNKNOWN);
    LK_REQUIRE(makes, CREATE_NOT_ALLOWED);
    LK_REQUIRE(lk_state_trace(ctx->state, LK_OBJECT_SECRET, out->name) == NULL, CREATE_DELETED);
    LK_REQUIRE(s->version == 0, SECRET_UNKNOWN);
    LK_REQUIRE(suite_fits(policy->rules->kek, v), SECRET_KEK);
    out->kek = policy->rules->kek;
    out->version = 1;
    out->make = true;
    return LK_OK;
}

/* Of what the keeper made no other copy exists: it leaves once an older copy of the store would be noticed. */
static lk_result check_covered(const struct lk_release_context *ctx, const struct lk_object *o)
{
    return o->made_by == NULL || o->entry < ctx->covered ? LK_OK : LK_FAIL(TOKEN_AWAY);
}

static lk_result check_secret(const struct lk_release_context *ctx, const struct lk_verdict *v,
                              const struct lk_verdict_secret *s, const struct lk_object *policy,
                              struct lk_ruling_secret *out)
{
    const struct lk_object *o = lk_state_find(ctx->state, LK_OBJECT_SECRET, out->name);
    if (o == NULL)
        return check_make(ctx, v, s, policy, out);
    LK_TRY(check_covered(ctx, o));
    uint64_t version = s->version == 0 ? o->revision : s->version;
    LK_REQUIRE(version >= o->first_version && version <= o->revision, SECRET_UNKNOWN);
    out->version = version;
    out->blob = lk_buf(LK_BLOB_MAX);
    LK_TRY(lk_blob_get(ctx->store, out->name, version, &out->kek, &out->blob));
    LK_REQUIRE(out->kek == policy->rules->kek, SECRET_KEK);
    LK_REQUIRE(suite_fits(out->kek, v), SECRET_KEK);
    return LK_OK;
}

static lk_result rule_secret(const struct lk_release_context *ctx, const struct lk_verdict *v,
                             const struct lk_verdict_secret *s, struct lk_ruling_secret *out)
{
    const struct lk_object *policy = NULL;
    LK_REQUIRE(lk_secret_name_ok(out->name, s->cls != LK_CLASS_AFFIRMED), SECRET_NAME);
    lk_result covered = check_policy(ctx, v, s, &policy);
    out->explain = policy != NULL && policy->rules->explain_to_guest;
    if (s->cls != LK_CLASS_AFFIRMED)
        return (lk_result){s->code};
    LK_TRY(covered);
    out->policy = policy;
    return v->kind == LK_VERDICT_APPRAISE ? LK_OK : check_secret(ctx, v, s, policy, out);
}

/*
 * Whether a secret exists, and which rule said no, are the admin's to tell: without explain-to-guest all of these
 * look the same.
 */
static enum lk_reason_code told(lk_result r, bool explain)
{
    bool hidden = r.code == LK_R_SECRET_UNKNOWN || r.code == LK_R_SECRET_POLICY || r.code == LK_R_CREATE_NOT_ASKED ||
                  r.code == LK_R_CREATE_NOT_ALLOWED || r.code == LK_R_CREATE_DELETED;
    bool plain = r.code == LK_R_BUDGET_SPENT || r.code == LK_R_CREATE_BUDGET || r.code == LK_R_SECRET_KEK ||
                 r.code == LK_R_CALLER_NOT_NAMED;
    if (lk_class_of(r) != LK_CLASS_REFUSED || plain || (explain && !hidden))
        return r.code;
    return LK_R_REFUSED;
}

static size_t granted(const struct lk_ruling *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += lk_ok(r->secrets[i].result) ? 1 : 0;
    return n;
}

static void rule_secrets(const struct lk_release_context *ctx, const struct lk_verdict *v, struct lk_ruling *r)
{
    for (size_t i = 0; i < r->n; i++) {
        struct lk_ruling_secret *s = &r->secrets[i];
        s->result = rule_secret(ctx, v, &v->secrets[i], s);
        r->suspicious = r->suspicious || s->result.code == LK_R_SECRET_POLICY;
    }
}

/* Whoever comes while it is being made makes nothing. */
static lk_result take_make(const struct lk_release_context *ctx, struct lk_ruling_secret *s)
{
    if (!s->make || (ctx->being_made != NULL && ctx->being_made(ctx->being_made_arg, s->name)))
        return LK_OK;
    char key[LK_BUDGET_KEY_MAX];
    lk_budget_make_key(s->policy->name, key);
    lk_result r = lk_budget_take(ctx->budget, lk_bytes_str(key), s->policy->rules->create_per_day, ctx->now, &s->make_count);
    return r.code == LK_R_BUDGET_SPENT ? LK_FAIL(CREATE_BUDGET) : r;
}

static void give_back_make(const struct lk_release_context *ctx, struct lk_ruling_secret *s)
{
    char key[LK_BUDGET_KEY_MAX];
    if (s->make_count == 0)
        return;
    lk_budget_make_key(s->policy->name, key);
    lk_budget_give_back(ctx->budget, lk_bytes_str(key));
    s->make_count = 0;
}

static void take_budgets(const struct lk_release_context *ctx, struct lk_ruling *r)
{
    for (size_t i = 0; i < r->n; i++) {
        struct lk_ruling_secret *s = &r->secrets[i];
        if (!lk_ok(s->result))
            continue;
        s->result = take_make(ctx, s);
        if (lk_ok(s->result))
            s->result = lk_budget_take(ctx->budget, s->name, s->policy->rules->budget, ctx->now, &s->count);
        if (!lk_ok(s->result))
            give_back_make(ctx, s);
    }
}

static void fail_all(struct lk_ruling *r, lk_result why)
{
    for (size_t i = 0; i < r->n; i++)
        r->secrets[i].result = why;
    r->result = why;
}

/* The status of the whole: the first secret's when none is granted. */
static lk_result overall(const struct lk_verdict *v, const struct lk_ruling *r)
{
    const struct lk_finding *first = lk_report_first(&v->report);
    if (granted(r) > 0)
        return LK_OK;
    if (r->n > 0)
        return r->secrets[0].result;
    return first == NULL ? LK_OK : (lk_result){first->code};
}

static lk_result grant(const struct lk_release_context *ctx, const struct lk_verdict *v, struct lk_ruling *r)
{
    struct lk_use *use;
    LK_TRY(lk_spent_look(ctx->spent, &v->ticket, v->statement_hash, &use, &r->repeat));
    if (granted(r) == 0 || r->repeat.data != NULL || v->kind == LK_VERDICT_APPRAISE)
        return LK_OK;
    LK_REQUIRE(v->deadline_mono_ms > ctx->mono_ms, DEADLINE);
    take_budgets(ctx, r);
    if (granted(r) == 0)
        return LK_OK;
    lk_result taken = lk_spent_take(ctx->spent, &v->ticket, r->expiry, v->statement_hash, LK_ANSWER_ROOM, &r->use);
    if (!lk_ok(taken))
        lk_ruling_undo(ctx, r);
    return taken;
}

static void settle(const struct lk_verdict *v, struct lk_ruling *r)
{
    bool explain = v->kind == LK_VERDICT_APPRAISE;
    r->explain = r->n > 0;
    for (size_t i = 0; i < r->n; i++) {
        struct lk_ruling_secret *s = &r->secrets[i];
        s->explain = s->explain || explain;
        r->explain = r->explain && s->explain;
        s->told = told(s->result, s->explain);
    }
    r->told = r->n > 0 && !lk_ok(r->result) ? r->secrets[0].told : told(r->result, explain);
}

void lk_release_decide(const struct lk_release_context *ctx, const struct lk_verdict *v, struct lk_ruling *out)
{
    *out = (struct lk_ruling){.n = v->kind == LK_VERDICT_MALFORMED ? 0 : v->n_secrets};
    for (size_t i = 0; i < out->n; i++)
        out->secrets[i] = (struct lk_ruling_secret){.name = lk_bytes_str(v->secrets[i].name),
                                                    .version = v->secrets[i].version};
    lk_result r = check_request(ctx, v, out);
    if (lk_ok(r)) {
        rule_secrets(ctx, v, out);
        r = grant(ctx, v, out);
        if (lk_ok(r))
            out->result = overall(v, out);
    }
    if (!lk_ok(r))
        fail_all(out, r);
    settle(v, out);
    enum lk_class cls = lk_class_of(out->result);
    out->authentic = out->expiry != 0 && (cls == LK_CLASS_AFFIRMED || cls == LK_CLASS_REFUSED ||
                                          cls == LK_CLASS_CANNOT_JUDGE || cls == LK_CLASS_INTERNAL);
    if (!lk_ok(out->result) && out->expiry != 0 && cls != LK_CLASS_UNAVAILABLE)
        (void)lk_ok(lk_spent_refuse(ctx->spent, &v->ticket, out->expiry)); /* a full table refuses by itself */
}

void lk_ruling_undo(const struct lk_release_context *ctx, struct lk_ruling *r)
{
    for (size_t i = 0; i < r->n; i++) {
        give_back_make(ctx, &r->secrets[i]);
        if (lk_ok(r->secrets[i].result) && r->secrets[i].count > 0)
            lk_budget_give_back(ctx->budget, r->secrets[i].name);
    }
    if (r->use != NULL)
        lk_spent_give_back(ctx->spent, r->use);
    r->use = NULL;
}

void lk_ruling_free(struct lk_ruling *r)
{
    for (size_t i = 0; i < r->n; i++)
        lk_buf_free(&r->secrets[i].blob);
}
