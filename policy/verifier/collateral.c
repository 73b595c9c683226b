/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/collateral/sort.h"
#include "policy/verifier/request.h"
#include "proto/msg/unpack.h"

#include "latchkey.pb-c.h"

#include <string.h>

static lk_result admit(const struct lk_msg_request *rq, uint64_t now)
{
    LK_REQUIRE(now < rq->deadline_mono_ms, DEADLINE);
    LK_REQUIRE((rq->roles & LK_ROLE_COLLATERAL) != 0, CALLER_NOT_NAMED);
    return LK_OK;
}

static lk_result take_pieces(const Latchkey__V1__CollateralPutRequest *m, struct lk_collateral_sorting *s)
{
    size_t sum = 0;
    LK_REQUIRE(m->n_pieces >= 1 && m->n_pieces <= LK_COLLATERAL_PIECES_MAX, REQUEST_LIMIT);
    struct lk_bytes *raw = lk_arena_array(s->arena, m->n_pieces, sizeof(*raw));
    LK_REQUIRE(raw != NULL, MEMORY);
    for (size_t i = 0; i < m->n_pieces; i++) {
        raw[i] = lk_bytes(m->pieces[i].data, m->pieces[i].len);
        sum += raw[i].len;
    }
    LK_REQUIRE(sum <= LK_COLLATERAL_REQUEST_MAX, REQUEST_LIMIT);
    s->raw = raw;
    s->n = m->n_pieces;
    return LK_OK;
}

static lk_result put(const struct lk_judge_with *w, struct lk_arena *arena, const struct lk_msg_request *rq, uint64_t now,
                     struct lk_collateral_frame *f)
{
    void *m;
    struct lk_collateral_sorting s = {.trust = w->trust, .at = f->time, .arena = arena};
    LK_TRY(admit(rq, now));
    LK_TRY(lk_msg_unpack(&latchkey__v1__collateral_put_request__descriptor, rq->message, arena, &LK_MSG_LIMITS_REQUEST, &m));
    LK_TRY(take_pieces(m, &s));
    f->pieces = lk_arena_array(arena, s.n, sizeof(*f->pieces));
    LK_REQUIRE(f->pieces != NULL, MEMORY);
    LK_TRY(lk_collateral_sort(&s, f->pieces));
    f->n = s.n;
    return LK_OK;
}

lk_result lk_verifier_collateral(const struct lk_judge_with *w, struct lk_arena *arena, struct lk_bytes payload, int64_t at,
                                 uint64_t now_mono_ms, struct lk_collateral_frame *f)
{
    struct lk_msg_request rq;
    LK_TRY(lk_msg_request_get(payload, &rq));
    *f = (struct lk_collateral_frame){.deadline_mono_ms = rq.deadline_mono_ms, .roles = rq.roles, .time = at,
                                      .generation = w->snapshot.head.generation};
    memcpy(f->caller, rq.caller, sizeof(f->caller));
    f->failed = put(w, arena, &rq, now_mono_ms, f).code;
    return LK_OK;
}

static lk_result ask(struct lk_arena *arena, const struct lk_msg_request *rq, uint64_t now, struct lk_collateral_ask *a)
{
    void *message;
    LK_TRY(admit(rq, now));
    LK_TRY(lk_msg_unpack(&latchkey__v1__collateral_status_request__descriptor, rq->message, arena, &LK_MSG_LIMITS_REQUEST,
                         &message));
    const Latchkey__V1__CollateralStatusRequest *m = message;
    struct lk_bytes after = lk_bytes_str(m->after);
    LK_REQUIRE(after.len == 0 || lk_collateral_name_ok(after), REQUEST_MALFORMED);
    memcpy(a->after, after.data, after.len);
    a->limit = m->limit;
    return LK_OK;
}

lk_result lk_verifier_collateral_ask(const struct lk_judge_with *w, struct lk_arena *arena, struct lk_bytes payload,
                                     uint64_t now_mono_ms, struct lk_collateral_ask *a)
{
    struct lk_msg_request rq;
    LK_TRY(lk_msg_request_get(payload, &rq));
    *a = (struct lk_collateral_ask){.deadline_mono_ms = rq.deadline_mono_ms, .roles = rq.roles,
                                    .generation = w->snapshot.head.generation};
    memcpy(a->caller, rq.caller, sizeof(a->caller));
    a->failed = ask(arena, &rq, now_mono_ms, a).code;
    return LK_OK;
}
