/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper with its token: releases, the attacks of the design, hostile neighbours. */
#include "tests/system/keeper/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "proto/base/clock.h"
#include "proto/seal/hash.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct bench bench;
#define B (&bench)

static int setup(void **state)
{
    struct bench_answer a;
    (void)state;
    bench_new(B);
    bench_start(B);
    bench_policy(B, "prod", "disk/*", "sealed", 0, 0);
    bench_policy(B, "hsm", "hsm/*", "in-token", 0, 0);
    bench_policy(B, "few", "few/*", "sealed", 0, 1);
    bench_policy_that_explains(B, "open", "open/*");
    const char *const puts[][3] = {{"disk/1", "sealed", "the first secret"}, {"disk/2", "sealed", "2"},
                                   {"hsm/1", "in-token", "never outside"}, {"few/1", "sealed", "rationed"},
                                   {"other/1", "sealed", "uncovered"}};
    for (size_t i = 0; i < sizeof(puts) / sizeof(puts[0]); i++) {
        bench_put(B, puts[i][0], puts[i][1], 0, puts[i][2], &a);
        assert_string_equal(a.reason, "OK");
        bench_answer_free(&a);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bench_stop(B);
    bench_free(B);
    return 0;
}

/* A fresh plain ticket and a verdict that affirms this secret by it. */
static void fresh(const char *secret, struct lk_verdict *v)
{
    struct lk_ticket t;
    bench_ticket(B, NULL, "", &t);
    bench_verdict(B, &t, secret, v);
}

/* Asks, and expects this reason and class of the whole, told to the guest. */
static void expect(const struct lk_verdict *v, const char *reason, const char *cls, int status)
{
    struct bench_answer a;
    bench_ask(B, v, &a);
    assert_string_equal(a.reason, reason);
    assert_string_equal(a.cls, cls);
    assert_int_equal(a.status, status);
    assert_int_equal(a.retry, strcmp(cls, "unavailable") == 0);
    assert_true(a.decision[0] != '\0');
    if (a.answer != NULL)
        for (size_t i = 0; i < a.answer->n_secrets; i++)
            assert_int_equal(a.answer->secrets[i]->ciphertext.len, 0);
    bench_answer_free(&a);
}

static void expect_secret(const struct lk_verdict *v, const char *text)
{
    struct bench_answer a;
    LK_SECRET_AUTO secret = {0};
    bench_ask(B, v, &a);
    assert_string_equal(a.reason, "OK");
    assert_string_equal(a.answer->secrets[0]->class_, "affirmed");
    bench_open(B, &a, 0, v, &secret);
    assert_int_equal(secret.len, strlen(text));
    assert_memory_equal(secret.data, text, secret.len);
    bench_answer_free(&a);
}

/* Releases */

static void a_sealed_secret_is_released(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("disk/1", &v);
    expect_secret(&v, "the first secret");
}

static void a_sealed_secret_goes_to_an_rsa_recipient(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("disk/1", &v);
    bench_recipient_rsa(B, &v);
    expect_secret(&v, "the first secret");
}

static void an_in_token_secret_is_rewrapped(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("hsm/1", &v);
    strcpy(v.secrets[0].policy, "hsm");
    bench_recipient_rsa(B, &v);
    expect_secret(&v, "never outside");
}

static void an_in_token_secret_is_never_sealed_by_the_keeper(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("hsm/1", &v);
    strcpy(v.secrets[0].policy, "hsm");
    expect(&v, "SECRET_KEK", "refused", 7);
}

static void several_secrets_one_refused(void **state)
{
    struct lk_verdict v;
    struct bench_answer a;
    LK_SECRET_AUTO secret = {0};
    (void)state;
    fresh("disk/nothing", &v);
    v.n_secrets = 2;
    v.secrets[1] = v.secrets[0];
    strcpy(v.secrets[1].name, "disk/2");
    bench_ask(B, &v, &a);
    assert_string_equal(a.reason, "OK");
    assert_string_equal(a.answer->secrets[0]->code, "REFUSED");
    assert_string_equal(a.answer->secrets[0]->class_, "refused");
    assert_string_equal(a.answer->secrets[1]->code, "OK");
    bench_open(B, &a, 1, &v, &secret);
    assert_int_equal(secret.len, 1);
    bench_answer_free(&a);
}

/* What is refused by policy and what does not exist look the same. */
static void an_unknown_secret_looks_refused(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("disk/nothing", &v);
    expect(&v, "REFUSED", "refused", 7);
    fresh("disk/1", &v);
    v.secrets[0].cls = LK_CLASS_REFUSED;
    v.secrets[0].code = LK_R_SECRET_UNKNOWN;
    expect(&v, "REFUSED", "refused", 7);
}

/* Refused by the policy of "disk" and by that of "open"; both findings are in the verdict. */
static void expect_findings(const char *first, const char *second, size_t n)
{
    struct lk_verdict v;
    struct bench_answer a;
    fresh(first, &v);
    v.n_secrets = 2;
    v.secrets[1] = v.secrets[0];
    strcpy(v.secrets[1].name, second);
    for (size_t i = 0; i < 2; i++) {
        bool open = strncmp(v.secrets[i].name, "open", 4) == 0;
        strcpy(v.secrets[i].policy, open ? "open" : "prod");
        v.secrets[i].code = LK_R_TPM_PCR;
        v.secrets[i].cls = LK_CLASS_REFUSED;
        assert_int_equal(lk_report_add(&v.report, LK_R_TPM_PCR, "tpm", v.secrets[i].policy, "aa", "bb").code, LK_R_TPM_PCR);
    }
    bench_ask(B, &v, &a);
    assert_string_equal(a.reason, "TPM_PCR");
    assert_string_equal(a.answer->secrets[0]->code, "TPM_PCR");
    assert_string_equal(a.answer->secrets[1]->code, strncmp(second, "open", 4) == 0 ? "TPM_PCR" : "REFUSED");
    assert_int_equal(a.answer->secrets[0]->n_findings, n);
    assert_int_equal(a.answer->secrets[1]->n_findings, n);
    bench_answer_free(&a);
}

static void findings_leave_only_when_every_policy_explains(void **state)
{
    (void)state;
    expect_findings("open/1", "open/2", 2);
    expect_findings("open/1", "disk/1", 0);
}

static void the_budget_of_a_day_is_kept_over_a_restart(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("few/1", &v);
    strcpy(v.secrets[0].policy, "few");
    expect_secret(&v, "rationed");
    fresh("few/1", &v);
    strcpy(v.secrets[0].policy, "few");
    expect(&v, "BUDGET_SPENT", "refused", 7);
    bench_stop(B);
    bench_start(B);
    fresh("few/1", &v);
    strcpy(v.secrets[0].policy, "few");
    expect(&v, "BUDGET_SPENT", "refused", 7);
}

/* Repeats and tickets */

static void the_same_statement_gets_the_same_answer(void **state)
{
    struct lk_verdict v;
    struct bench_answer first, again;
    (void)state;
    fresh("disk/1", &v);
    bench_ask(B, &v, &first);
    bench_ask(B, &v, &again);
    assert_string_equal(first.reason, "OK");
    assert_int_equal(first.body_len, again.body_len);
    assert_memory_equal(first.body, again.body, first.body_len);
    bench_answer_free(&first);
    bench_answer_free(&again);
}

static void a_ticket_serves_one_statement(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("disk/1", &v);
    expect_secret(&v, "the first secret");
    v.statement_hash[0] ^= 1; /* another secret, recipient, suite or purpose is another statement */
    expect(&v, "TICKET_SPENT", "unavailable", 10);
}

static void four_refusals_exhaust_a_ticket(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("disk/nothing", &v);
    for (int i = 0; i < 4; i++)
        expect(&v, "REFUSED", "refused", 7);
    strcpy(v.secrets[0].name, "disk/1");
    expect(&v, "TICKET_EXHAUSTED", "unavailable", 10);
}

static void a_refusal_does_not_spend_the_ticket(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("disk/nothing", &v);
    expect(&v, "REFUSED", "refused", 7);
    v.statement_hash[0] ^= 1;
    strcpy(v.secrets[0].name, "disk/1");
    expect_secret(&v, "the first secret");
}

static void a_forged_ticket_is_not_authentic(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("disk/1", &v);
    v.ticket.bytes[140] ^= 1; /* in the challenge MAC */
    expect(&v, "TICKET_FORGED", "not-authentic", 16);
}

static void a_ticket_expires(void **state)
{
    struct lk_verdict v;
    (void)state;
    bench_stop(B);
    B->challenge_lifetime = 1;
    bench_start(B);
    fresh("disk/1", &v);
    sleep(3);
    v.time = lk_clock_wall();
    expect(&v, "TICKET_EXPIRED", "unavailable", 14);
    bench_stop(B);
    B->challenge_lifetime = 60;
    bench_start(B);
}

static void a_ticket_of_before_a_restart_is_stale(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("disk/1", &v);
    bench_stop(B);
    bench_start(B);
    v.generation = B->generation;
    expect(&v, "TICKET_STALE", "unavailable", 14);
}

/* Attacks on the binding */

static void a_statement_for_another_broker_is_not_ours(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("disk/1", &v);
    v.broker_id[5] ^= 1;
    expect(&v, "STATEMENT_BROKER", "not-authentic", 16);
}

static void evidence_that_demands_activation_takes_no_plain_ticket(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("disk/1", &v);
    v.demands_activation = true;
    expect(&v, "TICKET_KIND", "not-authentic", 16);
}

static void a_ticket_of_another_ek_or_ak_is_refused(void **state)
{
    uint8_t context[32] = {1};
    struct lk_ticket t;
    struct lk_verdict v;
    (void)state;
    bench_ticket(B, context, "s of this activation", &t);
    bench_verdict(B, &t, "disk/1", &v);
    assert_true(lk_ok(lk_sha256(LK_PARTS(lk_bytes_str("s of this activation")), v.s_hash)));
    v.demands_activation = true;
    v.demanded_context[0] = 2;
    expect(&v, "TICKET_KIND", "not-authentic", 16);
    v.demanded_context[0] = 1;
    expect_secret(&v, "the first secret");
}

static void the_secret_of_the_activation_must_be_the_tickets(void **state)
{
    uint8_t context[32] = {1};
    struct lk_ticket t;
    struct lk_verdict v;
    (void)state;
    bench_ticket(B, context, "s of this activation", &t);
    bench_verdict(B, &t, "disk/1", &v);
    v.demands_activation = true;
    v.demanded_context[0] = 1;
    expect(&v, "TICKET_ACTIVATION", "not-authentic", 16);
}

static void clocks_may_differ_by_five_seconds(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("disk/1", &v);
    v.time -= 8;
    expect(&v, "CLOCK_SKEW", "unavailable", 14);
}

static void a_passed_deadline_spends_nothing(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("disk/1", &v);
    v.deadline_mono_ms = lk_clock_mono_ms() - 1;
    expect(&v, "DEADLINE", "unavailable", 14);
    v.deadline_mono_ms = lk_clock_mono_ms() + 10000;
    v.statement_hash[0] ^= 1;
    expect_secret(&v, "the first secret");
}

static void more_evidence_than_was_asked_for_is_unavailable(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("disk/1", &v);
    v.stale_request = true;
    expect(&v, "STALE_REQUEST", "unavailable", 14);
}

static void appraisal_is_for_named_callers(void **state)
{
    struct lk_verdict v;
    struct bench_answer a;
    (void)state;
    fresh("disk/1", &v);
    v.kind = LK_VERDICT_APPRAISE;
    v.recipient = (struct lk_recipient){0};
    expect(&v, "CALLER_NOT_NAMED", "refused", 7);
    v.roles = LK_ROLE_APPRAISE;
    bench_ask(B, &v, &a);
    assert_string_equal(a.reason, "OK");
    assert_int_equal(a.answer->secrets[0]->ciphertext.len, 0);
    bench_answer_free(&a);
    v.n_secrets = 0; /* nothing was judged: nothing is affirmed */
    expect(&v, "REQUEST_MALFORMED", "malformed", 3);
}

/* Hostile verifiers */

static void a_policy_that_does_not_cover_the_secret_releases_nothing(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("other/1", &v);
    expect(&v, "REFUSED", "refused", 7);
    fresh("hsm/1", &v); /* covered, but by another policy than it names */
    bench_recipient_rsa(B, &v);
    expect(&v, "REFUSED", "refused", 7);
    fresh("disk/1", &v);
    v.secrets[0].policy_revision = 7;
    expect(&v, "REFUSED", "refused", 7);
}

static void a_recipient_off_the_curve_is_refused(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("disk/1", &v);
    v.recipient.suite = LK_SUITE_HPKE_P256;
    v.recipient.point_len = 65;
    memset(v.recipient.point, 0x11, 65);
    v.recipient.point[0] = 4;
    expect(&v, "RECIPIENT_KEY", "malformed", 3);
}

/* The worker's link is closed, the supervisor is told, the front hears of the loss; the others go on. */
static void expect_worker_ended(int worker)
{
    uint64_t about;
    uint32_t lost = 0;
    char text[481];
    struct lk_frame f;
    assert_true(bench_closed(B, B->workers[worker]));
    f = bench_recv(B, B->control, LK_LINK_KEEPER_SUPER);
    assert_int_equal(f.type, LK_F_CTL_FATAL);
    assert_true(lk_ok(lk_msg_text_get(f.payload, &about, text, sizeof(text))));
    assert_int_equal(about & 0xffffffff, LK_LINK_WORKER_KEEPER);
    assert_int_equal(about >> 32, B->first_worker + (uint32_t)worker);
    do { /* others may have been lost before */
        f = bench_recv(B, B->front, LK_LINK_KEEPER_FRONT);
        assert_true(f.type != LK_F_WORKER_LOST || lk_ok(lk_msg_u32_get(f.payload, &lost)));
    } while (f.type != LK_F_WORKER_LOST || lost != B->first_worker + (uint32_t)worker);
}

static void restart(void)
{
    bench_stop(B);
    bench_start(B);
}

static void a_worker_that_breaks_the_rules_is_ended(void **state)
{
    struct lk_verdict v;
    LK_BUF_AUTO p = lk_buf(48u << 10);
    (void)state;
    fresh("disk/1", &v);
    v.generation++; /* judged by a snapshot that it does not have */
    bench_send_verdict(B, 1, &v);
    expect_worker_ended(1);
    fresh("disk/1", &v);
    expect_secret(&v, "the first secret");
    lk_verdict_put(&p, &v);
    assert_true(lk_ok(lk_frame_send(B->workers[0], LK_F_VERDICT, bench_request(B, 0), lk_bytes(p.data, p.len - 1))));
    expect_worker_ended(0);
    restart();
}

static void a_worker_may_not_speak_before_it_is_ready(void **state)
{
    struct lk_verdict v;
    int link[2];
    LK_BUF_AUTO p = lk_buf(64);
    (void)state;
    fresh("disk/1", &v);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link), 0);
    lk_msg_worker_put(&p, &(struct lk_msg_worker){.worker = B->next_worker, .generation = B->generation});
    assert_true(lk_ok(lk_frame_send_fd(B->control, LK_F_CTL_WORKER, 0, lk_buf_bytes(&p), link[1])));
    close(link[1]);
    close(B->workers[1]);
    B->workers[1] = link[0];
    B->first_worker = B->next_worker - 1;
    B->next_worker++;
    bench_send_verdict(B, 1, &v);
    expect_worker_ended(1);
    restart();
}

static void a_frame_that_workers_may_not_send_ends_them(void **state)
{
    (void)state;
    LK_BUF_AUTO p = lk_buf(64);
    lk_msg_u64_put(&p, 1);
    assert_true(lk_ok(lk_frame_send(B->workers[0], LK_F_CTL_ACTIVE, 0, lk_buf_bytes(&p))));
    expect_worker_ended(0);
    restart();
}

static void a_lost_worker_is_told_after_its_answers(void **state)
{
    struct lk_verdict v;
    struct lk_frame f;
    bool answered = false;
    (void)state;
    fresh("disk/1", &v);
    bench_send_verdict(B, 1, &v);
    close(B->workers[1]);
    B->workers[1] = -1;
    do {
        f = bench_recv(B, B->front, LK_LINK_KEEPER_FRONT);
        answered = answered || f.type == LK_F_ANSWER;
        assert_true(f.type != LK_F_WORKER_LOST || answered);
    } while (f.type != LK_F_WORKER_LOST);
    restart();
}

/* Hostile fronts */

static void expect_front_ended(int fd, enum lk_link link)
{
    uint64_t about;
    char text[481];
    assert_true(bench_closed(B, fd));
    struct lk_frame f = bench_recv(B, B->control, LK_LINK_KEEPER_SUPER);
    assert_int_equal(f.type, LK_F_CTL_FATAL);
    assert_true(lk_ok(lk_msg_text_get(f.payload, &about, text, sizeof(text))));
    assert_int_equal(about, link);
    restart();
}

static void a_verdict_from_the_front_is_fatal_to_it(void **state)
{
    struct lk_verdict v;
    LK_BUF_AUTO p = lk_buf(48u << 10);
    (void)state;
    fresh("disk/1", &v);
    lk_verdict_put(&p, &v);
    assert_true(lk_ok(lk_frame_send(B->front, LK_F_VERDICT, 1, lk_buf_bytes(&p))));
    expect_front_ended(B->front, LK_LINK_KEEPER_FRONT);
    assert_true(lk_ok(lk_frame_send(B->admin, LK_F_VERDICT, 1, lk_buf_bytes(&p))));
    expect_front_ended(B->admin, LK_LINK_FRONT_ADMIN);
}

static void a_release_order_from_the_front_is_fatal_to_it(void **state)
{
    (void)state;
    LK_BUF_AUTO p = lk_buf(64);
    const struct lk_msg_answer order = {.grpc_status = 0};
    lk_msg_answer_put(&p, &order);
    assert_true(lk_ok(lk_frame_send(B->front, LK_F_ANSWER, 1, lk_buf_bytes(&p))));
    expect_front_ended(B->front, LK_LINK_KEEPER_FRONT);
}

static void an_overlong_frame_and_garbage_are_fatal(void **state)
{
    const uint8_t overlong[16] = {0xff, 0xff, 0xff, 0x7f, LK_F_ADMIN_QUERY}, garbage[64] = {0x5a, 0xa5, 0x33};
    (void)state;
    assert_int_equal(write(B->admin, overlong, sizeof(overlong)), sizeof(overlong));
    expect_front_ended(B->admin, LK_LINK_FRONT_ADMIN);
    assert_int_equal(write(B->admin, garbage, sizeof(garbage)), sizeof(garbage));
    expect_front_ended(B->admin, LK_LINK_FRONT_ADMIN);
}

static void a_new_front_gets_no_answers_of_the_old(void **state)
{
    struct lk_verdict v;
    (void)state;
    fresh("disk/1", &v);
    bench_new_front(B);
    bench_send_verdict(B, 0, &v); /* by a worker of the old front */
    struct pollfd p = {.fd = B->front, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 500), 0);
    restart();
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
    const struct CMUnitTest tests[] = {
        T(a_sealed_secret_is_released),
        T(a_sealed_secret_goes_to_an_rsa_recipient),
        T(an_in_token_secret_is_rewrapped),
        T(an_in_token_secret_is_never_sealed_by_the_keeper),
        T(several_secrets_one_refused),
        T(an_unknown_secret_looks_refused),
        T(findings_leave_only_when_every_policy_explains),
        T(the_budget_of_a_day_is_kept_over_a_restart),
        T(the_same_statement_gets_the_same_answer),
        T(a_ticket_serves_one_statement),
        T(four_refusals_exhaust_a_ticket),
        T(a_refusal_does_not_spend_the_ticket),
        T(a_forged_ticket_is_not_authentic),
        T(a_ticket_expires),
        T(a_ticket_of_before_a_restart_is_stale),
        T(a_statement_for_another_broker_is_not_ours),
        T(evidence_that_demands_activation_takes_no_plain_ticket),
        T(a_ticket_of_another_ek_or_ak_is_refused),
        T(the_secret_of_the_activation_must_be_the_tickets),
        T(clocks_may_differ_by_five_seconds),
        T(a_passed_deadline_spends_nothing),
        T(more_evidence_than_was_asked_for_is_unavailable),
        T(appraisal_is_for_named_callers),
        T(a_policy_that_does_not_cover_the_secret_releases_nothing),
        T(a_recipient_off_the_curve_is_refused),
        T(a_worker_that_breaks_the_rules_is_ended),
        T(a_worker_may_not_speak_before_it_is_ready),
        T(a_frame_that_workers_may_not_send_ends_them),
        T(a_lost_worker_is_told_after_its_answers),
        T(a_verdict_from_the_front_is_fatal_to_it),
        T(a_release_order_from_the_front_is_fatal_to_it),
        T(an_overlong_frame_and_garbage_are_fatal),
        T(a_new_front_gets_no_answers_of_the_old),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
