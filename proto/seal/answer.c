/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/seal/answer.h"

#include "proto/seal/hash.h"
#include "proto/seal/key.h"

#include <openssl/ec.h>
#include <openssl/evp.h>

#define ANSWER_DOMAIN LK_DOMAIN("latchkey-answer-v1")
#define QUERY_ANSWER_DOMAIN LK_DOMAIN("latchkey-query-answer-v1")
#define ANSWER_KEY_DOMAIN LK_DOMAIN("latchkey-answer-key-v1")
#define IMPORT_KEY_DOMAIN LK_DOMAIN("latchkey-import-key-v1")

enum { START_ID = 16, INSTALLATION_ID = 32 };

lk_result lk_answer_key_new(EVP_PKEY **key, struct lk_buf *spki)
{
    *key = EVP_EC_gen("P-256");
    unsigned char *point = NULL;
    size_t len = *key == NULL ? 0 : EVP_PKEY_get1_encoded_public_key(*key, &point);
    lk_spki_put(spki, LK_KEY_P256, lk_bytes(point, len));
    OPENSSL_free(point);
    if (lk_ok(lk_buf_ok(spki)))
        return LK_OK;
    EVP_PKEY_free(*key);
    *key = NULL;
    return LK_FAIL(CRYPTO);
}

static lk_result sign(EVP_PKEY *key, const struct lk_bytes *parts, size_t n, struct lk_buf *sig)
{
    uint8_t der[LK_SIGNATURE_MAX];
    size_t len = sizeof(der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1;
    for (size_t i = 0; ok && i < n; i++)
        ok = EVP_DigestSignUpdate(ctx, parts[i].data, parts[i].len) == 1;
    ok = ok && EVP_DigestSignFinal(ctx, der, &len) == 1;
    EVP_MD_CTX_free(ctx);
    LK_REQUIRE(ok, CRYPTO);
    lk_put(sig, lk_bytes(der, len));
    return lk_buf_ok(sig);
}

lk_result lk_answer_sign(EVP_PKEY *key, struct lk_bytes answer, struct lk_buf *sig)
{
    return sign(key, LK_PARTS(ANSWER_DOMAIN, answer), sig);
}

lk_result lk_query_answer_sign(EVP_PKEY *key, struct lk_bytes query, struct lk_bytes result, struct lk_buf *sig)
{
    return sign(key, LK_PARTS(QUERY_ANSWER_DOMAIN, query, result), sig);
}

void lk_answer_key_message(struct lk_buf *out, struct lk_bytes start_id, struct lk_bytes answer_key)
{
    lk_put(out, start_id);
    lk_put(out, answer_key);
}

void lk_import_key_message(struct lk_buf *out, struct lk_bytes installation_id, struct lk_bytes import_key)
{
    lk_put(out, installation_id);
    lk_put(out, import_key);
}

lk_result lk_broker_id(struct lk_bytes installation_key, uint8_t out[static 32])
{
    return lk_sha256(LK_PARTS(installation_key), out);
}

lk_result lk_signature_verify(struct lk_bytes spki, const struct lk_bytes *parts, size_t n,
                              struct lk_bytes signature)
{
    EVP_PKEY *key = lk_key_p256_spki(spki);
    EVP_MD_CTX *ctx = key == NULL ? NULL : EVP_MD_CTX_new();
    bool ok = ctx != NULL && signature.len > 0 &&
              EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1;
    for (size_t i = 0; ok && i < n; i++)
        ok = parts[i].len == 0 || EVP_DigestVerifyUpdate(ctx, parts[i].data, parts[i].len) == 1;
    ok = ok && EVP_DigestVerifyFinal(ctx, signature.data, signature.len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok ? LK_OK : LK_FAIL(ANSWER_SIGNATURE);
}

static lk_result pinned(struct lk_bytes installation_key, const uint8_t broker_id[static 32])
{
    uint8_t id[32];
    LK_TRY(lk_broker_id(installation_key, id));
    LK_REQUIRE(lk_bytes_eq(LK_BYTES(id), lk_bytes(broker_id, 32)), ANSWER_BROKER);
    struct lk_bytes raw;
    return lk_spki_split(installation_key, &raw) == LK_KEY_P256 ? LK_OK : LK_FAIL(ANSWER_BROKER);
}

static lk_result certified(const struct lk_answer_keys *k, const uint8_t broker_id[static 32])
{
    LK_TRY(pinned(k->installation_key, broker_id));
    LK_REQUIRE(k->start_id.len == START_ID, ANSWER_CERTIFICATION);
    lk_result r = lk_signature_verify(k->installation_key, LK_PARTS(ANSWER_KEY_DOMAIN, k->start_id, k->answer_key),
                                      k->certification);
    return lk_ok(r) ? r : LK_FAIL(ANSWER_CERTIFICATION);
}

lk_result lk_answer_verify(const struct lk_answer_keys *keys, const uint8_t broker_id[static 32],
                           struct lk_bytes answer, struct lk_bytes signature)
{
    LK_TRY(certified(keys, broker_id));
    return lk_signature_verify(keys->answer_key, LK_PARTS(ANSWER_DOMAIN, answer), signature);
}

lk_result lk_query_answer_verify(const struct lk_answer_keys *keys, const uint8_t broker_id[static 32],
                                 struct lk_bytes query, struct lk_bytes result, struct lk_bytes signature)
{
    LK_REQUIRE(query.len == 32, ANSWER_SIGNATURE);
    LK_TRY(certified(keys, broker_id));
    return lk_signature_verify(keys->answer_key, LK_PARTS(QUERY_ANSWER_DOMAIN, query, result), signature);
}

lk_result lk_import_key_verify(struct lk_bytes installation_key, const uint8_t broker_id[static 32],
                               struct lk_bytes installation_id, struct lk_bytes import_key,
                               struct lk_bytes certification)
{
    LK_TRY(pinned(installation_key, broker_id));
    LK_REQUIRE(installation_id.len == INSTALLATION_ID, ANSWER_CERTIFICATION);
    lk_result r = lk_signature_verify(installation_key, LK_PARTS(IMPORT_KEY_DOMAIN, installation_id, import_key),
                                      certification);
    return lk_ok(r) ? r : LK_FAIL(ANSWER_CERTIFICATION);
}
