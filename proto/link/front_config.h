/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_LINK_FRONT_CONFIG_H
#define LK_LINK_FRONT_CONFIG_H
/* What the supervisor tells the front of the configuration file: CTL_LIMITS and CTL_CALLERS. */
#include "proto/base/buffer.h"
#include "proto/base/cursor.h"

/* CTL_LIMITS: the members in this order, u32le each but body_memory (u64le). */
struct lk_front_limits {
    uint32_t connections;     /* at a time */
    uint32_t streams;         /* at a time and connection */
    uint64_t body_memory;     /* bytes of request messages held for all clients together */
    uint32_t request_rate;    /* per second, for each source prefix or client certificate */
    uint32_t request_burst;
    uint32_t minimum_rate;    /* bytes per second that a request body must arrive at */
    uint32_t queue;           /* requests that wait for a worker */
    uint32_t worker_requests; /* after so many a worker is replaced; 0: never */
    uint32_t deadline_ms;     /* of a request that names none; also the longest that is granted */
    uint32_t connection_age_ms; /* after about so long a connection is told to go away */
    uint32_t drain_ms;        /* how long CTL_DRAIN waits for clients */
    uint32_t large_bundle;    /* a longer message goes to workers of the large class */
    uint32_t large_workers;   /* how many there are meant to be; 0: longer messages are refused */
};

/* 1024, 32, 256 MiB, 50, 200, 1 KiB, 1024, 10000, 30 s, 30 min, 20 s, 64 KiB, 1. */
struct lk_front_limits lk_front_limits_default(void);
void lk_front_limits_put(struct lk_buf *out, const struct lk_front_limits *l);
/* FRAME_FORBIDDEN when bytes are missing or left, or a member other than worker_requests and large_workers is 0. */
LK_MUST_USE lk_result lk_front_limits_get(struct lk_bytes payload, struct lk_front_limits *l);

/* CTL_CALLERS: any number of entries, at most LK_CALLERS_MAX. */
#define LK_CALLERS_MAX 1024
struct lk_front_caller {
    uint8_t certificate[32]; /* SHA-256 of its DER */
    uint32_t roles;          /* enum lk_role */
};
void lk_front_caller_put(struct lk_buf *out, const struct lk_front_caller *c);
/* Reads the next entry. FRAME_FORBIDDEN. Call while lk_left(c) is not 0. */
LK_MUST_USE lk_result lk_front_caller_get(struct lk_cursor *c, struct lk_front_caller *out);

#endif
