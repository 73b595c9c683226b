/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_CLIENT_CLIENT_H
#define LK_GRPC_CLIENT_CLIENT_H
/*
 * Unary gRPC calls over one HTTP/2 connection, blocking, each with a deadline: what
 * latchkey and latchkey-fetch speak to a broker. Any gRPC server will do. Reads no
 * protobuf: messages go in and come out as bytes. One thread.
 */
#include "proto/base/buffer.h"
#include "proto/grpc/client/conn.h"

#define LK_GRPC_REPLY_MAX (4u << 20)  /* a reply's message */
#define LK_GRPC_DETAILS_MAX (64u << 10) /* grpc-status-details-bin, decoded */

struct lk_grpc_client;

struct lk_grpc_reply {
    int status;            /* gRPC status code; 0: OK */
    char message[512];     /* grpc-message, decoded, printable */
    struct lk_buf body;    /* the reply's message; empty unless status is 0 */
    struct lk_buf details; /* a serialized google.rpc.Status, or empty */
};
void lk_grpc_reply_free(struct lk_grpc_reply *r); /* wipes the body; safe on a zeroed struct */
#define LK_GRPC_REPLY_AUTO __attribute__((cleanup(lk_grpc_reply_free))) struct lk_grpc_reply

/* Errors as lk_conn_open, and MEMORY. dial->address is borrowed until close. The caller closes *out. */
LK_MUST_USE lk_result lk_grpc_open(const struct lk_dial *dial, uint64_t deadline_mono_ms, struct lk_grpc_client **out);
void lk_grpc_close(struct lk_grpc_client *c); /* NULL is fine */

/*
 * One call of method ("/latchkey.v1.KeyRelease/Release"). OK when the server answered with a gRPC status,
 * whatever it is: see reply->status. Else no answer came: BROKER_UNREACHABLE (closed, stream refused or reset),
 * BROKER_TIMEOUT, BROKER_PROTOCOL (not gRPC, two messages, a broken length, compression), TOO_LARGE, MEMORY.
 * After an error the connection is of no more use. The caller frees the reply in either case.
 */
LK_MUST_USE lk_result lk_grpc_call(struct lk_grpc_client *c, const char *method, struct lk_bytes request,
                                   uint64_t deadline_mono_ms, struct lk_grpc_reply *reply);

#endif
