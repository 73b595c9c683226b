/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/verifier/warm.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

static bool fetch_all(void)
{
    static const char *const digests[] = {"SHA1", "SHA256", "SHA384", "SHA512"};
    static const char *const ciphers[] = {"AES-128-CFB", "AES-256-CFB", "AES-256-GCM"};
    static const char *const kdfs[] = {"KBKDF", "SSKDF", "HKDF"};
    bool fine = true;
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        EVP_MD *md = EVP_MD_fetch(NULL, digests[i], NULL);
        fine = fine && md != NULL;
        EVP_MD_free(md);
    }
    for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
        EVP_CIPHER *c = EVP_CIPHER_fetch(NULL, ciphers[i], NULL);
        fine = fine && c != NULL;
        EVP_CIPHER_free(c);
    }
    for (size_t i = 0; i < sizeof(kdfs) / sizeof(kdfs[0]); i++) {
        EVP_KDF *k = EVP_KDF_fetch(NULL, kdfs[i], NULL);
        fine = fine && k != NULL;
        EVP_KDF_free(k);
    }
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    fine = fine && mac != NULL;
    EVP_MAC_free(mac);
    return fine;
}

/* Signs and verifies with a fresh key of the curve; the public key takes the way through DER that certificates take. */
static bool try_curve(const char *curve, const char *digest)
{
    static const uint8_t text[] = "latchkey";
    uint8_t sig[160], *der = NULL;
    size_t sig_len = sizeof(sig);
    EVP_PKEY *key = EVP_EC_gen(curve), *public = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int der_len = key == NULL ? -1 : i2d_PUBKEY(key, &der);
    const uint8_t *at = der;
    bool fine = ctx != NULL && der_len > 0 && (public = d2i_PUBKEY(NULL, &at, der_len)) != NULL &&
                EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1 &&
                EVP_DigestSign(ctx, sig, &sig_len, text, sizeof(text)) == 1 && EVP_MD_CTX_reset(ctx) == 1 &&
                EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, public, NULL) == 1 &&
                EVP_DigestVerify(ctx, sig, sig_len, text, sizeof(text)) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(public);
    EVP_PKEY_free(key);
    OPENSSL_free(der);
    return fine;
}

/* An RSA key from a number, and a signature that cannot hold: making a key would take a tenth of a second. */
static EVP_PKEY *some_rsa(void)
{
    uint8_t n_bytes[256];
    memset(n_bytes, 0xc3, sizeof(n_bytes));
    BIGNUM *n = BN_bin2bn(n_bytes, sizeof(n_bytes), NULL), *e = BN_new();
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    OSSL_PARAM *p = NULL;
    if (n != NULL && e != NULL && b != NULL && ctx != NULL && BN_set_word(e, 65537) == 1 &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) == 1 && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) == 1 &&
        (p = OSSL_PARAM_BLD_to_param(b)) != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
        (void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, p);
    OSSL_PARAM_free(p);
    OSSL_PARAM_BLD_free(b);
    EVP_PKEY_CTX_free(ctx);
    BN_free(n);
    BN_free(e);
    return key;
}

static bool try_rsa(void)
{
    static const uint8_t text[] = "latchkey";
    uint8_t sig[256] = {1};
    EVP_PKEY *key = some_rsa();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool fine = key != NULL && ctx != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
                EVP_DigestVerify(ctx, sig, sizeof(sig), text, sizeof(text)) != 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return fine;
}

lk_result lk_verifier_warm(void)
{
    uint8_t random[16];
    LK_REQUIRE(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_ADD_ALL_CIPHERS |
                                       OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) == 1, CRYPTO);
    LK_REQUIRE(RAND_bytes(random, sizeof(random)) == 1, CRYPTO);
    LK_REQUIRE(fetch_all(), CRYPTO);
    LK_REQUIRE(try_curve("P-256", "SHA256") && try_curve("P-384", "SHA384") && try_rsa(), CRYPTO);
    ERR_clear_error();
    return LK_OK;
}
