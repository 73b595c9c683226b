/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_RELEASE_ANSWER_H
#define LK_RELEASE_ANSWER_H
/*
 * What leaves the keeper about a decision: the signed answer for the client, with its status and details, and the
 * record for the audit trail. Yes and no take the same path.
 */
#include "keystore/release/decide.h"
#include "proto/seal/answer.h"

#define LK_DECISION_ID 16 /* "7KQ2-M9XF-4TRB" and its NUL */

/* 60 random bits in the alphabet of Crockford's base32, in fours. CRYPTO. */
LK_MUST_USE lk_result lk_decision_id(char out[static LK_DECISION_ID]);

/* Who signs: made at each start, certified by the installation key. All lent. */
struct lk_signing {
    EVP_PKEY *key;
    struct lk_bytes answer_key, installation_key, certification, start_id;
};

struct lk_sealed {
    struct lk_buf enc, ciphertext;
};

/* The gRPC status that a reason is told with (docs/protocol.md). */
uint8_t lk_grpc_status_of(enum lk_reason_code code);
/* How long a client should wait, in ms, with jitter; 0 when a retry does not help. */
uint32_t lk_retry_after(enum lk_reason_code code);

/* Serialized latchkey.v1.SignedAnswer. sealed: one for each secret of the ruling. CRYPTO, TOO_LARGE. */
LK_MUST_USE lk_result lk_answer_signed(const struct lk_verdict *v, const struct lk_ruling *r, const struct lk_sealed *sealed,
                                       const char *decision, int64_t now, const struct lk_signing *by, struct lk_buf *out);

/*
 * The payload of an ANSWER frame. signed_answer: as above, or absent where there is no statement to answer to.
 * A yes carries it in a ReleaseResponse, a no in the status details beside ErrorInfo and RetryInfo.
 */
LK_MUST_USE lk_result lk_answer_frame(const struct lk_ruling *r, struct lk_bytes signed_answer, const char *decision,
                                      struct lk_buf *out);

/* The same for a refusal that has no ruling: a challenge, an admin's request. decision may be NULL. */
LK_MUST_USE lk_result lk_answer_refusal(enum lk_reason_code code, const char *decision, const char *detail,
                                        struct lk_buf *out);
/* And for a plain yes. */
LK_MUST_USE lk_result lk_answer_body(struct lk_bytes body, struct lk_buf *out);

/* Serialized latchkey.v1.AuditRecord, kind "create", of secret i, which is made for the decision. */
LK_MUST_USE lk_result lk_answer_create_record(const struct lk_verdict *v, size_t i, const char *decision, int64_t now,
                                              struct lk_buf *out);

/* Serialized latchkey.v1.AuditRecord of a decision; kind "release", "refusal" or "repeat". */
LK_MUST_USE lk_result lk_answer_record(const struct lk_verdict *v, const struct lk_ruling *r, const char *kind,
                                       const char *decision, int64_t now, struct lk_buf *out);

#endif
