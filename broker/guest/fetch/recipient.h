/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_RECIPIENT_H
#define LK_FETCH_RECIPIENT_H
/* The guest's recipient key: made in memory for one attempt, never written anywhere. */
#include "proto/seal/recipient.h"

enum lk_guest_key_kind { LK_GUEST_KEY_X25519, LK_GUEST_KEY_P256, LK_GUEST_KEY_RSA2048, LK_GUEST_KEY_RSA3072, LK_GUEST_KEY_RSA4096 };

/* "x25519", "p256", "rsa2048", "rsa3072", "rsa4096". */
bool lk_guest_key_kind_by_name(const char *name, enum lk_guest_key_kind *out);

/* A fresh key, and its SubjectPublicKeyInfo DER. The caller frees *key. CRYPTO. */
LK_MUST_USE lk_result lk_guest_key_new(enum lk_guest_key_kind kind, EVP_PKEY **key, struct lk_buf *spki);

/*
 * The first of the broker's suites that seals to this kind of key; without a list, the kind's usual one.
 * RECIPIENT_SUITE when the broker offers none.
 */
LK_MUST_USE lk_result lk_guest_key_suite(enum lk_guest_key_kind kind, char *const *offered, size_t n, enum lk_suite *out);

/* Opens one secret of an answer. info is the statement hash. HPKE_OPEN, RSA_UNWRAP. */
LK_MUST_USE lk_result lk_guest_key_open(EVP_PKEY *key, enum lk_suite suite, struct lk_bytes info, struct lk_bytes enc,
                                        struct lk_bytes ciphertext, struct lk_secret *out);

#endif
