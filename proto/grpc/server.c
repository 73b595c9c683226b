/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/server.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/grpc/connection.h"
#include "proto/grpc/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTENERS_MAX 16
#define ACCEPTS_A_TURN 16
#define IDLE_ENOUGH_MS 1000 /* then a connection makes room for a new one */
#define PAUSE_MS 200 /* when descriptors or memory have run out */

struct lk_grpc_server {
    struct event_base *base;
    struct lk_grpc_env env;
    SSL_CTX *tls;
    struct {
        struct event *event;
        int fd;
    } listeners[LISTENERS_MAX];
    size_t n_listeners;
    struct event *resume, *drained;
    struct lk_grpc_connection *connections;
    size_t n_connections;
    void (*on_drained)(void *);
    void *drained_arg;
};

/* --- accepting ---------------------------------------------------------------------------------------------------- */

static void stop_listening(struct lk_grpc_server *s)
{
    for (size_t i = 0; i < s->n_listeners; i++)
        event_del(s->listeners[i].event);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct lk_grpc_server *s = arg;
    for (size_t i = 0; i < s->n_listeners; i++)
        event_add(s->listeners[i].event, NULL);
}

static void pause_listening(struct lk_grpc_server *s)
{
    struct timeval tv = {.tv_usec = PAUSE_MS * 1000};
    stop_listening(s);
    event_add(s->resume, &tv);
}

static void tell_if_drained(struct lk_grpc_server *s)
{
    if (s->on_drained != NULL && s->n_connections == 0)
        event_active(s->drained, EV_TIMEOUT, 0);
}

static void on_closed(void *arg, struct lk_grpc_connection *c)
{
    struct lk_grpc_server *s = arg;
    lk_grpc_connection_unlink(&s->connections, c);
    s->n_connections--;
    tell_if_drained(s);
}

/* Half of all connections at most for one source: the other half is for everyone else. */
static bool source_has_room(const struct lk_grpc_server *s, struct lk_bytes key)
{
    size_t n = 0;
    for (struct lk_grpc_connection *c = s->connections; c != NULL; c = lk_grpc_connection_next(c))
        n += lk_bytes_eq(lk_grpc_connection_source(c), key);
    return n < s->env.limits.connections / 2 + 1;
}

static void end_connection(struct lk_grpc_server *s, struct lk_grpc_connection *c)
{
    on_closed(s, c);
    lk_grpc_connection_free(c);
}

/* At the limit the connection that has been idle longest goes: silence must not lock others out. */
static bool has_room(struct lk_grpc_server *s)
{
    if (s->n_connections < s->env.limits.connections)
        return true;
    struct lk_grpc_connection *idlest = s->connections;
    for (struct lk_grpc_connection *c = s->connections; c != NULL; c = lk_grpc_connection_next(c))
        if (lk_grpc_connection_idle_since(c) < lk_grpc_connection_idle_since(idlest))
            idlest = c;
    uint64_t now = s->env.now_ms();
    if (idlest == NULL || now < IDLE_ENOUGH_MS || lk_grpc_connection_idle_since(idlest) > now - IDLE_ENOUGH_MS)
        return false;
    end_connection(s, idlest);
    return true;
}

static const char *why_not(struct lk_grpc_server *s, const struct sockaddr *address)
{
    uint8_t buf[LK_GRPC_PREFIX_KEY];
    struct lk_bytes key = lk_grpc_prefix_key(address, buf);
    const struct lk_grpc_limits *l = &s->env.limits;
    if (!source_has_room(s, key))
        return "connections_of_source";
    if (!lk_grpc_buckets_take(s->env.buckets, key, l->request_rate, l->request_burst, s->env.now_ms()))
        return "rate_of_source";
    return s->tls == NULL || !has_room(s) ? "connections" : NULL;
}

static void welcome(struct lk_grpc_server *s, int fd, const struct sockaddr *address)
{
    const char *why = why_not(s, address);
    if (why != NULL) {
        lk_log(LK_LOG_DEBUG, "connection.refused", "limit=%s", why);
        close(fd);
        return;
    }
    struct lk_grpc_connection *c = lk_grpc_connection_new(&(struct lk_grpc_connection_setup){
        .base = s->base, .env = &s->env, .tls = s->tls, .fd = fd, .address = address, .on_closed = on_closed, .arg = s});
    if (c == NULL)
        return;
    lk_grpc_connection_link(&s->connections, c);
    s->n_connections++;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct lk_grpc_server *s = arg;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
        socklen_t len = sizeof(address);
        int got = accept4(fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (got >= 0) {
            welcome(s, got, (struct sockaddr *)&address);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            pause_listening(s);
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

lk_result lk_grpc_server_listen(struct lk_grpc_server *s, int fd)
{
    struct event *e = NULL;
    if (s->n_listeners < LISTENERS_MAX && evutil_make_socket_nonblocking(fd) == 0)
        e = event_new(s->base, fd, EV_READ | EV_PERSIST, on_accept, s);
    if (e == NULL || event_add(e, NULL) != 0) {
        if (e != NULL)
            event_free(e);
        close(fd);
        return LK_FAIL(IO);
    }
    s->listeners[s->n_listeners].event = e;
    s->listeners[s->n_listeners++].fd = fd;
    return LK_OK;
}

static void close_listeners(struct lk_grpc_server *s)
{
    event_del(s->resume);
    for (size_t i = 0; i < s->n_listeners; i++) {
        event_free(s->listeners[i].event);
        close(s->listeners[i].fd);
    }
    s->n_listeners = 0;
}

/* --- draining ----------------------------------------------------------------------------------------------------- */

static void on_all_gone(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct lk_grpc_server *s = arg;
    void (*tell)(void *) = s->on_drained;
    s->on_drained = NULL;
    if (tell != NULL)
        tell(s->drained_arg);
}

void lk_grpc_server_drain(struct lk_grpc_server *s, void (*on_drained)(void *arg), void *arg)
{
    s->on_drained = on_drained;
    s->drained_arg = arg;
    close_listeners(s);
    for (struct lk_grpc_connection *c = s->connections; c != NULL; c = lk_grpc_connection_next(c))
        lk_grpc_connection_drain(c);
    tell_if_drained(s);
}

/* --- making and freeing ------------------------------------------------------------------------------------------- */

struct lk_grpc_server *lk_grpc_server_new(struct event_base *base, const struct lk_grpc_limits *limits)
{
    struct lk_grpc_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->base = base;
    s->env.limits = *limits;
    s->env.now_ms = lk_clock_mono_ms;
    s->env.buckets = lk_grpc_buckets_new();
    s->resume = event_new(base, -1, 0, on_resume, s);
    s->drained = event_new(base, -1, 0, on_all_gone, s);
    if (s->env.buckets != NULL && s->resume != NULL && s->drained != NULL)
        return s;
    lk_grpc_server_free(s);
    return NULL;
}

void lk_grpc_server_free(struct lk_grpc_server *s)
{
    if (s == NULL)
        return;
    if (s->resume != NULL)
        close_listeners(s);
    s->on_drained = NULL;
    while (s->connections != NULL)
        end_connection(s, s->connections);
    if (s->resume != NULL)
        event_free(s->resume);
    if (s->drained != NULL)
        event_free(s->drained);
    lk_grpc_buckets_free(s->env.buckets);
    SSL_CTX_free(s->tls);
    free(s);
}

void lk_grpc_server_set_limits(struct lk_grpc_server *s, const struct lk_grpc_limits *limits)
{
    s->env.limits = *limits;
}

lk_result lk_grpc_server_add(struct lk_grpc_server *s, const struct lk_grpc_method *method)
{
    LK_REQUIRE(s->env.routes.n < LK_GRPC_METHODS_MAX, REQUEST_LIMIT);
    s->env.routes.methods[s->env.routes.n++] = method;
    return LK_OK;
}

lk_result lk_grpc_server_tls(struct lk_grpc_server *s, struct lk_bytes chain, struct lk_bytes key, struct lk_bytes client_ca)
{
    SSL_CTX *fresh;
    LK_TRY(lk_grpc_tls_new(chain, key, client_ca, &fresh));
    SSL_CTX_free(s->tls); /* connections that use it keep it */
    s->tls = fresh;
    return LK_OK;
}

void lk_grpc_server_keep_headers(struct lk_grpc_server *s)
{
    s->env.keep_headers = true;
}
