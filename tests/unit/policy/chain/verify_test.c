/* SPDX-License-Identifier: Apache-2.0 */
/* policy/chain/verify: each scheme, and what each must refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>

#include "policy/chain/cert.h"

#define CODE(r) ((int)(r).code)

static const struct lk_bytes msg = {(const uint8_t *)"the message", 11};

static size_t sign_raw(EVP_PKEY *key, const EVP_MD *md, int padding, uint8_t *out, size_t size)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx;
    assert_int_equal(EVP_DigestSignInit(ctx, &pctx, md, NULL, key), 1);
    if (padding != 0)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, padding), 1);
    assert_int_equal(EVP_DigestSign(ctx, out, &size, msg.data, msg.len), 1);
    EVP_MD_CTX_free(ctx);
    return size;
}

static void sign_ecdsa(EVP_PKEY *key, const EVP_MD *md, size_t field, uint8_t *out)
{
    uint8_t der[200];
    const uint8_t *p = der;
    size_t n = sign_raw(key, md, 0, der, sizeof(der));
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)n);
    BN_bn2binpad(ECDSA_SIG_get0_r(s), out, (int)field);
    BN_bn2binpad(ECDSA_SIG_get0_s(s), out + field, (int)field);
    ECDSA_SIG_free(s);
}

static void ecdsa_schemes(void **state)
{
    (void)state;
    const struct {
        const char *curve;
        const EVP_MD *md;
        size_t field;
        enum lk_scheme scheme, other;
    } rows[] = {
        {"P-256", EVP_sha256(), 32, LK_SCHEME_ECDSA_P256_SHA256, LK_SCHEME_ECDSA_P384_SHA256},
        {"P-256", EVP_sha384(), 32, LK_SCHEME_ECDSA_P256_SHA384, LK_SCHEME_ECDSA_P256_SHA256},
        {"P-384", EVP_sha384(), 48, LK_SCHEME_ECDSA_P384_SHA384, LK_SCHEME_ECDSA_P384_SHA256},
        {"P-384", EVP_sha256(), 48, LK_SCHEME_ECDSA_P384_SHA256, LK_SCHEME_ECDSA_P384_SHA384},
        {"P-521", EVP_sha512(), 66, LK_SCHEME_ECDSA_P521_SHA512, LK_SCHEME_RSASSA_SHA512},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        EVP_PKEY *key = EVP_EC_gen(rows[i].curve);
        uint8_t sig[132];
        size_t n = 2 * rows[i].field;
        sign_ecdsa(key, rows[i].md, rows[i].field, sig);
        assert_int_equal(CODE(lk_verify(key, rows[i].scheme, msg, lk_bytes(sig, n))), LK_R_OK);
        assert_int_equal(CODE(lk_verify(key, rows[i].other, msg, lk_bytes(sig, n))), LK_R_SIGNATURE_INVALID);
        assert_int_equal(CODE(lk_verify(key, rows[i].scheme, msg, lk_bytes(sig, n - 1))), LK_R_SIGNATURE_INVALID);
        sig[5] ^= 1;
        assert_int_equal(CODE(lk_verify(key, rows[i].scheme, msg, lk_bytes(sig, n))), LK_R_SIGNATURE_INVALID);
        EVP_PKEY_free(key);
    }
}

/* The order of P-384, and numbers that a sloppy verifier takes for a signature. */
static void ecdsa_out_of_range(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-384");
    EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_secp384r1);
    uint8_t n[48], good[96], sig[96];
    BN_bn2binpad(EC_GROUP_get0_order(g), n, 48);
    sign_ecdsa(key, EVP_sha384(), 48, good);
    static const uint8_t zero[48];
    for (int which = 0; which < 4; which++) {
        memcpy(sig, good, sizeof(sig));
        memcpy(sig + (which & 1) * 48, which & 2 ? n : zero, 48);
        assert_int_equal(CODE(lk_verify(key, LK_SCHEME_ECDSA_P384_SHA384, msg, LK_BYTES(sig))), LK_R_SIGNATURE_INVALID);
    }
    EC_GROUP_free(g);
    EVP_PKEY_free(key);
}

static void rsa_schemes(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    const struct {
        const EVP_MD *md;
        int padding;
        enum lk_scheme scheme, other;
    } rows[] = {
        {EVP_sha256(), RSA_PKCS1_PADDING, LK_SCHEME_RSASSA_SHA256, LK_SCHEME_RSAPSS_SHA256},
        {EVP_sha384(), RSA_PKCS1_PADDING, LK_SCHEME_RSASSA_SHA384, LK_SCHEME_RSASSA_SHA256},
        {EVP_sha512(), RSA_PKCS1_PADDING, LK_SCHEME_RSASSA_SHA512, LK_SCHEME_ECDSA_P256_SHA256},
        {EVP_sha256(), RSA_PKCS1_PSS_PADDING, LK_SCHEME_RSAPSS_SHA256, LK_SCHEME_RSASSA_SHA256},
        {EVP_sha384(), RSA_PKCS1_PSS_PADDING, LK_SCHEME_RSAPSS_SHA384, LK_SCHEME_RSAPSS_SHA512},
        {EVP_sha512(), RSA_PKCS1_PSS_PADDING, LK_SCHEME_RSAPSS_SHA512, LK_SCHEME_RSAPSS_SHA384},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint8_t sig[256];
        size_t n = sign_raw(key, rows[i].md, rows[i].padding, sig, sizeof(sig));
        assert_int_equal(CODE(lk_verify(key, rows[i].scheme, msg, lk_bytes(sig, n))), LK_R_OK);
        assert_int_equal(CODE(lk_verify(key, rows[i].other, msg, lk_bytes(sig, n))), LK_R_SIGNATURE_INVALID);
        assert_int_equal(CODE(lk_verify(key, rows[i].scheme, msg, lk_bytes(sig, n - 1))), LK_R_SIGNATURE_INVALID);
        sig[7] ^= 1;
        assert_int_equal(CODE(lk_verify(key, rows[i].scheme, msg, lk_bytes(sig, n))), LK_R_SIGNATURE_INVALID);
    }
    EVP_PKEY_free(key);
    assert_int_equal(CODE(lk_verify(NULL, LK_SCHEME_RSASSA_SHA256, msg, msg)), LK_R_SIGNATURE_INVALID);
}

/* What was verified once is believed again, and nothing else is: another key, message, signature or scheme. */
static void an_answer_that_is_remembered_is_for_that_alone(void **state)
{
    (void)state;
    uint8_t sig[64], other_sig[64];
    struct lk_cert_cache *cache = lk_cert_cache_new(1);
    struct lk_cert issuer = {.key = EVP_EC_gen("P-256"), .spki = {1}}, other = {.key = EVP_EC_gen("P-256"), .spki = {2}};
    const enum lk_scheme scheme = LK_SCHEME_ECDSA_P256_SHA256;
    sign_ecdsa(issuer.key, EVP_sha256(), 32, sig);
    memcpy(other_sig, sig, sizeof(sig));
    other_sig[5] ^= 1;
    assert_int_equal(CODE(lk_cert_verify(cache, &other, scheme, msg, LK_BYTES(sig))), LK_R_SIGNATURE_INVALID);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(CODE(lk_cert_verify(cache, &issuer, scheme, msg, LK_BYTES(sig))), LK_R_OK);
        assert_int_equal(CODE(lk_cert_verify(cache, &other, scheme, msg, LK_BYTES(sig))), LK_R_SIGNATURE_INVALID);
        assert_int_equal(CODE(lk_cert_verify(cache, &issuer, scheme, msg, LK_BYTES(other_sig))), LK_R_SIGNATURE_INVALID);
        assert_int_equal(CODE(lk_cert_verify(cache, &issuer, scheme, lk_bytes(msg.data, 10), LK_BYTES(sig))), LK_R_SIGNATURE_INVALID);
        assert_int_equal(CODE(lk_cert_verify(cache, &issuer, LK_SCHEME_ECDSA_P256_SHA384, msg, LK_BYTES(sig))), LK_R_SIGNATURE_INVALID);
    }
    EVP_PKEY *key = issuer.key;
    issuer.key = other.key; /* remembered: the key is not asked again */
    assert_int_equal(CODE(lk_cert_verify(cache, &issuer, scheme, msg, LK_BYTES(sig))), LK_R_OK);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other.key);
    lk_cert_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_is_remembered_is_for_that_alone),
        cmocka_unit_test(ecdsa_schemes),
        cmocka_unit_test(ecdsa_out_of_range),
        cmocka_unit_test(rsa_schemes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
