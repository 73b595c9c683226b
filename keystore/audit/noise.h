/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_AUDIT_NOISE_H
#define LK_AUDIT_NOISE_H
/*
 * Malformed and unauthenticated requests, counted by reason: strangers can make a number grow, never the log. The
 * counts become one record each when they are taken (once a minute). The last few decisions are also kept in
 * memory, so that an administrator who stands beside can still have one explained.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#define LK_NOISE_RECENT 256

struct lk_noise;

struct lk_noise *lk_noise_new(void);
void lk_noise_free(struct lk_noise *n);

/* Counts one. record: what would have been its audit record, copied; decision: its id. */
void lk_noise_add(struct lk_noise *n, enum lk_reason_code code, struct lk_bytes decision, struct lk_bytes record);

/* The next reason that was counted since it was last taken, and how often; false when none is left. */
bool lk_noise_take(struct lk_noise *n, enum lk_reason_code *code, uint64_t *count);

/* The record of a recent decision; absent when it is none or was pushed out. Valid until the next add. */
struct lk_bytes lk_noise_find(const struct lk_noise *n, struct lk_bytes decision);

#endif
