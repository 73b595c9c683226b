/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_SAY_H
#define LK_FETCH_SAY_H
/*
 * What latchkey-fetch writes to standard error: lines for a console, or with --json one object a line
 * (docs/guest.md, "Status"). Texts of others are escaped. Never a secret.
 */
#include "broker/guest/fetch/outcome.h"

/* Once, at the start, like lk_log_setup. */
void lk_say_setup(bool json);

/* How an attempt with that broker went; again_ms: when the next one begins, negative: never. */
void lk_say_outcome(const struct lk_fetch_outcome *o, const char *broker, int64_t again_ms);

/* A collector's error. */
void lk_say_collector(const char *program, const char *code, const char *text);

/*
 * What became of one way that the policy accepts. Its names come from the broker, unsigned; family: the one that no
 * collector gives, or "".
 */
enum lk_alternative_fate { LK_ALTERNATIVE_TAKEN, LK_ALTERNATIVE_NO_COLLECTOR, LK_ALTERNATIVE_FAILED };
void lk_say_alternative(const Latchkey__V1__EvidenceAlternative *a, const char *family, enum lk_alternative_fate fate);

/* A secret was written: name and version as the broker tells them; what: where to. */
void lk_say_released(const char *name, uint64_t version, const char *target, const char *decision_id, bool created);

#endif
