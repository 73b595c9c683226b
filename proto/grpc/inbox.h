/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_INBOX_H
#define LK_GRPC_INBOX_H
/*
 * Messages out of the bytes of DATA frames, whose limits mean nothing ("Length-Prefixed-Message"):
 * u8 compressed flag, u32 big-endian length, bytes. The owner decides at the prefix whether it has room:
 *
 *     while (in.len > 0 || ...)
 *         switch (lk_grpc_inbox_feed(&box, &in)) {
 *         case LK_GRPC_INBOX_MORE:    return;                              all of in is used
 *         case LK_GRPC_INBOX_PREFIX:  check box.length and box.flag; lk_grpc_inbox_admit(&box) or give up
 *         case LK_GRPC_INBOX_MESSAGE: use lk_grpc_inbox_message(&box); lk_grpc_inbox_next(&box)
 *         }
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#define LK_GRPC_PREFIX 5

struct lk_grpc_inbox {
    uint8_t prefix[LK_GRPC_PREFIX];
    uint8_t flag;      /* 0, or 1: compressed; anything else is the sender's fault */
    uint32_t length;   /* of the message, valid from PREFIX on */
    uint32_t have;     /* bytes of the message so far */
    size_t prefix_len; /* bytes of the prefix so far */
    uint8_t *data;     /* owned; NULL until admitted */
    bool admitted;
};

enum lk_grpc_inbox_step { LK_GRPC_INBOX_MORE, LK_GRPC_INBOX_PREFIX, LK_GRPC_INBOX_MESSAGE };

/* A zeroed inbox is empty. Takes bytes from the front of *in up to the next step; at a step that was not dealt with it takes nothing. */
enum lk_grpc_inbox_step lk_grpc_inbox_feed(struct lk_grpc_inbox *b, struct lk_bytes *in);

/* Makes room for the whole message. MEMORY. */
LK_MUST_USE lk_result lk_grpc_inbox_admit(struct lk_grpc_inbox *b);

/* The whole message, at MESSAGE; borrowed until lk_grpc_inbox_next. Present (not NULL) even when empty. */
struct lk_bytes lk_grpc_inbox_message(const struct lk_grpc_inbox *b);

/* Wipes and frees the message; the inbox is empty again. Safe at any time and twice. */
void lk_grpc_inbox_next(struct lk_grpc_inbox *b);

/* Nothing has begun: the only state in which a stream may end. */
bool lk_grpc_inbox_empty(const struct lk_grpc_inbox *b);

/* Writes a prefix for a message of that length, not compressed. */
void lk_grpc_prefix(uint8_t out[static LK_GRPC_PREFIX], uint32_t length);

#endif
