/* SPDX-License-Identifier: Apache-2.0 */
/* policy/appraise/names: what a name may be, what a pattern covers, when two patterns meet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "policy/appraise/names.h"

static struct lk_bytes B(const char *text)
{
    return lk_bytes_str(text);
}

static void names_and_patterns_that_may_be_used(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool name, pattern;
    } rows[] = {
        {"disk/1", true, true},
        {"m\xc3\xbcnchen/db", true, true},
        {"a", true, true},
        {"", false, false},
        {"/a", false, false},
        {"a/", false, false},
        {"a//b", false, false},
        {"a\nb", false, false},
        {"a\x7f", false, false},
        {"a\xff", false, false},
        {"a\xe2\x80\xae" "b", false, false}, /* U+202E turns what follows round */
        {"a\xe2\x80\x8b" "b", false, false}, /* U+200B is not seen */
        {"disk/{tpm.ek-sha256}", false, true},
        {"disk/x-{tpm.ek-sha256}-y", false, true},
        {"team/*", false, true},
        {"team/a*", false, true},
        {"*", false, true},
        {"team/*/x", false, false},
        {"team/*x", false, false},
        {"{tpm.ek}{tpm.ak}", false, false}, /* two variables in a segment */
        {"{tpm.ek}/{tpm.ak}", false, true},
        {"{tpm.ek}*", false, false},
        {"{tpm}", false, false},
        {"{.ek}", false, false},
        {"{tpm.}", false, false},
        {"{TPM.ek}", false, false},
        {"{tpm.ek", false, false},
        {"tpm.ek}", false, false},
        {"{{tpm.ek}}", false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (lk_secret_name_ok(B(rows[i].text), false) != rows[i].name)
            fail_msg("as a name: %s", rows[i].text);
        if (lk_secret_name_ok(B(rows[i].text), true) != rows[i].pattern)
            fail_msg("as a pattern: %s", rows[i].text);
    }
    char longest[257];
    memset(longest, 'a', sizeof(longest));
    assert_true(lk_secret_name_ok(lk_bytes(longest, 255), false));
    assert_false(lk_secret_name_ok(lk_bytes(longest, 256), false));
}

static void patterns_match_whole_segments(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool matches, covers;
    } rows[] = {
        {"disk/1", "disk/1", true, true},
        {"disk/1", "disk/2", false, false},
        {"disk/1", "disk/1/2", false, false},
        {"disk/{tpm.ek}", "disk/00ff", true, true},
        {"disk/{tpm.ek}", "disk/", false, false},
        {"disk/{tpm.ek}", "disk/00FF", false, false},
        {"disk/{tpm.ek}", "disk/a/b", false, false},
        {"disk/{tpm.ek}", "disk/{tpm.ek}", false, true},
        {"disk/{tpm.ek}", "disk/{tpm.ak}", false, false},
        {"disk/k-{tpm.ek}.bin", "disk/k-ab.bin", true, true},
        {"disk/k-{tpm.ek}.bin", "disk/k-.bin", false, false},
        {"disk/k-{tpm.ek}.bin", "disk/kab.bin", false, false},
        {"team/*", "team/x", true, true},
        {"team/*", "team/", false, false},
        {"team/*", "team/x/y", false, false},
        {"team/db-*", "team/db-1", true, true},
        {"team/db-*", "team/web", false, false},
        {"*", "a/b", false, false},
        {"{a.b}/{c.d}", "x/y", true, true},
        {"bad{", "bad{", false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (lk_release_pattern_match(B(rows[i].pattern), B(rows[i].name)) != rows[i].matches)
            fail_msg("%s matches %s", rows[i].pattern, rows[i].name);
        if (lk_release_pattern_covers(B(rows[i].pattern), B(rows[i].name)) != rows[i].covers)
            fail_msg("%s covers %s", rows[i].pattern, rows[i].name);
    }
}

static void overlap_is_symmetric_and_never_missed(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool overlap;
    } rows[] = {
        {"disk/1", "disk/1", true},          {"disk/1", "disk/2", false},
        {"disk/{t.ek}", "disk/1", true},     {"disk/{t.ek}", "disk/A", false},
        {"disk/{t.ek}", "disk/*", true},     {"disk/{t.ek}", "tape/{t.ek}", false},
        {"disk/{t.ek}", "disk/{s.id}", true}, {"disk/a-{t.ek}", "disk/b-{t.ek}", false},
        {"disk/a-{t.ek}", "disk/*", true},   {"disk/{t.ek}.a", "disk/{t.ek}.b", false},
        {"a/*", "a/b/c", false},             {"a/ab*", "a/a*", true},
        {"a/{t.ek}", "a/{t.ek}/b", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int turned = 0; turned < 2; turned++) {
            const char *a = turned ? rows[i].b : rows[i].a, *b = turned ? rows[i].a : rows[i].b;
            if (lk_release_patterns_overlap(B(a), B(b)) != rows[i].overlap)
                fail_msg("%s and %s", a, b);
        }
}

static struct lk_bytes value_of(void *context, struct lk_bytes hole)
{
    (void)hole;
    return B(context);
}

static void placeholders_expand_to_run_characters_only(void **state)
{
    (void)state;
    char out[LK_NAME_MAX + 1], value[300];
    assert_true(lk_release_expand(B("d/{t.ek}/{t.ek}-x"), value_of, (void *)(uintptr_t)"0a", out));
    assert_string_equal(out, "d/0a/0a-x");
    assert_false(lk_release_expand(B("d/{t.ek}"), value_of, (void *)(uintptr_t)"a/b", out));
    assert_false(lk_release_expand(B("d/{t.ek}"), value_of, (void *)(uintptr_t)"", out));
    assert_false(lk_release_expand(B("d/{t.ek}"), value_of, (void *)(uintptr_t)"{t.ek}", out));
    memset(value, 'a', sizeof(value));
    value[253] = '\0';
    assert_true(lk_release_expand(B("d/{t.ek}"), value_of, value, out));
    value[253] = 'a';
    value[254] = '\0';
    assert_false(lk_release_expand(B("d/{t.ek}"), value_of, value, out));
    assert_true(lk_bytes_eq(lk_release_placeholder(B("a/{t.x}/{t.y}"), 1), B("t.y")));
    assert_null(lk_release_placeholder(B("a/{t.x}/{t.y}"), 2).data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_patterns_that_may_be_used),
        cmocka_unit_test(patterns_match_whole_segments),
        cmocka_unit_test(overlap_is_symmetric_and_never_missed),
        cmocka_unit_test(placeholders_expand_to_run_characters_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
