/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/collateral/pace.h"

/* 0 to max, from 32 random bits. */
static uint64_t some_of(uint64_t max, uint32_t random)
{
    return max * random / UINT32_MAX;
}

uint32_t lk_pace_backoff(const struct lk_pace *p, uint32_t failures, uint32_t random)
{
    uint64_t wait = p->backoff;
    for (uint32_t i = 1; i < failures && wait < LK_PACE_BACKOFF_MAX; i++)
        wait *= 2;
    if (wait > LK_PACE_BACKOFF_MAX)
        wait = LK_PACE_BACKOFF_MAX;
    return (uint32_t)(wait / 2 + some_of(wait - wait / 2, random));
}

uint64_t lk_pace_after(int64_t seconds, uint32_t random)
{
    uint64_t wait = seconds <= 0 ? 0 : seconds > 86400 ? 86400000u : (uint64_t)seconds * 1000;
    return wait + some_of(wait / 10, random);
}
