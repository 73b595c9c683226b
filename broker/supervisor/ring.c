/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/supervisor/ring.h"
#include "broker/supervisor/listen.h"
#include "broker/supervisor/notify.h"
#include "proto/base/clock.h"
#include "proto/link/descriptors.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DRAIN_MS 30000u  /* the front's own limit is below */
#define STEP_MS 5000u    /* the keeper's, once the front has gone */

lk_result lk_ring_init(struct lk_ring *r, const struct lk_config *c)
{
    *r = (struct lk_ring){.config = c, .active = {.memfd = -1}, .pending = {.memfd = -1}};
    static const uint32_t most[LK_CHILD_KINDS] = {10000, 30000, 10000, 2000};
    for (unsigned i = 0; i < LK_CHILD_KINDS; i++)
        r->backoff[i].most_ms = most[i];
    return lk_listen_all(c, r->listeners, &r->n_listeners);
}

lk_result lk_ring_start(struct lk_ring *r)
{
    LK_TRY(lk_start_keeper(r)); /* first, so that the links of the others have someone to go to */
    LK_TRY(lk_start_token(r));
    return lk_start_front(r);
}

/* ---- talking ---- */

void lk_tell(struct lk_child *to, uint16_t type, struct lk_bytes payload, int pass)
{
    if (to == NULL || to->control == NULL)
        return;
    lk_result r = pass == -1 ? lk_chan_write(to->control, type, 0, payload)
                             : lk_chan_write_fd(to->control, type, 0, payload, pass);
    if (lk_ok(r))
        return;
    lk_log(LK_LOG_WARN, "control.write", "program=%s child=%d type=%u code=%s", lk_child_program(to->kind), (int)to->pid,
           type, lk_reason(r.code)->name);
    lk_child_kill(to);
}

void lk_tell_u32(struct lk_child *to, uint16_t type, uint32_t v)
{
    LK_BUF_AUTO b = lk_buf(16);
    lk_msg_u32_put(&b, v);
    lk_tell(to, type, lk_buf_bytes(&b), -1);
}

void lk_tell_u64(struct lk_child *to, uint16_t type, uint64_t v)
{
    LK_BUF_AUTO b = lk_buf(16);
    lk_msg_u64_put(&b, v);
    lk_tell(to, type, lk_buf_bytes(&b), -1);
}

/* ---- generations ---- */

static unsigned wanted(const struct lk_config *c, enum lk_worker_class cls)
{
    return cls == LK_WORKER_LARGE ? c->log_verifiers : c->verifiers;
}

size_t lk_workers_of(const struct lk_ring *r, uint64_t generation, enum lk_worker_class cls, bool ready)
{
    size_t n = 0;
    for (const struct lk_child *c = r->children; c != NULL; c = c->next)
        n += c->kind == LK_CHILD_WORKER && !c->leaving && !c->tired && c->generation == generation && c->cls == cls &&
             (c->ready || !ready);
    return n;
}

void lk_kill_workers(struct lk_ring *r, uint64_t generation)
{
    for (struct lk_child *c = r->children; c != NULL; c = c->next) {
        if (c->kind != LK_CHILD_WORKER || c->generation != generation)
            continue;
        c->leaving = true;
        lk_child_kill(c);
    }
}

void lk_end_generation(struct lk_ring *r, struct lk_generation *g)
{
    if (!g->present)
        return;
    lk_kill_workers(r, g->snapshot.generation);
    close(g->memfd);
    *g = (struct lk_generation){.memfd = -1};
}

void lk_pending_failed(struct lk_ring *r, const char *text)
{
    struct lk_generation *g = &r->pending;
    if (!g->present || g->dead)
        return;
    LK_BUF_AUTO b = lk_buf(512);
    lk_msg_text_put(&b, g->snapshot.generation, text);
    g->dead = true;
    lk_kill_workers(r, g->snapshot.generation);
    lk_tell(r->keeper, LK_F_CTL_GENERATION_DEAD, lk_buf_bytes(&b), -1);
}

/* ---- health ---- */

/* "full", or what each program lacks: "verifier/no-landlock,token/no-landlock". */
static void sandbox_text(const struct lk_ring *r, char *out, size_t size)
{
    static const char *const gaps[] = {"namespaces", "landlock", "seccomp"};
    unsigned absent[LK_CHILD_KINDS] = {0};
    size_t n = 0;
    snprintf(out, size, "full");
    for (const struct lk_child *c = r->children; c != NULL; c = c->next)
        absent[c->kind] |= c->log.absent;
    for (unsigned kind = 0; kind < LK_CHILD_KINDS; kind++)
        for (unsigned i = 0; i < 3 && n < size; i++)
            if ((absent[kind] >> i & 1) != 0)
                n += (size_t)snprintf(out + n, size - n, "%s%s/no-%s", n == 0 ? "" : ",",
                                      lk_child_program((enum lk_role_of)kind) + strlen("latchkey-"), gaps[i]);
}

void lk_ring_health(struct lk_ring *r)
{
    char sandbox[256];
    sandbox_text(r, sandbox, sizeof(sandbox));
    size_t up[LK_WORKER_CLASSES] = {0};
    for (int c = 0; r->active.present && c < LK_WORKER_CLASSES; c++)
        up[c] = lk_workers_of(r, r->active.snapshot.generation, (enum lk_worker_class)c, true);
    size_t workers = up[LK_WORKER_USUAL];
    bool token = r->token != NULL, keeper = r->keeper != NULL && r->keeper->ready;
    bool serving = token && keeper && workers > 0 && r->drain_ms == 0;
    char text[sizeof(r->health)];
    snprintf(text, sizeof(text), "%s token=%s keeper=%s workers=%zu/%u log-workers=%zu/%u generation=%" PRIu64 " broken=%u sandbox=%s",
             serving ? "serving" : "not-serving", token ? "up" : "away", keeper ? "up" : "away", workers,
             r->config->verifiers, up[LK_WORKER_LARGE], r->config->log_verifiers, r->active.present ? r->active.snapshot.generation : 0, r->broken, sandbox);
    if (r->front == NULL || !r->front->ready || strcmp(text, r->health) == 0)
        return;
    memcpy(r->health, text, sizeof(text));
    LK_BUF_AUTO b = lk_buf(1024);
    lk_msg_health_put(&b, serving, text);
    lk_tell(r->front, LK_F_CTL_HEALTH, lk_buf_bytes(&b), -1);
    lk_tell(r->keeper, LK_F_CTL_HEALTH, lk_buf_bytes(&b), -1);
    lk_log(serving ? LK_LOG_INFO : LK_LOG_WARN, "health", "%s", text);
    char status[sizeof(text) + 32];
    snprintf(status, sizeof(status), "%sSTATUS=%s", serving && !r->was_ready ? "READY=1\n" : "", text);
    lk_notify(status);
    r->was_ready = r->was_ready || serving;
}

/* ---- ends ---- */

static struct lk_child *unlink_child(struct lk_ring *r, pid_t pid)
{
    for (struct lk_child **at = &r->children; *at != NULL; at = &(*at)->next) {
        struct lk_child *c = *at;
        if (c->pid != pid)
            continue;
        *at = c->next;
        return c;
    }
    return NULL;
}

static void free_child(struct lk_child *c)
{
    (void)lk_relay_read(&c->log, lk_child_program(c->kind), c->pid); /* its last words */
    lk_relay_close(&c->log);
    lk_chan_free(c->control);
    if (c->front_end != -1)
        close(c->front_end);
    free(c);
}

static void start_later(struct lk_ring *r, enum lk_role_of kind, uint64_t lived_ms)
{
    uint32_t wait = lk_backoff_next(&r->backoff[kind], lived_ms);
    uint64_t at = lk_clock_mono_ms() + wait;
    if (r->start_ms[kind] == 0 || r->start_ms[kind] < at)
        r->start_ms[kind] = at;
    if (wait > LK_BACKOFF_FIRST_MS)
        lk_log(LK_LOG_WARN, "process.waits", "program=%s ms=%" PRIu32 " deaths=%u", lk_child_program(kind), wait,
               r->backoff[kind].deaths);
}

/*
 * A module that is killed while it writes may leave its files half written, and the token is lost with them: SoftHSM
 * writes at each login. The token process ends by itself once the keeper's end of its link has closed.
 */
static void kill_all(struct lk_ring *r)
{
    for (struct lk_child *c = r->children; c != NULL; c = c->next) {
        c->leaving = true;
        if (c->kind != LK_CHILD_TOKEN)
            lk_child_kill(c);
        else if (c->kill_ms == 0)
            c->kill_ms = lk_clock_mono_ms() + STEP_MS;
    }
}

/* All start again: nothing of before may meet the new keeper's start id. */
static void keeper_ended(struct lk_ring *r, uint64_t lived_ms)
{
    r->keeper = NULL;
    kill_all(r);
    lk_end_generation(r, &r->active);
    lk_end_generation(r, &r->pending);
    r->starting_over = true;
    start_later(r, LK_CHILD_KEEPER, lived_ms);
}

/* Every worker goes, also those that wait for it: the keeper answers a worker's requests to the front of its time only. */
static void front_ended(struct lk_ring *r, uint64_t lived_ms)
{
    r->front = NULL;
    for (struct lk_child *c = r->children; c != NULL; c = c->next)
        if (c->kind == LK_CHILD_WORKER && !c->leaving) {
            c->leaving = true;
            lk_child_kill(c);
        }
    start_later(r, LK_CHILD_FRONT, lived_ms);
}

static void worker_ended(struct lk_ring *r, const struct lk_child *w, uint64_t lived_ms)
{
    lk_tell_u32(r->keeper, LK_F_CTL_WORKER_GONE, w->worker);
    if (w->front_end == -1 && r->front != NULL)
        lk_tell_u32(r->front, LK_F_CTL_WORKER_GONE, w->worker);
    if (w->leaving)
        return;
    if (r->active.present && w->generation == r->active.snapshot.generation) {
        start_later(r, LK_CHILD_WORKER, lived_ms);
        return;
    }
    if (r->pending.present && w->generation == r->pending.snapshot.generation)
        lk_pending_failed(r, "a worker ended while it loaded the snapshot");
}

static void log_end(const struct lk_child *c, int status)
{
    bool fine = c->leaving || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
    lk_log(fine ? LK_LOG_INFO : LK_LOG_ERROR, "process.ended", "program=%s child=%d %s=%d%s",
           lk_child_program(c->kind), (int)c->pid, WIFSIGNALED(status) ? "signal" : "exit",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
           WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? " why=sandbox" : "");
}

/* A front or keeper that never came up will not the next time either: the configuration or the state is at fault. */
static bool never_came_up(const struct lk_ring *r, const struct lk_child *c, int status)
{
    return !r->was_ready && !c->ready && !c->leaving && (c->kind == LK_CHILD_KEEPER || c->kind == LK_CHILD_FRONT) &&
           WIFEXITED(status);
}

/* It says so itself. A token with a wrong PIN would spend the next try of it, until the HSM locks itself. */
static bool is_no_use(const struct lk_child *c, int status)
{
    return !c->leaving && WIFEXITED(status) && WEXITSTATUS(status) == LK_EXIT_NO_USE;
}

static void give_up(struct lk_ring *r, const struct lk_child *c, int code)
{
    r->failed = true;
    r->exit_code = code;
    snprintf(r->why, sizeof(r->why), "%s: %.400s", lk_child_program(c->kind), c->log.error);
    kill_all(r);
}

static void ended(struct lk_ring *r, struct lk_child *c, int status)
{
    uint64_t lived = lk_clock_mono_ms() - c->started_ms;
    if (c == r->token)
        r->token = NULL;
    if (r->drain_ms != 0 || r->failed) {
        r->front = c == r->front ? NULL : r->front;
        r->keeper = c == r->keeper ? NULL : r->keeper;
        return;
    }
    if (is_no_use(c, status) || never_came_up(r, c, status)) {
        r->front = c == r->front ? NULL : r->front;
        r->keeper = c == r->keeper ? NULL : r->keeper;
        give_up(r, c, is_no_use(c, status) ? LK_EXIT_NO_USE : 1);
        return;
    }
    if (c == r->keeper)
        keeper_ended(r, lived);
    else if (c == r->front)
        front_ended(r, lived);
    else if (c->kind == LK_CHILD_WORKER)
        worker_ended(r, c, lived);
    else if (!r->starting_over)
        start_later(r, LK_CHILD_TOKEN, lived);
}

void lk_ring_reaped(struct lk_ring *r, pid_t pid, int status)
{
    struct lk_child *c = unlink_child(r, pid);
    if (c == NULL)
        return;
    (void)lk_relay_read(&c->log, lk_child_program(c->kind), c->pid); /* its last words come before its end */
    log_end(c, status);
    if (r->starting_over && c != r->keeper) {
        r->token = c == r->token ? NULL : r->token;
        r->front = c == r->front ? NULL : r->front;
    } else {
        ended(r, c, status);
    }
    free_child(c);
}

/* ---- time ---- */

static bool take_due(struct lk_ring *r, enum lk_role_of kind, uint64_t now)
{
    if (r->start_ms[kind] == 0 || r->start_ms[kind] > now)
        return false;
    r->start_ms[kind] = 0;
    return true;
}

static void again(struct lk_ring *r, enum lk_role_of kind, lk_result started)
{
    if (lk_ok(started))
        return;
    lk_log(LK_LOG_ERROR, "process.not-started", "program=%s code=%s", lk_child_program(kind), lk_reason(started.code)->name);
    start_later(r, kind, 0);
}

static void start_over(struct lk_ring *r, uint64_t now)
{
    if (r->children != NULL || !take_due(r, LK_CHILD_KEEPER, now))
        return;
    r->starting_over = false;
    memset(r->start_ms, 0, sizeof(r->start_ms));
    lk_result started = lk_ring_start(r);
    if (lk_ok(started))
        return;
    kill_all(r);
    r->starting_over = true;
    again(r, LK_CHILD_KEEPER, started);
}

void lk_fill_later(struct lk_ring *r)
{
    r->start_ms[LK_CHILD_WORKER] = lk_clock_mono_ms();
}

static lk_result fill_generation(struct lk_ring *r, const struct lk_generation *g)
{
    for (int i = 0; i < LK_WORKER_CLASSES; i++) {
        enum lk_worker_class cls = (enum lk_worker_class)i;
        while (g->present && !g->dead && lk_workers_of(r, g->snapshot.generation, cls, false) < wanted(r->config, cls))
            LK_TRY(lk_start_worker(r, g, cls));
    }
    return LK_OK;
}

lk_result lk_fill_workers(struct lk_ring *r)
{
    LK_TRY(fill_generation(r, &r->active));
    LK_TRY(fill_generation(r, &r->pending)); /* where the front ended while it came up */
    lk_give_workers(r);
    return LK_OK;
}

static void start_due(struct lk_ring *r, uint64_t now)
{
    if (r->starting_over) {
        start_over(r, now);
        return;
    }
    if (r->token == NULL && take_due(r, LK_CHILD_TOKEN, now))
        again(r, LK_CHILD_TOKEN, lk_start_token(r));
    if (r->front == NULL && take_due(r, LK_CHILD_FRONT, now)) {
        again(r, LK_CHILD_FRONT, lk_start_front(r));
        r->start_ms[LK_CHILD_WORKER] = now;
    }
    if (r->front != NULL && take_due(r, LK_CHILD_WORKER, now))
        again(r, LK_CHILD_WORKER, lk_fill_workers(r));
}

/* Their links have ended, so they leave by themselves: the token process logs out of its HSM. */
static void let_rest_go(struct lk_ring *r, uint64_t now)
{
    for (struct lk_child *c = r->children; c != NULL; c = c->next) {
        if (c->leaving)
            continue;
        c->leaving = true;
        c->kill_ms = now + STEP_MS;
    }
}

/* Front first, then the keeper (nobody asks it any more), then what holds nothing. */
static void drain_step(struct lk_ring *r, uint64_t now)
{
    if (now >= r->drain_ms)
        kill_all(r);
    if (r->front == NULL && r->keeper != NULL && !r->keeper->leaving) {
        r->keeper->leaving = true;
        r->keeper->kill_ms = now + STEP_MS;
        lk_tell(r->keeper, LK_F_CTL_DRAIN, LK_BYTES_NONE, -1);
    }
    if (r->front == NULL && r->keeper == NULL)
        let_rest_go(r, now);
}

void lk_ring_tick(struct lk_ring *r, uint64_t now)
{
    for (struct lk_child *c = r->children; c != NULL; c = c->next)
        if (c->kill_ms != 0 && c->kill_ms <= now) {
            c->kill_ms = 0;
            lk_child_kill(c);
        }
    if (r->drain_ms != 0)
        drain_step(r, now);
    else if (!r->failed)
        start_due(r, now);
    lk_ring_health(r);
}

/* Whether its start waits for the time only, and not for another process's end or start. */
static bool may_start(const struct lk_ring *r, unsigned kind)
{
    if (r->starting_over)
        return kind == LK_CHILD_KEEPER && r->children == NULL;
    return kind != LK_CHILD_WORKER || r->front != NULL;
}

uint64_t lk_ring_due(const struct lk_ring *r)
{
    uint64_t due = r->drain_ms == 0 ? UINT64_MAX : r->drain_ms;
    for (const struct lk_child *c = r->children; c != NULL; c = c->next)
        if (c->kill_ms != 0 && c->kill_ms < due)
            due = c->kill_ms;
    for (unsigned i = 0; i < LK_CHILD_KINDS && r->drain_ms == 0; i++)
        if (r->start_ms[i] != 0 && r->start_ms[i] < due && may_start(r, i))
            due = r->start_ms[i];
    return due;
}

/* ---- orders ---- */

void lk_ring_reload(struct lk_ring *r, const struct lk_config *c)
{
    r->config = c;
    lk_result sent = LK_OK;
    if (r->front != NULL)
        sent = lk_send_front_settings(r);
    if (lk_ok(sent) && r->keeper != NULL)
        sent = lk_send_keeper_settings(r);
    lk_fill_later(r); /* of workers, more are started; that fewer are wanted shows at the next start */
    lk_log(lk_ok(sent) ? LK_LOG_INFO : LK_LOG_ERROR, "reloaded", "code=%s", lk_reason(sent.code)->name);
}

void lk_ring_drain(struct lk_ring *r)
{
    if (r->drain_ms != 0) {
        kill_all(r);
        return;
    }
    lk_log(LK_LOG_INFO, "draining", "most-ms=%u", DRAIN_MS);
    r->drain_ms = lk_clock_mono_ms() + DRAIN_MS;
    if (r->front != NULL) {
        r->front->leaving = true;
        lk_tell(r->front, LK_F_CTL_DRAIN, LK_BYTES_NONE, -1);
    }
}

void lk_ring_kill(struct lk_ring *r)
{
    kill_all(r);
}

bool lk_ring_gone(const struct lk_ring *r)
{
    return (r->drain_ms != 0 || r->failed) && r->children == NULL;
}
