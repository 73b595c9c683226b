/* SPDX-License-Identifier: Apache-2.0 */
/* Challenges are minted, verdicts decided and paid out. The record of a decision is durable before its answer leaves. */
#include "keystore/audit/audit.h"
#include "keystore/keeper/keeper.h"
#include "keystore/release/pack.h"
#include "latchkey.pb-c.h"
#include "proto/base/clock.h"
#include "proto/seal/key.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (2u << 20)
#define SEALED_MAX (96u << 10)
#define IN_FLIGHT_MAX 256 /* verdicts of one worker that are being paid out; an honest one has a few */

struct serve {
    struct lk_keeper *keeper;
    struct lk_worker *worker;
    uint64_t request;
    struct lk_verdict verdict;
    struct lk_ruling ruling;
    struct lk_sealed sealed[LK_VERDICT_SECRETS_MAX];
    struct lk_create_waiter waiters[LK_VERDICT_SECRETS_MAX];
    size_t making;         /* secrets that are waited for, and one while they are asked for */
    lk_result making_failed;
    size_t next; /* secret to be sealed */
    char decision[LK_DECISION_ID];
    int64_t now;
    struct lk_buf answer, record;
    struct lk_job job;
};

static struct lk_release_context context(struct lk_keeper *k)
{
    return (struct lk_release_context){
        .state = k->state, .store = k->store, .spent = k->spent, .budget = k->budget, .start_id = k->start_id,
        .challenge_key = k->keys.data, .broker_id = k->broker_id, .generation = k->active.number,
        .now = lk_clock_wall(), .mono_ms = lk_clock_mono_ms(), .covered = k->token_head.index,
        .being_made = lk_create_under_way, .being_made_arg = k,
    };
}

void lk_serve_taken(struct lk_worker *w, uint64_t request)
{
    LK_BUF_AUTO p = lk_buf(16);
    lk_msg_u32_put(&p, w->id);
    lk_ring_tell_front(w, LK_F_TAKEN, request, lk_buf_bytes(&p));
}

/* Challenges */

static lk_result challenge_body(struct lk_keeper *k, const struct lk_challenge_frame *c, struct lk_buf *out)
{
    struct lk_ticket_fields f = {.activated = c->activated, .generation = c->generation};
    struct lk_ticket t;
    f.expiry = lk_clock_wall() + (int64_t)k->challenge_lifetime;
    memcpy(f.start_id, k->start_id, 16);
    memcpy(f.context, c->context, 32);
    memcpy(f.s_hash, c->s_hash, 32);
    LK_REQUIRE(RAND_bytes(f.random, sizeof(f.random)) == 1, CRYPTO);
    LK_TRY(lk_ticket_mint(&f, k->keys.data, k->keys.data + 32, &t));
    Latchkey__V1__ChallengeResponse m = LATCHKEY__V1__CHALLENGE_RESPONSE__INIT;
    m.ticket = lk_pack_bytes(LK_BYTES(t.bytes));
    m.credential_blob = lk_pack_bytes(c->credential_blob);
    m.encrypted_secret = lk_pack_bytes(c->encrypted_secret);
    m.expires_in_seconds = (uint32_t)k->challenge_lifetime;
    m.broker_id = lk_pack_bytes(LK_BYTES(k->broker_id));
    LK_TRY(lk_pack(out, &m.base));
    lk_pack_field(out, 5, c->evidence_request); /* field evidence, which a verifier packed */
    return lk_buf_ok(out);
}

static lk_result challenge_answer(struct lk_keeper *k, const struct lk_challenge_frame *c, struct lk_buf *out)
{
    LK_BUF_AUTO body = lk_buf(16u << 10);
    lk_result r = (lk_result){c->failed};
    if (lk_ok(r) && c->deadline_mono_ms <= lk_clock_mono_ms())
        r = LK_FAIL(DEADLINE);
    if (lk_ok(r))
        r = challenge_body(k, c, &body);
    if (lk_ok(r))
        return lk_answer_body(lk_buf_bytes(&body), out);
    lk_noise_add(k->noise, r.code, LK_BYTES_NONE, LK_BYTES_NONE);
    return lk_answer_refusal(r.code, NULL, NULL, out);
}

lk_result lk_serve_challenge(struct lk_worker *w, const struct lk_frame *f)
{
    struct lk_challenge_frame c;
    LK_BUF_AUTO answer = lk_buf(32u << 10);
    LK_TRY(lk_challenge_frame_get(f->payload, &c));
    LK_REQUIRE(c.failed != LK_R_OK || c.generation == w->generation, FRAME_FORBIDDEN);
    lk_serve_taken(w, f->request);
    lk_result r = challenge_answer(w->keeper, &c, &answer);
    if (lk_ok(r))
        lk_ring_tell_front(w, LK_F_ANSWER, f->request, lk_buf_bytes(&answer));
    return LK_OK;
}

/* Verdicts */

static void serve_free(struct serve *s)
{
    lk_ruling_free(&s->ruling);
    for (size_t i = 0; i < LK_VERDICT_SECRETS_MAX; i++) {
        lk_buf_free(&s->sealed[i].enc);
        lk_buf_free(&s->sealed[i].ciphertext);
    }
    lk_buf_free(&s->answer);
    lk_buf_free(&s->record);
    free(s);
}

static void leave(struct serve *s, struct lk_bytes answer)
{
    struct lk_keeper *k = s->keeper;
    lk_log(LK_LOG_INFO, "decision", "req=%llx decision=%s code=%s secrets=%zu", (unsigned long long)s->request,
           s->decision, lk_reason(s->ruling.result.code)->name, s->ruling.n);
    lk_ring_tell_front(s->worker, LK_F_ANSWER, s->request, answer);
    k->in_flight--;
    lk_ring_worker_answered(s->worker);
    serve_free(s);
}

/* A fault of ours after the decision: nothing was released, the ticket is as before. */
static void leave_with_fault(struct serve *s, lk_result why)
{
    struct lk_release_context ctx = context(s->keeper);
    LK_BUF_AUTO answer = lk_buf(4096);
    lk_ruling_undo(&ctx, &s->ruling);
    lk_log(LK_LOG_ERROR, "decision.fault", "req=%llx code=%s", (unsigned long long)s->request, lk_reason(why.code)->name);
    s->ruling.result = why;
    if (!lk_ok(lk_answer_refusal(why.code, NULL, NULL, &answer)))
        lk_keeper_fail(LK_FAIL(MEMORY), "answer");
    leave(s, lk_buf_bytes(&answer));
}

static lk_result write_counts(struct serve *s, struct lk_txn *t)
{
    for (size_t i = 0; i < s->ruling.n; i++) {
        const struct lk_ruling_secret *secret = &s->ruling.secrets[i];
        if (lk_ok(secret->result) && secret->count > 0)
            LK_TRY(lk_budget_put(t, secret->name, s->now, secret->count));
    }
    return LK_OK;
}

static lk_result write_decision(void *arg, struct lk_txn *t)
{
    struct serve *s = arg;
    uint64_t index;
    bool repeat = s->ruling.repeat.data != NULL; /* its id is the first one's, which has its record */
    LK_TRY(lk_audit_append(t, lk_buf_bytes(&s->record), repeat ? LK_BYTES_NONE : lk_bytes_str(s->decision), &index));
    return write_counts(s, t);
}

static void decision_written(void *arg, lk_result r)
{
    struct serve *s = arg;
    if (!lk_ok(r)) {
        leave_with_fault(s, r);
        return;
    }
    if (s->ruling.use != NULL)
        lk_spent_answered(s->keeper->spent, s->ruling.use, lk_buf_bytes(&s->answer));
    s->ruling.use = NULL;
    leave(s, lk_buf_bytes(&s->answer));
}

static void record_decision(struct serve *s)
{
    s->job = (struct lk_job){.apply = write_decision, .done = decision_written, .arg = s};
    lk_writer_submit(s->keeper->writer, &s->job);
}

static void conclude(struct serve *s)
{
    struct lk_keeper *k = s->keeper;
    const struct lk_signing by = lk_keeper_signing(k);
    LK_BUF_AUTO signed_answer = lk_buf(ANSWER_MAX);
    const char *kind = lk_ok(s->ruling.result) ? "release" : "refusal";
    lk_result r = LK_OK;
    if (s->verdict.kind != LK_VERDICT_MALFORMED)
        r = lk_answer_signed(&s->verdict, &s->ruling, s->sealed, s->decision, s->now, &by, &signed_answer);
    if (lk_ok(r))
        r = lk_answer_frame(&s->ruling, lk_buf_bytes(&signed_answer), s->decision, &s->answer);
    if (lk_ok(r))
        r = lk_answer_record(&s->verdict, &s->ruling, kind, s->decision, s->now, &s->record);
    if (!lk_ok(r)) {
        leave_with_fault(s, r);
        return;
    }
    if (s->ruling.authentic) {
        record_decision(s);
        return;
    }
    lk_noise_add(k->noise, s->ruling.result.code, lk_bytes_str(s->decision), lk_buf_bytes(&s->record));
    leave(s, lk_buf_bytes(&s->answer));
}

static lk_result seal_rsa(const struct lk_recipient *r, struct lk_bytes plaintext, struct lk_buf *out)
{
    const uint8_t e[4] = {(uint8_t)(r->e >> 24), (uint8_t)(r->e >> 16), (uint8_t)(r->e >> 8), (uint8_t)r->e};
    EVP_PKEY *key = lk_key_rsa(lk_bytes(r->n, r->n_len), LK_BYTES(e));
    LK_REQUIRE(key != NULL, RECIPIENT_KEY);
    lk_result result = lk_rsa_aes_wrap(key, r->suite, plaintext, out);
    EVP_PKEY_free(key);
    return result;
}

static lk_result seal(struct serve *s, struct lk_bytes plaintext)
{
    const struct lk_recipient *to = &s->verdict.recipient;
    struct lk_sealed *out = &s->sealed[s->next];
    out->enc = lk_buf(128);
    out->ciphertext = lk_buf(SEALED_MAX);
    if (to->suite == LK_SUITE_RSA_SHA1 || to->suite == LK_SUITE_RSA_SHA256)
        return seal_rsa(to, plaintext, &out->ciphertext);
    LK_SECRET_AUTO locked = {0};
    LK_TRY(lk_secret_copy(&locked, plaintext));
    return lk_hpke_seal(to, LK_BYTES(s->verdict.statement_hash), lk_secret_bytes(&locked), &out->enc, &out->ciphertext);
}

static lk_result keep_rewrapped(struct serve *s, struct lk_bytes output)
{
    struct lk_sealed *out = &s->sealed[s->next];
    out->ciphertext = lk_buf(SEALED_MAX);
    lk_put(&out->ciphertext, output);
    return lk_buf_ok(&out->ciphertext);
}

static void seal_next(struct serve *s);

static void on_unwrapped(void *arg, lk_result r, struct lk_bytes output)
{
    struct serve *s = arg;
    struct lk_ruling_secret *secret = &s->ruling.secrets[s->next];
    if (lk_ok(r))
        r = secret->kek == LK_KEK_IN_TOKEN ? keep_rewrapped(s, output) : seal(s, output);
    if (output.len > 0) /* the channel's memory is not locked: at once */
        OPENSSL_cleanse((void *)(uintptr_t)output.data, output.len);
    if (!lk_ok(r)) {
        leave_with_fault(s, r);
        return;
    }
    s->next++;
    seal_next(s);
}

static void seal_next(struct serve *s)
{
    while (s->next < s->ruling.n && !lk_ok(s->ruling.secrets[s->next].result))
        s->next++;
    if (s->next == s->ruling.n || s->verdict.kind != LK_VERDICT_RELEASE) {
        conclude(s);
        return;
    }
    const struct lk_ruling_secret *secret = &s->ruling.secrets[s->next];
    LK_BUF_AUTO p = lk_buf(lk_frame_max(LK_F_CALL_REWRAP));
    if (secret->kek == LK_KEK_IN_TOKEN) {
        lk_call_rewrap_put(&p, &(struct lk_call_rewrap){lk_buf_bytes(&secret->blob), s->verdict.recipient});
        lk_token_call(s->keeper, LK_F_CALL_REWRAP, &p, on_unwrapped, s);
        return;
    }
    lk_call_unwrap_put(&p, &(struct lk_call_unwrap){lk_buf_bytes(&secret->blob)});
    lk_token_call(s->keeper, LK_F_CALL_UNWRAP, &p, on_unwrapped, s);
}

/* What is sealed is what was stored. */
static lk_result load_made(struct serve *s)
{
    for (size_t i = 0; i < s->ruling.n; i++) {
        struct lk_ruling_secret *secret = &s->ruling.secrets[i];
        if (!lk_ok(secret->result) || !secret->make)
            continue;
        secret->blob = lk_buf(LK_BLOB_MAX);
        LK_TRY(lk_blob_get(s->keeper->store, secret->name, secret->version, &secret->kek, &secret->blob));
    }
    return LK_OK;
}

static void made_one(void *arg, lk_result r)
{
    struct serve *s = arg;
    if (!lk_ok(r))
        s->making_failed = r;
    if (--s->making > 0)
        return;
    r = s->making_failed;
    if (lk_ok(r))
        r = load_made(s);
    if (lk_ok(r))
        seal_next(s);
    else
        leave_with_fault(s, r);
}

/* Those that are to be made, all at once, so that they come into one entry of the list. Most often there are none. */
static void make_secrets(struct serve *s)
{
    s->making = 1;
    lk_result r = lk_decision_id(s->decision);
    for (size_t i = 0; i < s->ruling.n && lk_ok(r); i++) {
        if (!lk_ok(s->ruling.secrets[i].result) || !s->ruling.secrets[i].make)
            continue;
        s->making++;
        s->waiters[i] = (struct lk_create_waiter){.done = made_one, .arg = s};
        lk_create(s->keeper, &s->verdict, i, &s->ruling.secrets[i], s->decision, &s->waiters[i]);
    }
    made_one(s, r);
}

static void repeat(struct serve *s)
{
    lk_put(&s->answer, s->ruling.repeat);
    memcpy(s->decision, "repeat", sizeof("repeat"));
    lk_result r = lk_answer_record(&s->verdict, &s->ruling, "repeat", s->decision, s->now, &s->record);
    if (lk_ok(r))
        r = lk_buf_ok(&s->answer);
    if (lk_ok(r))
        record_decision(s);
    else
        leave_with_fault(s, r);
}

static void decide(struct serve *s)
{
    struct lk_release_context ctx = context(s->keeper);
    s->now = ctx.now;
    lk_release_decide(&ctx, &s->verdict, &s->ruling);
    if (s->ruling.suspicious)
        lk_log(LK_LOG_ERROR, "verdict.suspicious", "worker=%u req=%llx code=%s", s->worker->id,
               (unsigned long long)s->request, lk_reason(s->ruling.result.code)->name);
    if (lk_class_of(s->ruling.result) == LK_CLASS_CANNOT_JUDGE)
        lk_collateral_note(s->keeper, &s->verdict.report);
    if (s->ruling.repeat.data != NULL && lk_ok(s->ruling.result))
        repeat(s);
    else
        make_secrets(s);
}

/* Nothing is decided: the ticket is as before. */
static lk_result refuse_overload(struct lk_worker *w, uint64_t request)
{
    LK_BUF_AUTO answer = lk_buf(4096);
    lk_serve_taken(w, request);
    lk_noise_add(w->keeper->noise, LK_R_OVERLOAD, LK_BYTES_NONE, LK_BYTES_NONE);
    if (lk_ok(lk_answer_refusal(LK_R_OVERLOAD, NULL, NULL, &answer)))
        lk_ring_tell_front(w, LK_F_ANSWER, request, lk_buf_bytes(&answer));
    return LK_OK;
}

lk_result lk_serve_verdict(struct lk_worker *w, const struct lk_frame *f)
{
    if (w->in_flight >= IN_FLIGHT_MAX)
        return refuse_overload(w, f->request);
    struct serve *s = calloc(1, sizeof(*s));
    LK_REQUIRE(s != NULL, MEMORY);
    lk_result r = lk_verdict_get(f->payload, &s->verdict);
    if (lk_ok(r) && s->verdict.kind != LK_VERDICT_MALFORMED && s->verdict.generation != w->generation)
        r = LK_FAIL(FRAME_FORBIDDEN);
    if (!lk_ok(r)) {
        free(s);
        return r;
    }
    s->keeper = w->keeper;
    s->worker = w;
    s->request = f->request;
    s->answer = lk_buf(ANSWER_MAX);
    s->record = lk_buf(LK_AUDIT_RECORD_MAX);
    w->in_flight++;
    w->keeper->in_flight++;
    lk_serve_taken(w, f->request);
    decide(s);
    return LK_OK;
}
