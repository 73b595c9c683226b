/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets that are made on first use: once each, never half, and only where the policy, the statement and the past allow it. */
#include "tests/system/keeper/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "keystore/token/calls.h"
#include "proto/base/clock.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BYTES 32
#define FRAME_MAX (256u << 10)
#define ok(r) assert_int_equal((int)(r).code, LK_R_OK)

static struct bench bench;
#define B (&bench)

/* ---- between keeper and token: what is told, and where the keeper dies ---- */

static struct {
    pthread_t thread;
    int keeper, token;
    bool running;
    atomic_bool refuse_heads;
    atomic_int kill_at; /* a call's frame type; for CALL_SIGN one of made secrets only. 0: nowhere */
    atomic_bool kill_after; /* once the token has answered, else before it is asked */
    uint64_t watched;       /* the call's number */
} relay;

static bool is_watched(const struct lk_frame *f)
{
    struct lk_call_sign sign;
    if (f->type != atomic_load(&relay.kill_at))
        return false;
    return f->type != LK_F_CALL_SIGN || (lk_ok(lk_call_sign_get(f->payload, &sign)) && sign.domain == LK_SIGN_MADE);
}

static bool refuse(const struct lk_frame *f)
{
    LK_BUF_AUTO p = lk_buf(16);
    lk_call_result_put(&p, LK_FAIL(TOKEN_AWAY), LK_BYTES_NONE);
    return lk_ok(lk_frame_send(relay.keeper, LK_F_RESULT, f->request, lk_buf_bytes(&p)));
}

/* False at the end of the link. */
static bool from_keeper(uint8_t *buf)
{
    struct lk_frame f;
    if (!lk_ok(lk_frame_recv(relay.keeper, LK_LINK_KEEPER_TOKEN, buf, FRAME_MAX, &f)))
        return false;
    if (f.type == LK_F_CALL_HEAD && atomic_load(&relay.refuse_heads))
        return refuse(&f);
    if (is_watched(&f)) {
        relay.watched = f.request;
        if (!atomic_load(&relay.kill_after))
            kill(B->keeper, SIGKILL);
    }
    return lk_ok(lk_frame_send(relay.token, f.type, f.request, f.payload));
}

static bool from_token(uint8_t *buf)
{
    struct lk_frame f;
    if (!lk_ok(lk_frame_recv(relay.token, LK_LINK_TOKEN_KEEPER, buf, FRAME_MAX, &f)))
        return false;
    if (f.type == LK_F_RESULT && f.request == relay.watched && relay.watched != 0)
        kill(B->keeper, SIGKILL);
    return lk_ok(lk_frame_send(relay.keeper, f.type, f.request, f.payload));
}

static void *run_relay(void *arg)
{
    static uint8_t buf[FRAME_MAX];
    struct pollfd p[2] = {{.fd = relay.keeper, .events = POLLIN}, {.fd = relay.token, .events = POLLIN}};
    bool going = true;
    (void)arg;
    while (going && poll(p, 2, -1) > 0) {
        if (p[0].revents != 0)
            going = from_keeper(buf);
        if (going && p[1].revents != 0)
            going = from_token(buf);
    }
    close(relay.keeper);
    close(relay.token);
    return NULL;
}

static void end_relay(void)
{
    if (relay.running)
        assert_int_equal(pthread_join(relay.thread, NULL), 0);
    relay.running = false;
}

static int through_relay(int token)
{
    int link[2];
    end_relay();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link), 0);
    relay.keeper = link[0];
    relay.token = token;
    relay.watched = 0;
    atomic_store(&relay.kill_at, 0);
    relay.running = pthread_create(&relay.thread, NULL, run_relay, NULL) == 0;
    assert_true(relay.running);
    return link[1];
}

/* ---- asking ---- */

static void ask_for(const char *name, const char *policy, bool create, struct lk_verdict *v)
{
    struct lk_ticket t;
    bench_ticket(B, NULL, "", &t);
    bench_verdict(B, &t, name, v);
    snprintf(v->secrets[0].policy, sizeof(v->secrets[0].policy), "%s", policy);
    v->secrets[0].create = create;
}

static void open_answer(const struct bench_answer *a, const struct lk_verdict *v, bool created, uint8_t out[static BYTES])
{
    LK_SECRET_AUTO secret = {0};
    assert_string_equal(a->reason, "OK");
    assert_int_equal(a->answer->secrets[0]->created, created);
    assert_int_equal(a->answer->secrets[0]->version, 1);
    bench_open(B, a, 0, v, &secret);
    assert_int_equal(secret.len, BYTES);
    memcpy(out, secret.data, BYTES);
}

static void take(const char *name, bool create, bool created, uint8_t out[static BYTES])
{
    struct lk_verdict v;
    struct bench_answer a;
    ask_for(name, "prod", create, &v);
    bench_ask(B, &v, &a);
    open_answer(&a, &v, created, out);
    bench_answer_free(&a);
}

/* What the guest is told, and what the record says of it. */
static void expect(const struct lk_verdict *v, const char *told, const char *recorded)
{
    struct bench_answer a, q;
    bench_ask(B, v, &a);
    assert_string_equal(a.reason, told);
    Latchkey__V1__QueryResult *r = bench_query(B, LK_QUERY_DECISION, a.decision, &q);
    assert_non_null(r);
    assert_string_equal(r->records[0]->secrets[0]->code, recorded);
    latchkey__v1__query_result__free_unpacked(r, NULL);
    bench_answer_free(&q);
    bench_answer_free(&a);
}

static void refused(const char *name, const char *policy, bool create, const char *told, const char *recorded)
{
    struct lk_verdict v;
    ask_for(name, policy, create, &v);
    expect(&v, told, recorded);
}

static Latchkey__V1__QueryResult *query(enum lk_change_kind kind, const char *object)
{
    struct bench_answer a;
    Latchkey__V1__QueryResult *r = bench_query(B, kind, object, &a);
    bench_answer_free(&a);
    return r;
}

static void delete(const char *name, uint64_t revision)
{
    struct bench_change c;
    struct bench_answer a;
    bench_change_new(B, &c);
    bench_change_add(&c, LK_CHANGE_SECRET_DELETE, name, revision, NULL);
    bench_change_send(B, &c, "admin", &a);
    assert_string_equal(a.reason, "OK");
    bench_answer_free(&a);
}

static int setup(void **state)
{
    (void)state;
    bench_new(B);
    B->token_link = through_relay;
    bench_start(B);
    bench_policy_that_makes(B, "prod", "disk/{tpm.ek-sha256}", "sealed", 0, BYTES, 1000);
    bench_policy_that_makes(B, "few", "few/{tpm.ek-sha256}", "sealed", 0, 16, 2);
    bench_policy_that_makes(B, "hsm", "hsm/{tpm.ek-sha256}", "in-token", 0, BYTES, 10);
    bench_policy_that_makes(B, "loose", "loose/*", "sealed", 0, BYTES, 10);
    bench_policy(B, "plain", "plain/{tpm.ek-sha256}", "sealed", 0, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bench_stop(B);
    end_relay();
    bench_free(B);
    return 0;
}

static size_t records_of(const char *kind, const char *decision)
{
    Latchkey__V1__QueryResult *r = query(LK_QUERY_AUDIT, "audit");
    size_t n = 0;
    for (size_t i = 0; i < r->n_records; i++)
        n += strcmp(r->records[i]->kind, kind) == 0 && strcmp(r->records[i]->decision_id, decision) == 0;
    latchkey__v1__query_result__free_unpacked(r, NULL);
    return n;
}

static void made_once_and_then_kept(void **state)
{
    struct lk_verdict v;
    struct bench_answer a;
    uint8_t first[BYTES], again[BYTES], zero[BYTES] = {0};
    char made_by[128];
    (void)state;
    ask_for("disk/aa", "prod", true, &v);
    bench_ask(B, &v, &a);
    open_answer(&a, &v, true, first);
    assert_memory_not_equal(first, zero, BYTES);
    assert_int_equal(records_of("create", a.answer->decision_id), 1);
    assert_int_equal(records_of("release", a.answer->decision_id), 1);
    snprintf(made_by, sizeof(made_by), "policy prod 1, decision %s", a.answer->decision_id);
    bench_answer_free(&a);
    take("disk/aa", true, false, again);
    assert_memory_equal(first, again, BYTES);
    take("disk/aa", false, false, again);
    assert_memory_equal(first, again, BYTES);
    Latchkey__V1__QueryResult *r = query(LK_QUERY_GET, "secret/disk/aa");
    assert_string_equal(r->objects[0]->made_by, made_by);
    assert_string_equal(r->objects[0]->note, "sealed");
    assert_int_equal(r->objects[0]->revision, 1);
    latchkey__v1__query_result__free_unpacked(r, NULL);
    take("disk/ab", true, true, again);
    assert_memory_not_equal(first, again, BYTES);
}

static void each_condition_alone(void **state)
{
    struct lk_verdict v;
    (void)state;
    refused("disk/none", "prod", false, "REFUSED", "CREATE_NOT_ASKED");
    refused("plain/none", "plain", true, "REFUSED", "CREATE_NOT_ALLOWED");
    refused("plain/none", "plain", false, "REFUSED", "SECRET_UNKNOWN");
    refused("loose/none", "loose", true, "REFUSED", "CREATE_NOT_ALLOWED"); /* a policy that no verifier would have loaded */
    refused("elsewhere/none", "prod", true, "REFUSED", "SECRET_POLICY");
    ask_for("disk/none", "prod", true, &v);
    v.secrets[0].version = 1;
    expect(&v, "REFUSED", "SECRET_UNKNOWN");
    ask_for("disk/none", "prod", true, &v);
    v.secrets[0].cls = LK_CLASS_REFUSED;
    v.secrets[0].code = LK_R_RELEASE_OTHER_MACHINE;
    expect(&v, "REFUSED", "RELEASE_OTHER_MACHINE");
    ask_for("hsm/none", "hsm", true, &v); /* an HPKE recipient */
    expect(&v, "SECRET_KEK", "SECRET_KEK");
    Latchkey__V1__QueryResult *r = query(LK_QUERY_LIST, "secret");
    for (size_t i = 0; i < r->n_objects; i++)
        assert_null(strstr(r->objects[i]->name, "none"));
    latchkey__v1__query_result__free_unpacked(r, NULL);
}

static void what_an_administrator_deleted_stays_deleted(void **state)
{
    struct bench_answer a;
    uint8_t secret[BYTES];
    (void)state;
    take("disk/gone", true, true, secret);
    delete("disk/gone", 1);
    refused("disk/gone", "prod", true, "REFUSED", "CREATE_DELETED");
    bench_put(B, "disk/gone", "sealed", 0, "by hand", &a); /* versions go on */
    assert_string_equal(a.reason, "OK");
    bench_answer_free(&a);
    Latchkey__V1__QueryResult *r = query(LK_QUERY_GET, "secret/disk/gone");
    assert_int_equal(r->objects[0]->revision, 2);
    assert_string_equal(r->objects[0]->made_by, "");
    latchkey__v1__query_result__free_unpacked(r, NULL);
}

static void take_few(const char *name)
{
    struct lk_verdict v;
    struct bench_answer a;
    LK_SECRET_AUTO secret = {0};
    ask_for(name, "few", true, &v);
    bench_ask(B, &v, &a);
    assert_string_equal(a.reason, "OK");
    bench_open(B, &a, 0, &v, &secret);
    assert_int_equal(secret.len, 16);
    bench_answer_free(&a);
}

static void a_policy_has_so_many_made_in_a_day(void **state)
{
    (void)state;
    take_few("few/1");
    take_few("few/2");
    refused("few/3", "few", true, "CREATE_BUDGET", "CREATE_BUDGET");
    take_few("few/1"); /* what is there costs nothing */
    bench_stop(B);
    bench_start(B);
    refused("few/3", "few", true, "CREATE_BUDGET", "CREATE_BUDGET");
}

static void an_in_token_secret_goes_to_an_rsa_key(void **state)
{
    struct lk_verdict v;
    struct bench_answer a;
    uint8_t first[BYTES], again[BYTES];
    (void)state;
    ask_for("hsm/aa", "hsm", true, &v);
    bench_recipient_rsa(B, &v);
    bench_ask(B, &v, &a);
    open_answer(&a, &v, true, first);
    bench_answer_free(&a);
    ask_for("hsm/aa", "hsm", false, &v);
    bench_recipient_rsa(B, &v);
    bench_ask(B, &v, &a);
    open_answer(&a, &v, false, again);
    bench_answer_free(&a);
    assert_memory_equal(first, again, BYTES);
}

static void the_same_statement_gets_the_same_answer(void **state)
{
    struct lk_verdict v;
    struct bench_answer a, b;
    (void)state;
    ask_for("disk/repeat", "prod", true, &v);
    bench_ask(B, &v, &a);
    bench_ask(B, &v, &b);
    assert_string_equal(b.reason, "OK");
    assert_int_equal(a.body_len, b.body_len);
    assert_memory_equal(a.body, b.body, a.body_len);
    assert_true(b.answer->secrets[0]->created);
    bench_answer_free(&a);
    bench_answer_free(&b);
    v.statement_hash[0] ^= 1; /* another statement under the ticket */
    bench_ask(B, &v, &a);
    assert_string_equal(a.reason, "TICKET_SPENT");
    bench_answer_free(&a);
}

/* Several machines that claim to be one, at once: they get one secret. */
static void one_is_made_for_all_who_ask_at_once(void **state)
{
    enum { N = 6 };
    struct lk_verdict v[N];
    uint8_t secret[N][BYTES];
    size_t created = 0;
    (void)state;
    for (int i = 0; i < N; i++)
        ask_for("disk/crowd", "prod", true, &v[i]);
    for (int i = 0; i < N; i++)
        bench_send_verdict(B, i % BENCH_WORKERS, &v[i]);
    for (int n = 0; n < N; n++) {
        struct bench_answer a;
        int i = 0;
        bench_take_answer(B, &a);
        assert_string_equal(a.reason, "OK");
        while (memcmp(a.answer->statement_hash.data, v[i].statement_hash, 64) != 0)
            i++;
        created += a.answer->secrets[0]->created ? 1 : 0;
        open_answer(&a, &v[i], a.answer->secrets[0]->created, secret[i]);
        bench_answer_free(&a);
    }
    assert_int_equal(created, 1);
    for (int i = 1; i < N; i++)
        assert_memory_equal(secret[0], secret[i], BYTES);
}

static uint64_t entries(void)
{
    struct bench_change c;
    struct bench_answer a;
    bench_put(B, "plain/mark", "sealed", 0, "x", &a);
    assert_string_equal(a.reason, "OK");
    Latchkey__V1__ChangeResponse *r = latchkey__v1__change_response__unpack(NULL, a.body_len, a.body);
    uint64_t index = r->index, revision = r->revisions[0];
    latchkey__v1__change_response__free_unpacked(r, NULL);
    bench_answer_free(&a);
    bench_change_new(B, &c);
    bench_change_add(&c, LK_CHANGE_SECRET_DELETE, "plain/mark", revision, NULL);
    bench_change_send(B, &c, "admin", &a);
    assert_string_equal(a.reason, "OK");
    bench_answer_free(&a);
    return index;
}

/* A fleet's first boot: entries, signatures and heads are for groups of machines. */
static void what_gathers_is_made_together(void **state)
{
    enum { N = 80 };
    struct lk_verdict *v = calloc(N, sizeof(*v));
    (void)state;
    assert_non_null(v);
    uint64_t before = entries();
    for (int i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof(name), "disk/fleet-%d", i);
        ask_for(name, "prod", true, &v[i]);
    }
    for (int i = 0; i < N; i++)
        bench_send_verdict(B, i % BENCH_WORKERS, &v[i]);
    for (int i = 0; i < N; i++) {
        struct bench_answer a;
        bench_take_answer(B, &a);
        assert_string_equal(a.reason, "OK");
        assert_true(a.answer->secrets[0]->created);
        bench_answer_free(&a);
    }
    uint64_t made = entries() - before - 2; /* the mark and its deletion */
    assert_in_range(made, 1, N / 4);
    free(v);
}

/* Several secrets of one request: one entry, one attestation. */
static void several_of_one_request(void **state)
{
    struct lk_verdict v;
    struct bench_answer a;
    (void)state;
    ask_for("disk/one", "prod", true, &v);
    v.n_secrets = 3;
    v.secrets[1] = v.secrets[2] = v.secrets[0];
    strcpy(v.secrets[1].name, "disk/two");
    bench_ask(B, &v, &a);
    assert_string_equal(a.reason, "OK");
    struct lk_secret secrets[3] = {{0}, {0}, {0}};
    for (size_t i = 0; i < 3; i++)
        bench_open(B, &a, i, &v, &secrets[i]);
    assert_memory_not_equal(secrets[0].data, secrets[1].data, BYTES);
    assert_memory_equal(secrets[0].data, secrets[2].data, BYTES); /* the same name twice */
    bench_answer_free(&a);
    for (size_t i = 0; i < 3; i++)
        lk_secret_free(&secrets[i]);
}

/* A worker whose verdicts pile up, as while the token does not answer, gets no more of the keeper's memory. */
static void verdicts_in_flight_are_bounded(void **state)
{
    enum { N = 300, MOST = 256 };
    struct lk_verdict *v = calloc(N, sizeof(*v));
    size_t overload = 0, released = 0;
    (void)state;
    assert_non_null(v);
    for (int i = 0; i < N; i++)
        ask_for("disk/aa", "prod", false, &v[i]);
    assert_int_equal(kill(B->token, SIGSTOP), 0);
    for (int i = 0; i < N; i++) {
        bench_send_verdict(B, 0, &v[i]);
        if (i >= MOST) { /* answered at once */
            struct bench_answer a;
            bench_take_answer(B, &a);
            assert_string_equal(a.reason, "OVERLOAD");
            assert_true(a.retry);
            overload++;
            bench_answer_free(&a);
        }
    }
    assert_int_equal(kill(B->token, SIGCONT), 0);
    for (; released < MOST; released++) {
        struct bench_answer a;
        bench_take_answer(B, &a);
        assert_string_equal(a.reason, "OK");
        bench_answer_free(&a);
    }
    assert_int_equal(overload + released, N);
    free(v);
}

/* On the disk, but an older copy of the store would not be noticed yet: it does not leave. */
static void it_leaves_once_the_token_has_the_head(void **state)
{
    struct lk_verdict v;
    struct bench_answer a;
    uint8_t secret[BYTES];
    (void)state;
    atomic_store(&relay.refuse_heads, true);
    for (int i = 0; i < 2; i++) { /* made, and there already */
        ask_for("disk/uncovered", "prod", true, &v);
        bench_ask(B, &v, &a);
        assert_string_equal(a.reason, "TOKEN_AWAY");
        assert_true(a.retry);
        bench_answer_free(&a);
    }
    atomic_store(&relay.refuse_heads, false);
    for (int i = 0; i < 100; i++) { /* the keeper tells the token by itself */
        ask_for("disk/uncovered", "prod", false, &v);
        bench_ask(B, &v, &a);
        bool covered = strcmp(a.reason, "OK") == 0;
        if (covered)
            open_answer(&a, &v, false, secret);
        bench_answer_free(&a);
        if (covered)
            return;
        usleep(50000);
    }
    fail_msg("the token is never told of the head");
}

static void start_again(void)
{
    assert_int_equal(bench_wait_exit(&B->keeper), 128 + SIGKILL);
    bench_wait_exit(&B->token);
    bench_start(B);
}

/* kill -9 at each step: there is no secret yet, or the one that the machine gets when it comes again. */
static void a_keeper_that_dies_at_any_step(void **state)
{
    static const struct {
        uint16_t call;
        bool after, there;
    } steps[] = {
        {LK_F_CALL_WRAP, false, false}, {LK_F_CALL_WRAP, true, false}, {LK_F_CALL_SIGN, false, false},
        {LK_F_CALL_SIGN, true, false},  {LK_F_CALL_HEAD, false, true}, {LK_F_CALL_HEAD, true, true},
        {LK_F_CALL_UNWRAP, false, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        char name[32];
        struct lk_verdict v;
        uint8_t first[BYTES], again[BYTES];
        snprintf(name, sizeof(name), "disk/step-%zu", i);
        ask_for(name, "prod", true, &v);
        atomic_store(&relay.kill_after, steps[i].after);
        atomic_store(&relay.kill_at, steps[i].call);
        bench_send_verdict(B, 0, &v);
        start_again();
        take(name, true, !steps[i].there, first);
        take(name, false, false, again);
        assert_memory_equal(first, again, BYTES);
    }
}

/* The same at moments between the steps, with more than one under way: what left is kept. */
static void a_keeper_that_dies_at_any_moment(void **state)
{
    enum { N = 8, ROUNDS = 5 };
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct lk_verdict v[N];
        uint8_t left[N][BYTES], again[BYTES];
        bool answered[N] = {false};
        char name[32];
        for (int i = 0; i < N; i++) {
            snprintf(name, sizeof(name), "disk/moment-%d-%d", round, i);
            ask_for(name, "prod", true, &v[i]);
        }
        for (int i = 0; i < N; i++)
            bench_send_verdict(B, i % BENCH_WORKERS, &v[i]);
        for (int n = 0; n < round; n++) {
            struct bench_answer a;
            int i = 0;
            bench_take_answer(B, &a);
            while (memcmp(a.answer->statement_hash.data, v[i].statement_hash, 64) != 0)
                i++;
            open_answer(&a, &v[i], true, left[i]);
            answered[i] = true;
            bench_answer_free(&a);
        }
        usleep((useconds_t)round * 3000);
        kill(B->keeper, SIGKILL);
        start_again();
        for (int i = 0; i < N; i++) {
            struct bench_answer a;
            struct lk_verdict w;
            ask_for(v[i].secrets[0].name, "prod", true, &w);
            bench_ask(B, &w, &a);
            open_answer(&a, &w, a.answer->secrets[0]->created, again);
            assert_false(answered[i] && a.answer->secrets[0]->created);
            if (answered[i])
                assert_memory_equal(left[i], again, BYTES);
            bench_answer_free(&a);
        }
    }
}

/* A copy of the store from before a secret was made: the machine must not get another one from it. */
static void an_older_store_is_not_served(void **state)
{
    char command[512];
    uint8_t secret[BYTES];
    (void)state;
    bench_stop(B);
    snprintf(command, sizeof(command), "cp %s/data.mdb %s/older.mdb", B->state, B->folder);
    bench_run(command);
    bench_start(B);
    take("disk/newer", true, true, secret);
    bench_stop(B);
    snprintf(command, sizeof(command), "cp %s/data.mdb %s/newer.mdb && cp %s/older.mdb %s/data.mdb && rm -f %s/lock.mdb",
             B->state, B->folder, B->folder, B->state, B->state);
    bench_run(command);
    bench_start_keeper(B);
    bench_start_token(B);
    assert_int_not_equal(bench_wait_exit(&B->keeper), 0);
    bench_stop(B);
    snprintf(command, sizeof(command), "cp %s/newer.mdb %s/data.mdb && rm -f %s/lock.mdb", B->folder, B->state, B->state);
    bench_run(command);
    bench_start(B);
    take("disk/newer", true, false, secret);
}

/* ---- measured, not tested: a fleet's first boot, and its second ---- */

#define FLEET 1000
#define AT_ONCE 256

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double boot_fleet(bool create)
{
    struct lk_verdict *v = calloc(FLEET, sizeof(*v));
    assert_non_null(v);
    for (int i = 0; i < FLEET; i++) {
        char name[32];
        snprintf(name, sizeof(name), "disk/machine-%d", i);
        ask_for(name, "prod", create, &v[i]);
    }
    double start = seconds();
    for (int sent = 0, taken = 0; taken < FLEET; taken++) {
        struct bench_answer a;
        for (; sent < FLEET && sent - taken < AT_ONCE; sent++) {
            v[sent].deadline_mono_ms = lk_clock_mono_ms() + 60000;
            v[sent].time = lk_clock_wall();
            bench_send_verdict(B, sent % BENCH_WORKERS, &v[sent]);
        }
        bench_take_answer(B, &a);
        assert_string_equal(a.reason, "OK");
        bench_answer_free(&a);
    }
    free(v);
    return seconds() - start;
}

static void storm(void **state)
{
    (void)state;
    uint64_t before = entries();
    double first = boot_fleet(true);
    uint64_t made = entries() - before - 2;
    double second = boot_fleet(false);
    printf("{\"secrets\": %d, \"at_once\": %d, \"entries\": %llu, \"made_seconds\": %.3f, \"released_seconds\": %.3f}\n", FLEET,
           AT_ONCE, (unsigned long long)made, first, second);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest measured[] = {cmocka_unit_test(storm)};
    if (argc == 2 && strcmp(argv[1], "--storm") == 0)
        return cmocka_run_group_tests(measured, setup, teardown);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_once_and_then_kept),
        cmocka_unit_test(each_condition_alone),
        cmocka_unit_test(what_an_administrator_deleted_stays_deleted),
        cmocka_unit_test(a_policy_has_so_many_made_in_a_day),
        cmocka_unit_test(an_in_token_secret_goes_to_an_rsa_key),
        cmocka_unit_test(the_same_statement_gets_the_same_answer),
        cmocka_unit_test(one_is_made_for_all_who_ask_at_once),
        cmocka_unit_test(what_gathers_is_made_together),
        cmocka_unit_test(several_of_one_request),
        cmocka_unit_test(verdicts_in_flight_are_bounded),
        cmocka_unit_test(it_leaves_once_the_token_has_the_head),
        cmocka_unit_test(a_keeper_that_dies_at_any_step),
        cmocka_unit_test(a_keeper_that_dies_at_any_moment),
        cmocka_unit_test(an_older_store_is_not_served),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
