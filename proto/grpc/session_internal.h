/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_SESSION_INTERNAL_H
#define LK_GRPC_SESSION_INTERNAL_H
/* What session.c (the connection), call.c (one stream's life) and reply.c (what is sent) share. Nobody else includes this. */
#include "proto/grpc/head.h"
#include "proto/grpc/inbox.h"
#include "proto/grpc/policing.h"
#include "proto/grpc/session.h"

#include <nghttp2/nghttp2.h>

#define LK_GRPC_METADATA_MAX 8

struct lk_grpc_metadata {
    struct lk_buf bytes; /* names and values, back to back */
    struct {
        size_t at, name_len, value_len;
    } pairs[LK_GRPC_METADATA_MAX];
    size_t n;
};

struct lk_grpc_call {
    struct lk_grpc_session *session;
    struct lk_grpc_call *next, *prev;
    int32_t id;
    const struct lk_grpc_method *method; /* NULL until the headers are judged */
    struct lk_grpc_head head;
    uint64_t began_ms, deadline_ms;
    uint64_t finished_ms; /* 0: not finished, or its reset is on its way */

    struct lk_grpc_inbox inbox;
    uint64_t reserved;  /* body memory */
    uint64_t reserved_large; /* what of it counts as a large message's */
    uint64_t received;  /* bytes of DATA */
    uint64_t active_ms; /* of the last message, for BIDI */
    size_t messages;
    bool half_closed;   /* the client sent END_STREAM */

    struct lk_buf outbox;
    size_t outbox_pos;
    bool delivered;  /* the handler has it */
    bool responding; /* response headers are submitted */
    bool finished;   /* the handler has let go, or never had it */
    bool ended;      /* END_STREAM was sent */
    struct lk_grpc_metadata initial, trailing;
    struct lk_buf kept; /* request headers, "name\0value\0" each, when env->keep_headers */
    enum lk_grpc_status status;
    struct lk_buf status_message, status_details; /* as they go on the wire */
    void *tag;
};

struct lk_grpc_session {
    nghttp2_session *h2;
    struct lk_grpc_env *env;
    struct lk_grpc_peer peer;
    void (*wake)(void *);
    void *wake_arg;
    struct lk_grpc_call *calls;
    size_t n_calls;
    struct lk_grpc_policing policing;
    uint64_t reserved; /* body memory of all calls */
    uint64_t began_ms, idle_since_ms, age_ms;
    uint64_t headers_since_ms; /* a header block has begun and not ended; 0: none */
    uint64_t drain_since_ms;   /* 0: not draining */
    bool preface;              /* the client's SETTINGS came */
    bool goaway;               /* the final GOAWAY is submitted */
    const char *verdict;
};

/* call.c */
struct lk_grpc_call *lk_grpc_call_new(struct lk_grpc_session *s, int32_t id);
void lk_grpc_call_drop(struct lk_grpc_call *c); /* on_gone if due; frees */
void lk_grpc_call_begin(struct lk_grpc_call *c);                      /* the headers are whole */
void lk_grpc_call_data(struct lk_grpc_call *c, struct lk_bytes data); /* a piece of DATA */
void lk_grpc_call_end(struct lk_grpc_call *c);                        /* END_STREAM */
void lk_grpc_call_tick(struct lk_grpc_call *c, uint64_t now);
uint64_t lk_grpc_call_next(const struct lk_grpc_call *c);
/* Takes the call from its handler (on_gone) and refuses it. */
void lk_grpc_call_abort(struct lk_grpc_call *c, const struct lk_grpc_refusal *r);

/* reply.c */
void lk_grpc_reply_http(struct lk_grpc_call *c, unsigned http_status);
void lk_grpc_reply_start(struct lk_grpc_call *c);
void lk_grpc_reply_status(struct lk_grpc_call *c); /* trailers only, or wakes the data source to end with trailers */

#endif
