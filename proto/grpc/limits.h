/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_LIMITS_H
#define LK_GRPC_LIMITS_H
/* All limits of a gRPC server. The library has none of its own beyond these. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lk_grpc_limits {
    uint32_t connections;            /* at a time */
    uint32_t streams;                /* at a time and connection: SETTINGS_MAX_CONCURRENT_STREAMS */
    uint32_t header_list;            /* name + value + 32 bytes for each header of a request (RFC 9113, 6.5.2) */
    uint64_t body_memory;            /* bytes of admitted request messages, all connections together */
    uint64_t body_memory_connection; /* the same for one connection */
    uint64_t body_memory_large;      /* the same for all messages over large_message bytes: the rest stays for smaller ones */
    uint32_t large_message;
    uint32_t request_rate;           /* tokens per second of a source prefix or client certificate; a request and a */
    uint32_t request_burst;          /* connection cost one each; most tokens that gather */
    uint32_t minimum_rate;           /* bytes per second of a request body, after grace_ms */
    uint32_t grace_ms;               /* for the first bytes of a body, and a header block in several frames */
    uint32_t deadline_ms;            /* of a unary request that names none, and the longest that is granted */
    uint32_t handshake_ms;           /* from accept to the client's HTTP/2 preface */
    uint32_t idle_ms;                /* without a stream; and for a stream of many requests, without a request */
    uint32_t write_stall_ms;         /* output waits and the client takes none of it */
    uint32_t connection_age_ms;      /* then the connection drains; jitter of 10 % */
    uint32_t drain_ms;               /* for streams to end while draining */
    uint32_t ping_interval_ms;       /* shortest between PINGs (gRPC proposal A8) */
    uint32_t ping_strikes;           /* PINGs that may come too soon */
    uint32_t reset_rate;             /* streams per second that may end by RST_STREAM, of either side */
    uint32_t reset_burst;
    uint32_t output;                 /* bytes of replies that may wait in one stream */
    uint32_t retry_ms;               /* RetryInfo of an overload: between once and twice this */
};

/* The defaults, which docs/front.md explains. */
struct lk_grpc_limits lk_grpc_limits_default(void);

#endif
