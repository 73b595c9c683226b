/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/seal/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

struct form {
    enum lk_key_type type;
    size_t raw_len;
    const char *prefix;
    size_t prefix_len;
    const char *suffix;
    size_t suffix_len;
};

#define FORM(type, len, prefix, suffix) {type, len, prefix, sizeof(prefix) - 1, suffix, sizeof(suffix) - 1}
#define RSA_OID "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"
#define E_65537 "\x02\x03\x01\x00\x01"

static const struct form forms[] = {
    FORM(LK_KEY_X25519, 32, "\x30\x2a\x30\x05\x06\x03\x2b\x65\x6e\x03\x21\x00", ""),
    FORM(LK_KEY_P256, LK_P256_POINT,
         "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00",
         ""),
    FORM(LK_KEY_RSA, 256,
         "\x30\x82\x01\x22" RSA_OID "\x03\x82\x01\x0f\x00\x30\x82\x01\x0a\x02\x82\x01\x01\x00", E_65537),
    FORM(LK_KEY_RSA, 384,
         "\x30\x82\x01\xa2" RSA_OID "\x03\x82\x01\x8f\x00\x30\x82\x01\x8a\x02\x82\x01\x81\x00", E_65537),
    FORM(LK_KEY_RSA, 512,
         "\x30\x82\x02\x22" RSA_OID "\x03\x82\x02\x0f\x00\x30\x82\x02\x0a\x02\x82\x02\x01\x00", E_65537),
};

/* A constant prefix and suffix around raw bytes. DER has no other spelling: an RSA modulus has its top bit set. */
static bool has_form(const struct form *f, struct lk_bytes spki)
{
    return spki.len == f->prefix_len + f->raw_len + f->suffix_len &&
           memcmp(spki.data, f->prefix, f->prefix_len) == 0 &&
           memcmp(spki.data + spki.len - f->suffix_len, f->suffix, f->suffix_len) == 0 &&
           (f->type != LK_KEY_RSA || (spki.data[f->prefix_len] & 0x80) != 0) &&
           (f->type != LK_KEY_P256 || spki.data[f->prefix_len] == 4);
}

enum lk_key_type lk_spki_split(struct lk_bytes spki, struct lk_bytes *raw)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (!has_form(&forms[i], spki))
            continue;
        *raw = lk_bytes(spki.data + forms[i].prefix_len, forms[i].raw_len);
        return forms[i].type;
    }
    *raw = LK_BYTES_NONE;
    return LK_KEY_UNKNOWN;
}

void lk_spki_put(struct lk_buf *out, enum lk_key_type type, struct lk_bytes raw)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (forms[i].type != type || forms[i].raw_len != raw.len)
            continue;
        lk_put(out, lk_bytes(forms[i].prefix, forms[i].prefix_len));
        lk_put(out, raw);
        lk_put(out, lk_bytes(forms[i].suffix, forms[i].suffix_len));
        return;
    }
    out->failed = true;
}

EVP_PKEY *lk_key_x25519(struct lk_bytes point)
{
    return point.len != 32 ? NULL : EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, point.data, point.len);
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *bld)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return key;
}

/* On the curve, and not infinity; the curves have cofactor 1, so that the order follows (SP 800-56A r3, 5.6.2.3.4). */
static EVP_PKEY *checked(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = key == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool ok = ctx != NULL && EVP_PKEY_public_check_quick(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (ok)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

EVP_PKEY *lk_key_ec(const char *curve, struct lk_bytes point)
{
    if (point.len == 0 || point.data[0] != 4)
        return NULL;
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    if (bld != NULL && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len) == 1)
        key = from_params("EC", bld);
    OSSL_PARAM_BLD_free(bld);
    return checked(key);
}

EVP_PKEY *lk_key_rsa(struct lk_bytes n, struct lk_bytes e)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    BIGNUM *bn = BN_bin2bn(n.data, (int)n.len, NULL), *be = BN_bin2bn(e.data, (int)e.len, NULL);
    if (bld != NULL && bn != NULL && be != NULL && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, be) == 1)
        key = from_params("RSA", bld);
    BN_free(bn);
    BN_free(be);
    OSSL_PARAM_BLD_free(bld);
    return key;
}

EVP_PKEY *lk_key_p256_spki(struct lk_bytes spki)
{
    struct lk_bytes raw;
    return lk_spki_split(spki, &raw) == LK_KEY_P256 ? lk_key_ec("P-256", raw) : NULL;
}

EVP_PKEY *lk_key_rsa_spki(struct lk_bytes spki)
{
    static const uint8_t e[] = {1, 0, 1};
    struct lk_bytes raw;
    return lk_spki_split(spki, &raw) == LK_KEY_RSA ? lk_key_rsa(raw, LK_BYTES(e)) : NULL;
}
