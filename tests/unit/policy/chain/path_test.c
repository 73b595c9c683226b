/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/chain/path.h"
#include "tests/emulators/tpm/softtpm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include <cmocka.h>

#define AT 1800000000

/* root -> ca -> leaf, and a second root of the same name with another key. */
static EVP_PKEY *root_key, *other_root_key, *ca_key, *leaf_key;
static struct lk_buf root, other_root, ca, leaf;

static struct lk_buf issue(const char *subject, EVP_PKEY *key, const char *issuer, EVP_PKEY *signer, bool is_ca)
{
    struct lk_buf out = lk_buf(8192);
    struct soft_cert c = {.subject = subject, .key = key, .issuer = issuer, .signer = signer, .ca = is_ca,
                          .key_usage = is_ca ? "critical,keyCertSign" : "critical,digitalSignature",
                          .not_before = AT - 100, .not_after = AT + 100};
    soft_cert_put(&out, &c);
    return out;
}

static int setup(void **state)
{
    (void)state;
    root_key = soft_key("P-256");
    other_root_key = soft_key("P-256");
    ca_key = soft_key("P-256");
    leaf_key = soft_key("P-256");
    root = issue("Root", root_key, "Root", root_key, true);
    other_root = issue("Root", other_root_key, "Root", other_root_key, true);
    ca = issue("CA", ca_key, "Root", root_key, true);
    leaf = issue("Leaf", leaf_key, "CA", ca_key, false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    struct lk_buf *all[] = {&root, &other_root, &ca, &leaf};
    for (size_t i = 0; i < 4; i++)
        lk_buf_free(all[i]);
    EVP_PKEY *keys[] = {root_key, other_root_key, ca_key, leaf_key};
    for (size_t i = 0; i < 4; i++)
        EVP_PKEY_free(keys[i]);
    return 0;
}

static enum lk_reason_code find_in(struct lk_trust *t, const struct lk_buf *of, const struct lk_buf *extra, int64_t at,
                                   struct lk_path *path)
{
    const struct lk_cert *cert;
    struct lk_bytes runs[1];
    if (extra != NULL)
        runs[0] = lk_buf_bytes(extra);
    assert_true(lk_ok(lk_cert_get(lk_trust_cache(t), lk_buf_bytes(of), &cert)));
    return lk_path_find(t, "tpm", cert, runs, extra != NULL ? 1 : 0, at, path).code;
}

static void expect(const struct lk_buf *anchor, const struct lk_buf *of, const struct lk_buf *extra, int64_t at,
                   enum lk_reason_code code)
{
    struct lk_trust *t = lk_trust_new();
    struct lk_path path;
    if (anchor != NULL)
        assert_true(lk_ok(lk_trust_add_anchor(t, "tpm", "anchor", lk_buf_bytes(anchor))));
    assert_int_equal(find_in(t, of, extra, at, &path), code);
    if (code == LK_R_OK)
        assert_string_equal(path.anchor, "anchor");
    lk_trust_free(t);
}

static void a_path_ends_in_an_anchor(void **state)
{
    (void)state;
    expect(&root, &leaf, &ca, AT, LK_R_OK);
    expect(&ca, &leaf, NULL, AT, LK_R_OK); /* an intermediate may be the anchor */
    expect(&root, &leaf, NULL, AT, LK_R_UNANCHORED);
    expect(NULL, &leaf, &ca, AT, LK_R_UNANCHORED);
    expect(&root, &root, NULL, AT, LK_R_UNANCHORED); /* an anchor is no leaf of itself */
}

/* A root that came along is an anchor if it is the pin, whole; an admin's anchor is named first. */
static void a_pin_is_an_anchor_that_comes_along(void **state)
{
    (void)state;
    struct lk_trust *t = lk_trust_new();
    struct lk_path path;
    const struct lk_cert *cert, *pinned;
    struct lk_bytes runs[] = {lk_buf_bytes(&ca), lk_buf_bytes(&other_root), lk_buf_bytes(&root)};
    assert_true(lk_ok(lk_cert_get(lk_trust_cache(t), lk_buf_bytes(&leaf), &cert)));
    assert_true(lk_ok(lk_cert_get(lk_trust_cache(t), lk_buf_bytes(&root), &pinned)));
    struct lk_pin pin = {.name = "pin"};
    memcpy(pin.sha256, pinned->fingerprint, 32);
    assert_int_equal(lk_path_find_pinned(t, "tpm", &pin, 1, cert, runs, 3, AT, &path).code, LK_R_OK);
    assert_string_equal(path.anchor, "pin");
    assert_true(path.pinned);
    assert_int_equal(lk_path_find_pinned(t, "tpm", &pin, 1, cert, runs, 2, AT, &path).code, LK_R_CERT_SIGNATURE);
    pin.sha256[31] ^= 1;
    assert_int_equal(lk_path_find_pinned(t, "tpm", &pin, 1, cert, runs, 3, AT, &path).code, LK_R_CERT_SIGNATURE);
    pin.sha256[31] ^= 1;
    assert_true(lk_ok(lk_trust_add_anchor(t, "tpm", "anchor", lk_buf_bytes(&root))));
    assert_int_equal(lk_path_find_pinned(t, "tpm", &pin, 1, cert, runs, 3, AT, &path).code, LK_R_OK);
    assert_string_equal(path.anchor, "anchor");
    assert_false(path.pinned);
    lk_trust_free(t);
}

static void the_family_limits_its_anchors(void **state)
{
    (void)state;
    struct lk_trust *t = lk_trust_new();
    struct lk_path path;
    assert_true(lk_ok(lk_trust_add_anchor(t, "sev-snp", "anchor", lk_buf_bytes(&root))));
    assert_int_equal(find_in(t, &leaf, &ca, AT, &path), LK_R_UNANCHORED);
    lk_trust_free(t);
}

static void intermediates_of_trust_help(void **state)
{
    (void)state;
    struct lk_trust *t = lk_trust_new();
    struct lk_path path;
    assert_true(lk_ok(lk_trust_add_anchor(t, "tpm", "anchor", lk_buf_bytes(&root))));
    assert_true(lk_ok(lk_trust_add_intermediate(t, "tpm", lk_buf_bytes(&ca))));
    assert_int_equal(find_in(t, &leaf, NULL, AT, &path), LK_R_OK);
    assert_int_equal(path.n, 3);
    assert_false(path.weak);
    lk_trust_free(t);
}

/* A CA that changed its key keeps its name: the right one is found beside the wrong one. */
static void another_key_of_the_same_name_is_passed_over(void **state)
{
    (void)state;
    expect(&other_root, &leaf, &ca, AT, LK_R_CERT_SIGNATURE);
    struct lk_trust *t = lk_trust_new();
    struct lk_path path;
    assert_true(lk_ok(lk_trust_add_anchor(t, "tpm", "other", lk_buf_bytes(&other_root))));
    assert_true(lk_ok(lk_trust_add_anchor(t, "tpm", "right", lk_buf_bytes(&root))));
    assert_int_equal(find_in(t, &leaf, &ca, AT, &path), LK_R_OK);
    assert_string_equal(path.anchor, "right");
    lk_trust_free(t);
}

static void dates_count_on_the_whole_path(void **state)
{
    (void)state;
    expect(&root, &leaf, &ca, AT + 101, LK_R_CERT_EXPIRED);
    expect(&root, &leaf, &ca, AT - 101, LK_R_CERT_NOT_YET_VALID);
    expect(NULL, &leaf, &ca, AT + 101, LK_R_UNANCHORED); /* expired and unanchored: nobody vouches */
}

static void a_leaf_does_not_issue(void **state)
{
    (void)state;
    EVP_PKEY *key = soft_key("P-256");
    struct lk_buf below = issue("Below", key, "Leaf", leaf_key, false);
    struct lk_trust *t = lk_trust_new();
    struct lk_path path;
    assert_true(lk_ok(lk_trust_add_anchor(t, "tpm", "anchor", lk_buf_bytes(&ca))));
    assert_int_equal(find_in(t, &below, &leaf, AT, &path), LK_R_CERT_NOT_CA);
    lk_trust_free(t);
    lk_buf_free(&below);
    EVP_PKEY_free(key);
}

/* Two CAs that certify each other must end the search, not run it round. */
static void circles_end(void **state)
{
    (void)state;
    EVP_PKEY *a = soft_key("P-256"), *b = soft_key("P-256");
    struct lk_buf ab = issue("A", a, "B", b, true), ba = issue("B", b, "A", a, true);
    struct lk_trust *t = lk_trust_new();
    struct lk_path path;
    assert_true(lk_ok(lk_trust_add_intermediate(t, "tpm", lk_buf_bytes(&ab))));
    assert_true(lk_ok(lk_trust_add_intermediate(t, "tpm", lk_buf_bytes(&ba))));
    assert_int_equal(find_in(t, &ab, NULL, AT, &path), LK_R_UNANCHORED);
    lk_trust_free(t);
    lk_buf_free(&ab);
    lk_buf_free(&ba);
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_ends_in_an_anchor), cmocka_unit_test(a_pin_is_an_anchor_that_comes_along),
        cmocka_unit_test(the_family_limits_its_anchors),
        cmocka_unit_test(intermediates_of_trust_help),
        cmocka_unit_test(another_key_of_the_same_name_is_passed_over),
        cmocka_unit_test(dates_count_on_the_whole_path),
        cmocka_unit_test(a_leaf_does_not_issue),
        cmocka_unit_test(circles_end),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
