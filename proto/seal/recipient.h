/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEAL_RECIPIENT_H
#define LK_SEAL_RECIPIENT_H
/*
 * Recipient keys and the suites that seal to them. In frames a key is raw numbers, never DER: the keeper
 * parses no attacker's ASN.1.
 */
#include "proto/base/buffer.h"
#include "proto/base/cursor.h"
#include "proto/base/secret.h"

enum lk_suite {
    LK_SUITE_NONE = 0,
    LK_SUITE_HPKE_X25519 = 1, /* "hpke-x25519-sha256-aes256gcm": RFC 9180, KEM 0x0020, KDF 1, AEAD 2 */
    LK_SUITE_HPKE_P256 = 2,   /* "hpke-p256-sha256-aes256gcm":   KEM 0x0010 */
    LK_SUITE_RSA_SHA1 = 3,    /* "rsa-oaep-sha1-aes256-kwp": CKM_RSA_AES_KEY_WRAP's bytes, made in the token */
    LK_SUITE_RSA_SHA256 = 4,  /* "rsa-oaep-sha256-aes256-kwp" */
};

const char *lk_suite_name(enum lk_suite s); /* "" for NONE */
enum lk_suite lk_suite_by_name(struct lk_bytes name); /* NONE when unknown */

struct lk_recipient {
    enum lk_suite suite;
    uint8_t point[65]; /* X25519: 32 bytes; P-256: 65, uncompressed */
    size_t point_len;
    uint8_t n[512];    /* RSA modulus, big-endian, no leading zero; 256, 384 or 512 bytes */
    size_t n_len;
    uint32_t e;        /* 65537 */
};

/*
 * Verifier: from the statement's SubjectPublicKeyInfo DER (at most 1024 bytes) and suite name; the point must be
 * on the curve and not of small order. RECIPIENT_KEY, RECIPIENT_SUITE.
 */
LK_MUST_USE lk_result lk_recipient_from_spki(struct lk_bytes spki, struct lk_bytes suite, struct lk_recipient *out);

/* Keeper: type, lengths, point on curve, not of small order, RSA size and exponent, again. RECIPIENT_KEY. */
LK_MUST_USE lk_result lk_recipient_check(const struct lk_recipient *r);

void lk_recipient_put(struct lk_buf *out, const struct lk_recipient *r);
void lk_recipient_get(struct lk_cursor *c, struct lk_recipient *r); /* failure shows in the cursor */

/*
 * HPKE base mode, single shot (RFC 9180, 5.1.1 and 6.1), HKDF-SHA256, AES-256-GCM; aad empty.
 * enc: 32 or 65 bytes; ct: plaintext + 16.
 */
LK_MUST_USE lk_result lk_hpke_seal(const struct lk_recipient *r, struct lk_bytes info, struct lk_bytes plaintext,
                                   struct lk_buf *enc, struct lk_buf *ct);

/* Guest's side. key is an X25519 or P-256 private key. HPKE_OPEN when it does not open. */
#include <openssl/types.h>
LK_MUST_USE lk_result lk_hpke_open(EVP_PKEY *key, struct lk_bytes info, struct lk_bytes enc, struct lk_bytes ct,
                                   struct lk_secret *plaintext);

/*
 * Inside every wrapped blob a secret is framed as u32le length || bytes, followed by at most 7 zero bytes: AES-KWP
 * pads to 8, and some tokens give the padding back as if it were the secret's. RSA_UNWRAP when the frame is none.
 * framed is a new secret; the unframed run borrows.
 */
LK_MUST_USE lk_result lk_secret_frame(struct lk_bytes secret, struct lk_secret *framed);
LK_MUST_USE lk_result lk_secret_unframe(struct lk_bytes framed, struct lk_bytes *secret);

/*
 * Guest's side of the RSA suites: OAEP(AES-256 key) of the modulus' size, then AES-KWP(framed secret); the frame is
 * taken off. RSA_UNWRAP.
 */
LK_MUST_USE lk_result lk_rsa_aes_unwrap(EVP_PKEY *key, enum lk_suite suite, struct lk_bytes ct,
                                        struct lk_secret *plaintext);

/*
 * The CLI's side: frames a secret and wraps it to an RSA public key in the same form (sealing to the import key).
 * RECIPIENT_SUITE, TOO_LARGE, CRYPTO.
 */
LK_MUST_USE lk_result lk_rsa_aes_wrap(EVP_PKEY *key, enum lk_suite suite, struct lk_bytes plaintext, struct lk_buf *out);

#endif
