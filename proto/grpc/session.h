/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_SESSION_H
#define LK_GRPC_SESSION_H
/*
 * One HTTP/2 connection of a gRPC server, without I/O: bytes in, bytes out, time as a parameter of its
 * environment. Whoever owns the transport calls receive with what came, output until nothing is left, and tick
 * when lk_grpc_session_next is due. Handlers may call into the session at any time; wake tells the owner
 * that there may be output, and must not call back.
 */
#include "proto/grpc/bucket.h"
#include "proto/grpc/call.h"
#include "proto/grpc/limits.h"

#define LK_GRPC_METHODS_MAX 32

struct lk_grpc_routes {
    const struct lk_grpc_method *methods[LK_GRPC_METHODS_MAX];
    size_t n;
};

/* What all sessions of a server share; outlives them. */
struct lk_grpc_env {
    struct lk_grpc_limits limits;
    struct lk_grpc_routes routes;
    struct lk_grpc_buckets *buckets;
    uint64_t body_memory_used, body_memory_large_used;
    uint64_t (*now_ms)(void); /* lk_clock_mono_ms, or a test's */
    bool keep_headers;        /* lk_grpc_call_header works: for test servers */
};

struct lk_grpc_session;

/* NULL without memory. peer is copied; what it borrows must outlive the session. */
struct lk_grpc_session *lk_grpc_session_new(struct lk_grpc_env *env, const struct lk_grpc_peer *peer,
                                            void (*wake)(void *arg), void *arg);
/* Calls on_gone for every call that is not finished. */
void lk_grpc_session_free(struct lk_grpc_session *s);

/* Takes bytes of the client. After a failure (FRAME_CLOSED) send what output still gives, then close. */
LK_MUST_USE lk_result lk_grpc_session_receive(struct lk_grpc_session *s, struct lk_bytes in);

/* The next bytes for the client, valid until the next call; empty when there are none now. FRAME_CLOSED, MEMORY. */
LK_MUST_USE lk_result lk_grpc_session_output(struct lk_grpc_session *s, struct lk_bytes *out);

/* True when nothing is to be read or written any more: close. */
bool lk_grpc_session_done(const struct lk_grpc_session *s);

/* Lets deadlines, slow bodies, idleness, age and draining take effect. FRAME_CLOSED: close now. */
LK_MUST_USE lk_result lk_grpc_session_tick(struct lk_grpc_session *s);
/* When the next tick is due, by env->now_ms. */
uint64_t lk_grpc_session_next(const struct lk_grpc_session *s);

/* Since when there is no stream, by env->now_ms; UINT64_MAX when there is one. */
uint64_t lk_grpc_session_idle_since(const struct lk_grpc_session *s);

/* Shutdown notice now, GOAWAY a second later, the end of streams without end (Watch) with it; the others may finish. */
void lk_grpc_session_drain(struct lk_grpc_session *s);

/* Why the session ended the connection by itself, for the log: "reset budget", "too_many_pings", ...; NULL when it did not. */
const char *lk_grpc_session_verdict(const struct lk_grpc_session *s);

#endif
