/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_RELEASE_DECIDE_H
#define LK_RELEASE_DECIDE_H
/*
 * What the keeper decides about a verdict. It believes what the evidence said, because of the descriptor that the
 * verdict came on, and checks everything that it can know itself (DESIGN 1, 4): ticket, clock, broker, purpose,
 * activation, recipient, coverage by a current policy, KEK and suite, budget, deadline.
 */
#include "keystore/change/state.h"
#include "keystore/release/blob.h"
#include "keystore/release/budget.h"
#include "keystore/release/spent.h"
#include "proto/link/verdict.h"

#define LK_CLOCK_SKEW_MAX 5 /* seconds between a verifier's clock and the keeper's */

/* The keeper's facts of one moment. Everything is lent. */
struct lk_release_context {
    const struct lk_state *state;
    struct lk_store *store;
    struct lk_spent *spent;
    struct lk_budget *budget;
    const uint8_t *start_id;      /* 16 */
    const uint8_t *challenge_key; /* 32, secret */
    const uint8_t *broker_id;     /* 32 */
    uint64_t generation;          /* in force */
    uint64_t covered;             /* entries of the list that the head in the token covers */
    /* Whether the secret of this name is being made right now. NULL: none is. */
    bool (*being_made)(const void *arg, struct lk_bytes name);
    const void *being_made_arg;
    int64_t now;                  /* wall clock, seconds */
    uint64_t mono_ms;
};

struct lk_ruling_secret {
    struct lk_bytes name; /* of the verdict */
    uint64_t version;     /* that is released; what was asked for otherwise */
    lk_result result;     /* OK: granted */
    enum lk_reason_code told; /* what the guest learns: REFUSED stands for what it must not tell apart */
    bool explain;         /* its policy lets the guest know the rule */
    enum lk_kek kek;
    struct lk_buf blob;   /* granted: the wrapped secret; empty while it is to be made */
    uint64_t count;       /* granted: releases of that secret today */
    const struct lk_object *policy; /* granted: that covers it; its rules are the moment's */
    bool make;            /* granted: it is to be made first, as its policy says */
    uint64_t make_count;  /* secrets that its policy made today, with this one; 0: it is being made already, or the
                             count is somebody else's to give back */
    bool created;         /* it was made for this request */
};

struct lk_ruling {
    lk_result result;    /* OK when at least one secret is granted, or an appraisal is affirmed */
    enum lk_reason_code told;
    bool authentic;      /* by a ticket of ours and authentic evidence: belongs into the audit log, not among the noise */
    bool suspicious;     /* only a faulty or taken-over verifier says this */
    bool explain;        /* findings may leave: they are of the whole request, so every policy in it must say so */
    int64_t expiry;      /* of the ticket */
    size_t n;
    struct lk_ruling_secret secrets[LK_VERDICT_SECRETS_MAX];
    struct lk_use *use;  /* granted: the ticket, taken */
    struct lk_bytes repeat; /* the answer that this statement got before; lent until the table changes */
};

/*
 * Decides. Nothing but the tables in ctx changes: a refusal is counted, a grant takes the ticket and the budget.
 * The caller frees the ruling.
 */
void lk_release_decide(const struct lk_release_context *ctx, const struct lk_verdict *v, struct lk_ruling *out);
void lk_ruling_free(struct lk_ruling *r);

/* A grant that failed afterwards (the token, the store): budgets and ticket are given back. */
void lk_ruling_undo(const struct lk_release_context *ctx, struct lk_ruling *r);

/* Room that is set aside for one answer. */
#define LK_ANSWER_ROOM (96u << 10)

#endif
