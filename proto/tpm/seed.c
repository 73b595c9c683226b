/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tpm/seed.h"

#include "proto/tpm/kdf.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

/* ---- RSA: OAEP, hash and MGF1 hash = nameAlg, label with its NUL ---- */

static bool oaep_setup(EVP_PKEY_CTX *ctx, const char *hash)
{
    static const char label[] = "IDENTITY"; /* sizeof counts the NUL, as the TPM does */
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, (char *)(uintptr_t)OSSL_PKEY_RSA_PAD_MODE_OAEP, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, (char *)(uintptr_t)hash, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, (char *)(uintptr_t)hash, 0),
        OSSL_PARAM_construct_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, (void *)(uintptr_t)label, sizeof(label)),
        OSSL_PARAM_construct_end(),
    };
    return EVP_PKEY_encrypt_init_ex(ctx, params) == 1;
}

static lk_result oaep(EVP_PKEY *key, const char *hash, struct lk_bytes seed, struct lk_buf *out)
{
    size_t len = (size_t)EVP_PKEY_get_size(key);
    lk_put_u16be(out, (uint16_t)len);
    uint8_t *room = lk_put_room(out, len);
    LK_REQUIRE(room != NULL, MEMORY);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    size_t written = len;
    bool done = ctx != NULL && oaep_setup(ctx, hash) &&
                EVP_PKEY_encrypt(ctx, room, &written, seed.data, seed.len) == 1 && written == len;
    EVP_PKEY_CTX_free(ctx);
    return done ? LK_OK : LK_FAIL(CRYPTO);
}

static lk_result share_rsa(EVP_PKEY *ek, const struct lk_tpm_hash *hash, struct lk_secret *seed,
                           struct lk_buf *encrypted)
{
    LK_TRY(lk_secret_new(seed, hash->size));
    LK_REQUIRE(RAND_priv_bytes(seed->data, (int)seed->len) == 1, CRYPTO);
    return oaep(ek, hash->evp, lk_secret_bytes(seed), encrypted);
}

/* ---- ECC: an ephemeral key, z = x of the shared point, seed = KDFe ---- */

static bool coordinate(EVP_PKEY *key, const char *name, size_t field, uint8_t *out)
{
    BIGNUM *v = NULL;
    bool done = EVP_PKEY_get_bn_param(key, name, &v) == 1 && BN_bn2binpad(v, out, (int)field) == (int)field;
    BN_free(v);
    return done;
}

static lk_result agree(EVP_PKEY *own, EVP_PKEY *peer, size_t field, struct lk_secret *z)
{
    LK_TRY(lk_secret_new(z, field));
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    size_t len = field;
    bool done = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
                EVP_PKEY_derive(ctx, z->data, &len) == 1 && len == field;
    EVP_PKEY_CTX_free(ctx);
    return done ? LK_OK : LK_FAIL(CRYPTO);
}

/* TPM2B of a TPMS_ECC_POINT whose coordinates are padded to the field. */
static void put_point(struct lk_buf *out, struct lk_bytes x, struct lk_bytes y)
{
    lk_put_u16be(out, (uint16_t)(4 + x.len + y.len));
    lk_put_sized_u16be(out, x);
    lk_put_sized_u16be(out, y);
}

static lk_result share_with(EVP_PKEY *own, EVP_PKEY *ek, const struct lk_tpm_curve *curve,
                            const struct lk_tpm_hash *hash, struct lk_secret *seed, struct lk_buf *encrypted)
{
    uint8_t x[66], y[66], ek_x[66];
    bool read = own != NULL && coordinate(own, OSSL_PKEY_PARAM_EC_PUB_X, curve->field, x) &&
                coordinate(own, OSSL_PKEY_PARAM_EC_PUB_Y, curve->field, y) &&
                coordinate(ek, OSSL_PKEY_PARAM_EC_PUB_X, curve->field, ek_x);
    LK_REQUIRE(read, CRYPTO);
    LK_SECRET_AUTO z = {0};
    LK_TRY(agree(own, ek, curve->field, &z));
    struct lk_bytes u = lk_bytes(x, curve->field);
    LK_TRY(lk_tpm_kdfe(hash, lk_secret_bytes(&z), "IDENTITY", u, lk_bytes(ek_x, curve->field), seed));
    put_point(encrypted, u, lk_bytes(y, curve->field));
    return lk_buf_ok(encrypted);
}

static lk_result share_ecc(EVP_PKEY *ek, const struct lk_tpm_curve *curve, const struct lk_tpm_hash *hash,
                           struct lk_secret *seed, struct lk_buf *encrypted)
{
    EVP_PKEY *own = EVP_EC_gen(curve->group);
    lk_result r = share_with(own, ek, curve, hash, seed, encrypted);
    EVP_PKEY_free(own);
    return r;
}

lk_result lk_tpm_share_seed(const struct lk_tpm_public *ek, struct lk_secret *seed, struct lk_buf *encrypted)
{
    EVP_PKEY *key = NULL;
    LK_TRY(lk_tpm_public_key(ek, &key));
    const struct lk_tpm_hash *hash = lk_tpm_hash(ek->name_alg);
    lk_result r = ek->type == LK_TPM_RSA ? share_rsa(key, hash, seed, encrypted)
                                         : share_ecc(key, lk_tpm_curve(ek->curve), hash, seed, encrypted);
    EVP_PKEY_free(key);
    return r;
}
