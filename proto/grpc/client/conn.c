/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/client/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/base/clock.h"

struct lk_conn {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
};

lk_result lk_address_split(const char *address, char host[static 256], char port[static 6])
{
    const char *colon = strrchr(address, ':');
    LK_REQUIRE(colon != NULL && colon != address, BROKER_ADDRESS);
    const char *begin = address, *end = colon;
    if (*begin == '[') {
        LK_REQUIRE(end[-1] == ']', BROKER_ADDRESS);
        begin++;
        end--;
    } else {
        LK_REQUIRE(memchr(begin, ':', (size_t)(end - begin)) == NULL, BROKER_ADDRESS); /* bare IPv6 */
    }
    size_t host_len = (size_t)(end - begin), port_len = strlen(colon + 1);
    LK_REQUIRE(host_len > 0 && host_len < 256 && port_len > 0 && port_len < 6, BROKER_ADDRESS);
    LK_REQUIRE(strspn(colon + 1, "0123456789") == port_len, BROKER_ADDRESS);
    memcpy(host, begin, host_len);
    host[host_len] = '\0';
    memcpy(port, colon + 1, port_len + 1);
    return LK_OK;
}

/* Waits until the socket is ready for events. */
static lk_result wait_for(int fd, short events, uint64_t deadline)
{
    for (;;) {
        uint64_t now = lk_clock_mono_ms();
        LK_REQUIRE(now < deadline, BROKER_TIMEOUT);
        uint64_t left = deadline - now;
        struct pollfd p = {.fd = fd, .events = events};
        int n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (n > 0)
            return LK_OK;
        LK_REQUIRE(n == 0 || errno == EINTR, BROKER_UNREACHABLE);
    }
}

static lk_result connect_one(const struct addrinfo *a, uint64_t deadline, int *out)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    LK_REQUIRE(fd >= 0, BROKER_UNREACHABLE);
    lk_result r = LK_OK;
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
        int error = 0;
        socklen_t len = sizeof(error);
        r = errno == EINPROGRESS ? wait_for(fd, POLLOUT, deadline) : LK_FAIL(BROKER_UNREACHABLE);
        if (lk_ok(r) && (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0))
            r = LK_FAIL(BROKER_UNREACHABLE);
    }
    if (!lk_ok(r)) {
        close(fd);
        return r;
    }
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* only speed is lost without it */
    *out = fd;
    return LK_OK;
}

static lk_result connect_any(const char *host, const char *port, uint64_t deadline, int *fd)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    LK_REQUIRE(getaddrinfo(host, port, &hints, &list) == 0, BROKER_UNREACHABLE);
    lk_result r = LK_FAIL(BROKER_UNREACHABLE);
    for (const struct addrinfo *a = list; a != NULL && !lk_ok(r); a = a->ai_next)
        r = connect_one(a, deadline, fd);
    freeaddrinfo(list);
    return r;
}

static lk_result load_files(SSL_CTX *ctx, const struct lk_dial *d)
{
    if (d->ca_file != NULL) {
        LK_REQUIRE(SSL_CTX_load_verify_file(ctx, d->ca_file) == 1, FILE);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    }
    if (d->certificate == NULL)
        return LK_OK;
    LK_REQUIRE(SSL_CTX_use_certificate_chain_file(ctx, d->certificate) == 1, FILE);
    LK_REQUIRE(SSL_CTX_use_PrivateKey_file(ctx, d->key, SSL_FILETYPE_PEM) == 1, FILE);
    return LK_OK;
}

/* The name that the certificate must bear: an address is compared as an address. */
static lk_result expect_name(SSL *ssl, const char *name)
{
    uint8_t raw[16];
    if (inet_pton(AF_INET, name, raw) == 1 || inet_pton(AF_INET6, name, raw) == 1) {
        LK_REQUIRE(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1, MEMORY);
        return LK_OK;
    }
    LK_REQUIRE(SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1, MEMORY);
    return LK_OK;
}

static lk_result prepare_tls(struct lk_conn *c, const struct lk_dial *d, const char *host)
{
    static const unsigned char h2[] = {2, 'h', '2'};
    c->ctx = SSL_CTX_new(TLS_client_method());
    LK_REQUIRE(c->ctx != NULL, MEMORY);
    LK_REQUIRE(SSL_CTX_set_min_proto_version(c->ctx, TLS1_3_VERSION) == 1, CRYPTO);
    LK_TRY(load_files(c->ctx, d));
    c->ssl = SSL_new(c->ctx);
    LK_REQUIRE(c->ssl != NULL && SSL_set_fd(c->ssl, c->fd) == 1, MEMORY);
    LK_REQUIRE(SSL_set_alpn_protos(c->ssl, h2, sizeof(h2)) == 0, MEMORY);
    return expect_name(c->ssl, d->server_name != NULL ? d->server_name : host);
}

/* After an SSL call that gave n <= 0: waits for what it wants, or says why it failed. */
static lk_result wait_ssl(struct lk_conn *c, int n, uint64_t deadline)
{
    switch (SSL_get_error(c->ssl, n)) {
    case SSL_ERROR_WANT_READ:
        return wait_for(c->fd, POLLIN, deadline);
    case SSL_ERROR_WANT_WRITE:
        return wait_for(c->fd, POLLOUT, deadline);
    case SSL_ERROR_SSL:
        return LK_FAIL(BROKER_TLS);
    default:
        return LK_FAIL(BROKER_UNREACHABLE);
    }
}

static lk_result handshake(struct lk_conn *c, uint64_t deadline)
{
    int n;
    while ((n = SSL_connect(c->ssl)) != 1)
        LK_TRY(wait_ssl(c, n, deadline));
    const unsigned char *alpn = NULL;
    unsigned alpn_len = 0;
    SSL_get0_alpn_selected(c->ssl, &alpn, &alpn_len);
    LK_REQUIRE(lk_bytes_eq(lk_bytes(alpn, alpn_len), lk_bytes_str("h2")), BROKER_TLS);
    return LK_OK;
}

lk_result lk_conn_open(const struct lk_dial *dial, uint64_t deadline_mono_ms, struct lk_conn **out)
{
    char host[256], port[6];
    LK_TRY(lk_address_split(dial->address, host, port));
    struct lk_conn *c = calloc(1, sizeof(*c));
    LK_REQUIRE(c != NULL, MEMORY);
    c->fd = -1;
    lk_result r = connect_any(host, port, deadline_mono_ms, &c->fd);
    if (lk_ok(r))
        r = prepare_tls(c, dial, host);
    if (lk_ok(r))
        r = handshake(c, deadline_mono_ms);
    if (!lk_ok(r)) {
        lk_conn_close(c);
        return r;
    }
    *out = c;
    return LK_OK;
}

void lk_conn_close(struct lk_conn *c)
{
    if (c == NULL)
        return;
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    if (c->fd >= 0)
        close(c->fd);
    free(c);
}

lk_result lk_conn_read(struct lk_conn *c, uint8_t *buf, size_t size, size_t *n, uint64_t deadline_mono_ms)
{
    for (;;) {
        int got = SSL_read(c->ssl, buf, size > INT_MAX ? INT_MAX : (int)size);
        if (got > 0) {
            *n = (size_t)got;
            return LK_OK;
        }
        LK_TRY(wait_ssl(c, got, deadline_mono_ms));
    }
}

lk_result lk_conn_write(struct lk_conn *c, struct lk_bytes data, uint64_t deadline_mono_ms)
{
    for (size_t done = 0; done < data.len;) {
        size_t left = data.len - done;
        int put = SSL_write(c->ssl, data.data + done, left > INT_MAX ? INT_MAX : (int)left);
        if (put > 0)
            done += (size_t)put;
        else
            LK_TRY(wait_ssl(c, put, deadline_mono_ms));
    }
    return LK_OK;
}
