/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/emulators/tpm/softtpm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/rsa.h>

static void must(bool done, const char *what)
{
    if (done)
        return;
    fprintf(stderr, "softtpm: %s\n", what);
    abort();
}

EVP_PKEY *soft_key(const char *kind)
{
    EVP_PKEY *key = strncmp(kind, "RSA", 3) == 0 ? EVP_RSA_gen((unsigned)atoi(kind + 3)) : EVP_EC_gen(kind);
    must(key != NULL, "no key");
    return key;
}

static void put_number(struct lk_buf *out, EVP_PKEY *key, const char *name, size_t len)
{
    uint8_t bytes[512];
    BIGNUM *v = NULL;
    must(EVP_PKEY_get_bn_param(key, name, &v) == 1 && BN_bn2binpad(v, bytes, (int)len) == (int)len, name);
    BN_free(v);
    lk_put_sized_u16be(out, lk_bytes(bytes, len));
}

static size_t field_of(EVP_PKEY *key)
{
    return (size_t)(EVP_PKEY_get_bits(key) + 7) / 8;
}

static void put_symmetric(struct lk_buf *out, const struct soft_public *p)
{
    if (!p->storage) {
        lk_put_u16be(out, LK_TPM_NULL);
        return;
    }
    lk_put_u16be(out, LK_TPM_AES);
    lk_put_u16be(out, EVP_PKEY_get_bits(p->key) == 384 ? 256 : 128);
    lk_put_u16be(out, LK_TPM_CFB);
}

static void put_scheme(struct lk_buf *out, const struct soft_public *p)
{
    lk_put_u16be(out, p->scheme != 0 ? p->scheme : LK_TPM_NULL);
    if (p->scheme != 0)
        lk_put_u16be(out, p->scheme_hash);
}

static void put_rsa(struct lk_buf *out, EVP_PKEY *key)
{
    lk_put_u16be(out, (uint16_t)EVP_PKEY_get_bits(key));
    lk_put_u32be(out, 0);
    put_number(out, key, OSSL_PKEY_PARAM_RSA_N, field_of(key));
}

static void put_ecc(struct lk_buf *out, EVP_PKEY *key)
{
    int bits = EVP_PKEY_get_bits(key);
    lk_put_u16be(out, bits == 256 ? 3 : bits == 384 ? 4 : 5);
    lk_put_u16be(out, LK_TPM_NULL);
    put_number(out, key, OSSL_PKEY_PARAM_EC_PUB_X, field_of(key));
    put_number(out, key, OSSL_PKEY_PARAM_EC_PUB_Y, field_of(key));
}

void soft_public_put(struct lk_buf *out, const struct soft_public *p)
{
    static const uint8_t policy[32] = {0x83, 0x71};
    bool rsa = EVP_PKEY_is_a(p->key, "RSA");
    lk_put_u16be(out, rsa ? LK_TPM_RSA : LK_TPM_ECC);
    lk_put_u16be(out, p->name_alg != 0 ? p->name_alg : LK_TPM_SHA256);
    lk_put_u32be(out, p->attributes);
    lk_put_sized_u16be(out, p->storage ? LK_BYTES(policy) : LK_BYTES_NONE);
    put_symmetric(out, p);
    put_scheme(out, p);
    if (rsa)
        put_rsa(out, p->key);
    else
        put_ecc(out, p->key);
}

void soft_spki_sha256(EVP_PKEY *key, uint8_t out[static 32])
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    must(len > 0 && EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) == 1, "key");
    OPENSSL_free(der);
}

struct soft_quote soft_quote(struct lk_bytes values)
{
    static const uint8_t name[34] = {0x00, 0x0b};
    return (struct soft_quote){.magic = LK_TPM_MAGIC, .type = LK_TPM_TYPE_QUOTE, .qualified_signer = LK_BYTES(name),
                               .clock = 1000, .reset_count = 3, .restart_count = 1, .safe = 1,
                               .firmware_version = 0x20191023, .banks = {{LK_TPM_SHA256, 0xff}}, .n_banks = 1,
                               .select_size = 3, .hash = LK_TPM_SHA256, .scheme = LK_TPM_ECDSA, .values = values};
}

static void put_selection(struct lk_buf *out, const struct soft_quote *q)
{
    lk_put_u32be(out, (uint32_t)q->n_banks);
    for (size_t b = 0; b < q->n_banks; b++) {
        lk_put_u16be(out, q->banks[b].alg);
        lk_put_u8(out, q->select_size);
        for (unsigned i = 0; i < q->select_size; i++)
            lk_put_u8(out, (uint8_t)((uint64_t)q->banks[b].pcrs >> (8 * i)));
    }
}

void soft_attest_put(struct lk_buf *out, const struct soft_quote *q)
{
    uint8_t digest[LK_TPM_DIGEST_MAX];
    const struct lk_tpm_hash *hash = lk_tpm_hash(q->hash);
    must(lk_ok(lk_tpm_digest(hash, &q->values, 1, digest)), "digest");
    lk_put_u32be(out, q->magic);
    lk_put_u16be(out, q->type);
    lk_put_sized_u16be(out, q->qualified_signer);
    lk_put_sized_u16be(out, q->extra_data);
    lk_put_u64be(out, q->clock);
    lk_put_u32be(out, q->reset_count);
    lk_put_u32be(out, q->restart_count);
    lk_put_u8(out, q->safe);
    lk_put_u64be(out, q->firmware_version);
    put_selection(out, q);
    lk_put_sized_u16be(out, lk_bytes(digest, hash->size));
}

static size_t sign(const struct soft_quote *q, EVP_PKEY *key, struct lk_bytes msg, uint8_t out[static 512])
{
    size_t len = 512;
    EVP_PKEY_CTX *pctx = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(EVP_DigestSignInit_ex(ctx, &pctx, lk_tpm_hash(q->hash)->evp, NULL, NULL, key, NULL) == 1, "sign init");
    if (q->scheme == LK_TPM_RSAPSS)
        must(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1, "pss");
    must(EVP_DigestSign(ctx, out, &len, msg.data, msg.len) == 1, "sign");
    EVP_MD_CTX_free(ctx);
    return len;
}

static void put_integer(struct lk_buf *out, const BIGNUM *v, size_t field)
{
    uint8_t bytes[66];
    must(BN_bn2binpad(v, bytes, (int)field) == (int)field, "signature number");
    lk_put_sized_u16be(out, lk_bytes(bytes, field));
}

void soft_signature_put(struct lk_buf *out, const struct soft_quote *q, EVP_PKEY *key, struct lk_bytes attest)
{
    uint8_t sig[512];
    size_t len = sign(q, key, attest, sig);
    lk_put_u16be(out, q->scheme);
    lk_put_u16be(out, q->hash);
    if (q->scheme != LK_TPM_ECDSA) {
        lk_put_sized_u16be(out, lk_bytes(sig, len));
        return;
    }
    const uint8_t *p = sig;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &p, (long)len);
    must(pair != NULL, "ecdsa");
    put_integer(out, ECDSA_SIG_get0_r(pair), field_of(key));
    put_integer(out, ECDSA_SIG_get0_s(pair), field_of(key));
    ECDSA_SIG_free(pair);
}
