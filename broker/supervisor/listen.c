/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/supervisor/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096

static void log_listening(int fd)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof(a);
    char host[256], port[16];
    if (getsockname(fd, (struct sockaddr *)&a, &len) == 0 &&
        getnameinfo((struct sockaddr *)&a, len, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        lk_log(LK_LOG_INFO, "listening", "host=%s port=%s", host, port);
}

static int listen_at(const struct addrinfo *a)
{
    int on = 1, fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (fd == -1)
        return -1;
    bool fine = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0;
    if (a->ai_family == AF_INET6)
        fine = fine && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0;
    if (fine && bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static lk_result listen_one(const struct lk_config_listen *l, int *fd)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int r = getaddrinfo(l->host, l->port, &hints, &found);
    *fd = r == 0 ? listen_at(found) : -1;
    const char *why = r == 0 ? strerror(errno) : gai_strerror(r);
    if (found != NULL)
        freeaddrinfo(found);
    if (*fd != -1)
        return LK_OK;
    lk_log(LK_LOG_ERROR, "listen.failed", "host=%s port=%s error=%s", lk_log_text(l->host), l->port, lk_log_text(why));
    return LK_FAIL(IO);
}

lk_result lk_listen_all(const struct lk_config *c, int fds[static LK_CONFIG_LISTEN_MAX], size_t *n)
{
    for (*n = 0; *n < c->n_listen; ++*n) {
        LK_TRY(listen_one(&c->listen[*n], &fds[*n]));
        log_listening(fds[*n]);
    }
    return LK_OK;
}
