/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/seal/hpke.h"

#include "proto/seal/key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <string.h>

enum { KDF_HKDF_SHA256 = 1, AEAD_AES_256_GCM = 2, MODE_BASE = 0, TAG = 16, LABELED_MAX = 512 };

static lk_result hkdf(int mode, struct lk_bytes salt, struct lk_bytes key, struct lk_bytes info, uint8_t *out,
                      size_t out_len)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[5], *p = params;
    *p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
    *p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
    *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key.data, key.len);
    if (salt.len > 0)
        *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.data, salt.len);
    else if (info.len > 0)
        *p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info.data, info.len);
    *p = OSSL_PARAM_construct_end();

    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    bool ok = ctx != NULL && EVP_KDF_derive(ctx, out, out_len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok ? LK_OK : LK_FAIL(CRYPTO);
}

lk_result lk_hpke_extract(struct lk_bytes suite_id, struct lk_bytes salt, const char *label, struct lk_bytes ikm,
                          uint8_t out[static 32])
{
    struct lk_buf labeled = lk_buf(LABELED_MAX);
    lk_put(&labeled, lk_bytes_str("HPKE-v1"));
    lk_put(&labeled, suite_id);
    lk_put(&labeled, lk_bytes_str(label));
    lk_put(&labeled, ikm);
    lk_result r = lk_buf_ok(&labeled);
    if (lk_ok(r))
        r = hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, salt, lk_buf_bytes(&labeled), LK_BYTES_NONE, out, 32);
    lk_buf_wipe(&labeled);
    return r;
}

lk_result lk_hpke_expand(struct lk_bytes suite_id, const uint8_t prk[static 32], const char *label,
                         struct lk_bytes info, uint8_t *out, size_t out_len)
{
    LK_BUF_AUTO labeled = lk_buf(LABELED_MAX);
    lk_put_u16be(&labeled, (uint16_t)out_len);
    lk_put(&labeled, lk_bytes_str("HPKE-v1"));
    lk_put(&labeled, suite_id);
    lk_put(&labeled, lk_bytes_str(label));
    lk_put(&labeled, info);
    LK_TRY(lk_buf_ok(&labeled));
    return hkdf(EVP_KDF_HKDF_MODE_EXPAND_ONLY, LK_BYTES_NONE, lk_bytes(prk, 32), lk_buf_bytes(&labeled), out,
                out_len);
}

static struct lk_bytes kem_suite_id(uint16_t kem, uint8_t out[static LK_HPKE_SUITE_ID_MAX])
{
    memcpy(out, "KEM", 3);
    out[3] = (uint8_t)(kem >> 8);
    out[4] = (uint8_t)kem;
    return lk_bytes(out, 5);
}

static struct lk_bytes hpke_suite_id(uint16_t kem, uint8_t out[static LK_HPKE_SUITE_ID_MAX])
{
    memcpy(out, "HPKE", 4);
    const uint16_t ids[] = {kem, KDF_HKDF_SHA256, AEAD_AES_256_GCM};
    for (size_t i = 0; i < 3; i++) {
        out[4 + 2 * i] = (uint8_t)(ids[i] >> 8);
        out[5 + 2 * i] = (uint8_t)ids[i];
    }
    return lk_bytes(out, 10);
}

static EVP_PKEY *peer_key(uint16_t kem, struct lk_bytes point)
{
    if (kem == LK_KEM_X25519)
        return lk_key_x25519(point);
    return point.len == LK_P256_POINT ? lk_key_ec("P-256", point) : NULL;
}

static uint16_t kem_of(EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "X25519"))
        return LK_KEM_X25519;
    return EVP_PKEY_is_a(key, "EC") ? LK_KEM_P256 : 0;
}

/* Both kinds of key give their raw public form: 32 bytes, or the uncompressed point. */
static lk_result raw_public(EVP_PKEY *key, uint8_t out[static LK_P256_POINT], size_t *len)
{
    unsigned char *point = NULL;
    size_t n = EVP_PKEY_get1_encoded_public_key(key, &point);
    bool ok = n == 32 || n == LK_P256_POINT;
    if (ok)
        memcpy(out, point, n);
    OPENSSL_free(point);
    *len = ok ? n : 0;
    return ok ? LK_OK : LK_FAIL(CRYPTO);
}

/* RFC 9180, 7.1.4: the zero result of a small-order X25519 point is refused. */
static lk_result diffie_hellman(EVP_PKEY *own, EVP_PKEY *peer, uint8_t out[static 32])
{
    size_t len = 32;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    bool ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
              EVP_PKEY_derive(ctx, out, &len) == 1 && len == 32 && !lk_bytes_zero(lk_bytes(out, 32));
    EVP_PKEY_CTX_free(ctx);
    return ok ? LK_OK : LK_FAIL(RECIPIENT_KEY);
}

/* RFC 9180, 4.1: ExtractAndExpand(dh, enc || pkR). */
static lk_result extract_and_expand(uint16_t kem, const uint8_t dh[static 32], struct lk_bytes enc,
                                    struct lk_bytes recipient, uint8_t shared[static 32])
{
    uint8_t id[LK_HPKE_SUITE_ID_MAX], prk[32];
    struct lk_bytes suite_id = kem_suite_id(kem, id);
    LK_BUF_AUTO context = lk_buf(2 * LK_P256_POINT);
    lk_put(&context, enc);
    lk_put(&context, recipient);
    LK_TRY(lk_buf_ok(&context));
    lk_result r = lk_hpke_extract(suite_id, LK_BYTES_NONE, "eae_prk", lk_bytes(dh, 32), prk);
    if (lk_ok(r))
        r = lk_hpke_expand(suite_id, prk, "shared_secret", lk_buf_bytes(&context), shared, 32);
    OPENSSL_cleanse(prk, sizeof(prk));
    return r;
}

lk_result lk_hpke_encap(EVP_PKEY *ephemeral, uint16_t kem, struct lk_bytes point, struct lk_buf *enc,
                        uint8_t shared[static 32])
{
    uint8_t own[LK_P256_POINT], dh[32];
    size_t own_len;
    LK_TRY(raw_public(ephemeral, own, &own_len));
    EVP_PKEY *peer = peer_key(kem, point);
    LK_REQUIRE(peer != NULL, RECIPIENT_KEY);
    lk_result r = diffie_hellman(ephemeral, peer, dh);
    EVP_PKEY_free(peer);
    if (lk_ok(r))
        r = extract_and_expand(kem, dh, lk_bytes(own, own_len), point, shared);
    OPENSSL_cleanse(dh, sizeof(dh));
    LK_TRY(r);
    lk_put(enc, lk_bytes(own, own_len));
    return lk_buf_ok(enc);
}

lk_result lk_hpke_decap(EVP_PKEY *key, struct lk_bytes enc, uint8_t shared[static 32])
{
    uint16_t kem = kem_of(key);
    LK_REQUIRE(kem != 0, RECIPIENT_KEY);
    uint8_t own[LK_P256_POINT], dh[32];
    size_t own_len;
    LK_TRY(raw_public(key, own, &own_len));
    EVP_PKEY *peer = peer_key(kem, enc);
    LK_REQUIRE(peer != NULL, RECIPIENT_KEY);
    lk_result r = diffie_hellman(key, peer, dh);
    EVP_PKEY_free(peer);
    if (lk_ok(r))
        r = extract_and_expand(kem, dh, enc, lk_bytes(own, own_len), shared);
    OPENSSL_cleanse(dh, sizeof(dh));
    return r;
}

lk_result lk_hpke_schedule(uint16_t kem, const uint8_t shared[static 32], struct lk_bytes info,
                           struct lk_hpke_context *out)
{
    uint8_t id[LK_HPKE_SUITE_ID_MAX], context[1 + 32 + 32] = {MODE_BASE}, secret[32];
    struct lk_bytes suite_id = hpke_suite_id(kem, id);
    LK_TRY(lk_hpke_extract(suite_id, LK_BYTES_NONE, "psk_id_hash", LK_BYTES_NONE, context + 1));
    LK_TRY(lk_hpke_extract(suite_id, LK_BYTES_NONE, "info_hash", info, context + 33));
    lk_result r = lk_hpke_extract(suite_id, lk_bytes(shared, 32), "secret", LK_BYTES_NONE, secret);
    if (lk_ok(r))
        r = lk_hpke_expand(suite_id, secret, "key", LK_BYTES(context), out->key, sizeof(out->key));
    if (lk_ok(r))
        r = lk_hpke_expand(suite_id, secret, "base_nonce", LK_BYTES(context), out->base_nonce,
                           sizeof(out->base_nonce));
    OPENSSL_cleanse(secret, sizeof(secret));
    return r;
}

static void nonce_at(const struct lk_hpke_context *h, uint64_t seq, uint8_t out[static 12])
{
    memcpy(out, h->base_nonce, 12);
    for (size_t i = 0; i < 8; i++)
        out[11 - i] ^= (uint8_t)(seq >> (8 * i));
}

static bool gcm_start(EVP_CIPHER_CTX *ctx, const struct lk_hpke_context *h, uint64_t seq, struct lk_bytes aad,
                      int encrypt)
{
    uint8_t nonce[12];
    int n = 0;
    nonce_at(h, seq, nonce);
    return EVP_CipherInit_ex2(ctx, EVP_aes_256_gcm(), h->key, nonce, encrypt, NULL) == 1 &&
           (aad.len == 0 || EVP_CipherUpdate(ctx, NULL, &n, aad.data, (int)aad.len) == 1);
}

lk_result lk_hpke_context_seal(const struct lk_hpke_context *h, uint64_t seq, struct lk_bytes aad,
                               struct lk_bytes plaintext, struct lk_buf *ct)
{
    LK_REQUIRE(plaintext.len <= INT32_MAX - TAG && aad.len <= INT32_MAX, TOO_LARGE);
    uint8_t *out = lk_put_room(ct, plaintext.len + TAG);
    LK_REQUIRE(out != NULL, TOO_LARGE);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, last = 0;
    bool ok = ctx != NULL && gcm_start(ctx, h, seq, aad, 1) &&
              (plaintext.len == 0 || EVP_CipherUpdate(ctx, out, &n, plaintext.data, (int)plaintext.len) == 1) &&
              EVP_CipherFinal_ex(ctx, out + n, &last) == 1 && (size_t)n == plaintext.len &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out + n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok ? LK_OK : LK_FAIL(CRYPTO);
}

lk_result lk_hpke_context_open(const struct lk_hpke_context *h, uint64_t seq, struct lk_bytes aad, struct lk_bytes ct,
                               struct lk_secret *plaintext)
{
    LK_REQUIRE(ct.len >= TAG && ct.len <= INT32_MAX && aad.len <= INT32_MAX, HPKE_OPEN);
    size_t len = ct.len - TAG;
    uint8_t tag[TAG];
    memcpy(tag, ct.data + len, TAG);
    LK_TRY(lk_secret_new(plaintext, len));
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, last = 0;
    bool ok = ctx != NULL && gcm_start(ctx, h, seq, aad, 0) &&
              (len == 0 || EVP_CipherUpdate(ctx, plaintext->data, &n, ct.data, (int)len) == 1) &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 &&
              EVP_CipherFinal_ex(ctx, plaintext->data + n, &last) == 1 && (size_t)n == len;
    EVP_CIPHER_CTX_free(ctx);
    if (ok)
        return LK_OK;
    lk_secret_free(plaintext);
    return LK_FAIL(HPKE_OPEN);
}

lk_result lk_hpke_seal(const struct lk_recipient *r, struct lk_bytes info, struct lk_bytes plaintext,
                       struct lk_buf *enc, struct lk_buf *ct)
{
    bool x25519 = r->suite == LK_SUITE_HPKE_X25519;
    LK_REQUIRE(x25519 || r->suite == LK_SUITE_HPKE_P256, RECIPIENT_KEY);
    LK_REQUIRE(r->point_len == (x25519 ? 32 : LK_P256_POINT), RECIPIENT_KEY);
    EVP_PKEY *ephemeral = x25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "X25519") : EVP_EC_gen("P-256");
    LK_REQUIRE(ephemeral != NULL, CRYPTO);

    uint16_t kem = x25519 ? LK_KEM_X25519 : LK_KEM_P256;
    struct lk_hpke_context context;
    uint8_t shared[32];
    lk_result result = lk_hpke_encap(ephemeral, kem, lk_bytes(r->point, r->point_len), enc, shared);
    EVP_PKEY_free(ephemeral);
    if (lk_ok(result))
        result = lk_hpke_schedule(kem, shared, info, &context);
    if (lk_ok(result))
        result = lk_hpke_context_seal(&context, 0, LK_BYTES_NONE, plaintext, ct);
    OPENSSL_cleanse(shared, sizeof(shared));
    OPENSSL_cleanse(&context, sizeof(context));
    return result;
}

lk_result lk_hpke_open(EVP_PKEY *key, struct lk_bytes info, struct lk_bytes enc, struct lk_bytes ct,
                       struct lk_secret *plaintext)
{
    struct lk_hpke_context context;
    uint8_t shared[32];
    lk_result result = lk_hpke_decap(key, enc, shared);
    if (lk_ok(result))
        result = lk_hpke_schedule(kem_of(key), shared, info, &context);
    if (lk_ok(result))
        result = lk_hpke_context_open(&context, 0, LK_BYTES_NONE, ct, plaintext);
    OPENSSL_cleanse(shared, sizeof(shared));
    OPENSSL_cleanse(&context, sizeof(context));
    return result.code == LK_R_RECIPIENT_KEY ? LK_FAIL(HPKE_OPEN) : result;
}
