/* SPDX-License-Identifier: Apache-2.0 */
/* What front and keeper say on their control links. */
#include "broker/supervisor/ring.h"
#include "proto/base/clock.h"

#include <inttypes.h>
#include <unistd.h>

#define LEAVE_MS 10000u /* a worker that the front let go is killed when it is still there after so long */

struct talk {
    struct lk_ring *ring;
    struct lk_child *from;
};

typedef lk_result (*frame_fn)(struct talk *t, const struct lk_frame *f);

static struct lk_child *find_worker(struct lk_ring *r, uint32_t worker)
{
    for (struct lk_child *c = r->children; c != NULL; c = c->next)
        if (c->kind == LK_CHILD_WORKER && c->worker == worker)
            return c;
    return NULL;
}

static lk_result on_ready(struct talk *t, const struct lk_frame *f)
{
    (void)f;
    t->from->ready = true;
    lk_log(LK_LOG_INFO, "process.ready", "program=%s child=%d", lk_child_program(t->from->kind), (int)t->from->pid);
    return LK_OK;
}

static lk_result start_generation(struct lk_ring *r, const struct lk_msg_snapshot *m, int memfd)
{
    lk_end_generation(r, &r->pending); /* the keeper has one change under way at a time; a second replaces it */
    r->pending = (struct lk_generation){.present = true, .snapshot = *m, .memfd = memfd};
    lk_log(LK_LOG_INFO, "generation.starting", "generation=%" PRIu64 " bytes=%" PRIu64, m->generation, m->length);
    lk_result started = lk_fill_workers(r);
    if (!lk_ok(started))
        lk_pending_failed(r, "a worker could not be started");
    return LK_OK;
}

static lk_result on_snapshot(struct talk *t, const struct lk_frame *f)
{
    struct lk_msg_snapshot m;
    lk_result r = lk_msg_snapshot_get(f->payload, &m);
    if (!lk_ok(r)) {
        close(f->fd);
        return r;
    }
    return start_generation(t->ring, &m, f->fd);
}

/* The front lets go what it has when it is idle; what it never got ends now. */
static void retire(struct lk_ring *r, struct lk_generation *old)
{
    for (struct lk_child *c = r->children; c != NULL; c = c->next) {
        if (c->kind != LK_CHILD_WORKER || c->generation != old->snapshot.generation || c->leaving)
            continue;
        if (r->front != NULL && c->front_end == -1)
            continue;
        c->leaving = true;
        lk_child_kill(c);
    }
    if (r->front != NULL)
        lk_tell_u64(r->front, LK_F_CTL_RETIRE, old->snapshot.generation);
    close(old->memfd);
}

static lk_result on_active(struct talk *t, const struct lk_frame *f)
{
    struct lk_ring *r = t->ring;
    uint64_t generation;
    LK_TRY(lk_msg_u64_get(f->payload, &generation));
    if (r->active.present && r->active.snapshot.generation == generation) {
        lk_end_generation(r, &r->pending); /* the keeper dropped it: the one in force stays */
        return LK_OK;
    }
    LK_REQUIRE(r->pending.present && r->pending.snapshot.generation == generation, FRAME_FORBIDDEN);
    struct lk_generation old = r->active;
    r->active = r->pending;
    r->active.dead = false; /* if its workers have ended since, it is started anew */
    r->pending = (struct lk_generation){.memfd = -1};
    lk_log(LK_LOG_INFO, "generation.active", "generation=%" PRIu64, generation);
    lk_fill_later(r);
    if (old.present)
        retire(r, &old);
    return LK_OK;
}

/* NULL in *w: it has ended meanwhile. */
static lk_result get_worker(struct talk *t, const struct lk_frame *f, struct lk_child **w)
{
    uint32_t worker;
    LK_TRY(lk_msg_u32_get(f->payload, &worker));
    *w = find_worker(t->ring, worker);
    return LK_OK;
}

static lk_result on_retired(struct talk *t, const struct lk_frame *f)
{
    struct lk_child *w;
    LK_TRY(get_worker(t, f, &w));
    if (w == NULL)
        return LK_OK;
    w->leaving = true;
    w->kill_ms = lk_clock_mono_ms() + LEAVE_MS;
    return LK_OK;
}

/* The old one goes on until the front has its replacement, so that no place is empty. */
static lk_result on_tired(struct talk *t, const struct lk_frame *f)
{
    struct lk_child *w;
    LK_TRY(get_worker(t, f, &w));
    if (w == NULL || w->leaving)
        return LK_OK;
    lk_log(LK_LOG_INFO, "worker.tired", "worker=%" PRIu32 " child=%d", w->worker, (int)w->pid);
    w->tired = true;
    lk_fill_later(t->ring);
    return LK_OK;
}

/* A request that never ends: a loop that some evidence leads into, or a process that was stopped. */
static lk_result on_worker_hung(struct talk *t, const struct lk_frame *f)
{
    struct lk_child *w;
    LK_TRY(get_worker(t, f, &w));
    if (w == NULL)
        return LK_OK;
    lk_log(LK_LOG_ERROR, "worker.hung", "worker=%" PRIu32 " child=%d", w->worker, (int)w->pid);
    t->ring->broken++;
    lk_child_kill(w);
    return LK_OK;
}

static lk_result on_worker_up(struct talk *t, const struct lk_frame *f)
{
    struct lk_child *w;
    LK_TRY(get_worker(t, f, &w));
    if (w == NULL || w->leaving)
        return LK_OK;
    w->ready = true;
    w->kill_ms = 0;
    lk_give_workers(t->ring);
    return LK_OK;
}

/* Who is at the other end of the link; of a worker's link the number says which. Nobody can accuse himself. */
static struct lk_child *peer_on(const struct talk *t, enum lk_link link, uint32_t worker)
{
    struct lk_ring *r = t->ring;
    switch (link) {
    case LK_LINK_WORKER_KEEPER:
        return find_worker(r, worker);
    case LK_LINK_TOKEN_KEEPER:
        return r->token;
    case LK_LINK_FRONT_ADMIN:
    case LK_LINK_KEEPER_FRONT:
    case LK_LINK_ADMIN_FRONT:
        return t->from == r->front ? r->keeper : r->front;
    default:
        return NULL;
    }
}

static lk_result on_fatal(struct talk *t, const struct lk_frame *f)
{
    uint64_t where;
    char text[481];
    LK_TRY(lk_msg_text_get(f->payload, &where, text, sizeof(text)));
    uint32_t link = (uint32_t)where, worker = (uint32_t)(where >> 32);
    struct lk_child *sender = link < LK_LINK_COUNT ? peer_on(t, (enum lk_link)link, worker) : NULL;
    lk_log(LK_LOG_ERROR, "rules.broken", "told-by=%s link=%" PRIu32 " worker=%" PRIu32 " sender=%d text=%s",
           lk_child_program(t->from->kind), link, worker, sender == NULL ? 0 : (int)sender->pid, lk_log_text(text));
    t->ring->broken++;
    if (sender != NULL)
        lk_child_kill(sender);
    return LK_OK;
}

static lk_result on_token_hung(struct talk *t, const struct lk_frame *f)
{
    (void)f;
    lk_log(LK_LOG_ERROR, "token.hung", "child=%d", t->ring->token == NULL ? 0 : (int)t->ring->token->pid);
    t->ring->broken++;
    if (t->ring->token != NULL)
        lk_child_kill(t->ring->token);
    return LK_OK;
}

static lk_result on_frame(void *arg, const struct lk_frame *f)
{
    static const struct {
        uint16_t type;
        frame_fn fn;
    } table[] = {
        {LK_F_CTL_READY, on_ready},     {LK_F_CTL_SNAPSHOT, on_snapshot}, {LK_F_CTL_ACTIVE, on_active},
        {LK_F_CTL_RETIRED, on_retired}, {LK_F_CTL_TIRED, on_tired},       {LK_F_CTL_FATAL, on_fatal},
        {LK_F_CTL_TOKEN_HUNG, on_token_hung}, {LK_F_CTL_WORKER_HUNG, on_worker_hung}, {LK_F_CTL_WORKER_UP, on_worker_up},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].type == f->type)
            return table[i].fn(arg, f);
    return LK_FAIL(FRAME_FORBIDDEN);
}

void lk_ring_frames(struct lk_ring *r, struct lk_child *c)
{
    struct talk t = {r, c};
    lk_result read = lk_chan_read(c->control, on_frame, &t);
    if (lk_ok(read))
        read = lk_chan_flush(c->control);
    if (lk_ok(read))
        return;
    /* A closed link is a process that is about to end by itself; anything else makes it end. */
    if (read.code == LK_R_FRAME_CLOSED) {
        c->kill_ms = lk_clock_mono_ms() + LEAVE_MS / 10;
    } else {
        lk_log(LK_LOG_ERROR, "control.failed", "program=%s child=%d code=%s", lk_child_program(c->kind), (int)c->pid,
               lk_reason(read.code)->name);
        lk_child_kill(c);
    }
    lk_chan_free(c->control);
    c->control = NULL;
}
