/* SPDX-License-Identifier: Apache-2.0 */
/* How values that do not fit into a finding are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "policy/appraise/text.h"

struct fitted {
    char expected[LK_FINDING_TEXT + 1], actual[LK_FINDING_TEXT + 1];
};

/* n letters, then a tail. */
static void fit(size_t n, const char *want_tail, const char *got_tail, struct fitted *out)
{
    LK_BUF_AUTO want = lk_buf(LK_RENDERED_MAX), got = lk_buf(LK_RENDERED_MAX);
    for (size_t i = 0; i < n; i++) {
        lk_put_u8(&want, (uint8_t)('a' + i % 26));
        lk_put_u8(&got, (uint8_t)('a' + i % 26));
    }
    lk_put_fmt(&want, "%s", want_tail);
    lk_put_fmt(&got, "%s", got_tail);
    lk_texts_fit(&want, &got, out->expected, out->actual);
}

static void what_fits_is_whole(void **state)
{
    (void)state;
    struct fitted f;
    fit(0, "quiet", "quiet debug", &f);
    assert_string_equal(f.expected, "quiet");
    assert_string_equal(f.actual, "quiet debug");
    fit(0, "", "", &f);
    assert_string_equal(f.expected, "");
    fit(LK_FINDING_TEXT - 1, "x", "y", &f);
    assert_int_equal(strlen(f.expected), LK_FINDING_TEXT);
    assert_int_equal(f.actual[LK_FINDING_TEXT - 1], 'y');
}

static void a_late_difference_is_seen(void **state)
{
    (void)state;
    struct fitted f;
    fit(1000, " quiet", " debug", &f);
    assert_string_equal(f.expected, "...pqrstuvwxyzabcdefghijkl quiet");
    assert_string_equal(f.actual, "...pqrstuvwxyzabcdefghijkl debug");
}

static void a_difference_in_the_middle_is_cut_at_both_ends(void **state)
{
    (void)state;
    char tail[300], other[300];
    struct fitted f;
    memset(tail, 'x', sizeof(tail) - 1);
    memset(other, 'x', sizeof(other) - 1);
    tail[sizeof(tail) - 1] = other[sizeof(other) - 1] = '\0';
    other[0] = 'y';
    fit(52, tail, other, &f);
    assert_int_equal(strlen(f.expected), LK_FINDING_TEXT);
    assert_int_equal(strlen(f.actual), LK_FINDING_TEXT);
    assert_memory_equal(f.expected, "...cdefghijklmnopqrstuvwxyzx", 28);
    assert_memory_equal(f.actual, "...cdefghijklmnopqrstuvwxyzy", 28);
    assert_string_equal(f.actual + LK_FINDING_TEXT - 4, "x...");
}

static void a_short_text_stays_whole_beside_a_long_one(void **state)
{
    (void)state;
    char tail[300];
    struct fitted f;
    memset(tail, 'x', sizeof(tail) - 1);
    tail[sizeof(tail) - 1] = '\0';
    fit(40, "", tail, &f);
    assert_string_equal(f.expected, "abcdefghijklmnopqrstuvwxyzabcdefghijklmn");
    assert_memory_equal(f.actual, "...qrstuvwxyz", 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_whole),
        cmocka_unit_test(a_late_difference_is_seen),
        cmocka_unit_test(a_difference_in_the_middle_is_cut_at_both_ends),
        cmocka_unit_test(a_short_text_stays_whole_beside_a_long_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
