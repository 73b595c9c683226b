/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of metadata and addresses. Whole calls: tests/interop/client, against a server that is not ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/base/clock.h"
#include "proto/grpc/client/client.h"
#include "proto/grpc/client/metadata.h"

static void message_is_percent_decoded(void **state)
{
    (void)state;
    static const struct { const char *in, *out; } cases[] = {
        {"plain text", "plain text"}, {"100%25", "100%"},     {"%E2%82%AC", "\xe2\x82\xac"},
        {"%zz kept", "%zz kept"},     {"broken %4", "broken %4"}, {"line%0Abreak", "line?break"}, {"", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char out[64];
        lk_grpc_message_decode(lk_bytes_str(cases[i].in), out, sizeof(out));
        assert_string_equal(out, cases[i].out);
    }
}

static void message_is_cut_to_its_room(void **state)
{
    (void)state;
    char out[4];
    lk_grpc_message_decode(lk_bytes_str("abcdef"), out, sizeof(out));
    assert_string_equal(out, "abc");
}

static void bin_values_may_be_padded_or_not(void **state)
{
    (void)state;
    static const struct { const char *in, *out; bool ok; } cases[] = {
        {"", "", true},         {"YQ", "a", true},      {"YQ==", "a", true}, {"YWI", "ab", true}, {"YWI=", "ab", true},
        {"YWJj", "abc", true},  {"Y", "", false},       {"YQ=", "", false},  {"Y Q=", "", false}, {"YQ==YQ==", "", false},
        {"====", "", false},    {"YWJjZA", "abcd", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        LK_BUF_AUTO out = lk_buf(64);
        assert_int_equal(lk_grpc_bin_decode(lk_bytes_str(cases[i].in), &out), cases[i].ok);
        if (cases[i].ok)
            assert_true(lk_bytes_eq(lk_buf_bytes(&out), lk_bytes_str(cases[i].out)));
    }
}

static void timeouts_have_at_most_eight_digits(void **state)
{
    (void)state;
    char out[10];
    lk_grpc_timeout_format(2985, out);
    assert_string_equal(out, "2985m");
    lk_grpc_timeout_format(99999999, out);
    assert_string_equal(out, "99999999m");
    lk_grpc_timeout_format(100000000, out);
    assert_string_equal(out, "100000S");
    lk_grpc_timeout_format(UINT64_MAX, out);
    assert_string_equal(out, "99999999S");
}

static void status_is_one_or_two_digits(void **state)
{
    (void)state;
    assert_int_equal(lk_grpc_status_parse(lk_bytes_str("0")), 0);
    assert_int_equal(lk_grpc_status_parse(lk_bytes_str("14")), 14);
    assert_int_equal(lk_grpc_status_parse(lk_bytes_str("")), -1);
    assert_int_equal(lk_grpc_status_parse(lk_bytes_str("-1")), -1);
    assert_int_equal(lk_grpc_status_parse(lk_bytes_str("100")), -1);
}

static void addresses_are_host_and_port(void **state)
{
    (void)state;
    char host[256], port[6];
    assert_true(lk_ok(lk_address_split("broker.example:7443", host, port)));
    assert_string_equal(host, "broker.example");
    assert_string_equal(port, "7443");
    assert_true(lk_ok(lk_address_split("[::1]:1", host, port)));
    assert_string_equal(host, "::1");
    static const char *const bad[] = {"", "host", ":1", "host:", "host:http", "host:123456", "::1:7443", "[::1:7443", "[]:1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(lk_address_split(bad[i], host, port).code, LK_R_BROKER_ADDRESS);
}

static void nobody_listening_is_unreachable(void **state)
{
    (void)state;
    struct lk_grpc_client *c = NULL;
    struct lk_dial dial = {.address = "127.0.0.1:1"};
    assert_int_equal(lk_grpc_open(&dial, lk_clock_mono_ms() + 2000, &c).code, LK_R_BROKER_UNREACHABLE);
    assert_null(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_is_percent_decoded),       cmocka_unit_test(message_is_cut_to_its_room),
        cmocka_unit_test(bin_values_may_be_padded_or_not),  cmocka_unit_test(timeouts_have_at_most_eight_digits),
        cmocka_unit_test(status_is_one_or_two_digits),      cmocka_unit_test(addresses_are_host_and_port),
        cmocka_unit_test(nobody_listening_is_unreachable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
