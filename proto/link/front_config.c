/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/link/front_config.h"

struct lk_front_limits lk_front_limits_default(void)
{
    return (struct lk_front_limits){
        .connections = 1024,
        .streams = 32,
        .body_memory = 256u << 20,
        .request_rate = 50,
        .request_burst = 200,
        .minimum_rate = 1024,
        .queue = 1024,
        .worker_requests = 10000,
        .deadline_ms = 30000,
        .connection_age_ms = 30 * 60 * 1000,
        .drain_ms = 20000,
        .large_bundle = 64u << 10,
        .large_workers = 1,
    };
}

void lk_front_limits_put(struct lk_buf *out, const struct lk_front_limits *l)
{
    lk_put_u32le(out, l->connections);
    lk_put_u32le(out, l->streams);
    lk_put_u64le(out, l->body_memory);
    lk_put_u32le(out, l->request_rate);
    lk_put_u32le(out, l->request_burst);
    lk_put_u32le(out, l->minimum_rate);
    lk_put_u32le(out, l->queue);
    lk_put_u32le(out, l->worker_requests);
    lk_put_u32le(out, l->deadline_ms);
    lk_put_u32le(out, l->connection_age_ms);
    lk_put_u32le(out, l->drain_ms);
    lk_put_u32le(out, l->large_bundle);
    lk_put_u32le(out, l->large_workers);
}

lk_result lk_front_limits_get(struct lk_bytes payload, struct lk_front_limits *l)
{
    struct lk_cursor c = lk_cursor(payload);
    l->connections = lk_u32le(&c);
    l->streams = lk_u32le(&c);
    l->body_memory = lk_u64le(&c);
    l->request_rate = lk_u32le(&c);
    l->request_burst = lk_u32le(&c);
    l->minimum_rate = lk_u32le(&c);
    l->queue = lk_u32le(&c);
    l->worker_requests = lk_u32le(&c);
    l->deadline_ms = lk_u32le(&c);
    l->connection_age_ms = lk_u32le(&c);
    l->drain_ms = lk_u32le(&c);
    l->large_bundle = lk_u32le(&c);
    l->large_workers = lk_u32le(&c);
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)), FRAME_FORBIDDEN);
    bool all = l->connections && l->streams && l->body_memory && l->request_rate && l->request_burst &&
               l->minimum_rate && l->queue && l->deadline_ms && l->connection_age_ms && l->drain_ms &&
               l->large_bundle;
    LK_REQUIRE(all, FRAME_FORBIDDEN);
    return LK_OK;
}

void lk_front_caller_put(struct lk_buf *out, const struct lk_front_caller *c)
{
    lk_put(out, LK_BYTES(c->certificate));
    lk_put_u32le(out, c->roles);
}

lk_result lk_front_caller_get(struct lk_cursor *c, struct lk_front_caller *out)
{
    lk_copy(c, out->certificate, sizeof(out->certificate));
    out->roles = lk_u32le(c);
    LK_REQUIRE(lk_ok(lk_cursor_ok(c)), FRAME_FORBIDDEN);
    return LK_OK;
}
