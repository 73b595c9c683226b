/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEAL_ANSWER_H
#define LK_SEAL_ANSWER_H
/*
 * Signatures of the keeper's answers (DESIGN 4; SignedAnswer and QueryResponse of proto/api/latchkey.proto). All are
 * ECDSA P-256 with SHA-256, DER, over a domain string, a zero byte and the message:
 *
 *   answer           "latchkey-answer-v1" 00 answer                              by the answer key
 *   query answer     "latchkey-query-answer-v1" 00 query result                  by the answer key
 *   certification    "latchkey-answer-key-v1" 00 start id, answer key's SPKI     by the installation key
 *   import key       "latchkey-import-key-v1" 00 installation id, import key's SPKI   by the installation key
 *
 * query is SHA-256 of the query's envelope as it was sent: the answer to one question passes for no other's, also
 * when something in between gave out the same nonce twice.
 *
 * The broker id is SHA-256 of the installation key's SPKI.
 */
#include "proto/base/buffer.h"

#include <openssl/types.h>

#define LK_SIGNATURE_MAX 72 /* DER of two 256-bit numbers */

/* A fresh P-256 key and its SPKI DER (91 bytes). The caller frees *key. CRYPTO. */
LK_MUST_USE lk_result lk_answer_key_new(EVP_PKEY **key, struct lk_buf *spki);

/* Appends the signature to sig. CRYPTO. */
LK_MUST_USE lk_result lk_answer_sign(EVP_PKEY *key, struct lk_bytes answer, struct lk_buf *sig);
LK_MUST_USE lk_result lk_query_answer_sign(EVP_PKEY *key, struct lk_bytes query, struct lk_bytes result,
                                           struct lk_buf *sig);

/* What the installation key signs, without the domain string, which the token adds (keystore/token/calls.h). */
void lk_answer_key_message(struct lk_buf *out, struct lk_bytes start_id, struct lk_bytes answer_key);
void lk_import_key_message(struct lk_buf *out, struct lk_bytes installation_id, struct lk_bytes import_key);

/* SHA-256 of the SPKI. CRYPTO. */
LK_MUST_USE lk_result lk_broker_id(struct lk_bytes installation_key, uint8_t out[static 32]);

/* The keys of an answer, as they came with it. */
struct lk_answer_keys {
    struct lk_bytes answer_key, installation_key, certification, start_id;
};

/*
 * The whole chain to a pinned broker id: ANSWER_BROKER when the installation key is another's (or no P-256 SPKI),
 * ANSWER_CERTIFICATION, ANSWER_SIGNATURE.
 */
LK_MUST_USE lk_result lk_answer_verify(const struct lk_answer_keys *keys, const uint8_t broker_id[static 32],
                                       struct lk_bytes answer, struct lk_bytes signature);
LK_MUST_USE lk_result lk_query_answer_verify(const struct lk_answer_keys *keys, const uint8_t broker_id[static 32],
                                             struct lk_bytes query, struct lk_bytes result,
                                             struct lk_bytes signature);
/* ANSWER_BROKER, ANSWER_CERTIFICATION. */
LK_MUST_USE lk_result lk_import_key_verify(struct lk_bytes installation_key, const uint8_t broker_id[static 32],
                                           struct lk_bytes installation_id, struct lk_bytes import_key,
                                           struct lk_bytes certification);

/* One signature over the joined parts by the P-256 key of this SPKI; the domain is the first part. ANSWER_SIGNATURE. */
LK_MUST_USE lk_result lk_signature_verify(struct lk_bytes spki, const struct lk_bytes *parts, size_t n,
                                          struct lk_bytes signature);

#endif
