/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "broker/client/child.h"
#include "broker/client/failure.h"
#include "broker/client/pack.h"
#include "proto/base/clock.h"
#include "proto/grpc/wire.h"
#include "rpc.pb-c.h"

static Google__Rpc__Any any(const char *url, struct lk_buf *value)
{
    Google__Rpc__Any a = GOOGLE__RPC__ANY__INIT;
    a.type_url = (char *)(uintptr_t)url;
    a.value = lk_client_bin(lk_buf_bytes(value));
    return a;
}

static void error_info(struct lk_buf *out, const char *domain)
{
    Google__Rpc__ErrorInfo__Entry entries[2] = {GOOGLE__RPC__ERROR_INFO__ENTRY__INIT, GOOGLE__RPC__ERROR_INFO__ENTRY__INIT};
    Google__Rpc__ErrorInfo__Entry *list[2] = {&entries[0], &entries[1]};
    entries[0].key = "class", entries[0].value = "cannot-judge";
    entries[1].key = "decision_id", entries[1].value = "abc\x1b[31m";
    Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
    info.reason = "CRL_STALE";
    info.domain = (char *)(uintptr_t)domain;
    info.metadata = list;
    info.n_metadata = 2;
    lk_client_pack(out, &info);
}

static void retry_info(struct lk_buf *out, int64_t seconds, int32_t nanos)
{
    Google__Rpc__Duration d = GOOGLE__RPC__DURATION__INIT;
    Google__Rpc__RetryInfo info = GOOGLE__RPC__RETRY_INFO__INIT;
    d.seconds = seconds;
    d.nanos = nanos;
    info.retry_delay = &d;
    lk_client_pack(out, &info);
}

static void read_failure(const char *domain, int64_t seconds, struct lk_arena *arena, struct lk_failure *f)
{
    LK_BUF_AUTO info = lk_buf(4096);
    LK_BUF_AUTO retry = lk_buf(4096);
    LK_BUF_AUTO signed_answer = lk_buf(16);
    error_info(&info, domain);
    retry_info(&retry, seconds, 500000000);
    lk_put(&signed_answer, LK_BYTES("x"));
    Google__Rpc__Any details[3] = {any("type.googleapis.com/google.rpc.ErrorInfo", &info),
                                   any("type.googleapis.com/google.rpc.RetryInfo", &retry),
                                   any("type.googleapis.com/latchkey.v1.SignedAnswer", &signed_answer)};
    Google__Rpc__Any *list[3] = {&details[0], &details[1], &details[2]};
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    status.code = LK_GRPC_FAILED_PRECONDITION;
    status.details = list;
    status.n_details = 3;
    struct lk_grpc_reply reply = {.status = LK_GRPC_PERMISSION_DENIED, .details = lk_buf(8192)};
    lk_client_pack(&reply.details, &status);
    lk_failure_read(&reply, arena, f);
    lk_grpc_reply_free(&reply);
}

static void the_class_of_error_info_counts(void **state)
{
    (void)state;
    struct lk_arena *arena = lk_arena_new(1u << 20);
    struct lk_failure f;
    read_failure("latchkey", 2, arena, &f);
    assert_int_equal(f.cls, LK_CLASS_CANNOT_JUDGE);
    assert_string_equal(f.code, "CRL_STALE");
    assert_string_equal(f.decision_id, "abc?[31m"); /* nothing reaches a terminal as it is */
    assert_true(f.has_retry);
    assert_int_equal(f.retry_ms, 2500);
    assert_int_equal(f.signed_answer.len, 2);
    lk_arena_free(arena);
}

static void error_info_of_another_domain_is_not_ours(void **state)
{
    (void)state;
    struct lk_arena *arena = lk_arena_new(1u << 20);
    struct lk_failure f;
    read_failure("example.com", 2, arena, &f);
    assert_int_equal(f.cls, LK_CLASS_REFUSED);
    assert_string_equal(f.code, "");
    lk_arena_free(arena);
}

static void retry_delays_are_at_most_a_day(void **state)
{
    (void)state;
    struct lk_arena *arena = lk_arena_new(1u << 20);
    struct lk_failure f;
    read_failure("latchkey", INT64_MAX, arena, &f);
    assert_int_equal(f.retry_ms, 24 * 3600 * 1000);
    read_failure("latchkey", -1, arena, &f);
    assert_false(f.has_retry);
    lk_arena_free(arena);
}

static void details_that_do_not_parse_count_as_none(void **state)
{
    (void)state;
    struct lk_arena *arena = lk_arena_new(1u << 20);
    struct lk_grpc_reply reply = {.status = LK_GRPC_UNAVAILABLE, .details = lk_buf(16)};
    lk_put(&reply.details, LK_BYTES("\xff\xff\xff"));
    struct lk_failure f;
    lk_failure_read(&reply, arena, &f);
    assert_int_equal(f.cls, LK_CLASS_UNAVAILABLE);
    assert_string_equal(f.code, "");
    lk_grpc_reply_free(&reply);
    lk_arena_free(arena);
}

static void a_child_gets_its_input_and_gives_its_output(void **state)
{
    (void)state;
    const char *const cat[] = {"cat", NULL}, *const fails[] = {"false", NULL}, *const none[] = {"/nonexistent/x", NULL};
    LK_BUF_AUTO out = lk_buf(64);
    assert_true(lk_ok(lk_child_run(cat, lk_bytes_str("hello"), lk_clock_mono_ms() + 5000, &out)));
    assert_true(lk_bytes_eq(lk_buf_bytes(&out), lk_bytes_str("hello")));
    assert_int_equal(lk_child_run(fails, LK_BYTES_NONE, lk_clock_mono_ms() + 5000, &out).code, LK_R_IO);
    assert_int_equal(lk_child_run(none, LK_BYTES_NONE, lk_clock_mono_ms() + 5000, &out).code, LK_R_IO);
}

static void a_child_that_is_late_is_killed(void **state)
{
    (void)state;
    const char *const sleep_long[] = {"sleep", "60", NULL};
    LK_BUF_AUTO out = lk_buf(64);
    uint64_t start = lk_clock_mono_ms();
    assert_int_equal(lk_child_run(sleep_long, LK_BYTES_NONE, start + 100, &out).code, LK_R_IO);
    assert_true(lk_clock_mono_ms() - start < 5000);
}

static void a_child_that_says_too_much_is_cut(void **state)
{
    (void)state;
    const char *const cat[] = {"cat", NULL};
    LK_BUF_AUTO out = lk_buf(4);
    assert_int_equal(lk_child_run(cat, lk_bytes_str("hello"), lk_clock_mono_ms() + 5000, &out).code, LK_R_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_class_of_error_info_counts),
        cmocka_unit_test(error_info_of_another_domain_is_not_ours),
        cmocka_unit_test(retry_delays_are_at_most_a_day),
        cmocka_unit_test(details_that_do_not_parse_count_as_none),
        cmocka_unit_test(a_child_gets_its_input_and_gives_its_output),
        cmocka_unit_test(a_child_that_is_late_is_killed),
        cmocka_unit_test(a_child_that_says_too_much_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
