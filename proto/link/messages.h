/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_LINK_MESSAGES_H
#define LK_LINK_MESSAGES_H
/*
 * Payloads of the small frames. Every decoder demands exact lengths and known
 * values and ends by asking that nothing is left; FRAME_FORBIDDEN otherwise.
 */
#include "proto/base/buffer.h"
#include "proto/base/cursor.h"

enum lk_role {           /* bits: what the caller's client certificate entitles it to; a front can only lose them */
    LK_ROLE_APPRAISE = 1,
    LK_ROLE_COLLATERAL = 2,
};

/*
 * The number of a request: the worker that it is given to, and how many that worker has had. So the keeper knows which
 * requests a worker may answer (its own, each once, in order), and no worker can answer another's.
 * LK_REQUEST_ADMIN stands in the worker's place on the admin link.
 */
#define LK_REQUEST_ADMIN UINT32_MAX
static inline uint64_t lk_request_number(uint32_t worker, uint32_t n)
{
    return (uint64_t)worker << 32 | n;
}
static inline uint32_t lk_request_worker(uint64_t request)
{
    return (uint32_t)(request >> 32);
}

/* REQ_*, ADMIN_*: u64 deadline, u32 roles, 32 bytes caller, then the message to the end. */
struct lk_msg_request {
    uint64_t deadline_mono_ms; /* absolute, CLOCK_MONOTONIC */
    uint32_t roles;
    uint8_t caller[32]; /* SHA-256 of the client certificate, zero without one */
    struct lk_bytes message; /* the gRPC message, as the client sent it */
};
void lk_msg_request_put(struct lk_buf *out, const struct lk_msg_request *m);
LK_MUST_USE lk_result lk_msg_request_get(struct lk_bytes payload, struct lk_msg_request *m);

/* ANSWER: u8 grpc status, u32 retry, sized message, sized details, sized body. */
struct lk_msg_answer {
    uint8_t grpc_status;
    uint32_t retry_ms;       /* 0: none; also inside details as RetryInfo */
    struct lk_bytes message; /* grpc-message, UTF-8, not percent-encoded */
    struct lk_bytes details; /* serialized google.rpc.Status for grpc-status-details-bin, or empty */
    struct lk_bytes body;    /* the reply message when the status is 0 */
};
void lk_msg_answer_put(struct lk_buf *out, const struct lk_msg_answer *m);
LK_MUST_USE lk_result lk_msg_answer_get(struct lk_bytes payload, struct lk_msg_answer *m);

/* WORKER_READY: u64 generation, 32 bytes SHA-256 of the snapshot that was loaded. */
struct lk_msg_ready {
    uint64_t generation;
    uint8_t snapshot[32];
};
void lk_msg_ready_put(struct lk_buf *out, const struct lk_msg_ready *m);
LK_MUST_USE lk_result lk_msg_ready_get(struct lk_bytes payload, struct lk_msg_ready *m);

/* CTL_WORKER: u32 worker, u64 generation, u8 class. */
enum lk_worker_class {
    LK_WORKER_USUAL,
    LK_WORKER_LARGE, /* for messages over the configuration's large-bundle, and no others */
    LK_WORKER_CLASSES
};
struct lk_msg_worker {
    uint32_t worker; /* unique in the supervisor's life */
    uint64_t generation;
    enum lk_worker_class cls;
};
void lk_msg_worker_put(struct lk_buf *out, const struct lk_msg_worker *m);
LK_MUST_USE lk_result lk_msg_worker_get(struct lk_bytes payload, struct lk_msg_worker *m);

/* CTL_SNAPSHOT: u64 generation, 32 bytes SHA-256, u64 length. The descriptor is a sealed memfd. */
struct lk_msg_snapshot {
    uint64_t generation;
    uint8_t digest[32];
    uint64_t length;
};
void lk_msg_snapshot_put(struct lk_buf *out, const struct lk_msg_snapshot *m);
LK_MUST_USE lk_result lk_msg_snapshot_get(struct lk_bytes payload, struct lk_msg_snapshot *m);

/* Payloads that are one number. */
void lk_msg_u32_put(struct lk_buf *out, uint32_t v);
LK_MUST_USE lk_result lk_msg_u32_get(struct lk_bytes payload, uint32_t *v);
void lk_msg_u64_put(struct lk_buf *out, uint64_t v);
LK_MUST_USE lk_result lk_msg_u64_get(struct lk_bytes payload, uint64_t *v);

/* CTL_HEALTH: u8 serving, then a line of text (as below, at most 480 bytes). */
void lk_msg_health_put(struct lk_buf *out, bool serving, const char *text);
LK_MUST_USE lk_result lk_msg_health_get(struct lk_bytes payload, bool *serving, char *text, size_t text_size);

/*
 * A number (u64) and a text of at most 480 bytes: CTL_GENERATION_DEAD (generation), CTL_FATAL (enum lk_link of the
 * link that the forbidden frame came on, and << 32 the worker), WORKER_FAILED (a reason code's index). A longer
 * text is cut; bytes outside printable ASCII become '?', and the decoder refuses them.
 */
void lk_msg_text_put(struct lk_buf *out, uint64_t v, const char *text);
LK_MUST_USE lk_result lk_msg_text_get(struct lk_bytes payload, uint64_t *v, char *text, size_t text_size);

#endif
