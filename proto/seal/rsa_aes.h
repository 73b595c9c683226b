/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEAL_RSA_AES_H
#define LK_SEAL_RSA_AES_H
/*
 * The pieces of CKM_RSA_AES_KEY_WRAP (PKCS#11 v3.0, 2.1.21): RSA-OAEP (RFC 8017, 7.1; empty label; MGF1 with the
 * same hash) over an AES key, AES-KWP (RFC 5649) under it over the secret.
 */
#include "proto/base/buffer.h"
#include "proto/base/secret.h"

#include <openssl/types.h>

/* hash: "SHA1" or "SHA256". out is a new secret. RSA_UNWRAP for every bad ciphertext, told apart by nothing. */
LK_MUST_USE lk_result lk_oaep_decrypt(EVP_PKEY *key, const char *hash, struct lk_bytes ct, struct lk_secret *out);
/* CRYPTO. */
LK_MUST_USE lk_result lk_oaep_encrypt(EVP_PKEY *key, const char *hash, struct lk_bytes plaintext, struct lk_buf *out);

/* kek: 16, 24 or 32 bytes. plaintext at least 1 byte. RSA_UNWRAP; CRYPTO. */
LK_MUST_USE lk_result lk_kwp_unwrap(struct lk_bytes kek, struct lk_bytes ct, struct lk_secret *out);
LK_MUST_USE lk_result lk_kwp_wrap(struct lk_bytes kek, struct lk_bytes plaintext, struct lk_buf *out);

#endif
