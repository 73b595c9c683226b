/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "proto/grpc/head.h"

static void add(struct lk_grpc_head *h, const char *name, const char *value)
{
    lk_grpc_head_add(h, lk_bytes_str(name), lk_bytes_str(value));
}

static struct lk_grpc_head good(void)
{
    struct lk_grpc_head h = {.list_size = 0};
    add(&h, ":method", "POST");
    add(&h, ":path", "/a.B/C");
    add(&h, "te", "trailers");
    add(&h, "content-type", "application/grpc");
    return h;
}

static unsigned judge(const struct lk_grpc_head *h, struct lk_grpc_refusal *r)
{
    struct lk_grpc_limits l = lk_grpc_limits_default();
    return lk_grpc_head_judge(h, &l, r);
}

static void a_request_as_the_document_has_it(void **state)
{
    (void)state;
    struct lk_grpc_refusal r;
    struct lk_grpc_head h = good();
    add(&h, "grpc-timeout", "3S");
    add(&h, "user-agent", "x");
    assert_int_equal(judge(&h, &r), 0);
    assert_int_equal(r.status, LK_GRPC_OK);
    assert_string_equal(h.path, "/a.B/C");
    assert_int_equal(h.timeout_ms, 3000);
    assert_false(h.other_encoding);
}

static void one_rule_broken_at_a_time(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        unsigned http;
        enum lk_grpc_status status;
        enum lk_reason_code reason;
    } cases[] = {
        {"content-type", "text/plain", 415, LK_GRPC_OK, LK_R_OK},
        {"content-type", "application/grpc-web", 415, LK_GRPC_OK, LK_R_OK},
        {":method", "GET", 405, LK_GRPC_OK, LK_R_OK},
        {"te", "gzip", 0, LK_GRPC_INTERNAL, LK_R_REQUEST_MALFORMED},
        {"grpc-timeout", "x", 0, LK_GRPC_INTERNAL, LK_R_REQUEST_MALFORMED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lk_grpc_refusal r;
        struct lk_grpc_head h = good();
        add(&h, cases[i].name, cases[i].value);
        assert_int_equal(judge(&h, &r), cases[i].http);
        assert_int_equal(r.status, cases[i].status);
        assert_int_equal(r.reason, cases[i].reason);
    }
}

static void two_timeouts_are_none(void **state)
{
    (void)state;
    struct lk_grpc_refusal r;
    struct lk_grpc_head h = good();
    add(&h, "grpc-timeout", "1S");
    add(&h, "grpc-timeout", "9H");
    assert_int_equal(judge(&h, &r), 0);
    assert_int_equal(r.status, LK_GRPC_INTERNAL);
}

/* RFC 9113, 6.5.2: name and value and 32 bytes each. */
static void the_list_is_counted_as_the_rfc_does(void **state)
{
    (void)state;
    struct lk_grpc_head h = {.list_size = 0};
    add(&h, "ab", "cde");
    assert_int_equal(h.list_size, 37);
    h = good();
    h.list_size = 8192;
    struct lk_grpc_refusal r;
    assert_int_equal(judge(&h, &r), 0);
    assert_int_equal(r.status, LK_GRPC_OK);
    h.list_size++;
    assert_int_equal(judge(&h, &r), 0);
    assert_int_equal(r.status, LK_GRPC_RESOURCE_EXHAUSTED);
    assert_int_equal(r.reason, LK_R_REQUEST_LIMIT);
}

static void a_path_that_is_longer_than_any_method_matches_none(void **state)
{
    (void)state;
    char path[300];
    memset(path, 'a', sizeof(path));
    struct lk_grpc_head h = good();
    lk_grpc_head_add(&h, lk_bytes_str(":path"), lk_bytes(path, 256));
    assert_string_equal(h.path, "");
    lk_grpc_head_add(&h, lk_bytes_str(":path"), lk_bytes(path, 255));
    assert_int_equal(strlen(h.path), 255);
    lk_grpc_head_add(&h, lk_bytes_str(":path"), lk_bytes("/a\0b", 4));
    assert_string_equal(h.path, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_as_the_document_has_it),
        cmocka_unit_test(one_rule_broken_at_a_time),
        cmocka_unit_test(two_timeouts_are_none),
        cmocka_unit_test(the_list_is_counted_as_the_rfc_does),
        cmocka_unit_test(a_path_that_is_longer_than_any_method_matches_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
