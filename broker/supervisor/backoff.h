/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SUPERVISOR_BACKOFF_H
#define LK_SUPERVISOR_BACKOFF_H
/*
 * How long to wait before a process that died is started again: 100 ms, doubled for each death that
 * follows, up to `most`; one that lived for a minute begins anew.
 */
#include <stdint.h>

#define LK_BACKOFF_FIRST_MS 100u
#define LK_BACKOFF_CALM_MS 60000u

struct lk_backoff {
    unsigned deaths;
    uint32_t most_ms;
};

/* The wait after a death of a process that lived for lived_ms. */
static inline uint32_t lk_backoff_next(struct lk_backoff *b, uint64_t lived_ms)
{
    if (lived_ms >= LK_BACKOFF_CALM_MS)
        b->deaths = 0;
    unsigned shift = b->deaths < 16 ? b->deaths++ : 16;
    uint32_t wait = LK_BACKOFF_FIRST_MS << shift;
    return wait < b->most_ms ? wait : b->most_ms;
}

#endif
