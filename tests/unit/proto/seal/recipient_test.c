/* SPDX-License-Identifier: Apache-2.0 */
/* proto/seal/recipient and hpke: keys that may be sealed to, and sealing to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "proto/seal/recipient.h"

#define CODE(r) ((int)(r).code)
#define X25519_SUITE "hpke-x25519-sha256-aes256gcm"
#define P256_SUITE "hpke-p256-sha256-aes256gcm"
#define RSA_SUITE "rsa-oaep-sha256-aes256-kwp"

struct spki {
    uint8_t der[1100];
    size_t len;
};

static struct spki spki_of(EVP_PKEY *key)
{
    struct spki s = {0};
    unsigned char *p = s.der;
    int len = i2d_PUBKEY(key, &p);
    assert_true(len > 0 && (size_t)len < sizeof(s.der));
    s.len = (size_t)len;
    return s;
}

static lk_result from(const struct spki *s, const char *suite, struct lk_recipient *r)
{
    return lk_recipient_from_spki(lk_bytes(s->der, s->len), lk_bytes_str(suite), r);
}

static void seals_and_opens(EVP_PKEY *key, const char *suite, size_t len)
{
    struct spki s = spki_of(key);
    struct lk_recipient r;
    assert_int_equal(CODE(from(&s, suite, &r)), LK_R_OK);
    uint8_t secret[64];
    memset(secret, 0x5a, sizeof(secret));
    LK_BUF_AUTO enc = lk_buf(65);
    LK_BUF_AUTO ct = lk_buf(128);
    assert_int_equal(CODE(lk_hpke_seal(&r, lk_bytes_str("info"), lk_bytes(secret, len), &enc, &ct)), LK_R_OK);
    assert_int_equal(enc.len, r.point_len);
    assert_int_equal(ct.len, len + 16);

    LK_SECRET_AUTO out = {0};
    assert_int_equal(CODE(lk_hpke_open(key, lk_bytes_str("info"), lk_buf_bytes(&enc), lk_buf_bytes(&ct), &out)),
                     LK_R_OK);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data, secret, len);

    LK_SECRET_AUTO none = {0};
    assert_int_equal(CODE(lk_hpke_open(key, lk_bytes_str("inf0"), lk_buf_bytes(&enc), lk_buf_bytes(&ct), &none)),
                     LK_R_HPKE_OPEN);
    ct.data[0] ^= 1;
    assert_int_equal(CODE(lk_hpke_open(key, lk_bytes_str("info"), lk_buf_bytes(&enc), lk_buf_bytes(&ct), &none)),
                     LK_R_HPKE_OPEN);
    assert_null(none.data);
    assert_int_equal(CODE(lk_hpke_open(key, lk_bytes_str("info"), lk_bytes(enc.data, enc.len - 1),
                                       lk_buf_bytes(&ct), &none)), LK_R_HPKE_OPEN);
}

static void hpke_opens_what_it_seals(void **state)
{
    (void)state;
    EVP_PKEY *x = EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), *p = EVP_EC_gen("P-256");
    seals_and_opens(x, X25519_SUITE, 32);
    seals_and_opens(x, X25519_SUITE, 1);
    seals_and_opens(p, P256_SUITE, 64);
    EVP_PKEY_free(x);
    EVP_PKEY_free(p);
}

static void keys_and_suites_must_fit(void **state)
{
    (void)state;
    EVP_PKEY *x = EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), *p = EVP_EC_gen("P-256"), *q = EVP_EC_gen("P-384");
    struct spki sx = spki_of(x), sp = spki_of(p), sq = spki_of(q);
    struct lk_recipient r;
    assert_int_equal(CODE(from(&sx, P256_SUITE, &r)), LK_R_RECIPIENT_KEY);
    assert_int_equal(CODE(from(&sp, X25519_SUITE, &r)), LK_R_RECIPIENT_KEY);
    assert_int_equal(CODE(from(&sp, RSA_SUITE, &r)), LK_R_RECIPIENT_KEY);
    assert_int_equal(CODE(from(&sq, P256_SUITE, &r)), LK_R_RECIPIENT_KEY);
    assert_int_equal(CODE(from(&sx, "hpke-x25519", &r)), LK_R_RECIPIENT_SUITE);
    assert_int_equal(CODE(from(&sx, "", &r)), LK_R_RECIPIENT_SUITE);
    EVP_PKEY_free(x);
    EVP_PKEY_free(p);
    EVP_PKEY_free(q);
}

static void points_off_the_curve_are_refused(void **state)
{
    (void)state;
    EVP_PKEY *p = EVP_EC_gen("P-256");
    struct spki s = spki_of(p);
    struct lk_recipient r;
    s.der[s.len - 1] ^= 1;
    assert_int_equal(CODE(from(&s, P256_SUITE, &r)), LK_R_RECIPIENT_KEY);
    s.der[s.len - 1] ^= 1;
    assert_int_equal(CODE(from(&s, P256_SUITE, &r)), LK_R_OK);
    r.point[64] ^= 1;
    assert_int_equal(CODE(lk_recipient_check(&r)), LK_R_RECIPIENT_KEY);
    LK_BUF_AUTO enc = lk_buf(65);
    LK_BUF_AUTO ct = lk_buf(64);
    assert_int_equal(CODE(lk_hpke_seal(&r, LK_BYTES_NONE, lk_bytes_str("x"), &enc, &ct)), LK_R_RECIPIENT_KEY);
    assert_int_equal(ct.len, 0);
    EVP_PKEY_free(p);
}

/* The points of order 1, 2, 4 and 8 of curve25519 and its twist, with their other spellings (RFC 7748, 7). */
static void points_of_small_order_are_refused(void **state)
{
    (void)state;
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000080",
    };
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        struct lk_recipient r = {.suite = LK_SUITE_HPKE_X25519, .point_len = 32};
        assert_int_equal(lk_unhex(points[i], 64, r.point, 32), 32);
        assert_int_equal(CODE(lk_recipient_check(&r)), LK_R_RECIPIENT_KEY);
        LK_BUF_AUTO enc = lk_buf(65);
        LK_BUF_AUTO ct = lk_buf(64);
        assert_int_equal(CODE(lk_hpke_seal(&r, LK_BYTES_NONE, lk_bytes_str("x"), &enc, &ct)), LK_R_RECIPIENT_KEY);
    }
    struct lk_recipient nine = {.suite = LK_SUITE_HPKE_X25519, .point = {9}, .point_len = 32};
    assert_int_equal(CODE(lk_recipient_check(&nine)), LK_R_OK);
}

static void rsa_keys_of_three_sizes(void **state)
{
    (void)state;
    static const struct {
        unsigned bits;
        int code;
    } rows[] = {{1024, LK_R_RECIPIENT_KEY}, {2048, LK_R_OK}, {2056, LK_R_RECIPIENT_KEY}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        EVP_PKEY *key = EVP_RSA_gen(rows[i].bits);
        struct spki s = spki_of(key);
        struct lk_recipient r;
        assert_int_equal(CODE(from(&s, RSA_SUITE, &r)), rows[i].code);
        EVP_PKEY_free(key);
    }
    struct lk_recipient r = {.suite = LK_SUITE_RSA_SHA1, .n_len = 384, .n = {0x80}, .e = 65537};
    r.n[383] = 1;
    assert_int_equal(CODE(lk_recipient_check(&r)), LK_R_OK);
    r.e = 3;
    assert_int_equal(CODE(lk_recipient_check(&r)), LK_R_RECIPIENT_KEY);
    r.e = 65537;
    r.n[383] = 2;
    assert_int_equal(CODE(lk_recipient_check(&r)), LK_R_RECIPIENT_KEY);
    r.n[383] = 1;
    r.n[0] = 0x7f;
    assert_int_equal(CODE(lk_recipient_check(&r)), LK_R_RECIPIENT_KEY);
}

/* DER has one spelling here: a longer one, or bytes after it, is another key. */
static void der_has_one_spelling(void **state)
{
    (void)state;
    EVP_PKEY *x = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    struct spki s = spki_of(x);
    struct lk_recipient r;
    s.len++;
    assert_int_equal(CODE(from(&s, X25519_SUITE, &r)), LK_R_RECIPIENT_KEY);
    s.len -= 2;
    assert_int_equal(CODE(from(&s, X25519_SUITE, &r)), LK_R_RECIPIENT_KEY);
    EVP_PKEY_free(x);
}

static void frames_come_back(void **state)
{
    (void)state;
    struct lk_recipient in[] = {
        {.suite = LK_SUITE_NONE},
        {.suite = LK_SUITE_HPKE_X25519, .point = {9}, .point_len = 32},
        {.suite = LK_SUITE_HPKE_P256, .point = {4}, .point_len = 65},
        {.suite = LK_SUITE_RSA_SHA256, .n = {0x80, 1}, .n_len = 512, .e = 65537},
    };
    for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
        LK_BUF_AUTO b = lk_buf(1024);
        lk_recipient_put(&b, &in[i]);
        struct lk_cursor c = lk_cursor(lk_buf_bytes(&b));
        struct lk_recipient out;
        lk_recipient_get(&c, &out);
        assert_int_equal(CODE(lk_cursor_end(&c)), LK_R_OK);
        assert_memory_equal(&out, &in[i], sizeof(out));
        for (size_t cut = 0; cut < b.len; cut++) {
            struct lk_cursor shorter = lk_cursor(lk_bytes(b.data, cut));
            lk_recipient_get(&shorter, &out);
            assert_int_not_equal(CODE(lk_cursor_end(&shorter)), LK_R_OK);
        }
    }
}

static void odd_frames_fail(void **state)
{
    (void)state;
    static const uint8_t unknown[] = {9, 0, 1, 1}, length[] = {1, 0, 31};
    uint8_t wrong[34] = {1, 0, 31};
    const struct lk_bytes rows[] = {LK_BYTES(unknown), LK_BYTES(length), LK_BYTES(wrong)};
    for (size_t i = 0; i < 3; i++) {
        struct lk_cursor c = lk_cursor(rows[i]);
        struct lk_recipient out;
        lk_recipient_get(&c, &out);
        assert_int_not_equal(CODE(lk_cursor_ok(&c)), LK_R_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hpke_opens_what_it_seals),
        cmocka_unit_test(keys_and_suites_must_fit),
        cmocka_unit_test(points_off_the_curve_are_refused),
        cmocka_unit_test(points_of_small_order_are_refused),
        cmocka_unit_test(rsa_keys_of_three_sizes),
        cmocka_unit_test(der_has_one_spelling),
        cmocka_unit_test(frames_come_back),
        cmocka_unit_test(odd_frames_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
