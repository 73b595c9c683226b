/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/recipient.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

static const struct {
    const char *name;
    unsigned rsa_bits; /* 0: none */
    enum lk_suite suites[2]; /* that seal to it, the usual one first */
} kinds[] = {
    [LK_GUEST_KEY_X25519] = {"x25519", 0, {LK_SUITE_HPKE_X25519, LK_SUITE_NONE}},
    [LK_GUEST_KEY_P256] = {"p256", 0, {LK_SUITE_HPKE_P256, LK_SUITE_NONE}},
    [LK_GUEST_KEY_RSA2048] = {"rsa2048", 2048, {LK_SUITE_RSA_SHA256, LK_SUITE_RSA_SHA1}},
    [LK_GUEST_KEY_RSA3072] = {"rsa3072", 3072, {LK_SUITE_RSA_SHA256, LK_SUITE_RSA_SHA1}},
    [LK_GUEST_KEY_RSA4096] = {"rsa4096", 4096, {LK_SUITE_RSA_SHA256, LK_SUITE_RSA_SHA1}},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

bool lk_guest_key_kind_by_name(const char *name, enum lk_guest_key_kind *out)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            *out = (enum lk_guest_key_kind)i;
            return true;
        }
    }
    return false;
}

static EVP_PKEY *generate(enum lk_guest_key_kind kind)
{
    if (kind == LK_GUEST_KEY_X25519)
        return EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    if (kind == LK_GUEST_KEY_P256)
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)kinds[kind].rsa_bits);
}

lk_result lk_guest_key_new(enum lk_guest_key_kind kind, EVP_PKEY **key, struct lk_buf *spki)
{
    unsigned char *der = NULL;
    *key = generate(kind);
    LK_REQUIRE(*key != NULL, CRYPTO);
    int len = i2d_PUBKEY(*key, &der);
    if (len > 0)
        lk_put(spki, lk_bytes(der, (size_t)len));
    OPENSSL_free(der);
    LK_REQUIRE(len > 0 && lk_ok(lk_buf_ok(spki)), CRYPTO);
    return LK_OK;
}

static bool seals_to(enum lk_guest_key_kind kind, enum lk_suite suite)
{
    return suite != LK_SUITE_NONE && (suite == kinds[kind].suites[0] || suite == kinds[kind].suites[1]);
}

lk_result lk_guest_key_suite(enum lk_guest_key_kind kind, char *const *offered, size_t n, enum lk_suite *out)
{
    *out = kinds[kind].suites[0];
    if (n == 0)
        return LK_OK;
    for (size_t i = 0; i < n; i++) {
        *out = lk_suite_by_name(lk_bytes_str(offered[i]));
        if (seals_to(kind, *out))
            return LK_OK;
    }
    return LK_FAIL(RECIPIENT_SUITE);
}

lk_result lk_guest_key_open(EVP_PKEY *key, enum lk_suite suite, struct lk_bytes info, struct lk_bytes enc,
                            struct lk_bytes ciphertext, struct lk_secret *out)
{
    if (suite == LK_SUITE_HPKE_X25519 || suite == LK_SUITE_HPKE_P256)
        return lk_hpke_open(key, info, enc, ciphertext, out);
    return lk_rsa_aes_unwrap(key, suite, ciphertext, out);
}
