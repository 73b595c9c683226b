/* SPDX-License-Identifier: Apache-2.0 */
/* policy/chain/trust: anchors by family, collateral by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "policy/chain/trust.h"

#define CODE(r) ((int)(r).code)

static void collateral_is_found_by_its_name(void **state)
{
    (void)state;
    struct lk_trust *t = lk_trust_new();
    static const char *const names[] = {"m", "b", "z", "a", "mm", "c"};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(CODE(lk_trust_add_collateral(t, names[i], lk_bytes_str(names[i]))), LK_R_OK);
    for (size_t i = 0; i < 6; i++)
        assert_true(lk_bytes_eq(lk_trust_collateral(t, names[i]), lk_bytes_str(names[i])));
    assert_null(lk_trust_collateral(t, "").data);
    assert_null(lk_trust_collateral(t, "n").data);
    assert_null(lk_trust_collateral(t, "zz").data);
    lk_trust_free(t);
}

static void a_later_one_replaces_an_earlier(void **state)
{
    (void)state;
    struct lk_trust *t = lk_trust_new();
    assert_int_equal(CODE(lk_trust_add_collateral(t, "crl", lk_bytes_str("old"))), LK_R_OK);
    assert_int_equal(CODE(lk_trust_add_collateral(t, "crl", lk_bytes_str("newer"))), LK_R_OK);
    assert_true(lk_bytes_eq(lk_trust_collateral(t, "crl"), lk_bytes_str("newer")));
    lk_trust_free(t);
}

static void an_anchor_must_be_a_certificate(void **state)
{
    (void)state;
    struct lk_trust *t = lk_trust_new();
    size_t n;
    assert_int_equal(CODE(lk_trust_add_anchor(t, "tpm", "x", lk_bytes_str("0 none"))), LK_R_CERT_MALFORMED);
    assert_int_equal(CODE(lk_trust_add_intermediate(t, "tpm", LK_BYTES_NONE)), LK_R_CERT_MALFORMED);
    assert_null(lk_trust_certs(t, "tpm", &n));
    assert_int_equal(n, 0);
    lk_trust_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(collateral_is_found_by_its_name),
        cmocka_unit_test(a_later_one_replaces_an_earlier),
        cmocka_unit_test(an_anchor_must_be_a_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
