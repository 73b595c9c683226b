/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_POLICING_H
#define LK_GRPC_POLICING_H
/* What a connection may do too often: PINGs (gRPC proposal A8) and streams that end by a reset. */
#include "proto/grpc/bucket.h"
#include "proto/grpc/limits.h"

struct lk_grpc_policing {
    uint64_t last_ping_ms; /* 0: none since HEADERS or DATA were sent */
    uint32_t strikes;
    struct lk_grpc_bucket resets;
};

/* A PING arrived: false when the connection must end (ENHANCE_YOUR_CALM, "too_many_pings"). */
bool lk_grpc_policing_ping(struct lk_grpc_policing *p, const struct lk_grpc_limits *l, uint64_t now_ms);

/* HEADERS or DATA were sent: the strikes are forgiven (A8, "server enforcement"). */
void lk_grpc_policing_sent(struct lk_grpc_policing *p);

/*
 * A stream ended by RST_STREAM of the client (rapid reset, CVE-2023-44487) or of ours for what the client did
 * (MadeYouReset, CVE-2025-8671): false when the connection must end.
 */
bool lk_grpc_policing_reset(struct lk_grpc_policing *p, const struct lk_grpc_limits *l, uint64_t now_ms);

#endif
