/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_DELIVER_H
#define LK_FETCH_DELIVER_H
/* What has gone where in one run of latchkey-fetch: a secret that arrived is not delivered again by a later attempt. */
#include "broker/guest/fetch/options.h"
#include "broker/guest/fetch/volumes.h"

struct lk_delivery {
    const struct lk_fetch_options *o;
    bool done[LK_FETCH_SECRETS_MAX];
    struct lk_volumes *volumes;
};

/* Listens for the crypttab volumes among the targets. MEMORY, OUTPUT. lk_delivery_end in any case. */
LK_MUST_USE lk_result lk_delivery_begin(const struct lk_fetch_options *o, struct lk_delivery *d);
void lk_delivery_end(struct lk_delivery *d);

/* The secret with that index, to its target. OUTPUT, MEMORY, and those of luks.h. */
LK_MUST_USE lk_result lk_deliver(struct lk_delivery *d, size_t secret, struct lk_bytes key);

#endif
