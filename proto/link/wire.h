/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_LINK_WIRE_H
#define LK_LINK_WIRE_H
/* What the blocking and the event-loop form share: one header, one sendmsg, one recvmsg. */
#include "proto/link/frame.h"

struct lk_frame_head {
    uint32_t len;
    uint16_t type;
    uint64_t request;
};

void lk_frame_head_put(const struct lk_frame_head *h, uint8_t out[static LK_FRAME_HEADER]);
/* FRAME_FORBIDDEN when the reserved field is set or the link's table does not permit type and length. */
LK_MUST_USE lk_result lk_frame_head_get(const uint8_t in[static LK_FRAME_HEADER], enum lk_link link,
                                        struct lk_frame_head *h);

/*
 * One recvmsg of at most n bytes. *fd is set to the descriptor that came with them, or left alone;
 * one that the link does not take, or a second, is FRAME_FORBIDDEN. *got is 0 when it would block.
 * FRAME_CLOSED at end of file, IO.
 */
LK_MUST_USE lk_result lk_wire_recv(int sock, bool takes_fd, uint8_t *at, size_t n, size_t *got, int *fd);

/* One sendmsg of two runs, with a descriptor when fd is not -1. *sent is 0 when it would block. FRAME_CLOSED, IO. */
LK_MUST_USE lk_result lk_wire_send(int sock, struct lk_bytes a, struct lk_bytes b, int fd, size_t *sent);

#endif
