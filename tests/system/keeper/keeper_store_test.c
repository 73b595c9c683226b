/* SPDX-License-Identifier: Apache-2.0 */
/* Changes, queries and the audit trail; a store or a token that fails. What was acknowledged is never lost. */
#include "tests/system/keeper/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "keystore/audit/audit.h"
#include "keystore/release/pack.h"
#include "proto/base/clock.h"
#include "proto/seal/answer.h"
#include "proto/seal/hash.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct bench bench;
#define B (&bench)

static void put(const char *name, uint64_t revision, const char *value, const char *reason)
{
    struct bench_answer a;
    bench_put(B, name, "sealed", revision, value, &a);
    assert_string_equal(a.reason, reason);
    bench_answer_free(&a);
}

static int setup(void **state)
{
    (void)state;
    bench_new(B);
    bench_start(B);
    bench_policy(B, "prod", "disk/*", "sealed", 0, 0);
    put("disk/1", 0, "one", "OK");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bench_stop(B);
    bench_free(B);
    return 0;
}

static void release(const char *name, uint64_t version, const char *value, const char *reason)
{
    struct lk_ticket t;
    struct lk_verdict v;
    struct bench_answer a;
    bench_ticket(B, NULL, "", &t);
    bench_verdict(B, &t, name, &v);
    v.secrets[0].version = version;
    bench_ask(B, &v, &a);
    assert_string_equal(a.reason, reason);
    if (value != NULL) {
        LK_SECRET_AUTO secret = {0};
        bench_open(B, &a, 0, &v, &secret);
        assert_int_equal(secret.len, strlen(value));
        assert_memory_equal(secret.data, value, secret.len);
    }
    bench_answer_free(&a);
}

/* A deletion of a secret: the smallest change, for tests of the envelope. */
static void deletion(struct bench_change *c, const char *name, uint64_t revision)
{
    bench_change_new(B, c);
    bench_change_add(c, LK_CHANGE_SECRET_DELETE, name, revision, NULL);
}

static void send(struct bench_change *c, const char *key, const char *reason)
{
    struct bench_answer a;
    bench_change_send(B, c, key, &a);
    assert_string_equal(a.reason, reason);
    bench_answer_free(&a);
}

static void versions_are_kept_and_deleted_together(void **state)
{
    struct bench_change c;
    (void)state;
    put("disk/v", 0, "first", "OK");
    put("disk/v", 1, "second", "OK");
    release("disk/v", 0, "second", "OK");
    release("disk/v", 1, "first", "OK");
    release("disk/v", 3, NULL, "REFUSED");
    deletion(&c, "disk/v", 2);
    send(&c, "admin", "OK");
    release("disk/v", 1, NULL, "REFUSED");
    put("disk/v", 0, "third", "OK"); /* versions are not used twice */
    release("disk/v", 3, "third", "OK");
    release("disk/v", 2, NULL, "REFUSED");
}

static void secrets_from_one_byte_to_64_kib(void **state)
{
    char *big = malloc(65537);
    (void)state;
    memset(big, 'x', 65536);
    big[65536] = '\0';
    put("disk/small", 0, "s", "OK");
    put("disk/big", 0, big, "OK");
    release("disk/small", 0, "s", "OK");
    release("disk/big", 0, big, "OK");
    free(big);
}

static void a_change_must_expect_the_revision_that_is(void **state)
{
    struct bench_change c;
    (void)state;
    put("disk/1", 0, "again", "CHANGE_CONFLICT");
    put("disk/1", 7, "again", "CHANGE_CONFLICT");
    deletion(&c, "disk/none", 0);
    send(&c, "admin", "NOT_FOUND");
}

static void only_administrators_sign_changes(void **state)
{
    struct bench_change c;
    (void)state;
    deletion(&c, "disk/1", 1);
    send(&c, "stranger", "CHANGE_SIGNER");
    deletion(&c, "disk/1", 1);
    send(&c, NULL, "CHANGE_MALFORMED"); /* not signed at all */
    release("disk/1", 0, "one", "OK");
}

static void an_envelope_is_for_one_installation_and_a_time(void **state)
{
    struct bench_change c;
    uint8_t other[32] = {1};
    (void)state;
    deletion(&c, "disk/1", 1);
    c.e.installation_id = LK_BYTES(other);
    send(&c, "admin", "CHANGE_INSTALLATION");
    deletion(&c, "disk/1", 1);
    c.e.not_after = lk_clock_wall() - 1;
    send(&c, "admin", "CHANGE_EXPIRED");
}

static void an_envelope_is_applied_once(void **state)
{
    struct bench_change c;
    uint8_t nonce[32];
    (void)state;
    put("disk/r", 0, "r", "OK");
    deletion(&c, "disk/r", 1);
    memcpy(nonce, c.nonce, 32);
    send(&c, "admin", "OK");
    put("disk/r", 0, "r again", "OK");
    deletion(&c, "disk/r", 2);
    c.e.nonce = LK_BYTES(nonce);
    send(&c, "admin", "CHANGE_REPLAYED");
    bench_stop(B);
    bench_start(B);
    deletion(&c, "disk/r", 2);
    c.e.nonce = LK_BYTES(nonce);
    send(&c, "admin", "CHANGE_REPLAYED");
}

static void a_payload_must_be_what_was_signed(void **state)
{
    struct bench_change c;
    LK_BUF_AUTO payload = lk_buf(64);
    (void)state;
    lk_put(&payload, lk_bytes_str("not a policy"));
    bench_change_new(B, &c);
    bench_change_add(&c, LK_CHANGE_POLICY_SET, "other", 0, &payload);
    send(&c, "admin", "CHANGE_PAYLOAD");
    bench_change_new(B, &c);
    bench_change_add(&c, LK_CHANGE_POLICY_SET, "other", 0, &payload);
    c.digests[0][0] ^= 1;
    send(&c, "admin", "CHANGE_PAYLOAD");
}

static void the_last_administrator_stays(void **state)
{
    struct bench_change c;
    (void)state;
    bench_change_new(B, &c);
    bench_change_add(&c, LK_CHANGE_ADMIN_DELETE, "alice", 1, NULL);
    send(&c, "admin", "CHANGE_LAST_ADMIN");
}

/* A policy that no verifier loads goes nowhere, and what was in force stays. */
static void a_policy_that_does_not_load_is_dropped(void **state)
{
    Latchkey__V1__Policy p = LATCHKEY__V1__POLICY__INIT;
    char *releases[] = {(char *)(uintptr_t)"broken/*"};
    struct bench_change c;
    LK_BUF_AUTO payload = lk_buf(1024);
    (void)state;
    p.schema = 1;
    p.name = (char *)(uintptr_t)"broken";
    p.kek = (char *)(uintptr_t)"sealed";
    p.n_releases = 1;
    p.releases = releases;
    assert_true(lk_ok(lk_pack(&payload, &p.base)));
    B->refuse_snapshots = true;
    bench_change_new(B, &c);
    bench_change_add(&c, LK_CHANGE_POLICY_SET, "broken", 0, &payload);
    send(&c, "admin", "CHANGE_DOES_NOT_LOAD");
    B->refuse_snapshots = false;
    release("disk/1", 0, "one", "OK");
    bench_change_new(B, &c);
    bench_change_add(&c, LK_CHANGE_POLICY_SET, "broken", 0, &payload);
    send(&c, "admin", "OK");
}

static void queries_are_answered_signed(void **state)
{
    struct bench_answer a;
    Latchkey__V1__QueryResult *r = bench_query(B, LK_QUERY_LIST, "secret", &a);
    (void)state;
    assert_non_null(r);
    bool found = false;
    for (size_t i = 0; i < r->n_objects; i++)
        found = found || (strcmp(r->objects[i]->name, "disk/1") == 0 && strcmp(r->objects[i]->note, "sealed") == 0);
    assert_true(found);
    latchkey__v1__query_result__free_unpacked(r, NULL);
    bench_answer_free(&a);
    r = bench_query(B, LK_QUERY_GET, "policy/prod", &a);
    assert_non_null(r);
    assert_true(r->payload.len > 0);
    latchkey__v1__query_result__free_unpacked(r, NULL);
    bench_answer_free(&a);
    assert_null(bench_query(B, LK_QUERY_GET, "policy/none", &a));
    assert_string_equal(a.reason, "NOT_FOUND");
    bench_answer_free(&a);
}

static void expect_nonce_refused(const uint8_t nonce[static 32])
{
    struct bench_answer a;
    assert_null(bench_query_with(B, nonce, LK_QUERY_LIST, "secret", &a));
    assert_string_equal(a.reason, "QUERY_NONCE");
    bench_answer_free(&a);
}

static void a_nonce_serves_one_query_whatever_strangers_ask_for(void **state)
{
    struct bench_answer a;
    uint8_t nonce[32], other[32];
    (void)state;
    bench_nonce(B, nonce);
    for (int i = 0; i < 100; i++)
        bench_nonce(B, other);
    Latchkey__V1__QueryResult *r = bench_query_with(B, nonce, LK_QUERY_LIST, "secret", &a);
    assert_non_null(r);
    latchkey__v1__query_result__free_unpacked(r, NULL);
    bench_answer_free(&a);
    expect_nonce_refused(nonce);
    for (size_t i = 0; i < 32; i += 8) { /* its time, its chance, its MAC */
        other[i] ^= 1;
        expect_nonce_refused(other);
        other[i] ^= 1;
    }
}

/* The checkpoint's root is that of the records that came with it. */
static void the_audit_log_proves_itself(void **state)
{
    struct bench_answer a;
    struct lk_merkle tree = {0};
    uint8_t message[LK_CHECKPOINT_SIGNED];
    (void)state;
    Latchkey__V1__QueryResult *r = bench_query(B, LK_QUERY_AUDIT, "audit", &a);
    assert_non_null(r);
    assert_true(r->n_records >= 3 && r->n_records == r->total);
    assert_string_equal(r->records[0]->kind, "start");
    assert_string_equal(r->records[1]->kind, "change");
    for (size_t i = 0; i < r->n_records; i++) {
        assert_int_equal(r->records[i]->index, i);
        assert_true(lk_ok(lk_merkle_append(&tree, r->records[i]->leaf_hash.data)));
    }
    assert_true(lk_ok(lk_audit_checkpoint_message(&tree, message)));
    assert_true(r->checkpoint.len > LK_CHECKPOINT_SIGNED + 2);
    assert_memory_equal(r->checkpoint.data, message, LK_CHECKPOINT_SIGNED);
    latchkey__v1__query_result__free_unpacked(r, NULL);
    bench_answer_free(&a);
}

/* A refusal is told by its decision id: the guest learned REFUSED, the administrator reads why. */
static void a_decision_is_explained(void **state)
{
    struct lk_ticket t;
    struct lk_verdict v;
    struct bench_answer refusal, a;
    (void)state;
    bench_ticket(B, NULL, "", &t);
    bench_verdict(B, &t, "disk/1", &v);
    v.secrets[0].cls = LK_CLASS_REFUSED;
    v.secrets[0].code = LK_R_BUDGET_SPENT;
    (void)lk_report_add(&v.report, LK_R_BUDGET_SPENT, "tpm", "prod/tpm.pcr.sha256.7", "aa", "bb");
    bench_ask(B, &v, &refusal);
    Latchkey__V1__QueryResult *r = bench_query(B, LK_QUERY_DECISION, refusal.decision, &a);
    assert_non_null(r);
    assert_int_equal(r->n_records, 1);
    assert_string_equal(r->records[0]->kind, "refusal");
    assert_string_equal(r->records[0]->findings[0]->rule, "prod/tpm.pcr.sha256.7");
    assert_string_equal(r->records[0]->findings[0]->actual, "bb");
    latchkey__v1__query_result__free_unpacked(r, NULL);
    bench_answer_free(&a);
    bench_answer_free(&refusal);
}

/* kill -9 at any moment: what was acknowledged is there, and the token agrees. */
static void nothing_acknowledged_is_lost(void **state)
{
    uint64_t acknowledged = 0;
    char value[32];
    (void)state;
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 3; i++) {
            snprintf(value, sizeof(value), "value %llu", (unsigned long long)acknowledged + 1);
            put("disk/k", acknowledged, value, "OK");
            acknowledged++;
        }
        release("disk/k", 0, value, "OK");
        bench_kill(&B->keeper, SIGKILL);
        bench_wait_exit(&B->token);
        bench_start(B);
        release("disk/k", acknowledged, value, "OK");
    }
}

/* Killed with releases under way: every answer that left has its record. */
static void every_answer_that_left_has_its_record(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        char ids[16][32];
        size_t n = 0;
        struct lk_verdict v;
        struct lk_ticket t[12];
        for (int i = 0; i < 12; i++)
            bench_ticket(B, NULL, "", &t[i]);
        for (int i = 0; i < 12; i++) {
            bench_verdict(B, &t[i], "disk/1", &v);
            bench_send_verdict(B, i % 2, &v);
        }
        for (size_t i = 0; i < 4 + (size_t)round * 3; i++) {
            struct bench_answer a;
            bench_take_answer(B, &a);
            assert_string_equal(a.reason, "OK");
            snprintf(ids[n++], sizeof(ids[0]), "%s", a.answer->decision_id);
            bench_answer_free(&a);
        }
        bench_kill(&B->keeper, SIGKILL);
        bench_wait_exit(&B->token);
        bench_start(B);
        for (size_t i = 0; i < n; i++) {
            struct bench_answer a;
            Latchkey__V1__QueryResult *r = bench_query(B, LK_QUERY_DECISION, ids[i], &a);
            assert_non_null(r);
            assert_string_equal(r->records[0]->kind, "release");
            latchkey__v1__query_result__free_unpacked(r, NULL);
            bench_answer_free(&a);
        }
    }
}

static void a_token_that_dies_is_replaced(void **state)
{
    (void)state;
    bench_kill(&B->token, SIGKILL);
    usleep(100000);
    release("disk/1", 0, NULL, "TOKEN_AWAY");
    bench_start_token(B);
    for (int i = 0; i < 100; i++) { /* until TOKEN_READY was read */
        struct bench_answer a;
        struct lk_ticket t;
        struct lk_verdict v;
        bench_ticket(B, NULL, "", &t);
        bench_verdict(B, &t, "disk/1", &v);
        bench_ask(B, &v, &a);
        bool back = strcmp(a.reason, "OK") == 0;
        bench_answer_free(&a);
        if (back)
            return;
        usleep(50000);
    }
    fail_msg("the new token is not used");
}

static void a_token_that_hangs_is_told_and_replaced(void **state)
{
    (void)state;
    bench_stop(B);
    B->token_timeout_ms = 500;
    bench_start(B);
    kill(B->token, SIGSTOP);
    release("disk/1", 0, NULL, "TOKEN_AWAY");
    assert_int_equal(bench_recv(B, B->control, LK_LINK_KEEPER_SUPER).type, LK_F_CTL_TOKEN_HUNG);
    bench_kill(&B->token, SIGKILL);
    B->token_timeout_ms = 5000;
    bench_stop(B);
    bench_start(B);
    release("disk/1", 0, "one", "OK");
}

static void a_drained_keeper_leaves(void **state)
{
    (void)state;
    assert_true(lk_ok(lk_frame_send(B->control, LK_F_CTL_DRAIN, 0, LK_BYTES_NONE)));
    assert_int_equal(bench_wait_exit(&B->keeper), 0);
    bench_stop(B);
    bench_start(B);
}

/* Stores that must not be served from */

/* The keeper ends with 78, and its log says why. */
static void expect_no_start(const char *code)
{
    char path[96], want[64], log[4096] = "";
    snprintf(path, sizeof(path), "%s/keeper.log", B->folder);
    int ours = dup(STDERR_FILENO), file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(ours >= 0 && file >= 0);
    dup2(file, STDERR_FILENO);
    bench_start_keeper(B);
    dup2(ours, STDERR_FILENO);
    bench_start_token(B);
    bench_new_front(B);
    assert_int_equal(bench_wait_exit(&B->keeper), 78);
    assert_true(pread(file, log, sizeof(log) - 1, 0) > 0);
    close(ours);
    close(file);
    snprintf(want, sizeof(want), "code=%s ", code);
    if (strstr(log, want) == NULL)
        fail_msg("no %s in: %s", want, log);
    bench_stop(B);
}

static void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *fmt, ...)
{
    char command[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof(command), fmt, ap);
    va_end(ap);
    bench_run(command);
}

static void an_older_copy_of_the_store_is_noticed(void **state)
{
    (void)state;
    bench_stop(B);
    run("cp -r %s %s/old", B->state, B->folder);
    bench_start(B);
    put("disk/newer", 0, "x", "OK");
    bench_stop(B);
    run("mv %s %s/good && mv %s/old %s", B->state, B->folder, B->folder, B->state);
    expect_no_start("STORE_ROLLED_BACK");
    run("rm -rf %s && mv %s/good %s", B->state, B->folder, B->state);
    bench_start(B);
    release("disk/newer", 0, "x", "OK");
}

static void a_damaged_store_releases_nothing(void **state)
{
    char path[128];
    uint8_t page[4096];
    (void)state;
    bench_stop(B);
    run("cp -r %s %s/good", B->state, B->folder);
    snprintf(path, sizeof(path), "%s/data.mdb", B->state);
    int fd = open(path, O_RDWR);
    off_t end = lseek(fd, 0, SEEK_END);
    for (off_t at = 2 * 4096; at < end; at += 4096) { /* every page but the two that LMDB begins with */
        assert_int_equal(pread(fd, page, sizeof(page), at), sizeof(page));
        for (size_t i = 1000; i < 1016; i++)
            page[i] ^= 0x5a;
        assert_int_equal(pwrite(fd, page, sizeof(page), at), sizeof(page));
    }
    close(fd);
    expect_no_start("STORE_DAMAGED");
    assert_int_equal(truncate(path, end / 2), 0);
    expect_no_start("STORE_DAMAGED");
    run("rm %s/*", B->state);
    expect_no_start("STORE_MISSING");
    run("rm -rf %s && mv %s/good %s", B->state, B->folder, B->state);
    bench_start(B);
    release("disk/1", 0, "one", "OK");
}

static void a_store_of_another_token_is_foreign(void **state)
{
    static struct bench other;
    (void)state;
    bench_stop(B);
    bench_new(&other);
    run("mv %s %s/good && cp -r %s %s", B->state, B->folder, other.state, B->state);
    expect_no_start("STORE_FOREIGN");
    run("rm -rf %s && mv %s/good %s", B->state, B->folder, B->state);
    bench_free(&other);
    bench_start(B);
    release("disk/1", 0, "one", "OK");
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
    const struct CMUnitTest tests[] = {
        T(the_audit_log_proves_itself),
        T(versions_are_kept_and_deleted_together),
        T(secrets_from_one_byte_to_64_kib),
        T(a_change_must_expect_the_revision_that_is),
        T(only_administrators_sign_changes),
        T(an_envelope_is_for_one_installation_and_a_time),
        T(an_envelope_is_applied_once),
        T(a_payload_must_be_what_was_signed),
        T(the_last_administrator_stays),
        T(a_policy_that_does_not_load_is_dropped),
        T(queries_are_answered_signed),
        T(a_nonce_serves_one_query_whatever_strangers_ask_for),
        T(a_decision_is_explained),
        T(nothing_acknowledged_is_lost),
        T(every_answer_that_left_has_its_record),
        T(a_token_that_dies_is_replaced),
        T(a_token_that_hangs_is_told_and_replaced),
        T(a_drained_keeper_leaves),
        T(an_older_copy_of_the_store_is_noticed),
        T(a_damaged_store_releases_nothing),
        T(a_store_of_another_token_is_foreign),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
