/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_PB_H
#define LK_GRPC_PB_H
/*
 * Protobuf fields, one by one, without allocation: for the few bytes of health and reflection that a front
 * must read itself, and for google.rpc.Status. Source: protobuf.dev, "Encoding".
 */
#include "proto/base/buffer.h"
#include "proto/base/cursor.h"

enum lk_pb_wire { LK_PB_VARINT = 0, LK_PB_FIXED64 = 1, LK_PB_BYTES = 2, LK_PB_FIXED32 = 5 };

struct lk_pb_field {
    uint32_t number;
    enum lk_pb_wire wire;
    uint64_t value;        /* VARINT, FIXED64, FIXED32 */
    struct lk_bytes bytes; /* BYTES; borrowed */
};

/* The next field. False at the end, and when the bytes are none (groups too): ask lk_cursor_end then. */
bool lk_pb_next(struct lk_cursor *c, struct lk_pb_field *f);

/* The first occurrence of a BYTES field of that number; absent when there is none. */
struct lk_bytes lk_pb_find(struct lk_bytes message, uint32_t number);

void lk_pb_put_uint(struct lk_buf *out, uint32_t number, uint64_t v);
void lk_pb_put_bytes(struct lk_buf *out, uint32_t number, struct lk_bytes v);
void lk_pb_put_str(struct lk_buf *out, uint32_t number, const char *v);

#endif
