/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/seal/hpke against the vectors of RFC 9180, appendix A (base mode, DHKEM X25519 and P-256, HKDF-SHA256). With
 * AES-256-GCM everything is reproduced; of the AES-128-GCM vectors, a suite that we do not have, the KEM is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <string.h>

#include "proto/seal/hpke.h"
#include "tests/conformance/crypto/vectors.h"

#define CODE(r) ((int)(r).code)
enum { AES_256_GCM = 2 };

static EVP_PKEY *p256_private(const uint8_t sk[static 32])
{
    uint8_t point[65];
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *q = EC_POINT_new(group);
    BIGNUM *d = BN_bin2bn(sk, 32, NULL);
    assert_int_equal(EC_POINT_mul(group, q, d, NULL, NULL, NULL), 1);
    assert_int_equal(EC_POINT_point2oct(group, q, POINT_CONVERSION_UNCOMPRESSED, point, sizeof(point), NULL), 65);

    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point));
    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params), 1);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_free(d);
    EC_POINT_free(q);
    EC_GROUP_free(group);
    return key;
}

static EVP_PKEY *private_key(uint16_t kem, const uint8_t sk[static 32])
{
    if (kem == LK_KEM_P256)
        return p256_private(sk);
    return EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, sk, 32);
}

/* RFC 9180, 7.1.3: DeriveKeyPair. For P-256 the first candidate is below the order but for one in 2^32. */
static void derive(uint16_t kem, struct lk_bytes ikm, uint8_t sk[static 32])
{
    const uint8_t id[5] = {'K', 'E', 'M', 0, (uint8_t)kem}, counter[1] = {0};
    uint8_t prk[32];
    assert_int_equal(CODE(lk_hpke_extract(LK_BYTES(id), LK_BYTES_NONE, "dkp_prk", ikm, prk)), LK_R_OK);
    bool p256 = kem == LK_KEM_P256;
    assert_int_equal(CODE(lk_hpke_expand(LK_BYTES(id), prk, p256 ? "candidate" : "sk",
                                         p256 ? LK_BYTES(counter) : LK_BYTES_NONE, sk, 32)), LK_R_OK);
}

/* The vector's sender_seed is the RFC's ikmE for P-256 and its skEm, the ephemeral key itself, for X25519. */
static EVP_PKEY *ephemeral_of(uint16_t kem, const json_t *v)
{
    LK_BUF_AUTO seed = vector_bytes(v, "sender_seed");
    uint8_t sk[32];
    assert_int_equal(seed.len, 32);
    if (kem == LK_KEM_X25519)
        return private_key(kem, seed.data);
    derive(kem, lk_buf_bytes(&seed), sk);
    return private_key(kem, sk);
}

static void check_encryption(const struct lk_hpke_context *h, uint64_t seq, const json_t *e)
{
    LK_BUF_AUTO aad = vector_bytes(e, "aad");
    LK_BUF_AUTO pt = vector_bytes(e, "pt");
    LK_BUF_AUTO expected = vector_bytes(e, "ct");
    LK_BUF_AUTO ct = lk_buf(4096);
    LK_SECRET_AUTO opened = {0};
    assert_int_equal(CODE(lk_hpke_context_seal(h, seq, lk_buf_bytes(&aad), lk_buf_bytes(&pt), &ct)), LK_R_OK);
    assert_true(lk_bytes_eq(lk_buf_bytes(&ct), lk_buf_bytes(&expected)));
    assert_int_equal(CODE(lk_hpke_context_open(h, seq, lk_buf_bytes(&aad), lk_buf_bytes(&ct), &opened)), LK_R_OK);
    assert_true(lk_bytes_eq(lk_secret_bytes(&opened), lk_buf_bytes(&pt)));
}

static void check_vector(const json_t *v)
{
    uint16_t kem = (uint16_t)json_integer_value(json_object_get(v, "kem_id"));
    LK_BUF_AUTO info = vector_bytes(v, "info");
    LK_BUF_AUTO pk = vector_bytes(v, "pkRm");
    LK_BUF_AUTO sk = vector_bytes(v, "skRm");
    LK_BUF_AUTO expected_enc = vector_bytes(v, "enc");
    LK_BUF_AUTO enc = lk_buf(65);
    uint8_t sent[32], received[32], derived[32];
    LK_BUF_AUTO ikm = vector_bytes(v, "ikmR");
    derive(kem, lk_buf_bytes(&ikm), derived);
    assert_true(lk_bytes_eq(LK_BYTES(derived), lk_buf_bytes(&sk)));

    EVP_PKEY *ephemeral = ephemeral_of(kem, v), *recipient = private_key(kem, sk.data);
    assert_int_equal(CODE(lk_hpke_encap(ephemeral, kem, lk_buf_bytes(&pk), &enc, sent)), LK_R_OK);
    assert_true(lk_bytes_eq(lk_buf_bytes(&enc), lk_buf_bytes(&expected_enc)));
    assert_int_equal(CODE(lk_hpke_decap(recipient, lk_buf_bytes(&enc), received)), LK_R_OK);
    assert_memory_equal(sent, received, 32);
    EVP_PKEY_free(ephemeral);

    const json_t *encryptions = json_object_get(v, "encryptions");
    if (json_integer_value(json_object_get(v, "aead_id")) == AES_256_GCM) {
        struct lk_hpke_context h;
        assert_int_equal(CODE(lk_hpke_schedule(kem, received, lk_buf_bytes(&info), &h)), LK_R_OK);
        assert_true(json_array_size(encryptions) > 0);
        for (size_t i = 0; i < json_array_size(encryptions); i++)
            check_encryption(&h, i, json_array_get(encryptions, i));
    }
    EVP_PKEY_free(recipient);
}

static void rfc9180_vectors(void **state)
{
    (void)state;
    json_t *all = vectors_load("rfc9180_base_hkdf_sha256_aesgcm.json");
    assert_int_equal(json_array_size(all), 4);
    size_t with_our_aead = 0;
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *v = json_array_get(all, i);
        check_vector(v);
        with_our_aead += json_integer_value(json_object_get(v, "aead_id")) == AES_256_GCM;
    }
    assert_int_equal(with_our_aead, 2);
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rfc9180_vectors)};
    return vectors_present() ? cmocka_run_group_tests(tests, NULL, NULL) : SKIPPED;
}
