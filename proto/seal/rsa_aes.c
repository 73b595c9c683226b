/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/seal/rsa_aes.h"

#include "proto/base/cursor.h"
#include "proto/seal/recipient.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

enum { AES_KEY = 32, KWP_BLOCK = 8, KWP_OVERHEAD = 16, KWP_MAX = 1 << 20, RSA_MAX = 1024 };

static bool set_oaep(EVP_PKEY_CTX *ctx, const char *hash)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, hash, NULL) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, hash, NULL) == 1;
}

lk_result lk_oaep_decrypt(EVP_PKEY *key, const char *hash, struct lk_bytes ct, struct lk_secret *out)
{
    uint8_t plain[RSA_MAX];
    size_t len = sizeof(plain);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool ok = ctx != NULL && ct.len == (size_t)EVP_PKEY_get_size(key) && ct.len <= RSA_MAX &&
              EVP_PKEY_decrypt_init(ctx) == 1 && set_oaep(ctx, hash) &&
              EVP_PKEY_decrypt(ctx, plain, &len, ct.data, ct.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    lk_result r = ok ? lk_secret_copy(out, lk_bytes(plain, len)) : LK_FAIL(RSA_UNWRAP);
    OPENSSL_cleanse(plain, sizeof(plain));
    return r;
}

lk_result lk_oaep_encrypt(EVP_PKEY *key, const char *hash, struct lk_bytes plaintext, struct lk_buf *out)
{
    size_t len = (size_t)EVP_PKEY_get_size(key);
    uint8_t *room = lk_put_room(out, len);
    LK_REQUIRE(room != NULL, TOO_LARGE);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool ok = ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1 && set_oaep(ctx, hash) &&
              EVP_PKEY_encrypt(ctx, room, &len, plaintext.data, plaintext.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok ? LK_OK : LK_FAIL(CRYPTO);
}

/* One KWP run; the output is never longer than the input and KWP_OVERHEAD. Returns its length, or -1. */
static int kwp(struct lk_bytes kek, struct lk_bytes in, uint8_t *out, int encrypt)
{
    static const struct {
        size_t key;
        const char *name;
    } ciphers[] = {{16, "AES-128-WRAP-PAD"}, {24, "AES-192-WRAP-PAD"}, {32, "AES-256-WRAP-PAD"}};
    const char *name = NULL;
    for (size_t i = 0; i < 3; i++)
        if (ciphers[i].key == kek.len)
            name = ciphers[i].name;
    EVP_CIPHER *cipher = name == NULL ? NULL : EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, last = 0;
    if (ctx != NULL)
        EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    bool ok = cipher != NULL && ctx != NULL && EVP_CipherInit_ex2(ctx, cipher, kek.data, NULL, encrypt, NULL) == 1 &&
              EVP_CipherUpdate(ctx, out, &n, in.data, (int)in.len) == 1 &&
              EVP_CipherFinal_ex(ctx, out + n, &last) == 1;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return ok ? n + last : -1;
}

lk_result lk_kwp_unwrap(struct lk_bytes kek, struct lk_bytes ct, struct lk_secret *out)
{
    LK_REQUIRE(ct.len >= KWP_OVERHEAD && ct.len % KWP_BLOCK == 0 && ct.len <= KWP_MAX, RSA_UNWRAP);
    LK_SECRET_AUTO room = {0};
    LK_TRY(lk_secret_new(&room, ct.len + KWP_OVERHEAD));
    int n = kwp(kek, ct, room.data, 0);
    LK_REQUIRE(n > 0, RSA_UNWRAP);
    return lk_secret_copy(out, lk_bytes(room.data, (size_t)n));
}

lk_result lk_kwp_wrap(struct lk_bytes kek, struct lk_bytes plaintext, struct lk_buf *out)
{
    LK_REQUIRE(plaintext.len > 0 && plaintext.len <= KWP_MAX, TOO_LARGE);
    size_t padded = (plaintext.len + KWP_BLOCK - 1) / KWP_BLOCK * KWP_BLOCK;
    uint8_t *room = lk_put_room(out, padded + KWP_BLOCK);
    LK_REQUIRE(room != NULL, TOO_LARGE);
    return kwp(kek, plaintext, room, 1) == (int)(padded + KWP_BLOCK) ? LK_OK : LK_FAIL(CRYPTO);
}

lk_result lk_secret_frame(struct lk_bytes secret, struct lk_secret *framed)
{
    LK_REQUIRE(secret.len <= UINT32_MAX, TOO_LARGE);
    LK_TRY(lk_secret_new(framed, 4 + secret.len));
    for (size_t i = 0; i < 4; i++)
        framed->data[i] = (uint8_t)(secret.len >> (8 * i));
    if (secret.len > 0)
        memcpy(framed->data + 4, secret.data, secret.len);
    return LK_OK;
}

lk_result lk_secret_unframe(struct lk_bytes framed, struct lk_bytes *secret)
{
    struct lk_cursor c = lk_cursor(framed);
    *secret = lk_take_u32le(&c, KWP_MAX);
    LK_REQUIRE(lk_ok(lk_cursor_ok(&c)) && lk_left(&c) < KWP_BLOCK, RSA_UNWRAP);
    LK_REQUIRE(lk_bytes_zero(lk_take(&c, lk_left(&c))), RSA_UNWRAP);
    return LK_OK;
}

static const char *hash_of(enum lk_suite suite)
{
    if (suite == LK_SUITE_RSA_SHA1)
        return "SHA1";
    return suite == LK_SUITE_RSA_SHA256 ? "SHA256" : NULL;
}

lk_result lk_rsa_aes_unwrap(EVP_PKEY *key, enum lk_suite suite, struct lk_bytes ct, struct lk_secret *plaintext)
{
    const char *hash = hash_of(suite);
    size_t head = (size_t)EVP_PKEY_get_size(key);
    LK_REQUIRE(hash != NULL && ct.len > head, RSA_UNWRAP);
    LK_SECRET_AUTO aes = {0};
    LK_SECRET_AUTO framed = {0};
    LK_TRY(lk_oaep_decrypt(key, hash, lk_bytes(ct.data, head), &aes));
    LK_REQUIRE(aes.len == AES_KEY, RSA_UNWRAP);
    LK_TRY(lk_kwp_unwrap(lk_secret_bytes(&aes), lk_bytes(ct.data + head, ct.len - head), &framed));
    struct lk_bytes inner;
    LK_TRY(lk_secret_unframe(lk_secret_bytes(&framed), &inner));
    return lk_secret_copy(plaintext, inner);
}

lk_result lk_rsa_aes_wrap(EVP_PKEY *key, enum lk_suite suite, struct lk_bytes plaintext, struct lk_buf *out)
{
    const char *hash = hash_of(suite);
    LK_REQUIRE(hash != NULL, RECIPIENT_SUITE);
    LK_SECRET_AUTO aes = {0};
    LK_SECRET_AUTO framed = {0};
    LK_TRY(lk_secret_new(&aes, AES_KEY));
    LK_REQUIRE(RAND_bytes(aes.data, AES_KEY) == 1, CRYPTO);
    LK_TRY(lk_secret_frame(plaintext, &framed));
    LK_TRY(lk_oaep_encrypt(key, hash, lk_secret_bytes(&aes), out));
    return lk_kwp_wrap(lk_secret_bytes(&aes), lk_secret_bytes(&framed), out);
}
