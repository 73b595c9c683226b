/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_DETAILS_H
#define LK_GRPC_DETAILS_H
/*
 * A refusal, and its google.rpc.Status for grpc-status-details-bin: ErrorInfo {reason, domain "latchkey",
 * metadata class} and, where a retry helps, RetryInfo (DESIGN section 5; numbers as in proto/api/rpc.proto).
 */
#include "proto/base/buffer.h"
#include "proto/grpc/wire.h"

#define LK_GRPC_DOMAIN "latchkey"

struct lk_grpc_refusal {
    enum lk_grpc_status status;
    enum lk_reason_code reason; /* LK_R_OK: no ErrorInfo */
    uint32_t retry_ms;          /* 0: no RetryInfo */
    const char *message;        /* NULL: the reason's text */
};

/* The text that goes into grpc-message. */
const char *lk_grpc_refusal_text(const struct lk_grpc_refusal *r);

/* Writes the serialized Status; nothing when there is neither a reason nor a delay. */
void lk_grpc_refusal_details(struct lk_buf *out, const struct lk_grpc_refusal *r);

/* Between base and twice base, so that those who were sent away do not come back together. */
uint32_t lk_grpc_jitter(uint32_t base_ms);

#endif
