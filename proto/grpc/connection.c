/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/connection.h"
#include "proto/base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 16384      /* one TLS record */
#define CHUNKS_A_TURN 8  /* then other connections have their turn */
#define LINGER_MS 500    /* for the client to read why it is being closed */

enum state { HANDSHAKE, OPEN, LINGER };

struct lk_grpc_connection {
    struct lk_grpc_connection_setup setup;
    struct lk_grpc_connection *next, *prev;
    SSL *ssl;
    struct lk_grpc_session *session;
    struct event *readable, *writable, *timer;
    enum state state;
    uint64_t began_ms, stalled_since_ms, linger_until_ms;
    bool driving, want_write, no_more_input, more_input;
    struct lk_grpc_peer peer;
    uint8_t source_key[LK_GRPC_PREFIX_KEY];
    uint8_t out[CHUNK];
    size_t out_len, out_pos;
    struct lk_bytes chunk; /* of the session, not yet in out */
};

enum turn { GO_ON, WAIT, CLOSE };

/* --- the list --------------------------------------------------------------------------------------------------- */

struct lk_grpc_connection *lk_grpc_connection_next(const struct lk_grpc_connection *c)
{
    return c->next;
}

void lk_grpc_connection_link(struct lk_grpc_connection **list, struct lk_grpc_connection *c)
{
    c->next = *list;
    c->prev = NULL;
    if (*list != NULL)
        (*list)->prev = c;
    *list = c;
}

void lk_grpc_connection_unlink(struct lk_grpc_connection **list, struct lk_grpc_connection *c)
{
    *(c->prev != NULL ? &c->prev->next : list) = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
}

struct lk_bytes lk_grpc_connection_source(const struct lk_grpc_connection *c)
{
    return LK_BYTES(c->source_key);
}

uint64_t lk_grpc_connection_idle_since(const struct lk_grpc_connection *c)
{
    return c->session == NULL ? c->began_ms : lk_grpc_session_idle_since(c->session);
}

/* --- one turn --------------------------------------------------------------------------------------------------- */

static enum turn after_ssl(struct lk_grpc_connection *c, int ret)
{
    switch (SSL_get_error(c->ssl, ret)) {
    case SSL_ERROR_WANT_READ:
        return WAIT;
    case SSL_ERROR_WANT_WRITE:
        c->want_write = true;
        return WAIT;
    default:
        return CLOSE;
    }
}

/* RFC 7540, 9.2 and gRPC both demand that h2 was negotiated; without the extension nothing was. */
static bool speaks_h2(SSL *ssl)
{
    const unsigned char *protocol;
    unsigned len;
    SSL_get0_alpn_selected(ssl, &protocol, &len);
    return lk_bytes_eq(lk_bytes(protocol, len), lk_bytes_str("h2"));
}

static void read_certificate(struct lk_grpc_connection *c)
{
    X509 *x = SSL_get0_peer_certificate(c->ssl);
    c->peer.has_certificate = x != NULL && X509_digest(x, EVP_sha256(), c->peer.certificate, NULL) == 1;
}

static void wake(void *arg)
{
    struct lk_grpc_connection *c = arg;
    if (!c->driving)
        event_active(c->timer, EV_TIMEOUT, 0);
}

static enum turn handshake(struct lk_grpc_connection *c)
{
    if (c->setup.env->now_ms() >= c->began_ms + c->setup.env->limits.handshake_ms)
        return CLOSE;
    ERR_clear_error();
    int ret = SSL_accept(c->ssl);
    if (ret != 1)
        return after_ssl(c, ret);
    if (!speaks_h2(c->ssl))
        return CLOSE;
    read_certificate(c);
    c->session = lk_grpc_session_new(c->setup.env, &c->peer, wake, c);
    c->state = OPEN;
    return c->session == NULL ? CLOSE : GO_ON;
}

static enum turn read_input(struct lk_grpc_connection *c)
{
    uint8_t in[CHUNK];
    for (int i = 0; i < CHUNKS_A_TURN && !c->no_more_input; i++) {
        ERR_clear_error();
        int n = SSL_read(c->ssl, in, sizeof(in));
        if (n <= 0)
            return after_ssl(c, n);
        /* what it still has to say is sent before the connection ends */
        c->no_more_input = !lk_ok(lk_grpc_session_receive(c->session, lk_bytes(in, (size_t)n)));
    }
    c->more_input = !c->no_more_input;
    return GO_ON;
}

/* Gathers small frames into one record. */
static enum turn fill_output(struct lk_grpc_connection *c)
{
    c->out_len = c->out_pos = 0;
    while (c->out_len < CHUNK) {
        if (c->chunk.len == 0 && !lk_ok(lk_grpc_session_output(c->session, &c->chunk)))
            return CLOSE;
        if (c->chunk.len == 0)
            return GO_ON;
        size_t room = CHUNK - c->out_len, n = c->chunk.len < room ? c->chunk.len : room;
        memcpy(c->out + c->out_len, c->chunk.data, n);
        c->out_len += n;
        c->chunk = lk_bytes(c->chunk.data + n, c->chunk.len - n);
    }
    return GO_ON;
}

static bool blocked(const struct lk_grpc_connection *c)
{
    return c->out_pos < c->out_len;
}

/* GO_ON when everything has left. */
static enum turn write_output(struct lk_grpc_connection *c)
{
    for (;;) {
        if (!blocked(c) && fill_output(c) == CLOSE)
            return CLOSE;
        if (!blocked(c))
            return GO_ON;
        ERR_clear_error();
        int n = SSL_write(c->ssl, c->out + c->out_pos, (int)(c->out_len - c->out_pos));
        if (n <= 0)
            return after_ssl(c, n);
        c->out_pos += (size_t)n;
        c->stalled_since_ms = 0;
    }
}

static bool stalled(struct lk_grpc_connection *c, uint64_t now)
{
    if (!blocked(c))
        return false;
    if (c->stalled_since_ms == 0)
        c->stalled_since_ms = now;
    return now >= c->stalled_since_ms + c->setup.env->limits.write_stall_ms;
}

/* Closing with unread input would reset the connection, and the client would not see the GOAWAY. */
static enum turn begin_linger(struct lk_grpc_connection *c, uint64_t now)
{
    c->state = LINGER;
    c->linger_until_ms = now + LINGER_MS;
    SSL_shutdown(c->ssl);
    shutdown(c->setup.fd, SHUT_WR);
    return WAIT;
}

static enum turn linger(struct lk_grpc_connection *c, uint64_t now)
{
    uint8_t waste[CHUNK];
    ssize_t n = recv(c->setup.fd, waste, sizeof(waste), 0);
    bool gone = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    return gone || now >= c->linger_until_ms ? CLOSE : WAIT;
}

static enum turn exchange(struct lk_grpc_connection *c, uint64_t now)
{
    if (!c->no_more_input && !lk_ok(lk_grpc_session_tick(c->session)))
        c->no_more_input = true;
    if (!blocked(c) && !c->no_more_input && read_input(c) == CLOSE)
        return CLOSE;
    enum turn t = write_output(c);
    if (t == GO_ON && (c->no_more_input || lk_grpc_session_done(c->session)))
        return begin_linger(c, now);
    return t == CLOSE || stalled(c, now) ? CLOSE : WAIT;
}

static enum turn turn(struct lk_grpc_connection *c)
{
    uint64_t now = c->setup.env->now_ms();
    c->want_write = c->more_input = false;
    if (c->state == LINGER)
        return linger(c, now);
    if (c->state == HANDSHAKE) {
        enum turn t = handshake(c);
        if (t != GO_ON)
            return t;
    }
    return exchange(c, now);
}

/* --- events ------------------------------------------------------------------------------------------------------ */

static uint64_t next_moment(const struct lk_grpc_connection *c)
{
    if (c->state == LINGER)
        return c->linger_until_ms;
    if (c->state == HANDSHAKE)
        return c->began_ms + c->setup.env->limits.handshake_ms;
    uint64_t next = lk_grpc_session_next(c->session);
    uint64_t stall = blocked(c) ? c->stalled_since_ms + c->setup.env->limits.write_stall_ms : UINT64_MAX;
    return next < stall ? next : stall;
}

static void wait_for(struct event *e, bool on)
{
    if (on)
        event_add(e, NULL);
    else
        event_del(e);
}

static void arm(struct lk_grpc_connection *c)
{
    bool write = c->want_write || (c->state == OPEN && blocked(c));
    wait_for(c->readable, c->state != OPEN || !blocked(c));
    wait_for(c->writable, write);
    uint64_t now = c->setup.env->now_ms(), next = next_moment(c), ms = next <= now ? 1 : next - now;
    struct timeval tv = {.tv_sec = (time_t)(ms / 1000 < 86400 ? ms / 1000 : 86400), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
    event_add(c->timer, &tv);
    if (c->more_input)
        event_active(c->timer, EV_TIMEOUT, 0);
}

static void say_why(const struct lk_grpc_connection *c)
{
    const char *verdict = c->session == NULL ? NULL : lk_grpc_session_verdict(c->session);
    if (verdict != NULL)
        lk_log(LK_LOG_WARN, "connection.ended", "why=%s peer=%s", verdict, c->peer.address);
}

static void drive(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct lk_grpc_connection *c = arg;
    c->driving = true;
    enum turn t = turn(c);
    c->driving = false;
    if (t != CLOSE) {
        arm(c);
        return;
    }
    say_why(c);
    c->setup.on_closed(c->setup.arg, c);
    lk_grpc_connection_free(c);
}

/* --- making and freeing ------------------------------------------------------------------------------------------ */

static void name_peer(struct lk_grpc_connection *c, const struct sockaddr *a)
{
    char host[INET6_ADDRSTRLEN] = "?";
    unsigned port = 0;
    if (a->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, a, sizeof(in));
        inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
        port = ntohs(in.sin_port);
    }
    if (a->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, a, sizeof(in6));
        inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host));
        port = ntohs(in6.sin6_port);
    }
    snprintf(c->peer.address, sizeof(c->peer.address), a->sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, port);
    c->peer.source_key = lk_grpc_prefix_key(a, c->source_key);
}

static bool open_tls(struct lk_grpc_connection *c)
{
    c->ssl = SSL_new(c->setup.tls);
    return c->ssl != NULL && SSL_set_fd(c->ssl, c->setup.fd) == 1;
}

static bool make_events(struct lk_grpc_connection *c)
{
    c->readable = event_new(c->setup.base, c->setup.fd, EV_READ | EV_PERSIST, drive, c);
    c->writable = event_new(c->setup.base, c->setup.fd, EV_WRITE | EV_PERSIST, drive, c);
    c->timer = event_new(c->setup.base, -1, 0, drive, c);
    return c->readable != NULL && c->writable != NULL && c->timer != NULL;
}

struct lk_grpc_connection *lk_grpc_connection_new(const struct lk_grpc_connection_setup *setup)
{
    struct lk_grpc_connection *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        close(setup->fd);
        return NULL;
    }
    c->setup = *setup;
    c->began_ms = setup->env->now_ms();
    name_peer(c, setup->address);
    int one = 1;
    setsockopt(setup->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (!open_tls(c) || !make_events(c)) {
        lk_grpc_connection_free(c);
        return NULL;
    }
    arm(c);
    return c;
}

void lk_grpc_connection_free(struct lk_grpc_connection *c)
{
    struct event *const events[] = {c->readable, c->writable, c->timer};
    c->driving = true; /* on_gone handlers may wake: nobody is left to hear it */
    lk_grpc_session_free(c->session);
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        if (events[i] != NULL)
            event_free(events[i]);
    SSL_free(c->ssl);
    close(c->setup.fd);
    free(c);
}

void lk_grpc_connection_drain(struct lk_grpc_connection *c)
{
    if (c->session != NULL)
        lk_grpc_session_drain(c->session);
    else
        c->began_ms = 0; /* its handshake is over time at its next turn */
    wake(c);
}
