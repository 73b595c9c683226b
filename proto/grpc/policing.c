/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/policing.h"

bool lk_grpc_policing_ping(struct lk_grpc_policing *p, const struct lk_grpc_limits *l, uint64_t now_ms)
{
    bool soon = p->last_ping_ms != 0 && now_ms - p->last_ping_ms < l->ping_interval_ms;
    p->last_ping_ms = now_ms;
    if (soon)
        p->strikes++;
    return p->strikes <= l->ping_strikes;
}

void lk_grpc_policing_sent(struct lk_grpc_policing *p)
{
    p->last_ping_ms = 0;
    p->strikes = 0;
}

bool lk_grpc_policing_reset(struct lk_grpc_policing *p, const struct lk_grpc_limits *l, uint64_t now_ms)
{
    return lk_grpc_bucket_take(&p->resets, l->reset_rate, l->reset_burst, now_ms);
}
