/* SPDX-License-Identifier: Apache-2.0 */
/* Starting each process of the ring, with what it inherits (proto/link/descriptors.h). */
#include "broker/supervisor/ring.h"
#include "broker/supervisor/spawn.h"
#include "proto/base/clock.h"
#include "proto/link/descriptors.h"
#include "proto/link/front_config.h"
#include "proto/link/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOAD_MS 120000u /* for a worker to load its snapshot; the keeper gives up a generation before */

static void close_fd(int *fd)
{
    if (*fd != -1)
        close(*fd);
    *fd = -1;
}
#define FD_AUTO __attribute__((cleanup(close_fd))) int

const char *lk_child_program(enum lk_role_of kind)
{
    static const char *const names[LK_CHILD_KINDS] = {"latchkey-token", "latchkey-keeper", "latchkey-front",
                                                      "latchkey-verifier"};
    return names[kind];
}

void lk_child_kill(struct lk_child *c)
{
    kill(c->pid, SIGKILL);
}

static lk_result make_pair(int *a, int *b)
{
    int pair[2];
    LK_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, IO);
    *a = pair[0];
    *b = pair[1];
    return LK_OK;
}

static lk_result open_file(const char *path, int *fd)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd != -1)
        return LK_OK;
    lk_log(LK_LOG_ERROR, "file.unreadable", "path=%s error=%s", lk_log_text(path), lk_log_text(strerror(errno)));
    return LK_FAIL(FILE);
}

/* ---- settings ---- */

static const char *level_name(enum lk_log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    return names[level];
}

static void put_common(struct lk_buf *b, const struct lk_config *c)
{
    lk_put_fmt(b, "log-level %s\nsandbox %s\n", level_name(c->log_level), c->strict ? "strict" : "normal");
}

static lk_result to_memfd(const struct lk_buf *b, int *fd)
{
    LK_TRY(lk_buf_ok(b));
    return lk_settings_memfd(lk_buf_bytes(b), fd);
}

static lk_result keeper_settings(const struct lk_config *c, int *fd)
{
    LK_BUF_AUTO b = lk_buf(LK_SETTINGS_MAX);
    put_common(&b, c);
    lk_put_fmt(&b, "max-size %" PRIu64 "\nchallenge-lifetime %u\ntoken-timeout-ms %u\nverifiers %u\n",
               c->store_max_size, c->challenge_lifetime_s, c->token.timeout_ms, c->verifiers + c->log_verifiers);
    return to_memfd(&b, fd);
}

static lk_result token_settings(const struct lk_config *c, int *fd)
{
    LK_BUF_AUTO b = lk_buf(LK_SETTINGS_MAX);
    const struct lk_config_token *t = &c->token;
    put_common(&b, c);
    lk_put_fmt(&b, "module %s\nlabel %s\nsessions %u\ntoken-timeout-ms %u\n", t->module, t->label, t->sessions,
               t->timeout_ms);
    for (size_t i = 0; i < t->n_read_only; i++)
        lk_put_fmt(&b, "read-only %s\n", t->read_only[i]);
    for (size_t i = 0; i < t->n_read_write; i++)
        lk_put_fmt(&b, "read-write %s\n", t->read_write[i]);
    lk_put_fmt(&b, "profile %s\nallow-unenforced-templates %s\n", t->profile[0] == '\0' ? "file" : t->profile,
               t->allow_unenforced ? "yes" : "no");
    return to_memfd(&b, fd);
}

static lk_result worker_settings(const struct lk_config *c, uint32_t worker, uint64_t generation, int *fd)
{
    LK_BUF_AUTO b = lk_buf(LK_SETTINGS_MAX);
    put_common(&b, c);
    lk_put_fmt(&b, "worker %" PRIu32 "\ngeneration %" PRIu64 "\n", worker, generation);
    return to_memfd(&b, fd);
}

/* ---- starting ---- */

static struct lk_child *add_child(struct lk_ring *r, enum lk_role_of kind)
{
    struct lk_child *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->kind = kind;
    c->front_end = -1;
    c->started_ms = lk_clock_mono_ms();
    c->next = r->children;
    r->children = c;
    return c;
}

/* Spawns into a new child of the list. `control` (our end, or -1) belongs to the child from here on. */
static lk_result start(struct lk_ring *r, enum lk_role_of kind, struct lk_spawn *s, int control, enum lk_link incoming,
                       struct lk_child **out)
{
    pid_t pid;
    int log;
    s->program = lk_child_program(kind);
    LK_TRY(lk_spawn(s, &pid, &log));
    struct lk_child *c = add_child(r, kind);
    struct lk_chan *chan = c == NULL || control == -1 ? NULL : lk_chan_new(fcntl(control, F_DUPFD_CLOEXEC, 0), incoming);
    if (c == NULL || (control != -1 && chan == NULL)) {
        kill(pid, SIGKILL);
        close(log);
        return LK_FAIL(MEMORY);
    }
    c->pid = pid;
    c->log.fd = log;
    c->control = chan;
    *out = c;
    lk_log(LK_LOG_INFO, "process.started", "program=%s child=%d", s->program, (int)pid);
    return LK_OK;
}

static void token_environment(const struct lk_config *c, const char *env[static LK_CONFIG_PATHS_MAX + 1])
{
    for (size_t i = 0; i < c->token.n_environment; i++)
        env[i] = c->token.environment[i];
    env[c->token.n_environment] = NULL;
}

lk_result lk_start_token(struct lk_ring *r)
{
    FD_AUTO ours = -1;
    FD_AUTO theirs = -1;
    FD_AUTO settings = -1;
    FD_AUTO pin = -1;
    const char *env[LK_CONFIG_PATHS_MAX + 1];
    token_environment(r->config, env);
    LK_TRY(make_pair(&ours, &theirs));
    LK_TRY(token_settings(r->config, &settings));
    LK_TRY(open_file(r->config->token.pin_file, &pin));
    struct lk_spawn s = {.env = env, .user = r->config->users.token, .fds = {theirs, settings, pin}, .n_fds = 3};
    LK_TRY(start(r, LK_CHILD_TOKEN, &s, -1, LK_LINK_COUNT, &r->token));
    if (r->keeper != NULL)
        lk_tell(r->keeper, LK_F_CTL_TOKEN_LINK, LK_BYTES_NONE, ours);
    return LK_OK;
}

lk_result lk_start_keeper(struct lk_ring *r)
{
    FD_AUTO ours = -1;
    FD_AUTO theirs = -1;
    FD_AUTO settings = -1;
    LK_TRY(make_pair(&ours, &theirs));
    LK_TRY(keeper_settings(r->config, &settings));
    struct lk_spawn s = {
        .folder = r->config->state, .user = r->config->users.keeper, .fds = {theirs, settings}, .n_fds = 2};
    return start(r, LK_CHILD_KEEPER, &s, ours, LK_LINK_KEEPER_SUPER, &r->keeper);
}

lk_result lk_wire_front(struct lk_ring *r)
{
    static const struct {
        uint16_t front, keeper;
    } links[] = {{LK_F_CTL_KEEPER_LINK, LK_F_CTL_FRONT_LINK}, {LK_F_CTL_ADMIN_LINK, LK_F_CTL_ADMIN_LINK}};
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        FD_AUTO front_end = -1;
        FD_AUTO keeper_end = -1;
        LK_TRY(make_pair(&front_end, &keeper_end));
        lk_tell(r->keeper, links[i].keeper, LK_BYTES_NONE, keeper_end);
        lk_tell(r->front, links[i].front, LK_BYTES_NONE, front_end);
    }
    return LK_OK;
}

/* ---- the front ---- */

static lk_result send_file(struct lk_child *to, uint16_t type, const char *path)
{
    FD_AUTO fd = -1;
    LK_TRY(open_file(path, &fd));
    lk_tell(to, type, LK_BYTES_NONE, fd);
    return LK_OK;
}

static uint32_t u32_of(uint64_t v)
{
    return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static void send_limits(struct lk_ring *r)
{
    const struct lk_config_limits *l = &r->config->limits;
    struct lk_front_limits out = lk_front_limits_default();
    out.connections = u32_of(l->connections);
    out.streams = u32_of(l->streams);
    out.body_memory = l->body_memory;
    out.request_rate = u32_of(l->request_rate);
    out.request_burst = u32_of(l->request_burst);
    out.minimum_rate = u32_of(l->minimum_rate);
    out.deadline_ms = u32_of(l->deadline_ms);
    out.worker_requests = u32_of(r->config->worker_requests);
    out.large_bundle = u32_of(r->config->large_bundle);
    out.large_workers = r->config->log_verifiers;
    LK_BUF_AUTO b = lk_buf(64);
    lk_front_limits_put(&b, &out);
    lk_tell(r->front, LK_F_CTL_LIMITS, lk_buf_bytes(&b), -1);
}

static void send_callers(struct lk_ring *r)
{
    LK_BUF_AUTO b = lk_buf(36u << 10);
    for (size_t i = 0; i < r->config->n_callers; i++) {
        struct lk_front_caller c = {.roles = r->config->callers[i].roles};
        memcpy(c.certificate, r->config->callers[i].sha256, sizeof(c.certificate));
        lk_front_caller_put(&b, &c);
    }
    lk_tell(r->front, LK_F_CTL_CALLERS, lk_buf_bytes(&b), -1);
}

lk_result lk_send_front_settings(struct lk_ring *r)
{
    lk_tell_u32(r->front, LK_F_CTL_LOG, (uint32_t)r->config->log_level);
    send_limits(r);
    send_callers(r);
    if (r->config->tls_client_ca[0] != '\0')
        LK_TRY(send_file(r->front, LK_F_CTL_CLIENT_CA, r->config->tls_client_ca));
    LK_TRY(send_file(r->front, LK_F_CTL_RELOAD, r->config->tls_certificate));
    return send_file(r->front, LK_F_CTL_RELOAD_KEY, r->config->tls_key);
}

lk_result lk_send_keeper_settings(struct lk_ring *r)
{
    FD_AUTO settings = -1;
    LK_TRY(keeper_settings(r->config, &settings));
    lk_tell(r->keeper, LK_F_CTL_SETTINGS, LK_BYTES_NONE, settings);
    return LK_OK;
}

lk_result lk_start_front(struct lk_ring *r)
{
    FD_AUTO ours = -1;
    FD_AUTO theirs = -1;
    char listeners[32], sandbox[32], level[32];
    snprintf(listeners, sizeof(listeners), "--listeners=%zu", r->n_listeners);
    snprintf(sandbox, sizeof(sandbox), "--sandbox=%s", r->config->strict ? "strict" : "normal");
    snprintf(level, sizeof(level), "--log=%s", level_name(r->config->log_level));
    const char *args[] = {listeners, sandbox, level, NULL};
    LK_TRY(make_pair(&ours, &theirs));
    struct lk_spawn s = {.args = args, .user = r->config->users.front, .fds = {theirs}, .n_fds = 1};
    for (size_t i = 0; i < r->n_listeners; i++)
        s.fds[s.n_fds++] = r->listeners[i];
    LK_TRY(start(r, LK_CHILD_FRONT, &s, ours, LK_LINK_FRONT_SUPER, &r->front));
    r->health[0] = '\0';
    lk_result sent = lk_send_front_settings(r);
    if (lk_ok(sent) && r->keeper != NULL)
        sent = lk_wire_front(r);
    if (!lk_ok(sent))
        lk_child_kill(r->front);
    return sent;
}

/* ---- workers ---- */

static lk_result spawn_worker(struct lk_ring *r, const struct lk_generation *g, int requests, int verdicts,
                              struct lk_child **out)
{
    FD_AUTO settings = -1;
    uint32_t worker = r->last_worker + 1;
    LK_TRY(worker_settings(r->config, worker, g->snapshot.generation, &settings));
    struct lk_spawn s = {
        .user = r->config->users.verifier, .fds = {requests, settings, verdicts, g->memfd}, .n_fds = 4};
    LK_TRY(start(r, LK_CHILD_WORKER, &s, -1, LK_LINK_COUNT, out));
    (*out)->worker = r->last_worker = worker;
    (*out)->generation = g->snapshot.generation;
    return LK_OK;
}

static void tell_worker(struct lk_child *to, const struct lk_child *w, int end)
{
    LK_BUF_AUTO b = lk_buf(64);
    lk_msg_worker_put(&b, &(struct lk_msg_worker){w->worker, w->generation, w->cls});
    lk_tell(to, LK_F_CTL_WORKER, lk_buf_bytes(&b), end);
}

lk_result lk_start_worker(struct lk_ring *r, const struct lk_generation *g, enum lk_worker_class cls)
{
    FD_AUTO front_end = -1;
    FD_AUTO requests = -1;
    FD_AUTO keeper_end = -1;
    FD_AUTO verdicts = -1;
    struct lk_child *w = NULL;
    LK_TRY(make_pair(&front_end, &requests));
    LK_TRY(make_pair(&keeper_end, &verdicts));
    LK_TRY(spawn_worker(r, g, requests, verdicts, &w));
    w->cls = cls;
    lk_log(LK_LOG_INFO, "worker.started", "worker=%" PRIu32 " child=%d class=%s", w->worker, (int)w->pid,
           cls == LK_WORKER_LARGE ? "large" : "usual");
    tell_worker(r->keeper, w, keeper_end);
    w->front_end = front_end;
    w->kill_ms = lk_clock_mono_ms() + LOAD_MS;
    front_end = -1;
    return LK_OK;
}

void lk_give_workers(struct lk_ring *r)
{
    for (struct lk_child *w = r->children; w != NULL && r->front != NULL; w = w->next) {
        if (w->kind != LK_CHILD_WORKER || w->front_end == -1 || !w->ready || w->leaving || !r->active.present ||
            w->generation != r->active.snapshot.generation)
            continue;
        tell_worker(r->front, w, w->front_end);
        close_fd(&w->front_end);
    }
}
