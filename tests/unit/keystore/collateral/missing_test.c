/* SPDX-License-Identifier: Apache-2.0 */
/* keystore/collateral/missing.h: what strangers make up cannot push out what is really missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "keystore/collateral/missing.h"

static void note(struct lk_missing_table *t, const char *name, int64_t now)
{
    struct lk_missing m = {.code = LK_R_SNP_VEK_MISSING, .note = "milan"};
    strcpy(m.name, name);
    lk_missing_note(t, &m, now);
}

static const struct lk_missing_row *find(const struct lk_missing_table *t, const char *name)
{
    const struct lk_missing_row *r;
    for (size_t i = 0; (r = lk_missing_at(t, i)) != NULL; i++)
        if (strcmp(r->what.name, name) == 0)
            return r;
    return NULL;
}

static size_t rows(const struct lk_missing_table *t)
{
    size_t n = 0;
    while (lk_missing_at(t, n) != NULL)
        n++;
    return n;
}

static void test_counts(void **state)
{
    struct lk_missing_table *t = lk_missing_new();
    (void)state;
    note(t, "tdx/qe-identity", 100);
    note(t, "tdx/qe-identity", 130);
    note(t, "sgx/root-crl", 110);
    const struct lk_missing_row *r = find(t, "tdx/qe-identity");
    assert_non_null(r);
    assert_int_equal(r->first_seen, 100);
    assert_int_equal(r->last_seen, 130);
    assert_int_equal(r->count, 2);
    lk_missing_clear(t, "tdx/qe-identity");
    assert_null(find(t, "tdx/qe-identity"));
    assert_non_null(find(t, "sgx/root-crl"));
    lk_missing_free(t);
}

static void test_flood(void **state)
{
    struct lk_missing_table *t = lk_missing_new();
    char name[64];
    (void)state;
    note(t, "sgx/root-crl", 1);
    note(t, "sev-snp/vek/real/0400000000000000", 1);
    note(t, "sev-snp/vek/real/0400000000000000", 2);
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof(name), "sev-snp/vek/%06d/0400000000000000", i);
        note(t, name, 10 + i);
    }
    assert_int_equal(rows(t), LK_MISSING_CHIPS + 1);
    assert_non_null(find(t, "sev-snp/vek/real/0400000000000000")); /* asked for twice */
    assert_non_null(find(t, "sgx/root-crl"));
    assert_non_null(find(t, "sev-snp/vek/004999/0400000000000000"));
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "tdx/tcb-info/%012d", i);
        note(t, name, 6000 + i);
    }
    assert_int_equal(rows(t), LK_MISSING_CHIPS + LK_MISSING_OTHERS);
    lk_missing_free(t);
}

static void test_names_only(void **state)
{
    struct lk_missing_table *t = lk_missing_new();
    (void)state;
    note(t, "", 1);
    note(t, "no-segments", 1);
    note(t, "tdx//double", 1);
    note(t, "tdx/Upper", 1);
    note(t, "tdx/tail/", 1);
    note(t, "/tdx/head", 1);
    note(t, "tdx/sp ace", 1);
    assert_int_equal(rows(t), 0);
    lk_missing_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_names_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
