/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FRONT_POOL_H
#define LK_FRONT_POOL_H
/*
 * Requests on their way round the ring: queued, given to a worker (one at a time each), taken by the keeper,
 * answered. A request that was given away is never given again: when its worker is lost it ends UNAVAILABLE.
 *
 * Messages over large_bundle, which hold logs, have queue and workers of their own: no other request waits behind them. Nothing
 * but the length decides.
 */
#include "proto/grpc/call.h"
#include "proto/link/frame.h"
#include "proto/link/messages.h"

struct event_base;
struct lk_pool;

struct lk_pool_hooks {
    /* CTL_RETIRED: the worker is idle for good, its socket is closed and it is forgotten. CTL_TIRED: it has had its
     * number of requests; it goes on until the next worker comes. CTL_WORKER_HUNG: it has had one request for hang_ms. */
    void (*on_worker)(void *arg, uint32_t worker, uint16_t frame);
    /* The keeper took a verdict of the worker on a request that the worker was not given. */
    void (*on_worker_lied)(void *arg, uint32_t worker);
    /* The number of usual workers went to or from zero. */
    void (*on_change)(void *arg);
    void *arg;
};

struct lk_pool_limits {
    uint32_t queue;           /* requests of one class that wait */
    uint32_t large_bundle;    /* a longer message is of the large class */
    uint32_t worker_requests; /* 0: no limit */
    uint32_t hang_ms;         /* a worker may have one request for so long */
    uint32_t retry_ms;        /* of RetryInfo, before jitter */
    uint32_t no_worker_ms;    /* how long a request waits while there is no worker at all */
    uint32_t admin;           /* admin requests that wait for the keeper */
};

struct lk_pool *lk_pool_new(struct event_base *base, const struct lk_pool_limits *limits, const struct lk_pool_hooks *hooks);
void lk_pool_free(struct lk_pool *p);
void lk_pool_set_limits(struct lk_pool *p, const struct lk_pool_limits *limits);

/* What the front's methods are: the frame, and whether it goes to the keeper's admin link. */
struct lk_pool_ask {
    struct lk_grpc_call *call; /* with its whole message */
    struct lk_bytes message;   /* borrowed from the call */
    uint16_t frame;            /* LK_F_REQ_* or LK_F_ADMIN_* */
    uint32_t roles;
};
/* To the next idle worker of its class, or the queue. Refuses the call itself when there is no room. */
void lk_pool_submit(struct lk_pool *p, const struct lk_pool_ask *ask);

/* The keeper's admin link, as a way to write to it; NULL: there is none, and what waits there ends UNAVAILABLE. */
struct lk_front_link;
void lk_pool_set_admin(struct lk_pool *p, struct lk_front_link *admin);
void lk_pool_submit_admin(struct lk_pool *p, const struct lk_pool_ask *ask);

/* on_gone of every method: the answer, if one comes, is dropped. */
void lk_pool_forget(struct lk_pool *p, struct lk_grpc_call *call);

/* From the supervisor. add owns fd. */
void lk_pool_worker_add(struct lk_pool *p, const struct lk_msg_worker *worker, int fd);
void lk_pool_worker_gone(struct lk_pool *p, uint32_t worker);
void lk_pool_retire(struct lk_pool *p, uint64_t generation);

/* From the keeper. */
void lk_pool_taken(struct lk_pool *p, uint32_t worker, uint64_t request);
void lk_pool_worker_lost(struct lk_pool *p, uint32_t worker);
/*
 * FRAME_FORBIDDEN when the payload is no answer, or on the admin link for a request that is not of it, or the reverse.
 * An unknown request is logged.
 */
LK_MUST_USE lk_result lk_pool_answer(struct lk_pool *p, bool admin, uint64_t request, struct lk_bytes payload);
/* The keeper has gone: everything that waits for an answer of it ends UNAVAILABLE. */
void lk_pool_keeper_gone(struct lk_pool *p);

size_t lk_pool_workers(const struct lk_pool *p); /* of the usual class that may still get requests */

#endif
