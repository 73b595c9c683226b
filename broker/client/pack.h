/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLIENT_PACK_H
#define LK_CLIENT_PACK_H
#include <protobuf-c/protobuf-c.h>

#include "proto/base/buffer.h"

/* Appends the wire form of a message; the buffer fails when it does not fit. */
void lk_client_pack(struct lk_buf *out, const void *message);

/* Borrowed bytes as protobuf-c's type, for packing only. */
ProtobufCBinaryData lk_client_bin(struct lk_bytes b);

#endif
