/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_ANSWER_H
#define LK_FETCH_ANSWER_H
/* What the broker answered: believed only as far as it is signed under the pinned broker id (DESIGN 4, Answer). */
#include "broker/guest/fetch/deliver.h"
#include "broker/guest/fetch/outcome.h"
#include "proto/grpc/client/client.h"

/*
 * The signed answer to this statement, in the arena. ANSWER_BROKER, ANSWER_CERTIFICATION, ANSWER_SIGNATURE,
 * ANSWER_STATEMENT, and ANSWER_CONTENT when the signed bytes are no Answer.
 */
LK_MUST_USE lk_result lk_answer_read(const Latchkey__V1__SignedAnswer *s, const uint8_t broker_id[static 32],
                                     struct lk_bytes statement, struct lk_arena *arena,
                                     const Latchkey__V1__Answer **out);

/*
 * A gRPC status that is not OK. A decision (refused, not-authentic, cannot-judge) counts only when its signed answer
 * is there and holds; anything else is a fault, which nobody can sign. Fills the outcome and returns its result.
 */
LK_MUST_USE lk_result lk_answer_refusal(const struct lk_grpc_reply *reply, const uint8_t broker_id[static 32],
                                        struct lk_bytes statement, struct lk_arena *arena, struct lk_fetch_outcome *o);

/*
 * Opens and writes each secret of a verified answer to its target. The outcome tells of the first that was not
 * released, or of none. ANSWER_CONTENT when the answer's secrets are not those that were asked for; HPKE_OPEN,
 * RSA_UNWRAP, and what lk_deliver gives.
 */
LK_MUST_USE lk_result lk_answer_write(struct lk_delivery *d, const Latchkey__V1__Answer *answer, EVP_PKEY *key,
                                      enum lk_suite suite, struct lk_fetch_outcome *outcome);

#endif
