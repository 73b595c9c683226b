/* SPDX-License-Identifier: Apache-2.0 */
/* latchkeyd: starts, watches and replaces the processes of the ring. docs/man/latchkeyd.8 */
#include "broker/supervisor/notify.h"
#include "broker/supervisor/ring.h"
#include "proto/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef LK_SYSCONFDIR
#define LK_SYSCONFDIR "/etc/latchkey"
#endif

#define POLL_MAX (2u * (LK_CONFIG_WORKERS_MAX * 4u + 4u) + 1u)

static const char usage[] = "usage: latchkeyd [--config FILE] [--check-config] [--foreground]\n"
                            "\n"
                            "  --config FILE    the configuration (default " LK_SYSCONFDIR "/latchkeyd.conf)\n"
                            "  --check-config   check it and exit: 0 fine, 1 not; errors name file, line and column\n"
                            "  --foreground     stay in the foreground; always so, and accepted for scripts\n"
                            "  --help, --version\n"
                            "\n"
                            "Signals: HUP reads certificates, limits, callers and log level anew; TERM drains and ends.\n";

struct server {
    struct lk_ring ring;
    struct lk_config *config;
    const char *path;
    int signals, pid_file;
    uint64_t watchdog_ms, next_watchdog;
};

/* ---- command line ---- */

struct options {
    const char *config;
    bool check;
};

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
    static const struct option table[] = {
        {"config", required_argument, NULL, 'c'}, {"check-config", no_argument, NULL, 't'},
        {"foreground", no_argument, NULL, 'f'},   {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    for (int opt; (opt = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (opt == 'c')
            o->config = optarg;
        else if (opt == 't')
            o->check = true;
        else if (opt == 'h')
            return fputs(usage, stdout) < 0;
        else if (opt == 'v')
            return printf("latchkeyd %s\n", LK_VERSION) < 0;
        else if (opt != 'f')
            return 64;
    }
    if (optind == argc)
        return -1;
    fputs(usage, stderr);
    return 64;
}

/* What the parser cannot see: files and users. */
static bool check_world(const struct lk_config *c, struct lk_config_error *e)
{
    const char *const files[] = {c->tls_certificate, c->tls_key, c->token.module, c->token.pin_file, c->tls_client_ca};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (files[i][0] != '\0' && access(files[i], R_OK) != 0) {
            snprintf(e->text, sizeof(e->text), "%.150s: %.200s: %s", c->file, files[i], strerror(errno));
            return false;
        }
    const char *const users[] = {c->users.front, c->users.verifier, c->users.keeper, c->users.token};
    for (size_t i = 0; geteuid() == 0 && i < 4; i++)
        if (users[i][0] != '\0' && getpwnam(users[i]) == NULL) {
            snprintf(e->text, sizeof(e->text), "%.150s: there is no user \"%s\"", c->file, users[i]);
            return false;
        }
    return true;
}

static struct lk_config *load(const char *path)
{
    struct lk_config *c = NULL;
    struct lk_config_error e;
    if (lk_ok(lk_config_load(path, &c, &e)) && check_world(c, &e))
        return c;
    fprintf(stderr, "%s\n", e.text);
    lk_config_free(c);
    return NULL;
}

/* ---- set up ---- */

static bool write_pid_file(struct server *s)
{
    const char *path = s->config->pid_file;
    if (path[0] == '\0')
        return true;
    s->pid_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (s->pid_file == -1 || flock(s->pid_file, LOCK_EX | LOCK_NB) != 0) {
        lk_log(LK_LOG_ERROR, "pid-file", "path=%s error=%s", lk_log_text(path),
               errno == EWOULDBLOCK ? "\"held by another latchkeyd\"" : lk_log_text(strerror(errno)));
        return false;
    }
    return ftruncate(s->pid_file, 0) == 0 && dprintf(s->pid_file, "%d\n", (int)getpid()) > 0;
}

static bool take_signals(struct server *s)
{
    static const int wanted[] = {SIGCHLD, SIGHUP, SIGTERM, SIGINT};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        sigaddset(&set, wanted[i]);
    signal(SIGPIPE, SIG_IGN);
    s->signals = sigprocmask(SIG_BLOCK, &set, NULL) == 0 ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK) : -1;
    return s->signals != -1;
}

/* Descriptors of whoever started us are not for our children; what is handed on is named one by one. */
static bool harden(void)
{
    struct rlimit none = {0, 0};
    return close_range(3, ~0u, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0;
}

static void log_users(const struct lk_config *c)
{
    bool apart = geteuid() == 0 && c->users.front[0] != '\0';
    if (!apart)
        lk_log(LK_LOG_WARN, "users", "apart=no uid=%u", (unsigned)geteuid());
    else
        lk_log(LK_LOG_INFO, "users", "apart=yes front=%s verifier=%s keeper=%s token=%s", c->users.front,
               c->users.verifier, c->users.keeper, c->users.token);
}

/* ---- the loop ---- */

static void reload(struct server *s)
{
    lk_notify_reloading();
    struct lk_config *c = load(s->path);
    if (c == NULL) {
        lk_log(LK_LOG_ERROR, "reload.refused", "path=%s", lk_log_text(s->path));
    } else {
        lk_log_setup("supervisor", c->log_level);
        lk_ring_reload(&s->ring, c);
        lk_config_free(s->config);
        s->config = c;
    }
    lk_notify("READY=1");
}

static void reap(struct server *s)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        lk_ring_reaped(&s->ring, pid, status);
}

static void on_signals(struct server *s)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP) {
            reload(s);
        } else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
            lk_notify("STOPPING=1");
            lk_ring_drain(&s->ring);
        }
    }
}

struct watch {
    struct lk_child *child;
    bool control;
};

static size_t gather(struct server *s, struct pollfd *fds, struct watch *watches)
{
    size_t n = 0;
    fds[n++] = (struct pollfd){.fd = s->signals, .events = POLLIN};
    for (struct lk_child *c = s->ring.children; c != NULL && n + 2 <= POLL_MAX; c = c->next) {
        if (c->log.fd != -1) {
            watches[n] = (struct watch){c, false};
            fds[n++] = (struct pollfd){.fd = c->log.fd, .events = POLLIN};
        }
        if (c->control != NULL) {
            watches[n] = (struct watch){c, true};
            short out = lk_chan_pending(c->control) > 0 ? POLLOUT : 0;
            fds[n++] = (struct pollfd){.fd = lk_chan_fd(c->control), .events = (short)(POLLIN | out)};
        }
    }
    return n;
}

static int wait_ms(const struct server *s)
{
    uint64_t now = lk_clock_mono_ms(), due = lk_ring_due(&s->ring);
    if (s->watchdog_ms != 0 && s->next_watchdog < due)
        due = s->next_watchdog;
    if (due <= now)
        return 0;
    return due - now > 60000 ? 60000 : (int)(due - now);
}

static void turn(struct server *s)
{
    struct pollfd fds[POLL_MAX];
    struct watch watches[POLL_MAX];
    size_t n = gather(s, fds, watches);
    int r = poll(fds, n, wait_ms(s));
    for (size_t i = 1; r > 0 && i < n; i++) {
        struct lk_child *c = watches[i].child;
        if (fds[i].revents == 0)
            continue;
        if (!watches[i].control)
            (void)lk_relay_read(&c->log, lk_child_program(c->kind), c->pid);
        else if (c->control != NULL)
            lk_ring_frames(&s->ring, c);
    }
    on_signals(s);
    reap(s); /* after the frames: a child's last words come before its end */
    uint64_t now = lk_clock_mono_ms();
    lk_ring_tick(&s->ring, now);
    if (s->watchdog_ms != 0 && now >= s->next_watchdog) {
        lk_notify("WATCHDOG=1");
        s->next_watchdog = now + s->watchdog_ms;
    }
}

static int serve(struct server *s)
{
    lk_result r = lk_ring_init(&s->ring, s->config);
    if (lk_ok(r))
        r = lk_ring_start(&s->ring);
    if (!lk_ok(r)) {
        lk_log(LK_LOG_ERROR, "start.failed", "code=%s", lk_reason(r.code)->name);
        lk_ring_kill(&s->ring);
        return 1;
    }
    while (!lk_ring_gone(&s->ring))
        turn(s);
    if (!s->ring.failed) {
        lk_log(LK_LOG_INFO, "stopped", "exit=0");
        return 0;
    }
    lk_log(LK_LOG_ERROR, "given-up", "exit=%d because=%s", s->ring.exit_code, lk_log_text(s->ring.why));
    return s->ring.exit_code;
}

int main(int argc, char **argv)
{
    static struct server s = {.pid_file = -1};
    struct options o = {.config = LK_SYSCONFDIR "/latchkeyd.conf"};
    int done = parse_options(argc, argv, &o);
    if (done != -1)
        return done;
    s.path = o.config;
    s.config = load(o.config);
    if (s.config == NULL)
        return 1;
    if (o.check)
        return printf("%s: fine\n", o.config) < 0;
    lk_log_setup("supervisor", s.config->log_level);
    if (!harden() || !write_pid_file(&s) || !take_signals(&s)) {
        lk_log(LK_LOG_ERROR, "start.failed", "error=%s", lk_log_text(strerror(errno)));
        return 1;
    }
    log_users(s.config);
    s.watchdog_ms = lk_notify_watchdog_ms();
    int code = serve(&s);
    if (s.config->pid_file[0] != '\0')
        unlink(s.config->pid_file);
    return code;
}
