/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_VERIFIER_JUDGE_WITH_H
#define LK_VERIFIER_JUDGE_WITH_H
/*
 * What a verifier judges with: its snapshot, loaded once. It never changes in
 * the process's life; another state is another process.
 */
#include "policy/appraise/policyset.h"
#include "policy/chain/trust.h"
#include "proto/base/arena.h"
#include "proto/base/report.h"
#include "proto/link/snapshot.h"

struct lk_judge_with {
    struct lk_snapshot snapshot; /* the caller's; must outlive this */
    struct lk_policyset *policies;
    struct lk_trust *trust;
    struct lk_bytes suites; /* NUL-separated names that the token can serve; may be absent */
};

/*
 * Loads every entry of the snapshot. On failure `why` names the entry ("policy prod: POLICY_OPERAND ...") for
 * WORKER_FAILED and the log. Any reason of the policy set, the trust and the message scanner; MEMORY.
 */
LK_MUST_USE lk_result lk_judge_with_load(const struct lk_snapshot *snapshot, struct lk_judge_with *out, char *why,
                                         size_t why_size);
void lk_judge_with_free(struct lk_judge_with *w);

#endif
