/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FRONT_LINK_H
#define LK_FRONT_LINK_H
/* A link to another process (proto/link/frame.h), watched by the event loop. */
#include "proto/link/frame.h"

struct event_base;
struct lk_front_link;

/*
 * Owns fd. on_frame may fail: then, as when the peer breaks the rules or leaves, on_dead is called once, from the
 * loop and never from inside a write; the link stays and is to be freed by its owner. NULL without memory; fd is closed then.
 */
struct lk_front_link *lk_front_link_new(struct event_base *base, int fd, enum lk_link incoming, lk_chan_fn on_frame,
                                        void (*on_dead)(void *arg, lk_result why), void *arg);
/* NULL is allowed. Safe inside on_dead, and inside on_frame if on_frame then fails. */
void lk_front_link_free(struct lk_front_link *l);

/* Queues a frame; a failure shows as on_dead later. */
void lk_front_link_write(struct lk_front_link *l, uint16_t type, uint64_t request, struct lk_bytes payload);

#endif
