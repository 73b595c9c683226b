/* SPDX-License-Identifier: Apache-2.0 */
/* The links of the ring: what comes from the supervisor, and the workers' ends. */
#include "keystore/keeper/keeper.h"
#include "proto/link/settings.h"

#include <stdlib.h>
#include <unistd.h>

struct lk_signing lk_keeper_signing(const struct lk_keeper *k)
{
    return (struct lk_signing){k->answer_key, lk_buf_bytes(&k->answer_spki), lk_buf_bytes(&k->installation_key),
                               lk_buf_bytes(&k->certification), LK_BYTES(k->start_id)};
}

void lk_ring_fatal(struct lk_keeper *k, enum lk_link link, uint32_t worker, const char *text)
{
    LK_BUF_AUTO p = lk_buf(512);
    lk_log(LK_LOG_ERROR, "link.fatal", "link=%d worker=%u detail=%s", (int)link, worker, lk_log_text(text));
    lk_msg_text_put(&p, (uint64_t)link | (uint64_t)worker << 32, text);
    lk_port_send(k->control, LK_F_CTL_FATAL, 0, lk_buf_bytes(&p));
}

void lk_ring_tell_front(struct lk_worker *w, uint16_t type, uint64_t request, struct lk_bytes payload)
{
    if (w->front == w->keeper->fronts)
        lk_port_send(w->keeper->front, type, request, payload);
}

static void forget(struct lk_worker *w)
{
    struct lk_keeper *k = w->keeper;
    LK_BUF_AUTO p = lk_buf(16);
    lk_msg_u32_put(&p, w->id);
    lk_ring_tell_front(w, LK_F_WORKER_LOST, 0, lk_buf_bytes(&p));
    for (struct lk_worker **at = &k->workers; *at != NULL; at = &(*at)->next) {
        if (*at != w)
            continue;
        *at = w->next;
        break;
    }
    free(w);
}

static void worker_lost(struct lk_worker *w)
{
    lk_port_close(w->port);
    w->port = NULL;
    w->lost = true;
    if (w->in_flight == 0)
        forget(w);
}

void lk_ring_worker_answered(struct lk_worker *w)
{
    w->in_flight--;
    if (w->lost && w->in_flight == 0)
        forget(w);
}

static void on_worker_end(void *arg, lk_result why)
{
    struct lk_worker *w = arg;
    if (why.code == LK_R_FRAME_FORBIDDEN)
        lk_ring_fatal(w->keeper, LK_LINK_WORKER_KEEPER, w->id, "forbidden frame");
    worker_lost(w);
}

void lk_ring_drop_workers(struct lk_keeper *k, uint64_t below)
{
    for (struct lk_worker *w = k->workers, *next; w != NULL; w = next) {
        next = w->next;
        if (w->generation < below && !w->lost)
            worker_lost(w);
    }
}

static lk_result worker_ready(struct lk_worker *w, struct lk_bytes payload)
{
    struct lk_msg_ready m;
    struct lk_keeper *k = w->keeper;
    LK_TRY(lk_msg_ready_get(payload, &m));
    const struct lk_generation *g = w->generation == k->pending.number ? &k->pending : &k->active;
    bool current = w->generation == k->pending.number || w->generation == k->active.number;
    LK_REQUIRE(!w->ready && m.generation == w->generation, FRAME_FORBIDDEN);
    LK_REQUIRE(!current || lk_bytes_eq(LK_BYTES(m.snapshot), LK_BYTES(g->digest)), FRAME_FORBIDDEN);
    w->ready = true;
    LK_BUF_AUTO id = lk_buf(16);
    lk_msg_u32_put(&id, w->id);
    lk_port_send(k->control, LK_F_CTL_WORKER_UP, 0, lk_buf_bytes(&id));
    lk_log(LK_LOG_INFO, "worker.ready", "worker=%u generation=%llu", w->id, (unsigned long long)w->generation);
    lk_generation_worker_ready(k);
    return LK_OK;
}

static lk_result worker_failed(struct lk_worker *w, struct lk_bytes payload)
{
    struct lk_keeper *k = w->keeper;
    uint64_t code;
    char text[481];
    LK_TRY(lk_msg_text_get(payload, &code, text, sizeof(text)));
    LK_REQUIRE(!w->ready && code < LK_R_COUNT, FRAME_FORBIDDEN);
    lk_log(LK_LOG_ERROR, "worker.failed", "worker=%u generation=%llu code=%s detail=%s", w->id,
           (unsigned long long)w->generation, lk_reason((enum lk_reason_code)code)->name, lk_log_text(text));
    if (w->generation != k->pending.number)
        return LK_OK;
    snprintf(k->pending.failure, sizeof(k->pending.failure), "%s%s%s", lk_reason((enum lk_reason_code)code)->name,
             text[0] == '\0' ? "" : ": ", text);
    return LK_OK;
}

static const struct {
    uint16_t type;
    lk_result (*serve)(struct lk_worker *w, const struct lk_frame *f);
} worker_table[] = {
    {LK_F_CHALLENGE, lk_serve_challenge},
    {LK_F_VERDICT, lk_serve_verdict},
    {LK_F_COLLATERAL, lk_collateral_put},
    {LK_F_COLLATERAL_STATUS, lk_collateral_list},
};

static lk_result on_worker_frame(void *arg, const struct lk_frame *f)
{
    struct lk_worker *w = arg;
    if (f->type == LK_F_WORKER_READY)
        return worker_ready(w, f->payload);
    if (f->type == LK_F_WORKER_FAILED)
        return worker_failed(w, f->payload);
    LK_REQUIRE(w->ready && w->generation <= w->keeper->active.number, FRAME_FORBIDDEN);
    /* Its own requests only, each once: so no client gets what was meant for another. */
    LK_REQUIRE(lk_request_worker(f->request) == w->id && f->request > w->answered, FRAME_FORBIDDEN);
    w->answered = f->request;
    for (size_t i = 0; i < sizeof(worker_table) / sizeof(worker_table[0]); i++)
        if (worker_table[i].type == f->type)
            return worker_table[i].serve(w, f);
    return LK_FAIL(FRAME_FORBIDDEN);
}

static lk_result add_worker(struct lk_keeper *k, const struct lk_frame *f)
{
    struct lk_msg_worker m;
    lk_result r = lk_msg_worker_get(f->payload, &m);
    struct lk_worker *w = lk_ok(r) ? calloc(1, sizeof(*w)) : NULL;
    if (w == NULL) {
        close(f->fd);
        return lk_ok(r) ? LK_FAIL(MEMORY) : r;
    }
    *w = (struct lk_worker){.keeper = k, .id = m.worker, .generation = m.generation,
                             .front = k->fronts, .next = k->workers};
    w->port = lk_port_open(k->base, f->fd, LK_LINK_WORKER_KEEPER, on_worker_frame, on_worker_end, w);
    if (w->port == NULL) {
        free(w);
        return LK_FAIL(MEMORY);
    }
    k->workers = w;
    return LK_OK;
}

static lk_result on_front_frame(void *arg, const struct lk_frame *f)
{
    (void)arg;
    (void)f;
    return LK_FAIL(FRAME_FORBIDDEN); /* the front has nothing to say on the link that answers go out on */
}

static void on_front_end(void *arg, lk_result why)
{
    struct lk_keeper *k = arg;
    if (why.code == LK_R_FRAME_FORBIDDEN)
        lk_ring_fatal(k, LK_LINK_KEEPER_FRONT, 0, "a frame on the link of answers");
    lk_port_close(k->front);
    k->front = NULL;
}

static lk_result on_admin_frame(void *arg, const struct lk_frame *f)
{
    return lk_admin_frame(arg, f);
}

static void on_admin_end(void *arg, lk_result why)
{
    struct lk_keeper *k = arg;
    if (why.code == LK_R_FRAME_FORBIDDEN)
        lk_ring_fatal(k, LK_LINK_FRONT_ADMIN, 0, "forbidden frame");
    lk_port_close(k->admin);
    k->admin = NULL;
}

static lk_result ctl_front(struct lk_keeper *k, const struct lk_frame *f)
{
    lk_port_close(k->front);
    k->fronts++;
    /* Answers go out only: whatever comes in is outside this link's table. */
    k->front = lk_port_open(k->base, f->fd, LK_LINK_KEEPER_FRONT, on_front_frame, on_front_end, k);
    return LK_OK;
}

static lk_result ctl_admin(struct lk_keeper *k, const struct lk_frame *f)
{
    lk_port_close(k->admin);
    k->admin = lk_port_open(k->base, f->fd, LK_LINK_FRONT_ADMIN, on_admin_frame, on_admin_end, k);
    return LK_OK;
}

static lk_result ctl_token(struct lk_keeper *k, const struct lk_frame *f)
{
    lk_token_attach(k, f->fd);
    return LK_OK;
}

static lk_result ctl_drain(struct lk_keeper *k, const struct lk_frame *f)
{
    (void)f;
    k->draining = true;
    return LK_OK;
}

/* The worker's own link tells its end in order; this only says why. */
static lk_result ctl_worker_gone(struct lk_keeper *k, const struct lk_frame *f)
{
    uint32_t id;
    (void)k;
    LK_TRY(lk_msg_u32_get(f->payload, &id));
    lk_log(LK_LOG_INFO, "worker.gone", "worker=%u", id);
    return LK_OK;
}

static lk_result ctl_generation_dead(struct lk_keeper *k, const struct lk_frame *f)
{
    uint64_t number;
    char text[481];
    LK_TRY(lk_msg_text_get(f->payload, &number, text, sizeof(text)));
    lk_generation_dead(k, number, text);
    return LK_OK;
}

static lk_result ctl_health(struct lk_keeper *k, const struct lk_frame *f)
{
    bool serving;
    return lk_msg_health_get(f->payload, &serving, k->health, sizeof(k->health));
}

static lk_result ctl_settings(struct lk_keeper *k, const struct lk_frame *f)
{
    struct lk_settings s;
    (void)k;
    LK_TRY(lk_settings_read(f->fd, &s));
    lk_log_setup("keeper", lk_settings_log_level(&s));
    lk_settings_free(&s);
    return LK_OK;
}

static const struct {
    uint16_t type;
    lk_result (*handle)(struct lk_keeper *k, const struct lk_frame *f);
} control_table[] = {
    {LK_F_CTL_WORKER, add_worker},           {LK_F_CTL_FRONT_LINK, ctl_front}, {LK_F_CTL_ADMIN_LINK, ctl_admin},
    {LK_F_CTL_TOKEN_LINK, ctl_token},        {LK_F_CTL_DRAIN, ctl_drain},      {LK_F_CTL_WORKER_GONE, ctl_worker_gone},
    {LK_F_CTL_GENERATION_DEAD, ctl_generation_dead}, {LK_F_CTL_SETTINGS, ctl_settings},
    {LK_F_CTL_HEALTH, ctl_health},
};

static lk_result on_control_frame(void *arg, const struct lk_frame *f)
{
    for (size_t i = 0; i < sizeof(control_table) / sizeof(control_table[0]); i++)
        if (control_table[i].type == f->type)
            return control_table[i].handle(arg, f);
    return LK_FAIL(FRAME_FORBIDDEN);
}

/* Without a supervisor there is nothing to do; what was answered is on the disk. */
static void on_control_end(void *arg, lk_result why)
{
    struct lk_keeper *k = arg;
    lk_log(LK_LOG_INFO, "keeper.end", "code=%s", lk_reason(why.code)->name);
    event_base_loopbreak(k->base);
}

lk_result lk_ring_open(struct lk_keeper *k, int control)
{
    k->control = lk_port_open(k->base, control, LK_LINK_SUPER_KEEPER, on_control_frame, on_control_end, k);
    return k->control == NULL ? LK_FAIL(MEMORY) : LK_OK;
}
