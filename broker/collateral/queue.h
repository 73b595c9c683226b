/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLATERAL_QUEUE_H
#define LK_COLLATERAL_QUEUE_H
/*
 * Everything that is wanted, asked for in one run. Each service has a lane of its own with one request under way, so that one
 * that hangs or throttles does not hold up the other. What one answer serves is asked once.
 */
#include "broker/collateral/transfer.h"

struct lk_queue_item {
    struct lk_want want;
    lk_result result;    /* of the last try; once settled, of the item */
    bool settled;
    long status;         /* of HTTP, last; 0: none */
    size_t url;          /* which of want.url is asked */
    uint32_t tries;      /* of that URL */
    uint64_t not_before; /* lk_clock_mono_ms */
    char detail[160];
};

struct lk_queue_calls {
    void *context;
    /* Keeps an answer of an item; its result is the item's. bytes are what lk_answer_* made of the answer. */
    lk_result (*keep)(void *context, struct lk_queue_item *item, struct lk_bytes bytes);
    /* An item is settled. */
    void (*settled)(void *context, const struct lk_queue_item *item);
    /* An item is tried again later; or a whole service pauses (item is the one that it told so). */
    void (*again)(void *context, const struct lk_queue_item *item, bool pause, uint64_t wait_ms);
};

struct lk_queue {
    struct lk_queue_item *items;
    size_t n;
    struct lk_pace pace;
    const char *ca[LK_VENDORS]; /* NULL: the system's */
    struct lk_queue_calls calls;
    bool answered;              /* set when any service gave an answer of HTTP */
};

/*
 * Runs until every item is settled, at most pace.total; items that are settled before are left alone. What failed stands in the
 * items. MEMORY, INTERNAL: only when libcurl does not work.
 */
LK_MUST_USE lk_result lk_queue_run(struct lk_queue *q);

#endif
