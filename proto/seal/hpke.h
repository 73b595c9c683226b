/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEAL_HPKE_H
#define LK_SEAL_HPKE_H
/*
 * The steps of HPKE (RFC 9180), base mode, KDF HKDF-SHA256 (1), AEAD AES-256-GCM (2), composed from EVP calls:
 * OpenSSL 3.0 has no HPKE of its own. proto/seal/recipient.h has the single-shot calls that programs use; these
 * steps are here so that the RFC's vectors can be checked piece by piece.
 */
#include "proto/base/buffer.h"
#include "proto/seal/recipient.h"

#include <openssl/types.h>

enum { LK_KEM_P256 = 0x0010, LK_KEM_X25519 = 0x0020 };
#define LK_HPKE_SUITE_ID_MAX 10

/* RFC 9180, 4: LabeledExtract and LabeledExpand under a suite_id. salt and ikm may be empty. out_len <= 255 * 32. CRYPTO. */
LK_MUST_USE lk_result lk_hpke_extract(struct lk_bytes suite_id, struct lk_bytes salt, const char *label,
                                      struct lk_bytes ikm, uint8_t out[static 32]);
LK_MUST_USE lk_result lk_hpke_expand(struct lk_bytes suite_id, const uint8_t prk[static 32], const char *label,
                                     struct lk_bytes info, uint8_t *out, size_t out_len);

/*
 * RFC 9180, 4.1: Encap with a given ephemeral key, Decap. point is the recipient's public key in raw form, enc 32
 * or 65 bytes. RECIPIENT_KEY for a point off the curve, of small order, or a zero shared secret; CRYPTO.
 */
LK_MUST_USE lk_result lk_hpke_encap(EVP_PKEY *ephemeral, uint16_t kem, struct lk_bytes point, struct lk_buf *enc,
                                    uint8_t shared[static 32]);
LK_MUST_USE lk_result lk_hpke_decap(EVP_PKEY *key, struct lk_bytes enc, uint8_t shared[static 32]);

/* RFC 9180, 5.1: key and base nonce of the context. */
struct lk_hpke_context {
    uint8_t key[32];
    uint8_t base_nonce[12];
};
LK_MUST_USE lk_result lk_hpke_schedule(uint16_t kem, const uint8_t shared[static 32], struct lk_bytes info,
                                       struct lk_hpke_context *out);

/* RFC 9180, 5.2, with the sequence number given. The single-shot calls use 0. CRYPTO; open: HPKE_OPEN. */
LK_MUST_USE lk_result lk_hpke_context_seal(const struct lk_hpke_context *h, uint64_t seq, struct lk_bytes aad,
                                           struct lk_bytes plaintext, struct lk_buf *ct);
LK_MUST_USE lk_result lk_hpke_context_open(const struct lk_hpke_context *h, uint64_t seq, struct lk_bytes aad,
                                           struct lk_bytes ct, struct lk_secret *plaintext);

#endif
