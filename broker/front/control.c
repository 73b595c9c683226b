/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor and the keeper say to the front. */
#include "broker/front/front.h"
#include "proto/base/log.h"
#include "proto/link/descriptors.h"
#include "proto/link/messages.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NO_WORKER_MS 2000
#define HANG_FACTOR 2u /* a worker may have a request for so many times the longest deadline */
#define ADMIN_WAITING 64
#define LARGE_LEAVES 4u /* large bundles leave a quarter of the memory for bodies to all others */

void lk_front_exit(struct lk_front *f, int code)
{
    f->exit_code = code;
    event_base_loopbreak(f->base);
}

struct lk_grpc_limits lk_front_grpc_limits(const struct lk_front_limits *l)
{
    struct lk_grpc_limits g = lk_grpc_limits_default();
    g.connections = l->connections;
    g.streams = l->streams;
    g.body_memory = l->body_memory;
    g.body_memory_connection = l->body_memory / 8 > LK_BUNDLE_MAX ? l->body_memory / 8 : l->body_memory;
    g.body_memory_large = l->body_memory - l->body_memory / LARGE_LEAVES;
    g.large_message = l->large_bundle;
    g.request_rate = l->request_rate;
    g.request_burst = l->request_burst;
    g.minimum_rate = l->minimum_rate;
    g.deadline_ms = l->deadline_ms;
    g.connection_age_ms = l->connection_age_ms;
    g.drain_ms = l->drain_ms;
    return g;
}

struct lk_pool_limits lk_front_pool_limits(const struct lk_front_limits *l)
{
    return (struct lk_pool_limits){.queue = l->queue,
                                   .large_bundle = l->large_bundle,
                                   .worker_requests = l->worker_requests,
                                   .hang_ms = l->deadline_ms > UINT32_MAX / HANG_FACTOR ? UINT32_MAX : l->deadline_ms * HANG_FACTOR,
                                   .retry_ms = lk_grpc_limits_default().retry_ms,
                                   .no_worker_ms = NO_WORKER_MS,
                                   .admin = ADMIN_WAITING};
}

/* --- the keeper ------------------------------------------------------------------------------------------------------ */

static void accuse(struct lk_front *f, enum lk_link link, lk_result why)
{
    LK_BUF_AUTO b = lk_buf(512);
    lk_msg_text_put(&b, (uint64_t)link, lk_reason(why.code)->name);
    lk_front_link_write(f->control, LK_F_CTL_FATAL, 0, lk_buf_bytes(&b));
}

void lk_front_worker_lied(void *front, uint32_t worker)
{
    struct lk_front *f = front;
    LK_BUF_AUTO b = lk_buf(512);
    lk_msg_text_put(&b, (uint64_t)LK_LINK_WORKER_KEEPER | (uint64_t)worker << 32, "an answer to a request that it was not given");
    lk_front_link_write(f->control, LK_F_CTL_FATAL, 0, lk_buf_bytes(&b));
}

static lk_result worker_frame(struct lk_front *f, struct lk_bytes payload, void (*act)(struct lk_pool *, uint32_t))
{
    uint32_t worker;
    LK_TRY(lk_msg_u32_get(payload, &worker));
    act(f->pool, worker);
    return LK_OK;
}

static lk_result taken(struct lk_front *f, const struct lk_frame *frame)
{
    uint32_t worker;
    LK_TRY(lk_msg_u32_get(frame->payload, &worker));
    lk_pool_taken(f->pool, worker, frame->request);
    return LK_OK;
}

static lk_result on_keeper(void *arg, const struct lk_frame *frame)
{
    struct lk_front *f = arg;
    switch (frame->type) {
    case LK_F_TAKEN:
        return taken(f, frame);
    case LK_F_WORKER_LOST:
        return worker_frame(f, frame->payload, lk_pool_worker_lost);
    case LK_F_ANSWER:
        return lk_pool_answer(f->pool, false, frame->request, frame->payload);
    default:
        return LK_FAIL(FRAME_FORBIDDEN);
    }
}

static lk_result on_admin(void *arg, const struct lk_frame *frame)
{
    struct lk_front *f = arg;
    return lk_pool_answer(f->pool, true, frame->request, frame->payload);
}

static void drop_keeper(struct lk_front *f)
{
    lk_front_link_free(f->keeper);
    f->keeper = NULL;
    lk_pool_keeper_gone(f->pool);
}

static void drop_admin(struct lk_front *f)
{
    lk_pool_set_admin(f->pool, NULL);
    lk_front_link_free(f->admin);
    f->admin = NULL;
}

static void on_keeper_dead(void *arg, lk_result why)
{
    struct lk_front *f = arg;
    lk_log(LK_LOG_ERROR, "keeper.lost", "code=%s", lk_reason(why.code)->name);
    if (why.code == LK_R_FRAME_FORBIDDEN)
        accuse(f, LK_LINK_KEEPER_FRONT, why);
    drop_keeper(f);
    lk_front_tell_health(f);
}

static void on_admin_dead(void *arg, lk_result why)
{
    struct lk_front *f = arg;
    lk_log(LK_LOG_ERROR, "admin.lost", "code=%s", lk_reason(why.code)->name);
    if (why.code == LK_R_FRAME_FORBIDDEN)
        accuse(f, LK_LINK_ADMIN_FRONT, why);
    drop_admin(f);
    lk_front_tell_health(f);
}

/* --- the supervisor: links and workers -------------------------------------------------------------------------------- */

static lk_result take_keeper(struct lk_front *f, const struct lk_frame *frame)
{
    drop_keeper(f);
    f->keeper = lk_front_link_new(f->base, frame->fd, LK_LINK_KEEPER_FRONT, on_keeper, on_keeper_dead, f);
    LK_REQUIRE(f->keeper != NULL, MEMORY);
    lk_front_tell_health(f);
    return LK_OK;
}

static lk_result take_admin(struct lk_front *f, const struct lk_frame *frame)
{
    drop_admin(f);
    f->admin = lk_front_link_new(f->base, frame->fd, LK_LINK_ADMIN_FRONT, on_admin, on_admin_dead, f);
    LK_REQUIRE(f->admin != NULL, MEMORY);
    lk_pool_set_admin(f->pool, f->admin);
    lk_front_tell_health(f);
    return LK_OK;
}

static lk_result take_worker(struct lk_front *f, const struct lk_frame *frame)
{
    struct lk_msg_worker m;
    lk_result r = lk_msg_worker_get(frame->payload, &m);
    if (!lk_ok(r)) {
        close(frame->fd);
        return r;
    }
    lk_pool_worker_add(f->pool, &m, frame->fd);
    return LK_OK;
}

static lk_result lose_worker(struct lk_front *f, const struct lk_frame *frame)
{
    return worker_frame(f, frame->payload, lk_pool_worker_gone);
}

static lk_result retire(struct lk_front *f, const struct lk_frame *frame)
{
    uint64_t generation;
    LK_TRY(lk_msg_u64_get(frame->payload, &generation));
    lk_pool_retire(f->pool, generation);
    return LK_OK;
}

/* --- the supervisor: settings ------------------------------------------------------------------------------------------- */

static lk_result take_limits(struct lk_front *f, const struct lk_frame *frame)
{
    LK_TRY(lk_front_limits_get(frame->payload, &f->limits));
    struct lk_grpc_limits g = lk_front_grpc_limits(&f->limits);
    struct lk_pool_limits p = lk_front_pool_limits(&f->limits);
    lk_grpc_server_set_limits(f->server, &g);
    lk_pool_set_limits(f->pool, &p);
    lk_front_set_sizes(f);
    return LK_OK;
}

static lk_result take_log(struct lk_front *f, const struct lk_frame *frame)
{
    uint32_t level;
    (void)f;
    LK_TRY(lk_msg_u32_get(frame->payload, &level));
    LK_REQUIRE(level <= LK_LOG_ERROR, FRAME_FORBIDDEN);
    lk_log_setup("front", (enum lk_log_level)level);
    return LK_OK;
}

static lk_result take_callers(struct lk_front *f, const struct lk_frame *frame)
{
    return lk_callers_set(&f->callers, frame->payload);
}

static lk_result take_health(struct lk_front *f, const struct lk_frame *frame)
{
    char text[481];
    LK_TRY(lk_msg_health_get(frame->payload, &f->serving, text, sizeof(text)));
    lk_front_tell_health(f);
    return LK_OK;
}

/* An unreadable file is not fatal: the set then does not load, and the old one stays. */
static void take_file(int fd, struct lk_buf *into, const char *which)
{
    lk_result r = lk_tls_file_read(fd, into);
    if (lk_ok(r))
        return;
    lk_log(LK_LOG_ERROR, "tls.read", "file=%s code=%s", which, lk_reason(r.code)->name);
    lk_buf_free(into);
}

static lk_result take_client_ca(struct lk_front *f, const struct lk_frame *frame)
{
    take_file(frame->fd, &f->tls.client_ca, "client-ca");
    return LK_OK;
}

static lk_result take_chain(struct lk_front *f, const struct lk_frame *frame)
{
    take_file(frame->fd, &f->tls.chain, "certificate");
    return LK_OK;
}

static lk_result start_listening(struct lk_front *f)
{
    for (unsigned i = 0; i < f->n_listeners; i++)
        LK_TRY(lk_grpc_server_listen(f->server, LK_FD_FIRST + (int)i));
    f->listening = true;
    lk_front_link_write(f->control, LK_F_CTL_READY, 0, lk_bytes("", 0));
    lk_log(LK_LOG_INFO, "front.ready", "listeners=%u", f->n_listeners);
    return LK_OK;
}

static lk_result take_key(struct lk_front *f, const struct lk_frame *frame)
{
    struct lk_buf key = lk_buf(LK_TLS_FILE_MAX);
    take_file(frame->fd, &key, "key");
    lk_result r = lk_grpc_server_tls(f->server, lk_buf_bytes(&f->tls.chain), lk_buf_bytes(&key),
                                     f->tls.client_ca.len > 0 ? lk_buf_bytes(&f->tls.client_ca) : LK_BYTES_NONE);
    lk_buf_wipe(&key);
    lk_tls_files_forget(&f->tls);
    lk_log(lk_ok(r) ? LK_LOG_INFO : LK_LOG_ERROR, "tls.reload", "code=%s", lk_reason(r.code)->name);
    if (f->listening)
        return LK_OK;
    LK_TRY(r);
    return start_listening(f);
}

/* --- the supervisor: the end ---------------------------------------------------------------------------------------------- */

static void on_drained(void *arg)
{
    lk_log(LK_LOG_INFO, "front.drained", "exit=0");
    lk_front_exit(arg, 0);
}

static lk_result drain(struct lk_front *f, const struct lk_frame *frame)
{
    (void)frame;
    if (f->draining)
        return LK_OK;
    f->draining = true;
    lk_front_tell_health(f);
    lk_grpc_server_drain(f->server, on_drained, f);
    return LK_OK;
}

static const struct {
    uint16_t type;
    lk_result (*act)(struct lk_front *, const struct lk_frame *);
} controls[] = {
    {LK_F_CTL_WORKER, take_worker},         {LK_F_CTL_RETIRE, retire},         {LK_F_CTL_DRAIN, drain},
    {LK_F_CTL_RELOAD, take_chain},          {LK_F_CTL_RELOAD_KEY, take_key},   {LK_F_CTL_HEALTH, take_health},
    {LK_F_CTL_KEEPER_LINK, take_keeper},    {LK_F_CTL_ADMIN_LINK, take_admin}, {LK_F_CTL_WORKER_GONE, lose_worker},
    {LK_F_CTL_CLIENT_CA, take_client_ca},   {LK_F_CTL_CALLERS, take_callers},  {LK_F_CTL_LIMITS, take_limits},
    {LK_F_CTL_LOG, take_log},
};

lk_result lk_front_on_control(void *arg, const struct lk_frame *frame)
{
    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
        if (controls[i].type == frame->type)
            return controls[i].act(arg, frame);
    return LK_FAIL(FRAME_FORBIDDEN);
}
