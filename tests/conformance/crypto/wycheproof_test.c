/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures, OAEP and AES-KWP against Wycheproof: each vector has its stated result. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "policy/chain/verify.h"
#include "proto/seal/rsa_aes.h"
#include "tests/conformance/crypto/vectors.h"

#define CODE(r) ((int)(r).code)

struct tally {
    unsigned valid, invalid, acceptable;
};

/* Holds one outcome against the vector's word; names the vector that disagrees. */
static void judge(const char *file, const json_t *test, bool accepted, struct tally *t)
{
    const char *result = vector_text(test, "result");
    bool valid = strcmp(result, "valid") == 0, invalid = strcmp(result, "invalid") == 0;
    if ((valid && !accepted) || (invalid && accepted))
        fail_msg("%s tcId %lld (%s): %s, but %s", file, json_integer_value(json_object_get(test, "tcId")),
                 vector_text(test, "comment"), result, accepted ? "accepted" : "refused");
    t->valid += valid;
    t->invalid += invalid;
    t->acceptable += !valid && !invalid;
}

typedef bool (*accept_fn)(const json_t *group, const json_t *test, EVP_PKEY *key, int arg);

static EVP_PKEY *key_of(const json_t *group)
{
    LK_BUF_AUTO pub = vector_bytes(group, "publicKeyDer");
    LK_BUF_AUTO priv = vector_bytes(group, "privateKeyPkcs8");
    const unsigned char *p = pub.data, *q = priv.data;
    if (pub.len > 0)
        return d2i_PUBKEY(NULL, &p, (long)pub.len);
    return priv.len > 0 ? d2i_AutoPrivateKey(NULL, &q, (long)priv.len) : NULL;
}

static void run(const char *file, accept_fn accept, int arg, bool needs_key)
{
    struct tally t = {0};
    json_t *all = vectors_load(file);
    const json_t *groups = json_object_get(all, "testGroups");
    assert_true(json_array_size(groups) > 0);
    for (size_t g = 0; g < json_array_size(groups); g++) {
        const json_t *group = json_array_get(groups, g), *tests = json_object_get(group, "tests");
        EVP_PKEY *key = key_of(group);
        assert_true(!needs_key || key != NULL);
        for (size_t i = 0; i < json_array_size(tests); i++) {
            const json_t *test = json_array_get(tests, i);
            judge(file, test, accept(group, test, key, arg), &t);
        }
        EVP_PKEY_free(key);
    }
    json_decref(all);
    print_message("%s: %u valid, %u invalid, %u acceptable\n", file, t.valid, t.invalid, t.acceptable);
    assert_true(t.valid > 0 && t.invalid > 0);
}

static bool raw_signature(const json_t *group, const json_t *test, EVP_PKEY *key, int scheme)
{
    (void)group;
    LK_BUF_AUTO msg = vector_bytes(test, "msg");
    LK_BUF_AUTO sig = vector_bytes(test, "sig");
    return lk_ok(lk_verify(key, (enum lk_scheme)scheme, lk_buf_bytes(&msg), lk_buf_bytes(&sig)));
}

/* Certificates bring DER, which OpenSSL reads; here its two numbers go through our r || s. */
static bool der_signature(const json_t *group, const json_t *test, EVP_PKEY *key, int scheme)
{
    (void)group;
    LK_BUF_AUTO msg = vector_bytes(test, "msg");
    LK_BUF_AUTO sig = vector_bytes(test, "sig");
    const unsigned char *p = sig.data;
    unsigned char *again = NULL;
    uint8_t raw[96];
    ECDSA_SIG *parsed = sig.len == 0 ? NULL : d2i_ECDSA_SIG(NULL, &p, (long)sig.len);
    int len = parsed == NULL ? -1 : i2d_ECDSA_SIG(parsed, &again);
    bool canonical = len > 0 && (size_t)len == sig.len && memcmp(again, sig.data, sig.len) == 0;
    bool fits = canonical && !BN_is_negative(ECDSA_SIG_get0_r(parsed)) && !BN_is_negative(ECDSA_SIG_get0_s(parsed)) &&
                BN_bn2binpad(ECDSA_SIG_get0_r(parsed), raw, 48) == 48 &&
                BN_bn2binpad(ECDSA_SIG_get0_s(parsed), raw + 48, 48) == 48;
    OPENSSL_free(again);
    ECDSA_SIG_free(parsed);
    return fits && lk_ok(lk_verify(key, (enum lk_scheme)scheme, lk_buf_bytes(&msg), LK_BYTES(raw)));
}

/* PSS salts of any length are taken (policy/chain/verify.h): TPMs and TEEs differ in it, and it proves nothing. */
static bool pss_signature(const json_t *group, const json_t *test, EVP_PKEY *key, int scheme)
{
    bool accepted = raw_signature(group, test, key, scheme);
    if (strncmp(vector_text(test, "comment"), "s_len changed to ", 17) != 0)
        return accepted;
    assert_true(accepted);
    return false;
}

static void signatures(void **state)
{
    (void)state;
    run("ecdsa_secp256r1_sha256_p1363_test.json", raw_signature, LK_SCHEME_ECDSA_P256_SHA256, true);
    run("ecdsa_secp384r1_sha384_p1363_test.json", raw_signature, LK_SCHEME_ECDSA_P384_SHA384, true);
    run("ecdsa_secp384r1_sha384_test.json", der_signature, LK_SCHEME_ECDSA_P384_SHA384, true);
    run("rsa_signature_2048_sha256_test.json", raw_signature, LK_SCHEME_RSASSA_SHA256, true);
    run("rsa_pss_4096_sha384_mgf1_48_test.json", pss_signature, LK_SCHEME_RSAPSS_SHA384, true);
}

/* We have no labels: a ciphertext that was made under one must not decrypt, which counts as its right result. */
static bool oaep(const json_t *group, const json_t *test, EVP_PKEY *key, int sha1)
{
    (void)group;
    LK_BUF_AUTO ct = vector_bytes(test, "ct");
    LK_BUF_AUTO msg = vector_bytes(test, "msg");
    LK_SECRET_AUTO out = {0};
    lk_result r = lk_oaep_decrypt(key, sha1 ? "SHA1" : "SHA256", lk_buf_bytes(&ct), &out);
    bool labelled = vector_text(test, "label")[0] != 0;
    assert_true(lk_ok(r) || r.code == LK_R_RSA_UNWRAP);
    if (labelled) {
        assert_int_equal(CODE(r), LK_R_RSA_UNWRAP);
        return strcmp(vector_text(test, "result"), "valid") == 0;
    }
    return lk_ok(r) && lk_bytes_eq(lk_secret_bytes(&out), lk_buf_bytes(&msg));
}

static void rsa_oaep(void **state)
{
    (void)state;
    run("rsa_oaep_2048_sha1_mgf1sha1_test.json", oaep, 1, true);
    run("rsa_oaep_2048_sha256_mgf1sha256_test.json", oaep, 0, true);
}

static bool kwp(const json_t *group, const json_t *test, EVP_PKEY *key, int arg)
{
    (void)group, (void)key, (void)arg;
    LK_BUF_AUTO kek = vector_bytes(test, "key");
    LK_BUF_AUTO msg = vector_bytes(test, "msg");
    LK_BUF_AUTO ct = vector_bytes(test, "ct");
    LK_BUF_AUTO wrapped = lk_buf(1 << 16);
    LK_SECRET_AUTO out = {0};
    lk_result r = lk_kwp_unwrap(lk_buf_bytes(&kek), lk_buf_bytes(&ct), &out);
    bool accepted = lk_ok(r) && lk_bytes_eq(lk_secret_bytes(&out), lk_buf_bytes(&msg));
    assert_true(lk_ok(r) || r.code == LK_R_RSA_UNWRAP);
    if (accepted) {
        assert_int_equal(CODE(lk_kwp_wrap(lk_buf_bytes(&kek), lk_buf_bytes(&msg), &wrapped)), LK_R_OK);
        assert_true(lk_bytes_eq(lk_buf_bytes(&wrapped), lk_buf_bytes(&ct)));
    }
    return accepted;
}

static void aes_kwp(void **state)
{
    (void)state;
    run("aes_kwp_test.json", kwp, 0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures),
        cmocka_unit_test(rsa_oaep),
        cmocka_unit_test(aes_kwp),
    };
    return vectors_present() ? cmocka_run_group_tests(tests, NULL, NULL) : SKIPPED;
}
