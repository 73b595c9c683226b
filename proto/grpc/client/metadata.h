/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_CLIENT_METADATA_H
#define LK_GRPC_CLIENT_METADATA_H
/* Texts of gRPC metadata that a client reads and writes (gRPC, PROTOCOL-HTTP2, "Requests" and "Responses"). */
#include "proto/base/buffer.h"

/*
 * grpc-message: percent-decoded; a broken escape stays as it is, as the specification asks, and control
 * characters become '?', so that a terminal can be shown it. Cut to out_size - 1 bytes.
 */
void lk_grpc_message_decode(struct lk_bytes text, char *out, size_t out_size);

/* A "-bin" value: base64, padded or not. False when it is neither, or holds anything else. */
bool lk_grpc_bin_decode(struct lk_bytes text, struct lk_buf *out);

/* grpc-timeout of at most 8 digits: milliseconds, or seconds when those do not fit. out at least 10 bytes. */
void lk_grpc_timeout_format(uint64_t ms, char out[static 10]);

/* A decimal status code 0..99; -1 otherwise. */
int lk_grpc_status_parse(struct lk_bytes text);

#endif
