/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLATERAL_PACE_H
#define LK_COLLATERAL_PACE_H
/* How long, how often, how soon again. All in milliseconds. */
#include <stdint.h>

struct lk_pace {
    uint32_t connect; /* to the end of the TLS handshake */
    uint32_t stall;   /* an answer that brings nothing; counted in whole seconds */
    uint32_t request; /* one request, redirects included */
    uint32_t total;   /* the whole run */
    uint32_t gap;     /* between two requests to one service */
    uint32_t backoff; /* before the second try; doubles from there */
    uint32_t tries;   /* of one thing, and of a service that cannot be reached */
};

#define LK_PACE_DEFAULT ((struct lk_pace){10000, 20000, 60000, 3600000, 1000, 10000, 6})
#define LK_PACE_BACKOFF_MAX 300000u

/*
 * The wait after so many failures in a row (1 is the first): doubling, at most LK_PACE_BACKOFF_MAX, of which the upper half
 * is chance, so that many clients do not come back together. random: any 32 bits.
 */
uint32_t lk_pace_backoff(const struct lk_pace *p, uint32_t failures, uint32_t random);

/* What a server's Retry-After of so many seconds means: not sooner, and up to a tenth later. */
uint64_t lk_pace_after(int64_t seconds, uint32_t random);

#endif
