/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_CONNECTION_H
#define LK_GRPC_CONNECTION_H
/* One TLS connection of the server: moves bytes between its socket and its session. Only server.c uses this. */
#include "proto/grpc/session.h"

#include <event2/event.h>
#include <openssl/ssl.h>

struct lk_grpc_connection;

struct lk_grpc_connection_setup {
    struct event_base *base;
    struct lk_grpc_env *env;
    SSL_CTX *tls;
    int fd; /* non-blocking; owned by the connection, also on failure */
    const struct sockaddr *address;
    /* Called once, when the connection has ended by itself; it is freed after this returns. */
    void (*on_closed)(void *arg, struct lk_grpc_connection *c);
    void *arg;
};

/* NULL without memory. */
struct lk_grpc_connection *lk_grpc_connection_new(const struct lk_grpc_connection_setup *setup);
/* Closes at once, without on_closed. */
void lk_grpc_connection_free(struct lk_grpc_connection *c);
void lk_grpc_connection_drain(struct lk_grpc_connection *c);
struct lk_bytes lk_grpc_connection_source(const struct lk_grpc_connection *c);
/* Since when it does nothing for its client, by env->now_ms; UINT64_MAX when it does something. */
uint64_t lk_grpc_connection_idle_since(const struct lk_grpc_connection *c);

/* The owner's list. */
struct lk_grpc_connection *lk_grpc_connection_next(const struct lk_grpc_connection *c);
void lk_grpc_connection_link(struct lk_grpc_connection **list, struct lk_grpc_connection *c);
void lk_grpc_connection_unlink(struct lk_grpc_connection **list, struct lk_grpc_connection *c);

#endif
