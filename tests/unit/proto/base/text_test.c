/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/base/text.h"

/* RFC 3629, 4: no shorter spelling, no surrogates, nothing past U+10FFFF. */
static void utf8_is_well_formed(void **state)
{
    (void)state;
    static const char *const good[] = {"", "a~\t\n", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                                       "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xe2\x28\xa1"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(lk_utf8_ok(lk_bytes_str(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(lk_utf8_ok(lk_bytes_str(bad[i])));
    assert_false(lk_utf8_ok(lk_bytes("a\0b", 3)));
}

static void what_hides_does_not_print(void **state)
{
    (void)state;
    static const char *const good[] = {"", "plain", "d\xc3\xbcsseldorf", "\xf0\x9f\x94\x91"};
    static const char *const bad[] = {"a\nb", "\x1f", "\x7f", "\xc2\x85", "zero\xe2\x80\x8bwidth", "\xe2\x80\xaeright", "\xe2\x81\xa6",
                                      "\xef\xbb\xbf" "bom", "\xff"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(lk_text_prints(lk_bytes_str(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(lk_text_prints(lk_bytes_str(bad[i])));
}

static void the_yaml_parser_sees_no_directive(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int line; /* 0: it may be parsed */
    } rows[] = {{"", 0},         {"a: 5%\n", 0},     {"a: b\n %c\n", 0},    {"%YAML 1.2\n---\n", 1},
                {"a\n%b\n", 2}, {"a\r\n\n%b\n", 3}, {"% \x87\xf5", 1}, {"a: \xff\n", 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int line;
        const char *flaw = lk_yaml_flaw(lk_bytes_str(rows[i].text), &line);
        assert_int_equal(line, rows[i].line);
        assert_int_equal(flaw == NULL, rows[i].line == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_well_formed),
        cmocka_unit_test(what_hides_does_not_print),
        cmocka_unit_test(the_yaml_parser_sees_no_directive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
