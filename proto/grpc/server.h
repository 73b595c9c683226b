/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_SERVER_H
#define LK_GRPC_SERVER_H
/*
 * A gRPC server over TLS and HTTP/2 on a libevent loop: accepts on sockets that it is given, one session
 * (proto/grpc/session.h) for each connection. It has no policy of its own: see proto/grpc/limits.h. The program
 * must ignore SIGPIPE.
 */
#include "proto/grpc/call.h"
#include "proto/grpc/limits.h"

struct event_base;
struct lk_grpc_server;

/* NULL without memory. The base outlives the server. */
struct lk_grpc_server *lk_grpc_server_new(struct event_base *base, const struct lk_grpc_limits *limits);
/* Closes every connection at once (on_gone for every open call) and the listening sockets. */
void lk_grpc_server_free(struct lk_grpc_server *s);

/* New limits, in force at once but for what running connections have announced already. */
void lk_grpc_server_set_limits(struct lk_grpc_server *s, const struct lk_grpc_limits *limits);

/* The method is borrowed. LIMIT: more than LK_GRPC_METHODS_MAX (session.h). */
LK_MUST_USE lk_result lk_grpc_server_add(struct lk_grpc_server *s, const struct lk_grpc_method *method);

/* The certificates of new connections from now on (tls.h). On failure what was before stays. CONFIG. */
LK_MUST_USE lk_result lk_grpc_server_tls(struct lk_grpc_server *s, struct lk_bytes chain, struct lk_bytes key,
                                         struct lk_bytes client_ca);

/* Accepts on a listening socket from now on; the server owns it, also on failure. MEMORY, IO. */
LK_MUST_USE lk_result lk_grpc_server_listen(struct lk_grpc_server *s, int fd);

/* Closes the listening sockets, drains every connection; on_drained is called from the loop when the last has gone. */
void lk_grpc_server_drain(struct lk_grpc_server *s, void (*on_drained)(void *arg), void *arg);

/* For test servers: handlers can read request headers with lk_grpc_call_header. */
void lk_grpc_server_keep_headers(struct lk_grpc_server *s);

#endif
