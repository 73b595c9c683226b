/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_COLLECTOR_H
#define LK_FETCH_COLLECTOR_H
/*
 * The collectors of one attempt: programs that get evidence (docs/collector-protocol.md). They are started for an
 * attempt and ended after it. Messages live in the arena that is passed.
 */
#include "collector.pb-c.h"
#include "latchkey.pb-c.h"
#include "proto/base/arena.h"
#include "proto/base/bytes.h"
#include "proto/base/result.h"

struct lk_collector;

/*
 * Starts `command` (program and arguments, separated by spaces; a name without "/" is looked for beside this program,
 * in ../libexec/latchkey, then in PATH) and has it describe itself. COLLECTOR_START when it cannot be started,
 * COLLECTOR_PROTOCOL when it does not speak the protocol, version 1. *out is for lk_collector_end.
 */
LK_MUST_USE lk_result lk_collector_begin(const char *command, unsigned timeout_s, struct lk_arena *arena,
                                         struct lk_collector **out);
void lk_collector_end(struct lk_collector *c); /* NULL is fine */

const char *lk_collector_name(const struct lk_collector *c); /* as it calls itself */
bool lk_collector_has(const struct lk_collector *c, const char *family);
bool lk_collector_identifies(const struct lk_collector *c);

/*
 * The calls. COLLECTOR_FAILED (its message has been written to standard error), COLLECTOR_BUSY (the same, and it
 * says that it may work later), COLLECTOR_PROTOCOL (died, late, wrong kind of answer).
 * quiet: an error is not worth a message, because others may do.
 */
LK_MUST_USE lk_result lk_collector_identify(struct lk_collector *c, bool quiet, struct lk_arena *arena,
                                            const Latchkey__V1__CollectorIdentity **out);
LK_MUST_USE lk_result lk_collector_activate(struct lk_collector *c, struct lk_bytes blob, struct lk_bytes secret,
                                            struct lk_arena *arena, struct lk_bytes *s);
LK_MUST_USE lk_result lk_collector_collect(struct lk_collector *c, struct lk_bytes binding,
                                           const Latchkey__V1__EvidenceAlternative *bundle, size_t item,
                                           struct lk_arena *arena, Latchkey__V1__EvidenceItem **out);

#endif
