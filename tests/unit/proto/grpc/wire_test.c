/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "proto/grpc/wire.h"

static bool timeout(const char *text, uint64_t *ms)
{
    return lk_grpc_timeout_parse(lk_bytes_str(text), ms);
}

/* PROTOCOL-HTTP2: Timeout -> TimeoutValue TimeoutUnit; TimeoutValue is a positive integer of at most 8 digits. */
static void timeouts_are_read_in_every_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } ok[] = {{"2985m", 2985}, {"3S", 3000}, {"1n", 1}, {"1000001n", 2}, {"5u", 1}, {"2M", 120000},
              {"99999999H", 359999996400000}, {"0m", 0}};
    for (size_t i = 0; i < sizeof(ok) / sizeof(ok[0]); i++) {
        uint64_t ms;
        assert_true(timeout(ok[i].text, &ms));
        assert_int_equal(ms, ok[i].ms);
    }
}

static void other_timeouts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "S", "3", "123456789m", "-1S", "1 S", "1s", "1.5S", "0x1S", "1SS"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t ms;
        assert_false(timeout(bad[i], &ms));
    }
}

static void timeouts_are_written_in_eight_digits(void **state)
{
    (void)state;
    char text[16];
    lk_grpc_timeout_format(2985, text, sizeof(text));
    assert_string_equal(text, "2985m");
    lk_grpc_timeout_format(100000000, text, sizeof(text));
    assert_string_equal(text, "100000S");
    lk_grpc_timeout_format(UINT64_MAX, text, sizeof(text));
    assert_string_equal(text, "99999999H");
}

static void messages_are_percent_encoded(void **state)
{
    (void)state;
    LK_BUF_AUTO b = lk_buf(256);
    lk_grpc_percent_encode(&b, lk_bytes_str("a 100%\t\xe2\x98\xba~\x7f"));
    assert_true(lk_bytes_eq(lk_buf_bytes(&b), lk_bytes_str("a 100%25%09%E2%98%BA~%7F")));
    LK_BUF_AUTO back = lk_buf(256);
    lk_grpc_percent_decode(&back, lk_buf_bytes(&b));
    assert_true(lk_bytes_eq(lk_buf_bytes(&back), lk_bytes_str("a 100%\t\xe2\x98\xba~\x7f")));
}

static void broken_percent_signs_stay(void **state)
{
    (void)state;
    LK_BUF_AUTO b = lk_buf(64);
    lk_grpc_percent_decode(&b, lk_bytes_str("%zz%4%41%"));
    assert_true(lk_bytes_eq(lk_buf_bytes(&b), lk_bytes_str("%zz%4A%")));
}

/* RFC 4648, section 10. */
static void base64_vectors(void **state)
{
    (void)state;
    static const char *const v[][3] = {{"", "", ""}, {"f", "Zg", "Zg=="}, {"fo", "Zm8", "Zm8="},
                                       {"foo", "Zm9v", "Zm9v"}, {"foob", "Zm9vYg", "Zm9vYg=="},
                                       {"foobar", "Zm9vYmFy", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        LK_BUF_AUTO enc = lk_buf(64);
        lk_grpc_bin_encode(&enc, lk_bytes_str(v[i][0]));
        assert_true(lk_bytes_eq(lk_buf_bytes(&enc), lk_bytes_str(v[i][1])));
        for (int padded = 1; padded <= 2; padded++) {
            LK_BUF_AUTO dec = lk_buf(64);
            assert_int_equal(lk_grpc_bin_decode(&dec, lk_bytes_str(v[i][padded])).code, LK_R_OK);
            assert_true(lk_bytes_eq(lk_buf_bytes(&dec), lk_bytes_str(v[i][0])));
        }
    }
}

static void other_base64_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z", "Zg=", "Zg===", "Z===", "Zh==", "Zm8_", "Zm 8", "====", "=", "Zm9v="};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        LK_BUF_AUTO dec = lk_buf(64);
        assert_int_equal(lk_grpc_bin_decode(&dec, lk_bytes_str(bad[i])).code, LK_R_BAD_TEXT);
    }
    LK_BUF_AUTO small = lk_buf(2);
    assert_int_equal(lk_grpc_bin_decode(&small, lk_bytes_str("Zm9v")).code, LK_R_TOO_LARGE);
}

static void joined_values_are_split(void **state)
{
    (void)state;
    struct lk_bytes rest = lk_bytes_str("YQ,,Yg=="), one;
    assert_true(lk_grpc_bin_next(&rest, &one));
    assert_true(lk_bytes_eq(one, lk_bytes_str("YQ")));
    assert_true(lk_grpc_bin_next(&rest, &one));
    assert_int_equal(one.len, 0);
    assert_true(lk_grpc_bin_next(&rest, &one));
    assert_true(lk_bytes_eq(one, lk_bytes_str("Yg==")));
    assert_false(lk_grpc_bin_next(&rest, &one));
}

static void status_numbers(void **state)
{
    (void)state;
    unsigned s;
    assert_true(lk_grpc_status_parse(lk_bytes_str("16"), &s));
    assert_string_equal(lk_grpc_status_name(s), "UNAUTHENTICATED");
    assert_string_equal(lk_grpc_status_name(99), "UNKNOWN");
    assert_false(lk_grpc_status_parse(lk_bytes_str("161"), &s));
    assert_false(lk_grpc_status_parse(lk_bytes_str("-1"), &s));
    assert_int_equal(lk_grpc_status_of_reset(7), LK_GRPC_UNAVAILABLE);
    assert_int_equal(lk_grpc_status_of_reset(11), LK_GRPC_RESOURCE_EXHAUSTED);
    assert_int_equal(lk_grpc_status_of_reset(1), LK_GRPC_INTERNAL);
    assert_int_equal(lk_grpc_status_of_http(404), LK_GRPC_UNIMPLEMENTED);
    assert_int_equal(lk_grpc_status_of_http(415), LK_GRPC_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timeouts_are_read_in_every_unit), cmocka_unit_test(other_timeouts_are_refused),
        cmocka_unit_test(timeouts_are_written_in_eight_digits), cmocka_unit_test(messages_are_percent_encoded),
        cmocka_unit_test(broken_percent_signs_stay), cmocka_unit_test(base64_vectors),
        cmocka_unit_test(other_base64_is_refused), cmocka_unit_test(joined_values_are_split),
        cmocka_unit_test(status_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
