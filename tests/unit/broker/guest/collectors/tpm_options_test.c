/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/tpm/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool take(const char *a, const char *b, struct lk_tpm_options *o)
{
    char first[64], second[64];
    char *argv[] = {(char *)(uintptr_t)"latchkey-evidence-tpm", first, second, NULL};
    const char *tell;
    snprintf(first, sizeof(first), "%s", a != NULL ? a : "");
    snprintf(second, sizeof(second), "%s", b != NULL ? b : "");
    return lk_tpm_options_read(1 + (a != NULL) + (b != NULL), argv, o, &tell);
}

static void defaults_stand(void **state)
{
    (void)state;
    struct lk_tpm_options o;
    assert_true(take(NULL, NULL, &o));
    assert_string_equal(o.tcti, "device:/dev/tpmrm0");
    assert_string_equal(o.ek, "auto");
    assert_string_equal(o.ak, "ecc");
    assert_null(o.hash);
    assert_int_equal(o.ak_handle, 0);
    assert_int_equal(o.hcl_index, 0x01400001);
    assert_int_equal(o.hcl_ak, 0x81000003);
    assert_null(o.hcl_certs);
}

static void known_values_are_taken(void **state)
{
    (void)state;
    static const char *const good[] = {"--ek=auto", "--ek=rsa", "--ek=ecc", "--ek=ecc384", "--ak=rsapss",
                                       "--ak=ecc384", "--hash=sha384", "--ak-handle=0x81010002", "--help", "--version"};
    struct lk_tpm_options o;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(take(good[i], NULL, &o));
    assert_true(take("--ak-handle=81010002", NULL, &o));
    assert_int_equal(o.ak_handle, 0x81010002);
    assert_true(take("--hcl-index=0x01400003", "--hcl-ak=0x81000004", &o));
    assert_int_equal(o.hcl_index, 0x01400003);
    assert_int_equal(o.hcl_ak, 0x81000004);
    assert_int_equal(o.ak_handle, 0);
}

static void others_are_wrong_usage(void **state)
{
    (void)state;
    static const char *const wrong[] = {"--ek=dsa", "--ak=", "--hash=sha1", "--ak-handle=0x01c00002",
                                        "--ak-handle=x", "--hcl-index=0x81000003", "--hcl-ak=0x01400001", "argument", "--nothing"};
    struct lk_tpm_options o;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(take(wrong[i], NULL, &o));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_stand),
        cmocka_unit_test(known_values_are_taken),
        cmocka_unit_test(others_are_wrong_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
