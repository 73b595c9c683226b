/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_HEAD_H
#define LK_GRPC_HEAD_H
/* The rules of a request's headers (PROTOCOL-HTTP2, "Requests"). */
#include "proto/grpc/details.h"
#include "proto/grpc/limits.h"

#define LK_GRPC_PATH_MAX 255

struct lk_grpc_head {
    char path[LK_GRPC_PATH_MAX + 1]; /* "/package.Service/Method"; "" when longer than any method's */
    uint64_t timeout_ms;             /* with has_timeout */
    size_t list_size;                /* RFC 9113, 6.5.2 */
    bool post, te_trailers, grpc_content, has_timeout, bad_timeout, other_encoding;
};

/* Takes the next header into account; names are lower case, as HTTP/2 demands. */
void lk_grpc_head_add(struct lk_grpc_head *h, struct lk_bytes name, struct lk_bytes value);

/*
 * Judges the whole. 0 and an all-zero refusal: go on. 415 or 405: answer with that HTTP status alone.
 * 0 and a status in *refusal: answer with trailers only.
 */
unsigned lk_grpc_head_judge(const struct lk_grpc_head *h, const struct lk_grpc_limits *l, struct lk_grpc_refusal *refusal);

#endif
