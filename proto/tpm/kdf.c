/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tpm/kdf.h"

#include "proto/base/buffer.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

static lk_result derive(const char *kdf_name, const OSSL_PARAM *params, size_t len, struct lk_secret *out)
{
    LK_TRY(lk_secret_new(out, len));
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, kdf_name, NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    bool done = ctx != NULL && EVP_KDF_derive(ctx, out->data, len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    if (done)
        return LK_OK;
    lk_secret_free(out);
    return LK_FAIL(CRYPTO);
}

static OSSL_PARAM octets(const char *name, struct lk_bytes v)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)v.data, v.len);
}

static OSSL_PARAM text(const char *name, const char *v)
{
    return OSSL_PARAM_construct_utf8_string(name, (char *)(uintptr_t)v, 0);
}

lk_result lk_tpm_kdfa(const struct lk_tpm_hash *hash, struct lk_bytes key, const char *label,
                      struct lk_bytes context, size_t len, struct lk_secret *out)
{
    OSSL_PARAM params[7];
    size_t n = 0;
    params[n++] = text(OSSL_KDF_PARAM_MAC, "HMAC");
    params[n++] = text(OSSL_KDF_PARAM_DIGEST, hash->evp);
    params[n++] = text(OSSL_KDF_PARAM_MODE, "COUNTER");
    params[n++] = octets(OSSL_KDF_PARAM_KEY, key);
    params[n++] = octets(OSSL_KDF_PARAM_SALT, lk_bytes_str(label));
    if (context.len > 0)
        params[n++] = octets(OSSL_KDF_PARAM_INFO, context);
    params[n] = OSSL_PARAM_construct_end();
    return derive("KBKDF", params, len, out);
}

lk_result lk_tpm_kdfe(const struct lk_tpm_hash *hash, struct lk_bytes z, const char *label, struct lk_bytes u,
                      struct lk_bytes v, struct lk_secret *out)
{
    LK_BUF_AUTO info = lk_buf(256);
    lk_put(&info, lk_bytes_str(label));
    lk_put_u8(&info, 0);
    lk_put(&info, u);
    lk_put(&info, v);
    LK_TRY(lk_buf_ok(&info));
    const OSSL_PARAM params[] = {text(OSSL_KDF_PARAM_DIGEST, hash->evp), octets(OSSL_KDF_PARAM_KEY, z),
                                 octets(OSSL_KDF_PARAM_INFO, lk_buf_bytes(&info)), OSSL_PARAM_construct_end()};
    return derive("SSKDF", params, hash->size, out);
}
