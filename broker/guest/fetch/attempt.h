/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_ATTEMPT_H
#define LK_FETCH_ATTEMPT_H
#include "broker/guest/fetch/deliver.h"
#include "broker/guest/fetch/outcome.h"

/*
 * One attempt with one broker, from the recipient key to the written secrets: collectors, GetChallenge, activation,
 * statement, binding, evidence, Release, signature, output (docs/guest.md, "What happens"). deadline is of
 * lk_clock_mono_ms. Secrets that were released are written even when others were refused.
 */
void lk_fetch_attempt(struct lk_delivery *delivery, const char *broker, uint64_t deadline,
                      struct lk_fetch_outcome *outcome);

#endif
