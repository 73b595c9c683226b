/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_LINK_FRAME_H
#define LK_LINK_FRAME_H
/*
 * Frames between our processes, over stream socket pairs:
 *
 *   u32le payload length | u16le type | u16le 0 | u64le request | payload
 *
 * Each end of each link has a permit table (link/permits.h): the types that it may receive, with the
 * largest payload of each. Anything else is fatal for the sender: the receiver closes the link, and the
 * supervisor ends the sender's process.
 */
#include "proto/base/bytes.h"
#include "proto/base/limits.h"
#include "proto/base/result.h"

#define LK_FRAME_HEADER 16

enum lk_frame_type {
#define LK_FRAME(id, number, max) LK_F_##id = (number),
#include "proto/link/frames.def"
#undef LK_FRAME
};

struct lk_frame {
    uint16_t type;
    uint64_t request; /* chosen by the front: lk_request_number (messages.h); 0 when there is none */
    struct lk_bytes payload;
    int fd; /* a descriptor that came along (control links only), or -1; the receiver owns it */
};

enum lk_link {
    LK_LINK_FRONT_WORKER,    /* front -> worker: requests */
    LK_LINK_WORKER_KEEPER,   /* worker -> keeper: READY, then verdicts and challenges */
    LK_LINK_KEEPER_FRONT,    /* keeper -> front: answers */
    LK_LINK_FRONT_ADMIN,     /* front -> keeper: signed envelopes */
    LK_LINK_ADMIN_FRONT,     /* keeper -> front, same socket: their answers */
    LK_LINK_KEEPER_TOKEN,    /* keeper -> token: calls */
    LK_LINK_TOKEN_KEEPER,    /* token -> keeper: results */
    LK_LINK_SUPER_FRONT,     /* control, one direction each */
    LK_LINK_FRONT_SUPER,
    LK_LINK_SUPER_KEEPER,
    LK_LINK_KEEPER_SUPER,
    LK_LINK_COUNT
};

/* True when the type may arrive on the link with that payload length. */
bool lk_link_permits(enum lk_link link, uint16_t type, size_t payload_len);

/*
 * Blocking, for workers and tools. recv waits for a whole frame; the payload points into buf, which must hold
 * the largest permitted one. FRAME_FORBIDDEN, FRAME_CLOSED (end of file before a header), IO.
 */
LK_MUST_USE lk_result lk_frame_recv(int fd, enum lk_link link, uint8_t *buf, size_t buf_size, struct lk_frame *out);
LK_MUST_USE lk_result lk_frame_send(int fd, uint16_t type, uint64_t request, struct lk_bytes payload);
/* With a descriptor (SCM_RIGHTS); control links. */
LK_MUST_USE lk_result lk_frame_send_fd(int fd, uint16_t type, uint64_t request, struct lk_bytes payload, int pass);

/*
 * For event loops: a link that owns its non-blocking socket, reads whole frames and queues writes.
 * lk_chan_read reads what is there and calls on_frame for each whole, permitted frame, until it would block;
 * the payload is valid during the call. lk_chan_write queues and sends what fits; lk_chan_flush sends
 * more when the socket is writable; lk_chan_pending tells how many bytes wait.
 * Errors: FRAME_FORBIDDEN, FRAME_CLOSED, IO; after one the channel is dead.
 */
struct lk_chan;
typedef lk_result (*lk_chan_fn)(void *arg, const struct lk_frame *frame);

struct lk_chan *lk_chan_new(int fd, enum lk_link incoming);
void lk_chan_free(struct lk_chan *c); /* closes the socket */
int lk_chan_fd(const struct lk_chan *c);
LK_MUST_USE lk_result lk_chan_read(struct lk_chan *c, lk_chan_fn on_frame, void *arg);
LK_MUST_USE lk_result lk_chan_write(struct lk_chan *c, uint16_t type, uint64_t request, struct lk_bytes payload);
/* As write; the descriptor is duplicated and sent with the frame. */
LK_MUST_USE lk_result lk_chan_write_fd(struct lk_chan *c, uint16_t type, uint64_t request, struct lk_bytes payload,
                                       int pass);
LK_MUST_USE lk_result lk_chan_flush(struct lk_chan *c);
size_t lk_chan_pending(const struct lk_chan *c);

#endif
