/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_CALL_H
#define LK_GRPC_CALL_H
/*
 * Methods and calls: what a handler sees. Handlers run inside the event loop and must not block; they answer at
 * once or later, from anywhere in that loop. A call is good until the handler finishes it or on_gone was called.
 */
#include "proto/grpc/details.h"

struct lk_grpc_call;

enum lk_grpc_kind {
    LK_GRPC_UNARY,         /* one message, whole and alone, then one reply */
    LK_GRPC_SERVER_STREAM, /* one message, then any number of replies */
    LK_GRPC_BIDI,          /* any number of both; each message as it comes */
};

struct lk_grpc_method {
    const char *path; /* "/package.Service/Method"; lives as long as the server */
    enum lk_grpc_kind kind;
    uint32_t max_message; /* bytes; a larger one is refused at its prefix with RESOURCE_EXHAUSTED */
    const char *too_large; /* what that refusal says; NULL: the usual words */
    /* At the headers, before any byte of a message: it may refuse the call. NULL: all may begin. */
    void (*on_begin)(void *arg, struct lk_grpc_call *call);
    /* The message is borrowed: for UNARY and SERVER_STREAM until lk_grpc_call_release or the call's end, for BIDI during the call. */
    void (*on_message)(void *arg, struct lk_grpc_call *call, struct lk_bytes message);
    void (*on_half_close)(void *arg, struct lk_grpc_call *call); /* BIDI: the client sends no more. Else NULL */
    /* The client cancelled or left, or the deadline passed; the call is dead after this. NULL: nobody cares */
    void (*on_gone)(void *arg, struct lk_grpc_call *call);
    void *arg;
};

struct lk_grpc_peer {
    char address[64];           /* "192.0.2.1:1234", for the log */
    struct lk_bytes source_key; /* of its token bucket; borrowed from the connection */
    bool has_certificate;
    uint8_t certificate[32];    /* SHA-256 of the DER; zero without one */
};

const struct lk_grpc_peer *lk_grpc_call_peer(const struct lk_grpc_call *c);
/* The path that the client asked for: its method's. */
const char *lk_grpc_call_path(const struct lk_grpc_call *c);
/* Absolute, by the session's clock (CLOCK_MONOTONIC); UINT64_MAX when there is none (streams only). */
uint64_t lk_grpc_call_deadline(const struct lk_grpc_call *c);

/* Something of the handler's own, NULL at first. */
void lk_grpc_call_set_tag(struct lk_grpc_call *c, void *tag);
void *lk_grpc_call_tag(const struct lk_grpc_call *c);

/* The request message is not needed any more: wipes it and gives its room back. */
void lk_grpc_call_release(struct lk_grpc_call *c);

/* Custom metadata for the reply: initial is sent with the first message, trailing with the status. TOO_LARGE past 8 of each. */
LK_MUST_USE lk_result lk_grpc_call_metadata(struct lk_grpc_call *c, bool trailing, struct lk_bytes name, struct lk_bytes value);
/* Looks up a request header that is neither a pseudo-header nor gRPC's own, if the session keeps them (test servers). Absent otherwise. */
struct lk_bytes lk_grpc_call_header(const struct lk_grpc_call *c, const char *name);

/* Queues a reply message. TOO_LARGE when more than limits.output waits: the stream was reset and the call is dead, without on_gone. */
LK_MUST_USE lk_result lk_grpc_call_send(struct lk_grpc_call *c, struct lk_bytes message);

/* Ends the call after what was queued. message: UTF-8; details: serialized google.rpc.Status, or absent. */
void lk_grpc_call_finish(struct lk_grpc_call *c, enum lk_grpc_status status, struct lk_bytes message, struct lk_bytes details);

/* Ends it with a reply message and OK. */
void lk_grpc_call_reply(struct lk_grpc_call *c, struct lk_bytes message);

/* Ends it with a refusal and its details. */
void lk_grpc_call_refuse(struct lk_grpc_call *c, const struct lk_grpc_refusal *r);

#endif
