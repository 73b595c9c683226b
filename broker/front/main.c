/* SPDX-License-Identifier: Apache-2.0 */
/* latchkey-front: the network's side of the ring. Started by latchkeyd only; see proto/link/descriptors.h. */
#include "broker/front/front.h"
#include "proto/base/log.h"
#include "proto/base/sandbox.h"
#include "proto/link/descriptors.h"

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define EXIT_USAGE 64
#define DESCRIPTORS_MAX 16384

/* Everything that the front may do: talk on descriptors that it was given, and wait. */
static struct lk_sandbox sandbox = {
    .program = "front",
    .calls = "read write readv writev recvfrom sendto recvmsg sendmsg accept4 shutdown close setsockopt getsockopt getsockname "
             "epoll_wait epoll_pwait epoll_pwait2 epoll_ctl fcntl:flags clock_gettime gettimeofday getpid getrandom brk "
             "mmap:anonymous munmap mremap mprotect:noexec madvise futex restart_syscall exit_group exit rt_sigreturn "
             "rt_sigprocmask",
    .namespaces = LK_NS_IPC | LK_NS_MOUNT | LK_NS_UTS, /* not NET: its sockets come from outside, but accept needs none */
    .landlock = true,
};

struct options {
    unsigned listeners;
    bool strict;
    enum lk_log_level level;
};

static const char *value_of(const char *argument, const char *name)
{
    size_t n = strlen(name);
    return strncmp(argument, name, n) == 0 && argument[n] == '=' ? argument + n + 1 : NULL;
}

static bool parse_level(const char *text, enum lk_log_level *out)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (unsigned i = 0; i < 4; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum lk_log_level)i;
            return true;
        }
    return false;
}

static bool parse_one(const char *argument, struct options *o)
{
    const char *v;
    if ((v = value_of(argument, "--listeners")) != NULL) {
        o->listeners = (unsigned)strtoul(v, NULL, 10);
        return o->listeners >= 1 && o->listeners <= LK_FRONT_LISTENERS_MAX;
    }
    if ((v = value_of(argument, "--sandbox")) != NULL) {
        o->strict = strcmp(v, "strict") == 0;
        return o->strict || strcmp(v, "normal") == 0;
    }
    if ((v = value_of(argument, "--log")) != NULL)
        return parse_level(v, &o->level);
    return false;
}

static bool parse_options(int argc, char **argv, struct options *o)
{
    *o = (struct options){.level = LK_LOG_INFO};
    for (int i = 1; i < argc; i++)
        if (!parse_one(argv[i], o))
            return false;
    return o->listeners > 0;
}

static void on_control_dead(void *arg, lk_result why)
{
    lk_log(LK_LOG_ERROR, "control.lost", "code=%s", lk_reason(why.code)->name);
    lk_front_exit(arg, 1);
}

static void on_worker(void *arg, uint32_t worker, uint16_t frame)
{
    struct lk_front *f = arg;
    uint8_t payload[4] = {(uint8_t)worker, (uint8_t)(worker >> 8), (uint8_t)(worker >> 16), (uint8_t)(worker >> 24)};
    lk_front_link_write(f->control, frame, 0, LK_BYTES(payload));
}

static void on_change(void *arg)
{
    lk_front_tell_health(arg);
}

static lk_result setup(struct lk_front *f)
{
    f->limits = lk_front_limits_default();
    struct lk_grpc_limits g = lk_front_grpc_limits(&f->limits);
    struct lk_pool_limits p = lk_front_pool_limits(&f->limits);
    f->base = event_base_new();
    LK_REQUIRE(f->base != NULL, MEMORY);
    f->server = lk_grpc_server_new(f->base, &g);
    f->pool = lk_pool_new(f->base, &p, &(struct lk_pool_hooks){on_worker, lk_front_worker_lied, on_change, f});
    f->control = lk_front_link_new(f->base, LK_FD_CONTROL, LK_LINK_SUPER_FRONT, lk_front_on_control, on_control_dead, f);
    LK_REQUIRE(f->server != NULL && f->pool != NULL && f->control != NULL, MEMORY);
    return lk_front_serve(f);
}

/* The server first: its calls tell the pool and health that they are gone. */
static void tear_down(struct lk_front *f)
{
    lk_grpc_server_free(f->server);
    lk_pool_free(f->pool);
    lk_grpc_health_free(f->health);
    lk_grpc_reflection_free(f->reflection);
    lk_front_link_free(f->keeper);
    lk_front_link_free(f->admin);
    lk_front_link_free(f->control);
    lk_callers_free(&f->callers);
    lk_tls_files_forget(&f->tls);
    event_base_free(f->base);
}

static unsigned descriptors(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_max > DESCRIPTORS_MAX)
        return DESCRIPTORS_MAX;
    return (unsigned)r.rlim_max;
}

static lk_result run(struct lk_front *f, const struct options *o)
{
    sandbox.first_closed = LK_FD_FIRST + (int)o->listeners;
    sandbox.nofile = descriptors();
    LK_TRY(lk_sandbox_begin(&sandbox, o->strict));
    /* no configuration file and nothing to clean up: both would open files later */
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_LOAD_SSL_STRINGS, NULL);
    tzset(); /* reads its file now: the time in a log line would do it later */
    LK_TRY(setup(f));
    LK_TRY(lk_sandbox_enter(&sandbox, o->strict));
    lk_log(LK_LOG_INFO, "front.start", "listeners=%u absent=%u", o->listeners, lk_sandbox_absent());
    bool ended = event_base_dispatch(f->base) >= 0;
    tear_down(f);
    return ended ? LK_OK : LK_FAIL(IO);
}

int main(int argc, char **argv)
{
    struct options o;
    if (!parse_options(argc, argv, &o)) {
        bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
        fputs("usage: latchkey-front --listeners=N [--sandbox=normal|strict] [--log=debug|info|warn|error]\n"
              "Started by latchkeyd, with the descriptors of proto/link/descriptors.h.\n", help ? stdout : stderr);
        return help ? 0 : EXIT_USAGE;
    }
    lk_log_setup("front", o.level);
    static struct lk_front front = {.serving = true, .exit_code = 1};
    front.n_listeners = o.listeners;
    lk_result r = run(&front, &o);
    if (!lk_ok(r))
        lk_log(LK_LOG_ERROR, "front.failed", "code=%s", lk_reason(r.code)->name);
    if (!lk_ok(r))
        return r.code == LK_R_SANDBOX ? LK_EXIT_NO_USE : 1;
    return front.exit_code;
}
