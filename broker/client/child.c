/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/client/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/clock.h"
#include "proto/base/file.h"

extern char **environ;

/* Descriptors above the standard ones are close-on-exec by rule; a parent of ours may have left some that are not. */
static void close_inherited(posix_spawn_file_actions_t *actions)
{
    posix_spawn_file_actions_addclosefrom_np(actions, 3);
}

static lk_result spawn(const char *const *argv, int in, int out, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    LK_REQUIRE(posix_spawn_file_actions_init(&actions) == 0, MEMORY);
    if (posix_spawnattr_init(&attr) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return LK_FAIL(MEMORY);
    }
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE); /* we ignore it; the child expects it */
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    close_inherited(&actions);
    int error = posix_spawnp(pid, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return error == 0 ? LK_OK : LK_FAIL(IO);
}

lk_result lk_child_start(const char *const *argv, struct lk_child *out)
{
    int in[2], back[2];
    LK_REQUIRE(pipe2(in, O_CLOEXEC) == 0, IO);
    if (pipe2(back, O_CLOEXEC) != 0) {
        close(in[0]);
        close(in[1]);
        return LK_FAIL(IO);
    }
    lk_result r = spawn(argv, in[0], back[1], &out->pid);
    close(in[0]);
    close(back[1]);
    if (!lk_ok(r)) {
        close(in[1]);
        close(back[0]);
        return r;
    }
    out->to = in[1];
    out->from = back[0];
    return LK_OK;
}

static bool exited(pid_t pid, int flags, int *status)
{
    pid_t got;
    do
        got = waitpid(pid, status, flags);
    while (got < 0 && errno == EINTR);
    return got == pid;
}

bool lk_child_end(struct lk_child *c, uint64_t deadline_mono_ms)
{
    if (c->to >= 0)
        close(c->to);
    close(c->from);
    int status = 0;
    const struct timespec pause = {.tv_nsec = 5000000};
    while (!exited(c->pid, WNOHANG, &status)) {
        if (lk_clock_mono_ms() >= deadline_mono_ms) {
            kill(c->pid, SIGKILL);
            exited(c->pid, 0, &status);
            break;
        }
        nanosleep(&pause, NULL);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Reads to the end of file. */
static lk_result read_all(int fd, uint64_t deadline, struct lk_buf *out)
{
    uint8_t piece[4096];
    for (;;) {
        uint64_t now = lk_clock_mono_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        LK_REQUIRE(now < deadline, IO);
        int ready = poll(&p, 1, deadline - now > INT_MAX ? INT_MAX : (int)(deadline - now));
        if (ready <= 0)
            continue; /* interrupted, or the deadline: looked at above */
        ssize_t n = read(fd, piece, sizeof(piece));
        LK_REQUIRE(n >= 0, IO);
        if (n == 0)
            return lk_buf_ok(out);
        lk_put(out, lk_bytes(piece, (size_t)n));
    }
}

lk_result lk_child_run(const char *const *argv, struct lk_bytes input, uint64_t deadline_mono_ms, struct lk_buf *out)
{
    struct lk_child c;
    LK_REQUIRE(input.len <= 64u << 10, TOO_LARGE);
    LK_TRY(lk_child_start(argv, &c));
    lk_result r = lk_file_write(c.to, input) ? LK_OK : LK_FAIL(IO);
    close(c.to); /* the end of its input, before its output is awaited */
    c.to = -1;
    if (lk_ok(r))
        r = read_all(c.from, deadline_mono_ms, out);
    uint64_t grace = lk_ok(r) ? deadline_mono_ms : 0;
    return lk_child_end(&c, grace) || !lk_ok(r) ? r : LK_FAIL(IO);
}
