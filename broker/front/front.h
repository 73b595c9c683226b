/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FRONT_FRONT_H
#define LK_FRONT_FRONT_H
/* What the front's files share: one struct, made in main.c. */
#include "broker/front/callers.h"
#include "broker/front/link.h"
#include "broker/front/pool.h"
#include "broker/front/tls_files.h"
#include "proto/grpc/health.h"
#include "proto/grpc/reflection.h"
#include "proto/grpc/server.h"

struct event_base;

#define LK_FRONT_METHODS 8

struct lk_front {
    struct event_base *base;
    struct lk_grpc_server *server;
    struct lk_grpc_health *health;
    struct lk_grpc_reflection *reflection;
    struct lk_pool *pool;
    struct lk_callers callers;
    struct lk_tls_files tls;
    struct lk_front_limits limits;
    struct lk_front_link *control, *keeper, *admin;
    struct lk_grpc_method methods[LK_FRONT_METHODS];
    unsigned n_listeners; /* descriptors LK_FD_FIRST.. */
    bool serving;         /* what the supervisor says of the whole */
    bool listening, draining;
    int exit_code;
};

/* services.c: adds the methods of latchkey.v1, health and reflection to the server. MEMORY, REQUEST_LIMIT. */
LK_MUST_USE lk_result lk_front_serve(struct lk_front *f);
/* How large a message each method takes, by the limits; what is larger is refused before its first byte. */
void lk_front_set_sizes(struct lk_front *f);
/* Tells health what is true now. */
void lk_front_tell_health(struct lk_front *f);

/* control.c: a frame of the supervisor. */
lk_result lk_front_on_control(void *arg, const struct lk_frame *frame);
/* Hook of the pool: tells the supervisor to end the worker. */
void lk_front_worker_lied(void *front, uint32_t worker);
struct lk_grpc_limits lk_front_grpc_limits(const struct lk_front_limits *l);
struct lk_pool_limits lk_front_pool_limits(const struct lk_front_limits *l);
/* Ends the event loop. */
void lk_front_exit(struct lk_front *f, int code);

#endif
