/* SPDX-License-Identifier: Apache-2.0 */
/* proto/base: cursor, buffer, bytes, arena, report, reasons, clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "proto/base/arena.h"
#include "proto/base/buffer.h"
#include "proto/base/clock.h"
#include "proto/base/cursor.h"
#include "proto/base/report.h"
#include "proto/base/secret.h"

#define CODE(r) ((int)(r).code)

static void cursor_reads_both_byte_orders(void **state)
{
    (void)state;
    const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct lk_cursor c = lk_cursor(LK_BYTES(in));
    assert_int_equal(lk_u16be(&c), 0x0102);
    assert_int_equal(lk_u16le(&c), 0x0403);
    assert_int_equal(lk_u32be(&c), 0x05060708);
    assert_int_equal(CODE(lk_cursor_end(&c)), LK_R_TRAILING_BYTES);
    assert_int_equal(lk_u8(&c), 9);
    assert_int_equal(CODE(lk_cursor_end(&c)), LK_R_OK);
}

static void cursor_failure_sticks(void **state)
{
    (void)state;
    const uint8_t in[] = {0, 5, 1, 2};
    struct lk_cursor c = lk_cursor(LK_BYTES(in));
    struct lk_bytes b = lk_take_u16be(&c, 16);
    assert_null(b.data);
    assert_int_equal(lk_u8(&c), 0);
    assert_int_equal(CODE(lk_cursor_end(&c)), LK_R_SHORT_INPUT);
}

static void cursor_refuses_lengths_over_the_limit(void **state)
{
    (void)state;
    const uint8_t in[] = {0, 2, 1, 2};
    struct lk_cursor c = lk_cursor(LK_BYTES(in));
    assert_null(lk_take_u16be(&c, 1).data);
    assert_int_equal(CODE(lk_cursor_ok(&c)), LK_R_SHORT_INPUT);
}

static void buffer_keeps_its_maximum(void **state)
{
    (void)state;
    LK_BUF_AUTO b = lk_buf(5);
    lk_put_u32be(&b, 0x01020304);
    lk_put_u8(&b, 5);
    assert_int_equal(CODE(lk_buf_ok(&b)), LK_R_OK);
    lk_put_u8(&b, 6);
    assert_int_equal(CODE(lk_buf_ok(&b)), LK_R_TOO_LARGE);
    assert_int_equal(lk_buf_bytes(&b).len, 5);
}

static void buffer_formats_without_a_nul(void **state)
{
    (void)state;
    LK_BUF_AUTO b = lk_buf(64);
    lk_put_fmt(&b, "%s-%d", "a", 7);
    lk_put_u8(&b, 'z');
    assert_true(lk_bytes_eq(lk_buf_bytes(&b), lk_bytes_str("a-7z")));
}

static void hex_round_trip_and_bad_hex(void **state)
{
    (void)state;
    uint8_t out[4];
    char text[9];
    assert_int_equal(lk_unhex("00fFa1", 6, out, sizeof(out)), 3);
    lk_hex(lk_bytes(out, 3), text, sizeof(text));
    assert_string_equal(text, "00ffa1");
    assert_int_equal(lk_unhex("0g", 2, out, sizeof(out)), -1);
    assert_int_equal(lk_unhex("000", 3, out, sizeof(out)), -1);
    assert_int_equal(lk_unhex("0000000000", 10, out, sizeof(out)), -1);
    lk_hex(lk_bytes("\1\2\3\4\5", 5), text, sizeof(text));
    assert_string_equal(text, "010203~");
}

static void arena_has_a_cap_and_wipes(void **state)
{
    (void)state;
    struct lk_arena *a = lk_arena_new(64);
    uint8_t *p = lk_arena_alloc(a, 33);
    assert_non_null(p);
    memset(p, 0xaa, 33);
    assert_null(lk_arena_alloc(a, 33));
    assert_null(lk_arena_array(a, SIZE_MAX, 2));
    lk_arena_reset(a);
    p = lk_arena_alloc(a, 64);
    assert_true(lk_bytes_zero(lk_bytes(p, 64)));
    lk_arena_free(a);
}

static void report_takes_the_worst_class(void **state)
{
    (void)state;
    static struct lk_report r;
    assert_int_equal(lk_report_class(&r), LK_CLASS_AFFIRMED);
    lk_report_add(&r, LK_R_SECRET_UNKNOWN, "", "rule", "a\nb", NULL);
    assert_int_equal(lk_report_class(&r), LK_CLASS_REFUSED);
    assert_string_equal(r.findings[0].expected, "a\\x0ab");
    lk_report_add_uint(&r, LK_R_SIGNATURE_INVALID, "sev-snp", "", 1, 2);
    assert_int_equal(lk_report_class(&r), LK_CLASS_NOT_AUTHENTIC);
    assert_int_equal(lk_report_first(&r)->code, LK_R_SIGNATURE_INVALID);
    for (int i = 0; i < 40; i++)
        lk_report_add(&r, LK_R_SECRET_UNKNOWN, "", "", "", "");
    assert_int_equal(r.n, LK_FINDINGS_MAX);
    assert_true(r.truncated);
}

static void reasons_have_unique_stable_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LK_R_COUNT; i++) {
        const struct lk_reason *row = lk_reason((enum lk_reason_code)i);
        assert_int_equal(lk_reason_by_name(row->name), i);
        assert_true(strlen(row->text) > 0);
        assert_true(i == LK_R_OK || strlen(row->remedy) > 0);
    }
    assert_int_equal(lk_reason_by_name("NO_SUCH"), LK_R_COUNT);
}

static void times_parse_in_one_form_only(void **state)
{
    (void)state;
    int64_t t;
    assert_true(lk_time_parse("2026-11-21T00:00:00Z", &t));
    char out[32];
    lk_time_format(t, out, sizeof(out));
    assert_string_equal(out, "2026-11-21T00:00:00Z");
    assert_false(lk_time_parse("2026-02-30T00:00:00Z", &t));
    assert_false(lk_time_parse("2026-11-21", &t));
    assert_false(lk_time_parse("2026-11-21T00:00:00Zx", &t));
}

static void secrets_copy_and_free_twice(void **state)
{
    (void)state;
    struct lk_secret s;
    assert_int_equal(CODE(lk_secret_copy(&s, lk_bytes_str("key"))), LK_R_OK);
    assert_true(lk_bytes_ct_eq(lk_secret_bytes(&s), lk_bytes_str("key")));
    lk_secret_free(&s);
    lk_secret_free(&s);
    assert_int_equal(s.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursor_reads_both_byte_orders),
        cmocka_unit_test(cursor_failure_sticks),
        cmocka_unit_test(cursor_refuses_lengths_over_the_limit),
        cmocka_unit_test(buffer_keeps_its_maximum),
        cmocka_unit_test(buffer_formats_without_a_nul),
        cmocka_unit_test(hex_round_trip_and_bad_hex),
        cmocka_unit_test(arena_has_a_cap_and_wipes),
        cmocka_unit_test(report_takes_the_worst_class),
        cmocka_unit_test(reasons_have_unique_stable_names),
        cmocka_unit_test(times_parse_in_one_form_only),
        cmocka_unit_test(secrets_copy_and_free_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
