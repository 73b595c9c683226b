/* SPDX-License-Identifier: Apache-2.0 */
/* What we write by hand is read back with code that protoc-c made from proto/api/rpc.proto. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "proto/grpc/details.h"
#include "proto/grpc/pb.h"
#include "rpc.pb-c.h"

static Google__Rpc__Status *status_of(const struct lk_grpc_refusal *r)
{
    LK_BUF_AUTO b = lk_buf(2048);
    lk_grpc_refusal_details(&b, r);
    assert_int_equal(lk_buf_ok(&b).code, LK_R_OK);
    return google__rpc__status__unpack(NULL, b.len, b.data);
}

static void an_overload_says_when_to_come_back(void **state)
{
    (void)state;
    Google__Rpc__Status *s = status_of(&(struct lk_grpc_refusal){LK_GRPC_UNAVAILABLE, LK_R_OVERLOAD, 1250, NULL});
    assert_non_null(s);
    assert_int_equal(s->code, 14);
    assert_string_equal(s->message, lk_reason(LK_R_OVERLOAD)->text);
    assert_int_equal(s->n_details, 2);
    assert_string_equal(s->details[0]->type_url, "type.googleapis.com/google.rpc.ErrorInfo");
    Google__Rpc__ErrorInfo *info = google__rpc__error_info__unpack(NULL, s->details[0]->value.len, s->details[0]->value.data);
    assert_string_equal(info->reason, "OVERLOAD");
    assert_string_equal(info->domain, "latchkey");
    assert_int_equal(info->n_metadata, 1);
    assert_string_equal(info->metadata[0]->key, "class");
    assert_string_equal(info->metadata[0]->value, "unavailable");
    Google__Rpc__RetryInfo *retry = google__rpc__retry_info__unpack(NULL, s->details[1]->value.len, s->details[1]->value.data);
    assert_int_equal(retry->retry_delay->seconds, 1);
    assert_int_equal(retry->retry_delay->nanos, 250000000);
    google__rpc__retry_info__free_unpacked(retry, NULL);
    google__rpc__error_info__free_unpacked(info, NULL);
    google__rpc__status__free_unpacked(s, NULL);
}

static void a_refusal_without_a_retry_has_no_retry_info(void **state)
{
    (void)state;
    Google__Rpc__Status *s = status_of(&(struct lk_grpc_refusal){LK_GRPC_PERMISSION_DENIED, LK_R_CALLER_NOT_NAMED, 0, "no"});
    assert_string_equal(s->message, "no");
    assert_int_equal(s->n_details, 1);
    google__rpc__status__free_unpacked(s, NULL);
}

static void a_bare_status_has_no_details(void **state)
{
    (void)state;
    LK_BUF_AUTO b = lk_buf(64);
    lk_grpc_refusal_details(&b, &(struct lk_grpc_refusal){LK_GRPC_UNIMPLEMENTED, LK_R_OK, 0, "x"});
    assert_int_equal(b.len, 0);
}

static void jitter_is_between_once_and_twice(void **state)
{
    (void)state;
    bool differs = false;
    uint32_t first = lk_grpc_jitter(1000);
    for (int i = 0; i < 100; i++) {
        uint32_t ms = lk_grpc_jitter(1000);
        assert_in_range(ms, 1000, 1999);
        differs = differs || ms != first;
    }
    assert_true(differs);
    assert_int_equal(lk_grpc_jitter(0), 0);
}

static void fields_are_read_and_others_refused(void **state)
{
    (void)state;
    static const uint8_t ok[] = {0x08, 0x96, 0x01, 0x12, 0x01, 'x', 0x1d, 1, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0};
    struct lk_cursor c = lk_cursor(LK_BYTES(ok));
    struct lk_pb_field f;
    assert_true(lk_pb_next(&c, &f));
    assert_int_equal(f.number, 1);
    assert_int_equal(f.value, 150);
    assert_true(lk_pb_next(&c, &f));
    assert_true(lk_bytes_eq(f.bytes, lk_bytes_str("x")));
    assert_true(lk_pb_next(&c, &f) && f.value == 1);
    assert_true(lk_pb_next(&c, &f) && f.value == 2);
    assert_false(lk_pb_next(&c, &f));
    assert_int_equal(lk_cursor_end(&c).code, LK_R_OK);
    static const struct {
        uint8_t bytes[12];
        size_t len;
    } bad[] = {{{0x00, 0}, 2}, {{0x0b}, 1}, {{0x0a, 5, 'x'}, 3}, {{0x08, 0x80}, 2}, {{0x0f, 0}, 2},
               {{0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}, 12},
               {{0x0a, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}, 11}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        c = lk_cursor(lk_bytes(bad[i].bytes, bad[i].len));
        while (lk_pb_next(&c, &f))
            ;
        assert_int_not_equal(lk_cursor_end(&c).code, LK_R_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_overload_says_when_to_come_back),
        cmocka_unit_test(a_refusal_without_a_retry_has_no_retry_info),
        cmocka_unit_test(a_bare_status_has_no_details),
        cmocka_unit_test(jitter_is_between_once_and_twice),
        cmocka_unit_test(fields_are_read_and_others_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
