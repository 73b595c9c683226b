/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_RELEASE_PACK_H
#define LK_RELEASE_PACK_H
/* Protobuf messages of ours into a bounded buffer. */
#include "proto/base/buffer.h"

#include <protobuf-c/protobuf-c.h>

/* Appends the packed message. TOO_LARGE. */
LK_MUST_USE lk_result lk_pack(struct lk_buf *out, const ProtobufCMessage *m);

/* A length-delimited field (of a number below 16) whose content is packed already. */
void lk_pack_field(struct lk_buf *out, unsigned number, struct lk_bytes content);

/* A borrowed run as protobuf-c wants it; the message must not outlive it. */
ProtobufCBinaryData lk_pack_bytes(struct lk_bytes b);

#endif
