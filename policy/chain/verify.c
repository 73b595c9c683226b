/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/chain/verify.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

static const struct scheme {
    const char *md;
    const char *group; /* ECDSA: OpenSSL's name of the curve; NULL for RSA */
    size_t field;      /* ECDSA: bytes of r and of s */
    int padding;       /* RSA */
} schemes[] = {
    [LK_SCHEME_ECDSA_P256_SHA256] = {"SHA256", "prime256v1", 32, 0},
    [LK_SCHEME_ECDSA_P384_SHA384] = {"SHA384", "secp384r1", 48, 0},
    [LK_SCHEME_ECDSA_P384_SHA256] = {"SHA256", "secp384r1", 48, 0},
    [LK_SCHEME_ECDSA_P256_SHA384] = {"SHA384", "prime256v1", 32, 0},
    [LK_SCHEME_ECDSA_P521_SHA512] = {"SHA512", "secp521r1", 66, 0},
    [LK_SCHEME_RSASSA_SHA256] = {"SHA256", NULL, 0, RSA_PKCS1_PADDING},
    [LK_SCHEME_RSASSA_SHA384] = {"SHA384", NULL, 0, RSA_PKCS1_PADDING},
    [LK_SCHEME_RSASSA_SHA512] = {"SHA512", NULL, 0, RSA_PKCS1_PADDING},
    [LK_SCHEME_RSAPSS_SHA256] = {"SHA256", NULL, 0, RSA_PKCS1_PSS_PADDING},
    [LK_SCHEME_RSAPSS_SHA384] = {"SHA384", NULL, 0, RSA_PKCS1_PSS_PADDING},
    [LK_SCHEME_RSAPSS_SHA512] = {"SHA512", NULL, 0, RSA_PKCS1_PSS_PADDING},
};

#define ECDSA_DER_MAX 160 /* SEQUENCE of two 67-byte INTEGERs, P-521 */

static bool key_fits(EVP_PKEY *key, const struct scheme *s)
{
    if (s->group == NULL)
        return EVP_PKEY_is_a(key, "RSA") || (EVP_PKEY_is_a(key, "RSA-PSS") && s->padding == RSA_PKCS1_PSS_PADDING);
    char group[32] = "";
    return EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL) == 1 &&
           strcmp(group, s->group) == 0;
}

/* r || s to the DER form that EVP wants. Returns its length, 0 without memory. */
static size_t ecdsa_der(struct lk_bytes sig, size_t field, uint8_t out[static ECDSA_DER_MAX])
{
    ECDSA_SIG *es = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(sig.data, (int)field, NULL);
    BIGNUM *s = BN_bin2bn(sig.data + field, (int)field, NULL);
    if (es == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(es, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(es);
        return 0;
    }
    uint8_t *p = out;
    int n = i2d_ECDSA_SIG(es, NULL) <= ECDSA_DER_MAX ? i2d_ECDSA_SIG(es, &p) : 0;
    ECDSA_SIG_free(es);
    return n > 0 ? (size_t)n : 0;
}

static lk_result digest_verify(EVP_MD_CTX *ctx, EVP_PKEY *key, const struct scheme *s, struct lk_bytes msg,
                               struct lk_bytes sig)
{
    EVP_PKEY_CTX *pctx;
    LK_REQUIRE(EVP_DigestVerifyInit_ex(ctx, &pctx, s->md, NULL, NULL, key, NULL) == 1, CRYPTO);
    if (s->group == NULL)
        LK_REQUIRE(EVP_PKEY_CTX_set_rsa_padding(pctx, s->padding) == 1, CRYPTO);
    if (s->padding == RSA_PKCS1_PSS_PADDING)
        LK_REQUIRE(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_AUTO) == 1, CRYPTO);
    /* A negative answer is a signature that cannot even be decoded: no fault of ours. */
    return EVP_DigestVerify(ctx, sig.data, sig.len, msg.data, msg.len) == 1 ? LK_OK : LK_FAIL(SIGNATURE_INVALID);
}

lk_result lk_verify(EVP_PKEY *key, enum lk_scheme scheme, struct lk_bytes msg, struct lk_bytes sig)
{
    LK_REQUIRE((size_t)scheme < sizeof(schemes) / sizeof(*schemes), INTERNAL);
    const struct scheme *s = &schemes[scheme];
    LK_REQUIRE(key != NULL && sig.data != NULL && key_fits(key, s), SIGNATURE_INVALID);

    uint8_t der[ECDSA_DER_MAX];
    size_t size = s->group != NULL ? 2 * s->field : (size_t)EVP_PKEY_get_size(key);
    LK_REQUIRE(sig.len == size, SIGNATURE_INVALID);
    if (s->group != NULL) {
        sig = lk_bytes(der, ecdsa_der(sig, s->field, der));
        LK_REQUIRE(sig.len > 0, CRYPTO);
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    LK_REQUIRE(ctx != NULL, CRYPTO);
    lk_result r = digest_verify(ctx, key, s, msg, sig);
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return r;
}
