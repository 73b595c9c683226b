/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_APPRAISE_COMPILE_H
#define LK_APPRAISE_COMPILE_H
/*
 * Signed messages to the engine's form, with every check of the lint: a verifier
 * trusts no compiler. All findings of a message are reported, not only the first.
 * Findings name "policy/accept/family.claim", "policy/releases[0]", "record/match.family.claim":
 * the CLI finds the place in the document by them.
 */
#include "policy/appraise/policy.h"

#include "policy.pb-c.h"

/* *out lives in the set's arena and points into m. The first finding's code, or MEMORY. */
LK_MUST_USE lk_result lk_compile_policy(struct lk_policyset *s, const Latchkey__V1__Policy *m, uint64_t revision,
                                        struct lk_report *report, const struct lk_policy **out);

LK_MUST_USE lk_result lk_compile_record(struct lk_policyset *s, const Latchkey__V1__ReferenceRecord *m,
                                        struct lk_report *report, const struct lk_record **out);

/* An accept of every family with nothing but its safe defaults. MEMORY, or a fault in a claim table: POLICY_OPERAND. */
LK_MUST_USE lk_result lk_compile_defaults(struct lk_policyset *s, const struct lk_policy **out);

#endif
