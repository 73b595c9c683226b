/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLIENT_FAILURE_H
#define LK_CLIENT_FAILURE_H
/*
 * What a gRPC status other than OK means to a client of Latchkey: the class in google.rpc.ErrorInfo counts, the
 * status only when there is none (docs/protocol.md, "Errors").
 */
#include "proto/base/arena.h"
#include "proto/grpc/client/client.h"

struct lk_failure {
    enum lk_class cls;
    char code[64];        /* reason code, "" when none came; printable ASCII */
    char item[32];
    char decision_id[64]; /* "" when nothing was decided */
    const char *message;  /* grpc-message, borrowed from the reply */
    bool has_retry;
    uint64_t retry_ms;    /* RetryInfo, at most a day */
    struct lk_bytes signed_answer; /* serialized SignedAnswer, borrowed from the arena; absent when none came */
};

/* Never fails: details that do not parse count as none. reply->status is not 0. */
void lk_failure_read(const struct lk_grpc_reply *reply, struct lk_arena *arena, struct lk_failure *out);

#endif
