/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_VERIFIER_REQUEST_H
#define LK_VERIFIER_REQUEST_H
/*
 * What a verifier does with each request (DESIGN §4): bytes of a client in, one verdict or challenge frame out.
 * Nothing is kept from one request to the next but the certificate cache.
 */
#include "policy/verifier/judge_with.h"
#include "proto/link/collateral.h"
#include "proto/link/verdict.h"

/* Room that a request's arena should have: a bundle twice, and what the chain engine takes. */
#define LK_VERIFIER_ARENA (24u << 20)

/*
 * REQ_RELEASE and REQ_APPRAISE. `at` is the evaluation time (wall clock), `now_mono_ms` what the deadline is
 * compared with. v is filled always: a request that cannot be judged gives kind MALFORMED with one finding or
 * more, of any class. The result is OK unless the front broke a rule (FRAME_FORBIDDEN).
 */
LK_MUST_USE lk_result lk_verifier_judge(const struct lk_judge_with *w, struct lk_arena *arena, bool appraise,
                                        struct lk_bytes payload, int64_t at, uint64_t now_mono_ms, struct lk_verdict *v);

/* REQ_CHALLENGE. The frame's runs live in the arena. OK unless the front broke a rule. */
LK_MUST_USE lk_result lk_verifier_challenge(const struct lk_judge_with *w, struct lk_arena *arena, struct lk_bytes payload,
                                            uint64_t now_mono_ms, struct lk_challenge_frame *c);

/*
 * REQ_COLLATERAL and REQ_COLLATERAL_STATUS, for callers of the role. The frames' runs live in the arena or in the payload. OK
 * unless the front broke a rule.
 */
LK_MUST_USE lk_result lk_verifier_collateral(const struct lk_judge_with *w, struct lk_arena *arena, struct lk_bytes payload,
                                             int64_t at, uint64_t now_mono_ms, struct lk_collateral_frame *f);
LK_MUST_USE lk_result lk_verifier_collateral_ask(const struct lk_judge_with *w, struct lk_arena *arena, struct lk_bytes payload,
                                                 uint64_t now_mono_ms, struct lk_collateral_ask *a);

/*
 * True when the report refuses only for what the evidence does not have (lk_report_add_absent), whatever its words: an
 * older evidence request may not have asked for it, and then the guest is to ask anew (DESIGN 4, Release).
 */
bool lk_verifier_only_absent(const struct lk_report *r);

#endif
