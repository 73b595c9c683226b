/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tpm/algs.h"

#include <string.h>

#include <openssl/evp.h>

static const struct lk_tpm_hash hashes[] = {
    {LK_TPM_SHA1, 20, "sha1", "SHA1"},
    {LK_TPM_SHA256, 32, "sha256", "SHA256"},
    {LK_TPM_SHA384, 48, "sha384", "SHA384"},
    {LK_TPM_SHA512, 64, "sha512", "SHA512"},
};

static const struct lk_tpm_curve curves[] = {
    {0x0003, 32, "p256", "P-256"},
    {0x0004, 48, "p384", "P-384"},
    {0x0005, 66, "p521", "P-521"},
};

const struct lk_tpm_hash *lk_tpm_hash(uint16_t alg)
{
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
        if (hashes[i].alg == alg)
            return &hashes[i];
    return NULL;
}

const struct lk_tpm_hash *lk_tpm_hash_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
        if (strcmp(hashes[i].name, name) == 0)
            return &hashes[i];
    return NULL;
}

const struct lk_tpm_curve *lk_tpm_curve(uint16_t id)
{
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
        if (curves[i].id == id)
            return &curves[i];
    return NULL;
}

static bool digest_parts(EVP_MD_CTX *ctx, const EVP_MD *md, const struct lk_bytes *parts, size_t n, uint8_t *out)
{
    if (ctx == NULL || md == NULL || EVP_DigestInit_ex2(ctx, md, NULL) != 1)
        return false;
    for (size_t i = 0; i < n; i++)
        if (EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) != 1)
            return false;
    return EVP_DigestFinal_ex(ctx, out, NULL) == 1;
}

lk_result lk_tpm_digest(const struct lk_tpm_hash *hash, const struct lk_bytes *parts, size_t n,
                        uint8_t out[static LK_TPM_DIGEST_MAX])
{
    EVP_MD *md = EVP_MD_fetch(NULL, hash->evp, NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = digest_parts(ctx, md, parts, n, out);
    EVP_MD_CTX_free(ctx);
    EVP_MD_free(md);
    return done ? LK_OK : LK_FAIL(CRYPTO);
}
