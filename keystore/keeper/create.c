/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets that are made on first use. Each is drawn here and wrapped by the token; those that have gathered become one
 * entry of the list, signed by the installation key, so that a fleet's first boot does not ask the token for a signature
 * and a head for each machine.
 */
#include "keystore/audit/audit.h"
#include "keystore/keeper/keeper.h"
#include "proto/base/clock.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define MAKINGS_MAX 4096

struct lk_making {
    struct lk_making *next;
    struct lk_keeper *keeper;
    char name[256], policy[128];
    uint64_t policy_revision, count; /* count: secrets that the policy made on its day */
    int64_t now;
    char decision[LK_DECISION_ID];
    enum lk_kek kek;
    struct lk_buf blob, record;
    bool wrapped, batched;
    struct lk_create_waiter *waiters;
};

struct lk_making_batch {
    struct lk_keeper *keeper;
    struct lk_append append;
    struct lk_making *all[LK_MADE_MAX];
    size_t n;
    int64_t time;
    struct lk_buf signed_part;
};

/* ---- one secret ---- */

static struct lk_making *find(const struct lk_keeper *k, struct lk_bytes name)
{
    struct lk_making *m = k->makings;
    while (m != NULL && !lk_bytes_eq(lk_bytes_str(m->name), name))
        m = m->next;
    return m;
}

bool lk_create_under_way(const void *arg, struct lk_bytes name)
{
    return find(arg, name) != NULL;
}

static void forget(struct lk_making *m)
{
    struct lk_keeper *k = m->keeper;
    struct lk_making **at = &k->makings;
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    if (m->next == NULL)
        k->last_making = at;
    k->n_makings--;
}

static void give_back(struct lk_keeper *k, const char *policy)
{
    char key[LK_BUDGET_KEY_MAX];
    lk_budget_make_key(policy, key);
    lk_budget_give_back(k->budget, lk_bytes_str(key));
}

/* Out of the table first: a waiter's request may go on to another secret at once. */
static void end(struct lk_making *m, lk_result r)
{
    forget(m);
    for (struct lk_create_waiter *w = m->waiters, *next; w != NULL; w = next) {
        next = w->next;
        w->done(w->arg, r);
    }
    lk_buf_free(&m->blob);
    lk_buf_free(&m->record);
    free(m);
}

static void fail(struct lk_making *m, lk_result why)
{
    give_back(m->keeper, m->policy);
    end(m, why);
}

/* ---- those that have gathered ---- */

static struct lk_made_secret made_of(const struct lk_making *m)
{
    return (struct lk_made_secret){m->kek, lk_bytes_str(m->name), lk_bytes_str(m->policy), m->policy_revision,
                                   lk_bytes_str(m->decision)};
}

/* An administrator's change may have come between. */
static void drop_outdated(struct lk_keeper *k)
{
    for (struct lk_making *m = k->makings, *next; m != NULL; m = next) {
        next = m->next;
        const struct lk_made_secret secret = made_of(m);
        if (m->wrapped && !m->batched && !lk_state_may_make(k->state, &secret))
            fail(m, LK_FAIL(STALE_REQUEST));
    }
}

static void gather(struct lk_making_batch *b)
{
    for (struct lk_making *m = b->keeper->makings; m != NULL && b->n < LK_MADE_MAX; m = m->next) {
        if (!m->wrapped || m->batched)
            continue;
        m->batched = true;
        b->all[b->n++] = m;
    }
}

static void begin_batch(struct lk_keeper *k);

static void batch_free(struct lk_making_batch *b)
{
    struct lk_keeper *k = b->keeper;
    k->making_batch = NULL;
    lk_buf_free(&b->append.record);
    lk_buf_free(&b->signed_part);
    free(b);
    begin_batch(k);
}

static void batch_written(void *arg, lk_result r)
{
    struct lk_making_batch *b = arg;
    if (lk_ok(r))
        return; /* until the token has its head */
    for (size_t i = 0; i < b->n; i++)
        fail(b->all[i], r);
    batch_free(b);
}

static void batch_covered(void *arg, lk_result r)
{
    struct lk_making_batch *b = arg;
    lk_log(LK_LOG_INFO, "secrets.made", "index=%llu secrets=%zu code=%s", (unsigned long long)b->append.before.index, b->n,
           lk_reason(r.code)->name);
    for (size_t i = 0; i < b->n; i++)
        end(b->all[i], r);
    batch_free(b);
}

static lk_result write_batch(void *arg, struct lk_txn *t)
{
    struct lk_making_batch *b = arg;
    for (size_t i = 0; i < b->n; i++) {
        const struct lk_making *m = b->all[i];
        char key[LK_BUDGET_KEY_MAX];
        uint64_t index;
        lk_budget_make_key(m->policy, key);
        LK_TRY(lk_blob_put(t, lk_bytes_str(m->name), 1, m->kek, lk_buf_bytes(&m->blob)));
        LK_TRY(lk_budget_put(t, lk_bytes_str(key), m->now, m->count));
        LK_TRY(lk_audit_append(t, lk_buf_bytes(&m->record), LK_BYTES_NONE, &index));
    }
    return LK_OK;
}

static lk_result put_record(struct lk_making_batch *b, struct lk_bytes signature)
{
    LK_BUF_AUTO made = lk_buf(LK_ENVELOPE_MAX);
    lk_made_put(&made, lk_buf_bytes(&b->signed_part), signature);
    LK_TRY(lk_buf_ok(&made));
    struct lk_change_record r = {.prev = LK_BYTES(b->append.before.hash), .time = b->time, .envelope = lk_buf_bytes(&made)};
    r.n = b->n;
    for (size_t i = 0; i < r.n; i++) {
        r.items[i].note = (uint8_t)b->all[i]->kek;
        r.items[i].payload = lk_bytes("", 0);
    }
    return lk_change_record_put(&b->append.record, &r);
}

static void batch_signed(void *arg, lk_result r, struct lk_bytes signature)
{
    struct lk_making_batch *b = arg;
    if (lk_ok(r))
        r = put_record(b, signature);
    if (lk_ok(r))
        lk_append_write(&b->append);
    else
        lk_append_cancel(&b->append, r);
}

static lk_result put_signed(struct lk_making_batch *b, uint8_t message[static 32])
{
    const struct lk_head *before = &b->append.before;
    struct lk_made m = {.installation_id = LK_BYTES(b->keeper->header.installation_id), .index = before->index,
                        .prev = LK_BYTES(before->hash), .time = b->time, .n = b->n};
    for (size_t i = 0; i < b->n; i++)
        m.secrets[i] = made_of(b->all[i]);
    LK_TRY(lk_state_made_ok(b->keeper->state, &m));
    lk_made_put_signed(&b->signed_part, &m);
    LK_TRY(lk_buf_ok(&b->signed_part));
    return lk_made_message(lk_buf_bytes(&b->signed_part), message);
}

static void batch_turn(void *arg)
{
    struct lk_making_batch *b = arg;
    uint8_t message[32];
    drop_outdated(b->keeper);
    gather(b);
    b->time = lk_clock_wall();
    lk_result r = b->n == 0 ? LK_FAIL(STALE_REQUEST) : put_signed(b, message);
    if (lk_ok(r))
        lk_token_sign(b->keeper, LK_SIGN_MADE, LK_BYTES(message), batch_signed, b);
    else
        lk_append_cancel(&b->append, r);
}

static bool any_ready(const struct lk_keeper *k)
{
    const struct lk_making *m = k->makings;
    while (m != NULL && (!m->wrapped || m->batched))
        m = m->next;
    return m != NULL;
}

/* One is in the queue at a time; what becomes ready meanwhile is the next one's. */
static void begin_batch(struct lk_keeper *k)
{
    if (k->making_batch != NULL || !any_ready(k))
        return;
    struct lk_making_batch *b = calloc(1, sizeof(*b));
    if (b == NULL)
        lk_keeper_fail(LK_FAIL(MEMORY), "a batch of secrets");
    b->keeper = k;
    b->signed_part = lk_buf(LK_ENVELOPE_MAX);
    b->append = (struct lk_append){.turn = batch_turn, .write = write_batch, .written = batch_written,
                                   .covered = batch_covered, .arg = b, .record = lk_buf(2 * LK_ENVELOPE_MAX)};
    k->making_batch = b;
    lk_append_submit(k, &b->append);
}

/* ---- making ---- */

static void wrapped(void *arg, lk_result r, struct lk_bytes blob)
{
    struct lk_making *m = arg;
    lk_put(&m->blob, blob);
    if (lk_ok(r))
        r = lk_buf_ok(&m->blob);
    if (!lk_ok(r)) {
        fail(m, r);
        return;
    }
    m->wrapped = true;
    begin_batch(m->keeper);
}

/* The bytes are in this process for as long as it takes to hand them over, also those of a KEK that is in the token. */
static void draw(struct lk_making *m, size_t bytes)
{
    struct lk_buf p = lk_buf(lk_frame_max(LK_F_CALL_WRAP));
    LK_SECRET_AUTO secret = {0};
    lk_result r = lk_secret_new(&secret, bytes);
    if (lk_ok(r) && RAND_priv_bytes(secret.data, (int)bytes) != 1)
        r = LK_FAIL(CRYPTO);
    if (lk_ok(r)) {
        lk_call_wrap_put(&p, &(struct lk_call_wrap){m->kek, lk_secret_bytes(&secret)});
        lk_token_call(m->keeper, LK_F_CALL_WRAP, &p, wrapped, m);
    } else {
        wrapped(m, r, LK_BYTES_NONE);
    }
    lk_buf_wipe(&p);
}

static lk_result making_new(struct lk_keeper *k, const struct lk_verdict *v, size_t i, struct lk_ruling_secret *s,
                            const char *decision, struct lk_making **out)
{
    LK_REQUIRE(k->n_makings < MAKINGS_MAX, OVERLOAD);
    struct lk_making *m = calloc(1, sizeof(*m));
    LK_REQUIRE(m != NULL, MEMORY);
    *m = (struct lk_making){.keeper = k, .policy_revision = v->secrets[i].policy_revision, .count = s->make_count,
                            .now = lk_clock_wall(), .kek = s->kek, .blob = lk_buf(LK_BLOB_MAX),
                            .record = lk_buf(LK_AUDIT_RECORD_MAX)};
    memcpy(m->name, v->secrets[i].name, sizeof(m->name));
    memcpy(m->policy, v->secrets[i].policy, sizeof(m->policy));
    memcpy(m->decision, decision, sizeof(m->decision));
    lk_result r = lk_answer_create_record(v, i, decision, m->now, &m->record);
    if (!lk_ok(r)) {
        lk_buf_free(&m->record);
        free(m);
        return r;
    }
    *k->last_making = m;
    k->last_making = &m->next;
    k->n_makings++;
    *out = m;
    return LK_OK;
}

/* Two requests, or two names in one, for the same secret. */
static void join(struct lk_making *m, struct lk_ruling_secret *s, struct lk_create_waiter *w)
{
    if (s->make_count > 0)
        give_back(m->keeper, s->policy->name);
    s->make_count = 0;
    w->next = m->waiters;
    m->waiters = w;
}

void lk_create(struct lk_keeper *k, const struct lk_verdict *v, size_t i, struct lk_ruling_secret *s, const char *decision,
               struct lk_create_waiter *w)
{
    struct lk_making *m = find(k, s->name);
    if (m != NULL) {
        join(m, s, w);
        return;
    }
    lk_result r = making_new(k, v, i, s, decision, &m);
    if (!lk_ok(r)) { /* the budget is still the request's */
        w->done(w->arg, r);
        return;
    }
    s->make_count = 0;
    s->created = true;
    w->next = NULL;
    m->waiters = w;
    draw(m, s->policy->rules->create_bytes);
}
