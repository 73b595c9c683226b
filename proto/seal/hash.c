/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/seal/hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static lk_result digest(const EVP_MD *md, const struct lk_bytes *parts, size_t n, uint8_t *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex2(ctx, md, NULL) == 1;
    for (size_t i = 0; ok && i < n; i++)
        ok = parts[i].len == 0 || EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1;
    ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok ? LK_OK : LK_FAIL(CRYPTO);
}

lk_result lk_sha256(const struct lk_bytes *parts, size_t n, uint8_t out[static 32])
{
    return digest(EVP_sha256(), parts, n, out);
}

lk_result lk_sha512(const struct lk_bytes *parts, size_t n, uint8_t out[static 64])
{
    return digest(EVP_sha512(), parts, n, out);
}

lk_result lk_hmac_sha256(struct lk_bytes key, const struct lk_bytes *parts, size_t n, uint8_t out[static 32])
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    char name[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0), OSSL_PARAM_END};
    bool ok = ctx != NULL && EVP_MAC_init(ctx, key.data, key.len, params) == 1;
    for (size_t i = 0; ok && i < n; i++)
        ok = parts[i].len == 0 || EVP_MAC_update(ctx, parts[i].data, parts[i].len) == 1;
    size_t len = 0;
    ok = ok && EVP_MAC_final(ctx, out, &len, 32) == 1 && len == 32;
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    return ok ? LK_OK : LK_FAIL(CRYPTO);
}
