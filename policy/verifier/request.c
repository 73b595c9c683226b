/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/verifier/request.h"
#include "policy/verifier/bundle.h"
#include "proto/msg/unpack.h"
#include "proto/seal/hash.h"

#include <stdio.h>
#include <string.h>

#define S_MAX 64u
#define CLIENT_DATA_MAX 4096u
#define STATEMENT_MAX (64u << 10)

/* A request under way: what the client sent, and what is said about it. */
struct judging {
    const struct lk_judge_with *with;
    struct lk_arena *arena;
    bool appraise;
    struct lk_bytes ticket, s, statement_bytes;
    struct lk_ticket_fields ticket_fields;
    Latchkey__V1__EvidenceItem *const *items;
    size_t n_items;
    Latchkey__V1__Statement *statement;
    struct lk_bytes names[LK_VERDICT_SECRETS_MAX];
    struct lk_verdict *v;
};

static lk_result note(struct judging *j, lk_result r)
{
    if (!lk_ok(r))
        lk_report_add(&j->v->report, r.code, "", "", "", "");
    return r;
}

static struct lk_bytes run(const ProtobufCBinaryData *d)
{
    return lk_bytes(d->data, d->len);
}

/* Both messages have the same fields; the types differ. */
static lk_result unpack(struct judging *j, struct lk_bytes message)
{
    const ProtobufCMessageDescriptor *type =
        j->appraise ? &latchkey__v1__appraise_request__descriptor : &latchkey__v1__release_request__descriptor;
    void *m;
    LK_TRY(lk_msg_unpack(type, message, j->arena, &LK_MSG_LIMITS_REQUEST, &m));
    const Latchkey__V1__AppraiseRequest *a = m;
    const Latchkey__V1__ReleaseRequest *r = m;
    j->ticket = run(j->appraise ? &a->ticket : &r->ticket);
    j->s = run(j->appraise ? &a->s : &r->s);
    j->statement_bytes = run(j->appraise ? &a->statement : &r->statement);
    j->items = j->appraise ? a->items : r->items;
    j->n_items = j->appraise ? a->n_items : r->n_items;
    return LK_OK;
}

/* Cheap checks before any signature: a stranger's noise costs a MAC. The keeper checks all of it again. */
static lk_result admit(struct judging *j, int64_t at)
{
    const struct lk_snapshot_head *head = &j->with->snapshot.head;
    LK_REQUIRE(j->ticket.len == LK_TICKET_LEN, TICKET_MALFORMED);
    LK_REQUIRE(j->s.len <= S_MAX && j->statement_bytes.len <= STATEMENT_MAX, REQUEST_LIMIT);
    memcpy(j->v->ticket.bytes, j->ticket.data, LK_TICKET_LEN);
    LK_TRY(lk_ticket_parse(&j->v->ticket, &j->ticket_fields));
    LK_TRY(lk_ticket_admit(&j->v->ticket, head->start_id, head->admission_key));
    LK_REQUIRE(at < j->ticket_fields.expiry, TICKET_EXPIRED);
    LK_TRY(lk_sha256(LK_PARTS(j->s), j->v->s_hash));
    LK_REQUIRE(lk_bytes_ct_eq(LK_BYTES(j->v->s_hash), LK_BYTES(j->ticket_fields.s_hash)), TICKET_ACTIVATION);
    return LK_OK;
}

static lk_result take_secrets(struct judging *j)
{
    const Latchkey__V1__Statement *st = j->statement;
    LK_REQUIRE(st->n_secrets <= LK_VERDICT_SECRETS_MAX && st->n_secrets > 0, REQUEST_LIMIT);
    for (size_t i = 0; i < st->n_secrets; i++) {
        j->names[i] = lk_bytes_str(st->secrets[i]->name);
        LK_REQUIRE(j->names[i].len <= LK_SECRET_NAME_MAX && lk_secret_name_ok(j->names[i], true), SECRET_NAME);
        bool makes = st->secrets[i]->create; /* the first version, and none by an appraisal */
        LK_REQUIRE(!makes || (!j->appraise && st->secrets[i]->version == 0), REQUEST_MALFORMED);
    }
    return LK_OK;
}

static lk_result take_recipient(struct judging *j)
{
    struct lk_bytes key = run(&j->statement->recipient_key), suite = lk_bytes_str(j->statement->suite);
    if (!j->appraise)
        return lk_recipient_from_spki(key, suite, &j->v->recipient);
    LK_REQUIRE(key.len == 0 && suite.len == 0, REQUEST_MALFORMED); /* nothing is sealed to anyone */
    return LK_OK;
}

static lk_result read_statement(struct judging *j)
{
    void *m;
    LK_TRY(lk_msg_unpack(&latchkey__v1__statement__descriptor, j->statement_bytes, j->arena, &LK_MSG_LIMITS_REQUEST, &m));
    Latchkey__V1__Statement *st = j->statement = m;
    Latchkey__V1__Statement__Purpose wanted =
        j->appraise ? LATCHKEY__V1__STATEMENT__PURPOSE__APPRAISE : LATCHKEY__V1__STATEMENT__PURPOSE__RELEASE;
    LK_REQUIRE(st->purpose == wanted, STATEMENT_PURPOSE);
    LK_REQUIRE(st->broker_id.len == 32 && st->client_data.len <= CLIENT_DATA_MAX, REQUEST_LIMIT);
    memcpy(j->v->broker_id, st->broker_id.data, 32);
    LK_REQUIRE(lk_bytes_eq(LK_BYTES(j->v->broker_id), LK_BYTES(j->with->snapshot.head.broker_id)), STATEMENT_BROKER);
    LK_TRY(take_secrets(j));
    LK_TRY(take_recipient(j));
    return lk_sha512(LK_PARTS(j->statement_bytes), j->v->statement_hash);
}

/* Everything that goes before the evidence. */
static lk_result prepare(struct judging *j, const struct lk_msg_request *rq, int64_t at, uint64_t now)
{
    LK_REQUIRE(now < rq->deadline_mono_ms, DEADLINE);
    LK_REQUIRE(!j->appraise || (rq->roles & LK_ROLE_APPRAISE) != 0, CALLER_NOT_NAMED);
    LK_TRY(unpack(j, rq->message));
    LK_TRY(admit(j, at));
    return read_statement(j);
}

/* ---- the verdict ---- */

bool lk_verifier_only_absent(const struct lk_report *r)
{
    size_t missing = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct lk_finding *f = &r->findings[i];
        if (f->absent)
            missing++;
        else if (f->code != LK_R_CHAIN_PARENT_REFUSED)
            return false;
    }
    return missing > 0 && lk_report_class(r) == LK_CLASS_REFUSED;
}

static bool copy_text(char *out, size_t size, const char *text)
{
    int n = snprintf(out, size, "%s", text == NULL ? "" : text);
    return n >= 0 && (size_t)n < size;
}

static lk_result put_secret(struct judging *j, size_t i, const struct lk_secret_verdict *from)
{
    struct lk_verdict_secret *to = &j->v->secrets[i];
    LK_REQUIRE(copy_text(to->name, sizeof(to->name), from->name), SECRET_NAME);
    LK_REQUIRE(copy_text(to->policy, sizeof(to->policy), from->policy), INTERNAL);
    if (i < j->statement->n_secrets) {
        to->version = j->statement->secrets[i]->version;
        to->create = j->statement->secrets[i]->create;
    }
    to->policy_revision = from->policy_revision;
    to->code = from->code;
    to->cls = lk_reason(from->code)->cls;
    return LK_OK;
}

static lk_result put_appraisal(struct judging *j, const struct lk_appraisal *a)
{
    struct lk_verdict *v = j->v;
    v->report = a->report;
    v->demands_activation = a->needs_activation;
    if (a->needs_activation)
        memcpy(v->demanded_context, a->activation_context, sizeof(v->demanded_context));
    v->stale_request = j->ticket_fields.generation != v->generation && lk_verifier_only_absent(&a->report);
    LK_REQUIRE(a->n_secrets <= LK_VERDICT_SECRETS_MAX, INTERNAL);
    for (v->n_secrets = 0; v->n_secrets < a->n_secrets; v->n_secrets++)
        LK_TRY(put_secret(j, v->n_secrets, &a->secrets[v->n_secrets]));
    return LK_OK;
}

static lk_result appraise(struct judging *j)
{
    struct lk_chain_item *items = lk_arena_array(j->arena, LK_CHAIN_ITEMS_MAX, sizeof(*items));
    struct lk_appraisal *a = LK_ARENA_NEW(j->arena, struct lk_appraisal);
    uint8_t binding[64];
    LK_REQUIRE(items != NULL && a != NULL, MEMORY);
    struct lk_chain_input in = {.items = items,
                                .trust = j->with->trust,
                                .policies = j->with->policies,
                                .at = j->v->time,
                                .binding = LK_BYTES(binding),
                                .secrets = j->names,
                                .n_secrets = j->statement->n_secrets,
                                .arena = j->arena};
    LK_TRY(lk_bundle_items(j->items, j->n_items, &j->v->report, items, &in.n_items));
    LK_TRY(lk_binding(j->ticket, j->s, j->statement_bytes, binding));
    if (j->ticket_fields.activated) {
        in.activation = LK_ACTIVATION_TICKET;
        in.activation_context = LK_BYTES(j->ticket_fields.context);
    }
    LK_TRY(lk_chain_appraise(&in, a));
    return put_appraisal(j, a);
}

/* What could not be judged says why, and nothing of what was read so far. */
static void give_up(struct lk_verdict *v, lk_result r)
{
    static struct lk_verdict bare; /* large; one request at a time */
    bare = (struct lk_verdict){.kind = LK_VERDICT_MALFORMED,
                               .deadline_mono_ms = v->deadline_mono_ms,
                               .roles = v->roles,
                               .time = v->time,
                               .generation = v->generation,
                               .report = v->report};
    memcpy(bare.caller, v->caller, sizeof(bare.caller));
    if (bare.report.n == 0)
        lk_report_add(&bare.report, r.code, "", "", "", "");
    *v = bare;
}

lk_result lk_verifier_judge(const struct lk_judge_with *w, struct lk_arena *arena, bool as_appraise, struct lk_bytes payload,
                            int64_t at, uint64_t now_mono_ms, struct lk_verdict *v)
{
    struct lk_msg_request rq;
    LK_TRY(lk_msg_request_get(payload, &rq));
    memset(v, 0, sizeof(*v));
    v->kind = as_appraise ? LK_VERDICT_APPRAISE : LK_VERDICT_RELEASE;
    v->deadline_mono_ms = rq.deadline_mono_ms;
    memcpy(v->caller, rq.caller, sizeof(v->caller));
    v->roles = rq.roles;
    v->time = at;
    v->generation = w->snapshot.head.generation;
    struct judging j = {.with = w, .arena = arena, .appraise = as_appraise, .v = v};
    lk_result r = note(&j, prepare(&j, &rq, at, now_mono_ms));
    if (lk_ok(r))
        r = appraise(&j);
    if (!lk_ok(r))
        give_up(v, r);
    return LK_OK;
}
