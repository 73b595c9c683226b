/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/volumes.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "broker/guest/fetch/luks.h"
#include "proto/base/clock.h"
#include "proto/base/secret.h"

#define BACKLOG 8
#define SEND_SECONDS 5 /* a reader that does not read */
#define FIRST_PASSED 3 /* SD_LISTEN_FDS_START */
#define RANDOM_DIGITS 16

struct volume {
    struct lk_target target;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* of a socket that we made; "" when it was passed */
    int fd;
    struct lk_secret key;
    bool asked;
};

struct lk_volumes {
    struct volume list[LK_VOLUMES_MAX];
    size_t n;
};

struct lk_volumes *lk_volumes_new(void)
{
    return calloc(1, sizeof(struct lk_volumes));
}

static void end_volume(struct volume *one)
{
    if (one->fd >= 0)
        close(one->fd);
    if (one->path[0] != '\0')
        unlink(one->path);
    lk_secret_free(&one->key);
    one->fd = -1;
    one->path[0] = '\0';
}

void lk_volumes_free(struct lk_volumes *v)
{
    for (size_t i = 0; v != NULL && i < v->n; i++)
        end_volume(&v->list[i]);
    free(v);
}

static lk_result failed(const char *what, const char *path)
{
    fprintf(stderr, "latchkey-fetch: %s %s: %s\n", what, path, strerror(errno));
    return LK_FAIL(OUTPUT);
}

/* How many descriptors systemd passed to this very process. */
static int passed_count(void)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    if (pid == NULL || fds == NULL || strtol(pid, NULL, 10) != (long)getpid())
        return 0;
    long n = strtol(fds, NULL, 10);
    return n > 0 && n < 64 ? (int)n : 0;
}

static int passed_socket(const char *path)
{
    int n = passed_count();
    for (int fd = FIRST_PASSED; fd < FIRST_PASSED + n; fd++) {
        struct sockaddr_un a = {.sun_family = AF_UNSPEC};
        socklen_t len = sizeof(a);
        if (getsockname(fd, (struct sockaddr *)&a, &len) == 0 && a.sun_family == AF_UNIX && strcmp(a.sun_path, path) == 0)
            return fd;
    }
    return -1;
}

/* A file of that name is somebody's key; a socket is of a former run. */
static bool make_way(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT;
    errno = EEXIST;
    return S_ISSOCK(st.st_mode) && unlink(path) == 0;
}

static int make_socket(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mode_t before = umask(0077);
    bool ok = fd >= 0 && make_way(address->sun_path) && bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
    umask(before);
    if (ok && listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

lk_result lk_volumes_add(struct lk_volumes *v, const char *folder, const struct lk_target *target)
{
    const char *volume = target->name;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    LK_REQUIRE(v->n < LK_VOLUMES_MAX, OUTPUT);
    struct volume *one = &v->list[v->n];
    *one = (struct volume){.fd = -1, .target = *target};
    errno = ENAMETOOLONG;
    if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s.key", folder, volume) >= sizeof(address.sun_path))
        return failed("listening at", volume);
    one->fd = passed_socket(address.sun_path);
    v->n++;
    if (one->fd >= 0)
        return LK_OK;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return failed("making", folder);
    one->fd = make_socket(&address);
    if (one->fd < 0)
        return failed("listening at", address.sun_path);
    memcpy(one->path, address.sun_path, sizeof(one->path));
    return LK_OK;
}

lk_result lk_volumes_put(struct lk_volumes *v, const char *volume, struct lk_bytes key)
{
    for (size_t i = 0; i < v->n; i++) {
        if (strcmp(v->list[i].target.name, volume) != 0)
            continue;
        lk_secret_free(&v->list[i].key);
        return lk_secret_copy(&v->list[i].key, key);
    }
    return LK_FAIL(OUTPUT);
}

static size_t hex_digits(struct lk_bytes b)
{
    size_t n = 0;
    while (n < b.len && ((b.data[n] >= '0' && b.data[n] <= '9') || (b.data[n] >= 'a' && b.data[n] <= 'f')))
        n++;
    return n;
}

struct lk_bytes lk_volumes_peer(struct lk_bytes sun_path)
{
    static const char infix[] = "/cryptsetup/";
    const size_t infix_len = sizeof(infix) - 1;
    if (sun_path.len == 0 || sun_path.data[0] != '\0')
        return LK_BYTES_NONE;
    struct lk_bytes rest = lk_bytes(sun_path.data + 1, sun_path.len - 1);
    size_t n = hex_digits(rest);
    if (n == 0 || n > RANDOM_DIGITS || rest.len <= n + infix_len || memcmp(rest.data + n, infix, infix_len) != 0)
        return LK_BYTES_NONE;
    return lk_bytes(rest.data + n + infix_len, rest.len - n - infix_len);
}

/* Keys are root's business. */
static bool may_ask(int peer)
{
    struct ucred who;
    socklen_t len = sizeof(who);
    return getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && (who.uid == 0 || who.uid == geteuid());
}

static bool asks_for(int peer, const char *volume)
{
    struct sockaddr_un a = {.sun_family = AF_UNSPEC};
    socklen_t len = sizeof(a);
    const size_t head = offsetof(struct sockaddr_un, sun_path);
    if (getpeername(peer, (struct sockaddr *)&a, &len) != 0 || len <= head || len > sizeof(a))
        return false;
    return lk_bytes_eq(lk_volumes_peer(lk_bytes(a.sun_path, len - head)), lk_bytes_str(volume));
}

static bool send_key(int peer, struct lk_bytes key)
{
    const struct timeval patience = {.tv_sec = SEND_SECONDS};
    setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    for (size_t done = 0; done < key.len;) {
        ssize_t n = send(peer, key.data + done, key.len - done, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static void answer(struct volume *one)
{
    int peer = accept4(one->fd, NULL, NULL, SOCK_CLOEXEC);
    if (peer < 0)
        return;
    const char *how = "answered";
    if (!may_ask(peer))
        how = "not answered, it is not root that asks";
    else if (!asks_for(peer, one->target.name))
        how = "not answered, something else than its key is asked for";
    else if (one->target.path[0] != '\0' && !lk_ok(lk_luks_inspect(&one->target)))
        how = "not answered, its header is not good";
    else if (!send_key(peer, lk_secret_bytes(&one->key)))
        how = "the key was not taken";
    else
        one->asked = true;
    fprintf(stderr, "latchkey-fetch: volume %s: %s\n", one->target.name, how);
    close(peer);
}

static bool everyone_has_asked(const struct lk_volumes *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (!v->list[i].asked)
            return false;
    return true;
}

static void serve_once(struct lk_volumes *v, int wait_ms)
{
    struct pollfd p[LK_VOLUMES_MAX];
    for (size_t i = 0; i < v->n; i++)
        p[i] = (struct pollfd){.fd = v->list[i].key.data == NULL ? -1 : v->list[i].fd, .events = POLLIN};
    if (poll(p, v->n, wait_ms) <= 0)
        return;
    for (size_t i = 0; i < v->n; i++)
        if ((p[i].revents & POLLIN) != 0)
            answer(&v->list[i]);
}

void lk_volumes_serve(struct lk_volumes *v, uint64_t until, bool all)
{
    for (uint64_t now; (now = lk_clock_mono_ms()) < until && !(all && everyone_has_asked(v));)
        serve_once(v, until - now > 60000 ? 60000 : (int)(until - now));
}

const char *lk_volumes_unasked(const struct lk_volumes *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->list[i].key.data != NULL && !v->list[i].asked)
            return v->list[i].target.name;
    return NULL;
}

void lk_volumes_give_up(struct lk_volumes *v)
{
    for (size_t i = 0; i < v->n; i++) {
        if (v->list[i].key.data != NULL)
            continue;
        end_volume(&v->list[i]);
        v->list[i].asked = true; /* nothing to wait for */
    }
}

void lk_notify_ready(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t len = path == NULL ? 0 : strlen(path);
    if (len == 0 || len >= sizeof(a.sun_path))
        return;
    memcpy(a.sun_path, path, len);
    if (path[0] == '@')
        a.sun_path[0] = '\0'; /* an abstract name, as environments write it */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (const struct sockaddr *)&a,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}
