/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_KEEPER_PORT_H
#define LK_KEEPER_PORT_H
/*
 * One link in the event loop: a channel and its events. A port tells its end once, through on_end, and is then
 * silent; whoever opened it closes it.
 */
#include "proto/link/frame.h"

#include <event2/event.h>

struct lk_port;

/* A failure of on_frame (FRAME_FORBIDDEN) ends the port as a forbidden frame does. */
typedef lk_result (*lk_port_frame_fn)(void *arg, const struct lk_frame *f);
/* FRAME_CLOSED, FRAME_FORBIDDEN, IO. The port may be closed here. */
typedef void (*lk_port_end_fn)(void *arg, lk_result why);

/* Takes the descriptor. NULL without memory (and the descriptor is closed). */
struct lk_port *lk_port_open(struct event_base *base, int fd, enum lk_link incoming, lk_port_frame_fn on_frame,
                             lk_port_end_fn on_end, void *arg);
/* Safe on NULL, and inside on_end; never inside on_frame. */
void lk_port_close(struct lk_port *p);

/* Queues and sends; a failure shows as the port's end. Nothing happens on NULL. */
void lk_port_send(struct lk_port *p, uint16_t type, uint64_t request, struct lk_bytes payload);
void lk_port_send_fd(struct lk_port *p, uint16_t type, uint64_t request, struct lk_bytes payload, int pass);
/* Bytes that wait to be sent. */
size_t lk_port_pending(const struct lk_port *p);
/* Reads what is there now, outside the loop's order. */
void lk_port_drain(struct lk_port *p);

#endif
