/* SPDX-License-Identifier: Apache-2.0 */
/* policy/appraise/glob: against names beside each other, and against the definition written out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "policy/appraise/glob.h"

static void rows(void **state)
{
    static const struct {
        const char *glob, *name;
        bool match;
    } t[] = {
        {"/run/**", "/run/a", true},           {"/run/**", "/run/a/b/c", true},       {"/run/**", "/run", false},
        {"/run/**", "/running/a", false},      {"/run/*", "/run/a", true},            {"/run/*", "/run/a/b", false},
        {"/run/*", "/run/", true},             {"/a/*/c", "/a/b/c", true},            {"/a/*/c", "/a/b/b/c", false},
        {"/a/**/c", "/a/b/b/c", true},         {"/a/**/c", "/a/c", false},            {"/a/**c", "/a/c", true},
        {"*.so", "libc.so", true},             {"*.so", "lib/c.so", false},           {"**.so", "lib/c.so", true},
        {"**.so.?", "/l/x.so.6", true},        {"**.so.?", "/l/x.so./", false},       {"**.so.?", "/l/x.so.", false},
        {"a*b*c", "aXbXbXc", true},            {"a*b*c", "aXbX/Xc", false},           {"a**b*c", "a/b/bc", true},
        {"**/x*y/z", "/xy/xay/z", true},       {"**/x*y/z", "/x/y/z", false},         {"\\*a", "*a", true},
        {"\\*a", "ba", false},                 {"\\\\", "\\", true},                  {"a", "", false},
        {"*a", "", false},                     {"[ab]", "a", false},                  {"[ab]", "[ab]", true},
        {"***", "a/b", true},                  {"a/**/**/b", "a/x/y/b", true},        {"dm_*", "dm_table_load", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        print_message("%s %s\n", t[i].glob, t[i].name);
        assert_true(lk_glob_match(t[i].glob, lk_bytes_str(t[i].name)) == t[i].match);
    }
}

/* The definition, without cleverness. */
static bool defined(const char *glob, const char *name)
{
    if (glob[0] == '*' && glob[1] == '*')
        return defined(glob + 2, name) || (*name != '\0' && defined(glob, name + 1));
    if (glob[0] == '*')
        return defined(glob + 1, name) || (*name != '\0' && *name != '/' && defined(glob, name + 1));
    if (*glob == '\0' || *name == '\0')
        return *glob == *name;
    return (*glob == '?' ? *name != '/' : *glob == *name) && defined(glob + 1, name + 1);
}

static void spell(unsigned number, const char *letters, char out[static 8])
{
    size_t n = 0;
    for (; number > 0; number /= 5)
        out[n++] = letters[number % 5];
    out[n] = '\0';
}

/* All globs and names of up to five letters of a small alphabet. */
static void as_defined(void **state)
{
    (void)state;
    for (unsigned g = 0; g < 3125; g++)
        for (unsigned n = 0; n < 3125; n += 3) {
            char glob[8], name[8];
            spell(g, "a*/b?", glob);
            spell(n, "a/bba", name);
            if (lk_glob_match(glob, lk_bytes_str(name)) != defined(glob, name))
                fail_msg("\"%s\" against \"%s\"", glob, name);
        }
}

/* Names in which every star could begin anywhere: steps stay in proportion to the glob times the name. */
static void no_explosion(void **state)
{
    (void)state;
    size_t n = 1u << 18;
    char *name = malloc(n);
    assert_non_null(name);
    memset(name, 'a', n);
    assert_false(lk_glob_match("**a**a**a**a**a**a**a**a**b", lk_bytes(name, n)));
    assert_false(lk_glob_match("*a*a*a*a*a*a*a*a*b", lk_bytes(name, n)));
    free(name);
}

static void forms(void **state)
{
    char longest[LK_GLOB_MAX + 2];
    (void)state;
    memset(longest, 'a', sizeof(longest));
    longest[LK_GLOB_MAX] = '\0';
    assert_true(lk_glob_ok(longest));
    longest[LK_GLOB_MAX] = 'a';
    longest[LK_GLOB_MAX + 1] = '\0';
    assert_false(lk_glob_ok(longest));
    static const char *const bad[] = {"", "a\\", "\n", "\xc3\xa4", "**", "/**", "/*/**", "*?"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(lk_glob_ok(bad[i]));
    assert_true(lk_glob_form_ok("/**"));
    assert_true(lk_glob_ok("/a/**"));
    assert_true(lk_glob_ok("a\\\\"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows), cmocka_unit_test(as_defined), cmocka_unit_test(no_explosion),
                                       cmocka_unit_test(forms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
