/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CHAIN_SECRETS_H
#define LK_CHAIN_SECRETS_H
/* From the secrets asked for to the policies that judge them, and a verdict for each. Private to the engine. */
#include "policy/appraise/judge.h"
#include "policy/chain/chain.h"

/*
 * True when these items (a path from the root) satisfy their rules in some alternative of some
 * policy that the request is judged by: only then is what hangs on them read.
 */
bool lk_secrets_some_accept_passes(const struct lk_chain_input *in, const struct lk_judged *path, size_t n);

/*
 * Fills out->secrets, out->cls and, with the findings of the alternative that got furthest,
 * out->report. authentic false: the report's findings so far decide every secret.
 */
void lk_secrets_judge(const struct lk_chain_input *in, const struct lk_judged *items, size_t n, bool authentic,
                      struct lk_appraisal *out);

#endif
