/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tpm/credential.h"

#include "proto/tpm/seed.h"
#include "proto/tpm/kdf.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

/* AES-CFB, IV zero: the key is used once. */
static lk_result encrypt(struct lk_bytes key, struct lk_bytes plain, struct lk_buf *out)
{
    static const uint8_t iv[16];
    uint8_t *room = lk_put_room(out, plain.len);
    LK_REQUIRE(room != NULL, MEMORY);
    EVP_CIPHER *aes = EVP_CIPHER_fetch(NULL, key.len == 16 ? "AES-128-CFB" : "AES-256-CFB", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    bool done = aes != NULL && ctx != NULL && EVP_EncryptInit_ex2(ctx, aes, key.data, iv, NULL) == 1 &&
                EVP_EncryptUpdate(ctx, room, &n, plain.data, (int)plain.len) == 1 && n == (int)plain.len;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(aes);
    return done ? LK_OK : LK_FAIL(CRYPTO);
}

/* encIdentity = CFB(KDFa(seed, "STORAGE", AK name), TPM2B s). */
static lk_result encrypt_identity(const struct lk_tpm_public *ek, struct lk_bytes seed, struct lk_bytes ak_name,
                                  struct lk_bytes s, struct lk_buf *out)
{
    LK_SECRET_AUTO key = {0};
    LK_SECRET_AUTO sized = {0};
    LK_TRY(lk_tpm_kdfa(lk_tpm_hash(ek->name_alg), seed, "STORAGE", ak_name, ek->sym_bits / 8U, &key));
    LK_TRY(lk_secret_new(&sized, 2 + s.len));
    sized.data[0] = (uint8_t)(s.len >> 8);
    sized.data[1] = (uint8_t)s.len;
    memcpy(sized.data + 2, s.data, s.len);
    return encrypt(lk_secret_bytes(&key), lk_secret_bytes(&sized), out);
}

/* HMAC(KDFa(seed, "INTEGRITY"), encIdentity || AK name) */
static lk_result integrity(const struct lk_tpm_hash *hash, struct lk_bytes seed, struct lk_bytes identity,
                           struct lk_bytes ak_name, uint8_t out[static LK_TPM_DIGEST_MAX])
{
    LK_SECRET_AUTO key = {0};
    LK_BUF_AUTO covered = lk_buf(LK_TPM_CREDENTIAL_MAX);
    size_t len = 0;
    LK_TRY(lk_tpm_kdfa(hash, seed, "INTEGRITY", LK_BYTES_NONE, hash->size, &key));
    lk_put(&covered, identity);
    lk_put(&covered, ak_name);
    LK_TRY(lk_buf_ok(&covered));
    bool done = EVP_Q_mac(NULL, "HMAC", NULL, hash->evp, NULL, key.data, key.len, covered.data, covered.len, out,
                          LK_TPM_DIGEST_MAX, &len) != NULL;
    return done && len == hash->size ? LK_OK : LK_FAIL(CRYPTO);
}

static lk_result put_blob(const struct lk_tpm_public *ek, struct lk_bytes seed, struct lk_bytes ak_name,
                          struct lk_bytes s, struct lk_buf *blob)
{
    const struct lk_tpm_hash *hash = lk_tpm_hash(ek->name_alg);
    LK_BUF_AUTO identity = lk_buf(LK_TPM_CREDENTIAL_MAX);
    uint8_t mac[LK_TPM_DIGEST_MAX];
    LK_TRY(encrypt_identity(ek, seed, ak_name, s, &identity));
    LK_TRY(integrity(hash, seed, lk_buf_bytes(&identity), ak_name, mac));
    lk_put_u16be(blob, (uint16_t)(2U + hash->size + identity.len));
    lk_put_sized_u16be(blob, lk_bytes(mac, hash->size));
    lk_put(blob, lk_buf_bytes(&identity));
    return lk_buf_ok(blob);
}

lk_result lk_tpm_make_credential(const struct lk_tpm_public *ek, struct lk_bytes ak_name, struct lk_bytes s,
                                 struct lk_buf *blob, struct lk_buf *encrypted)
{
    LK_TRY(lk_tpm_public_strong(ek));
    LK_TRY(lk_tpm_ek_attributes(ek));
    LK_REQUIRE(s.len > 0 && s.len <= lk_tpm_hash(ek->name_alg)->size, TPM_CREDENTIAL_SIZE);
    LK_REQUIRE(ak_name.len > 2 && ak_name.len <= LK_TPM_NAME_MAX, TPM_CREDENTIAL_SIZE);
    LK_SECRET_AUTO seed = {0};
    LK_TRY(lk_tpm_share_seed(ek, &seed, encrypted));
    return put_blob(ek, lk_secret_bytes(&seed), ak_name, s, blob);
}

lk_result lk_tpm_challenge(struct lk_bytes ek_public, struct lk_bytes ak_public, struct lk_bytes s,
                           struct lk_buf *blob, struct lk_buf *encrypted, uint8_t context[static 32])
{
    struct lk_tpm_public ek, ak;
    struct lk_tpm_name name;
    LK_TRY(lk_tpm_public_parse(ek_public, &ek));
    LK_TRY(lk_tpm_public_parse(ak_public, &ak));
    LK_TRY(lk_tpm_public_strong(&ak));
    LK_TRY(lk_tpm_ak_attributes(&ak));
    LK_TRY(lk_tpm_name(&ak, &name));
    LK_TRY(lk_tpm_activation_context(&ek, &ak, context));
    return lk_tpm_make_credential(&ek, lk_tpm_name_bytes(&name), s, blob, encrypted);
}
