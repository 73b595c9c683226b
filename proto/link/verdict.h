/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_LINK_VERDICT_H
#define LK_LINK_VERDICT_H
/*
 * What a verifier may say to the keeper: a verdict, or a challenge. Both are fixed
 * layouts of bounded size; the keeper believes a verdict because of the descriptor
 * it arrived on, and still checks everything that it can know itself.
 */
#include "proto/base/report.h"
#include "proto/link/messages.h"
#include "proto/seal/recipient.h"
#include "proto/seal/ticket.h"

#define LK_VERDICT_SECRETS_MAX 16

enum lk_verdict_kind { LK_VERDICT_RELEASE = 1, LK_VERDICT_APPRAISE = 2, LK_VERDICT_MALFORMED = 3 };

struct lk_verdict_secret {
    char name[256];        /* placeholders expanded, NUL-terminated, checked with lk_secret_name_ok by the keeper */
    uint64_t version;      /* 0: newest */
    char policy[128];      /* "" when none covers it */
    uint64_t policy_revision;
    enum lk_class cls;
    enum lk_reason_code code;
    bool create;               /* the statement asks for it to be made if there is none */
};

struct lk_verdict {
    enum lk_verdict_kind kind; /* MALFORMED: the request did not parse; only report, time and deadline count */
    uint64_t deadline_mono_ms; /* copied from the request */
    uint8_t caller[32];
    uint32_t roles;
    int64_t time;              /* the verifier's wall clock, the evaluation time */
    struct lk_ticket ticket;   /* as the guest sent it; all its bytes */
    uint8_t s_hash[32];        /* SHA-256 of s (of nothing for plain) */
    bool demands_activation;   /* what the evidence demands */
    uint8_t demanded_context[32];
    uint8_t broker_id[32];     /* from the statement */
    uint8_t statement_hash[64];
    struct lk_recipient recipient; /* suite and public key as raw numbers; suite NONE for appraise */
    struct lk_verdict_secret secrets[LK_VERDICT_SECRETS_MAX];
    size_t n_secrets;
    struct lk_report report;
    uint64_t generation;       /* of the worker's snapshot */
    /* What is missing was not asked for by the ticket's older generation: unavailable, not refused (DESIGN 4). */
    bool stale_request;
};

/* Encodes into out (at most 48 KiB). */
void lk_verdict_put(struct lk_buf *out, const struct lk_verdict *v);
/* FRAME_FORBIDDEN for anything that is not canonical: then the worker is ended. */
LK_MUST_USE lk_result lk_verdict_get(struct lk_bytes payload, struct lk_verdict *v);

struct lk_challenge_frame {
    uint64_t deadline_mono_ms;
    uint8_t caller[32];
    /* A request that did not parse carries the report's first finding and nothing else. */
    enum lk_reason_code failed; /* LK_R_OK, or why there is no challenge */
    bool activated;
    uint8_t context[32];  /* SHA-256(EK name || AK name); zero for plain */
    uint8_t s_hash[32];
    uint64_t generation;
    struct lk_bytes credential_blob;  /* opaque to the keeper, at most 512 bytes; empty for plain */
    struct lk_bytes encrypted_secret; /* at most 1024 */
    struct lk_bytes evidence_request; /* packed EvidenceRequest, at most 8 KiB, opaque */
};
void lk_challenge_frame_put(struct lk_buf *out, const struct lk_challenge_frame *c);
/* The runs borrow from payload. */
LK_MUST_USE lk_result lk_challenge_frame_get(struct lk_bytes payload, struct lk_challenge_frame *c);

#endif
