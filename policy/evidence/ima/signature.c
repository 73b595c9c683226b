/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/ima/signature.h"
#include "proto/base/cursor.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define DIGSIG_TYPE 3
#define DIGSIG_VERSION 2

/* enum hash_algo; SHA-1 (2) and weaker are not taken. */
static const uint16_t hashes[] = {[4] = LK_TPM_SHA256, [5] = LK_TPM_SHA384, [6] = LK_TPM_SHA512};

bool lk_ima_signature_read(struct lk_bytes xattr, struct lk_ima_signature *out)
{
    struct lk_cursor c = lk_cursor(xattr);
    uint8_t type = lk_u8(&c), version = lk_u8(&c), hash = lk_u8(&c);
    out->key_id = lk_u32be(&c);
    out->signature = lk_take(&c, lk_u16be(&c));
    if (!lk_ok(lk_cursor_end(&c)) || type != DIGSIG_TYPE || version != DIGSIG_VERSION || out->signature.len == 0)
        return false;
    out->hash = hash < sizeof(hashes) / sizeof(hashes[0]) ? lk_tpm_hash(hashes[hash]) : NULL;
    return out->hash != NULL;
}

static bool verify(EVP_PKEY_CTX *ctx, const struct lk_ima_signature *s, bool rsa, struct lk_bytes digest)
{
    const EVP_MD *md = EVP_get_digestbyname(s->hash->evp);
    return ctx != NULL && md != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
           (!rsa || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1) &&
           EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
           EVP_PKEY_verify(ctx, s->signature.data, s->signature.len, digest.data, digest.len) == 1;
}

bool lk_ima_signature_holds(const struct lk_ima_signature *s, EVP_PKEY *key, struct lk_bytes digest)
{
    bool rsa = EVP_PKEY_is_a(key, "RSA");
    if (digest.len != s->hash->size || (!rsa && !EVP_PKEY_is_a(key, "EC")))
        return false;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool holds = verify(ctx, s, rsa, digest);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return holds;
}

static uint32_t last_four(const uint8_t *data, size_t n)
{
    if (n < 4)
        return 0;
    data += n - 4;
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

void lk_ima_key_ids(const X509 *cert, uint32_t ids[static 2])
{
    const ASN1_OCTET_STRING *skid = X509_get0_subject_key_id((X509 *)(uintptr_t)cert);
    const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(cert);
    uint8_t sha1[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    ids[0] = skid == NULL ? 0 : last_four(ASN1_STRING_get0_data(skid), (size_t)ASN1_STRING_length(skid));
    bool done = bits != NULL && EVP_Digest(ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits), sha1, &n,
                                           EVP_sha1(), NULL) == 1;
    ids[1] = done ? last_four(sha1, n) : 0;
}
