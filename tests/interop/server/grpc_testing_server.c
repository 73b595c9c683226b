/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gRPC interop service on our server, for foreign clients and for tests of abuse.
 *
 *   grpc_testing_server CERTIFICATE KEY [limit=value ...]
 *
 * Listens on a free port of 127.0.0.1, prints the port, and ends at the end of its standard input. SIGUSR1 drains.
 */
#include "proto/base/log.h"
#include "proto/grpc/health.h"
#include "proto/grpc/reflection.h"
#include "tests/interop/server/test_service.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

extern const unsigned char lk_test_descriptors[];
extern const size_t lk_test_descriptors_len;

static const struct {
    const char *name;
    size_t offset;
} limit_names[] = {
#define LIMIT(n) {#n, offsetof(struct lk_grpc_limits, n)}
    LIMIT(connections), LIMIT(streams), LIMIT(request_rate), LIMIT(request_burst), LIMIT(minimum_rate), LIMIT(grace_ms),
    LIMIT(deadline_ms), LIMIT(handshake_ms), LIMIT(idle_ms), LIMIT(write_stall_ms), LIMIT(connection_age_ms),
    LIMIT(drain_ms), LIMIT(ping_interval_ms), LIMIT(ping_strikes), LIMIT(reset_rate), LIMIT(reset_burst),
#undef LIMIT
};

static bool set_limit(struct lk_grpc_limits *l, const char *text)
{
    if (strncmp(text, "body_memory=", 12) == 0) {
        l->body_memory = l->body_memory_connection = strtoull(text + 12, NULL, 10);
        return true;
    }
    for (size_t i = 0; i < sizeof(limit_names) / sizeof(limit_names[0]); i++) {
        size_t n = strlen(limit_names[i].name);
        if (strncmp(text, limit_names[i].name, n) != 0 || text[n] != '=')
            continue;
        uint32_t value = (uint32_t)strtoul(text + n + 1, NULL, 10);
        memcpy((uint8_t *)l + limit_names[i].offset, &value, sizeof(value));
        return true;
    }
    return false;
}

static struct lk_buf read_file(const char *path)
{
    struct lk_buf b = lk_buf(1 << 16);
    FILE *f = fopen(path, "rb");
    char piece[4096];
    size_t n;
    while (f != NULL && (n = fread(piece, 1, sizeof(piece), f)) > 0)
        lk_put(&b, lk_bytes(piece, n));
    if (f != NULL)
        fclose(f);
    return b;
}

static int listen_anywhere(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        return -1;
    printf("%u\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    char c;
    if (read(fd, &c, 1) <= 0)
        event_base_loopbreak(arg);
}

static void on_drained(void *arg)
{
    event_base_loopbreak(arg);
}

struct drain {
    struct lk_grpc_server *server;
    struct event_base *base;
};

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct drain *d = arg;
    lk_grpc_server_drain(d->server, on_drained, d->base);
}

static struct lk_grpc_health *health;
static struct lk_grpc_reflection *reflection;

static lk_result set_up(struct lk_grpc_server *server, struct event_base *base, const char *certificate, const char *key)
{
    static const char *const services[] = {"", "grpc.testing.TestService"};
    LK_BUF_AUTO chain = read_file(certificate);
    LK_BUF_AUTO secret = read_file(key);
    LK_TRY(lk_grpc_server_tls(server, lk_buf_bytes(&chain), lk_buf_bytes(&secret), LK_BYTES_NONE));
    LK_TRY(lk_test_service_add(server, base));
    lk_grpc_server_keep_headers(server);
    health = lk_grpc_health_new(server, services, 2);
    LK_REQUIRE(health != NULL, MEMORY);
    lk_grpc_health_set(health, services[0], true);
    lk_grpc_health_set(health, services[1], true);
    reflection = lk_grpc_reflection_new(server, lk_bytes(lk_test_descriptors, lk_test_descriptors_len));
    LK_REQUIRE(reflection != NULL, MEMORY);
    int fd = listen_anywhere();
    LK_REQUIRE(fd >= 0, IO);
    return lk_grpc_server_listen(server, fd);
}

int main(int argc, char **argv)
{
    struct lk_grpc_limits limits = lk_grpc_limits_default();
    limits.request_rate = limits.request_burst = 100000;
    for (int i = 3; i < argc; i++)
        if (!set_limit(&limits, argv[i]))
            return 64;
    if (argc < 3)
        return 64;
    signal(SIGPIPE, SIG_IGN);
    lk_log_setup("testing-server", LK_LOG_DEBUG);
    struct event_base *base = event_base_new();
    struct lk_grpc_server *server = lk_grpc_server_new(base, &limits);
    lk_result r = set_up(server, base, argv[1], argv[2]);
    if (!lk_ok(r)) {
        fprintf(stderr, "%s\n", lk_reason(r.code)->name);
        return 1;
    }
    struct drain drain = {server, base};
    struct event *input = event_new(base, 0, EV_READ | EV_PERSIST, on_input, base);
    struct event *usr1 = evsignal_new(base, SIGUSR1, on_signal, &drain);
    event_add(input, NULL);
    event_add(usr1, NULL);
    event_base_dispatch(base);
    event_free(input);
    event_free(usr1);
    lk_grpc_server_free(server);
    lk_grpc_health_free(health);
    lk_grpc_reflection_free(reflection);
    event_base_free(base);
    return 0;
}
