/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEAL_KEY_H
#define LK_SEAL_KEY_H
/*
 * Public keys between three forms: raw numbers, SubjectPublicKeyInfo DER and EVP_PKEY. The DER of the few key
 * types that we take is a constant prefix, the raw numbers and a constant suffix (RFC 5480, RFC 8410, RFC 8017),
 * so it is compared, not parsed. What is returned is the caller's to EVP_PKEY_free; NULL when the numbers are no
 * key (point off the curve included).
 */
#include "proto/base/buffer.h"

#include <openssl/types.h>

#define LK_SPKI_MAX 1024
#define LK_P256_POINT 65

EVP_PKEY *lk_key_x25519(struct lk_bytes point);
/* curve: "P-256", "P-384", "P-521"; point: uncompressed. */
EVP_PKEY *lk_key_ec(const char *curve, struct lk_bytes point);
/* Big-endian numbers. */
EVP_PKEY *lk_key_rsa(struct lk_bytes n, struct lk_bytes e);

enum lk_key_type { LK_KEY_UNKNOWN, LK_KEY_X25519, LK_KEY_P256, LK_KEY_RSA };

/* The raw point or modulus inside the DER; UNKNOWN when it is of another type, form or RSA exponent than 65537. */
enum lk_key_type lk_spki_split(struct lk_bytes spki, struct lk_bytes *raw);

/* Writes the DER. X25519: 32 bytes; P-256: 65; RSA: 256, 384 or 512, exponent 65537. Else the buffer fails. */
void lk_spki_put(struct lk_buf *out, enum lk_key_type type, struct lk_bytes raw);

/* The P-256 public key of this DER, or NULL. */
EVP_PKEY *lk_key_p256_spki(struct lk_bytes spki);
/* The RSA public key of this DER, or NULL. */
EVP_PKEY *lk_key_rsa_spki(struct lk_bytes spki);

#endif
