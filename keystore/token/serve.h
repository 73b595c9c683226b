/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TOKEN_SERVE_H
#define LK_TOKEN_SERVE_H
/*
 * Calls of the keeper, answered by a pool of threads with a session each. A thread waits on the link for a whole
 * call, lets the next one wait, makes the call and writes the RESULT: no queue, and answers may overtake each other.
 */
#include "keystore/token/token.h"

#define LK_TOKEN_THREADS_MAX 64

/* One call on one session: what a thread does, and what tests do without a link. type: LK_F_CALL_*. out: its output.
 * FRAME_FORBIDDEN when type or payload is none; else the call's own reasons. */
LK_MUST_USE lk_result lk_token_call(struct lk_session *s, uint16_t type, struct lk_bytes payload, struct lk_buf *out);

/* The public facts; runs borrow from keys. */
LK_MUST_USE lk_result lk_token_facts(struct lk_session *s, struct lk_buf *keys, struct lk_token_info *out);

/* How serving ended. */
enum lk_serve_end { LK_SERVE_CLOSED, LK_SERVE_HUNG, LK_SERVE_FAILED };

/*
 * Serves fd with n threads until the keeper closes it (CLOSED: all threads are out of the module), a call lasts longer
 * than timeout_ms (HUNG: a thread is still in the module, nothing more may be called there), or the keeper breaks the
 * rules or the link (FAILED).
 */
enum lk_serve_end lk_token_serve(struct lk_token *t, int fd, unsigned n, uint64_t timeout_ms);

#endif
