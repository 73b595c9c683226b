/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_KEEPER_KEEPER_H
#define LK_KEEPER_KEEPER_H
/*
 * The keeper process: one thread for the event loop, one that writes. What the loop's parts share.
 *
 *   start.c       from an opened store to the first generation
 *   ring.c        control link, front, workers
 *   generation.c  snapshots and their workers
 *   tokens.c      calls of the token process
 *   serve.c       challenges and verdicts
 *   create.c      secrets that are made on first use
 *   admin.c       Hello, queries; change.c the changes
 *   append.c      the list of changes grows, by one entry at a time
 *   collateral.c  uploads of collateral, their list, and when it goes into a generation
 *   trail.c       noise, checkpoints, sweeping: what happens by the clock
 */
#include "keystore/audit/noise.h"
#include "keystore/change/check.h"
#include "keystore/collateral/missing.h"
#include "keystore/keeper/port.h"
#include "keystore/release/answer.h"
#include "keystore/release/decide.h"
#include "keystore/store/writer.h"
#include "proto/base/log.h"
#include "proto/link/permits.h"

#define LK_NONCES 1024
#define LK_GENERATION_DROPPED UINT64_MAX /* of a worker whose verdicts will never count */

struct lk_worker {
    struct lk_keeper *keeper;
    struct lk_port *port;
    uint32_t id;
    uint64_t generation;
    bool ready;
    uint64_t answered; /* the last request that it answered */
    bool lost;        /* its link has ended */
    uint64_t front;   /* the front that it works for: answers go to no other */
    size_t in_flight; /* its requests whose answer has not left */
    struct lk_worker *next;
};

struct lk_generation {
    uint64_t number;
    uint8_t digest[32];
    uint64_t collateral; /* uploads that its snapshot has, at least */
    char failure[512]; /* what a worker said when the snapshot did not load */
};

/*
 * An entry for the list of changes. Its owner keeps it where it is until the end is told: by written with a failure, or by
 * covered. All calls in the loop's thread but write.
 */
struct lk_append {
    /* Its turn: the owner fills record for an entry after `before`, and calls lk_append_write or _cancel, now or later. */
    void (*turn)(void *arg);
    lk_result (*write)(void *arg, struct lk_txn *t); /* writer's thread: what else the transaction holds */
    /* OK: it is on the disk and in the state. Else it never was: the end. */
    void (*written)(void *arg, lk_result r);
    /* The end: the token has a head that covers it, or could not be told (TOKEN_AWAY). */
    void (*covered)(void *arg, lk_result r);
    void *arg;
    struct lk_buf record;
    struct lk_head before;
    bool admin; /* may use the room past the watermark */
    /* append.c's own */
    struct lk_keeper *keeper;
    struct lk_job job;
    unsigned tries;
    struct lk_append *next;
};

struct lk_token_call_state;
struct lk_change_run;
struct lk_making;
struct lk_making_batch;

struct lk_keeper {
    struct event_base *base;
    /* settings */
    uint64_t max_size, challenge_lifetime, token_timeout_ms, verifiers;
    /* what is kept */
    struct lk_store *store;
    struct lk_store_header header;
    struct lk_writer *writer;
    struct event *written;
    struct lk_state *state;
    struct lk_spent *spent;
    struct lk_budget *budget;
    struct lk_noise *noise;
    /* this start's keys */
    struct lk_secret keys; /* challenge key, admission key: 32 bytes each */
    uint8_t start_id[16], broker_id[32];
    EVP_PKEY *answer_key;
    struct lk_buf answer_spki, certification, installation_key, import_key, import_certification;
    enum lk_suite import_suite, suites[4];
    /* links */
    struct lk_port *control, *front, *admin, *token;
    uint64_t fronts; /* how many there were: a request's number means something to its own front only */
    bool token_ready; /* TOKEN_READY was seen on this link */
    struct lk_token_call_state *calls, **last_call;
    uint64_t next_call;
    struct lk_worker *workers;
    /* generations */
    struct lk_generation active, pending; /* number 0: none */
    uint64_t last_generation;
    struct {
        uint64_t uploads;                        /* that put something, since the start */
        uint64_t last_upload, first_waiting;     /* monotonic, ms; first_waiting 0: none waits */
        uint64_t begun, not_before;              /* monotonic, ms: the last generation for uploads alone, and the next */
        struct lk_missing_table *missing;
    } collateral;
    uint64_t pending_since; /* monotonic, ms */
    struct lk_change_run *change; /* the one that is under way */
    struct lk_append *appends;    /* the first has its turn */
    struct lk_making *makings, **last_making;
    struct lk_making_batch *making_batch; /* those that are in the list's queue */
    size_t n_makings;
    /* nonces of queries that were answered, until they expire */
    struct {
        uint8_t value[32];
        uint64_t until; /* monotonic, ms; 0: free */
    } nonces[LK_NONCES];
    struct event *tick;
    uint64_t minute; /* of the last flush of noise */
    uint64_t checkpoint_size; /* records under the last checkpoint */
    size_t in_flight; /* requests whose answer has not left */
    struct lk_head token_head; /* the newest that the token said it has */
    bool head_asked;           /* a call that moves it on is under way */
    bool started, draining;
    char health[481]; /* what the supervisor said last, for administrators */
};

/* start.c */
/* Called with the first TOKEN_READY: unwraps the MAC key, folds the list, signs the answer key. Ends the process on failure. */
void lk_start_with_token(struct lk_keeper *k, const struct lk_token_info *info);
/* The token says that this is its head: it must be in the list, whose end the token is told if it is behind. */
void lk_start_sync_head(struct lk_keeper *k, const struct lk_head *token);
/* The same of the output of a CALL_HEAD, without telling it anything. Ends the process when it is not in the list. FRAME_FORBIDDEN. */
LK_MUST_USE lk_result lk_start_head_is(struct lk_keeper *k, struct lk_bytes output);
/* The writer has finished something; in main.c. */
void lk_keeper_written(evutil_socket_t fd, short what, void *keeper);
/* Logs the reason and ends the process. */
_Noreturn void lk_keeper_fail(lk_result why, const char *what);

/* init.c: `latchkey-keeper --init`. The process's exit code. */
int lk_keeper_init(void);

/* ring.c */
LK_MUST_USE lk_result lk_ring_open(struct lk_keeper *k, int control);
void lk_ring_fatal(struct lk_keeper *k, enum lk_link link, uint32_t worker, const char *text);
void lk_ring_drop_workers(struct lk_keeper *k, uint64_t below); /* of generations below: closes their links, tells the front */
/* To the front that the worker works for, if it is still there. */
void lk_ring_tell_front(struct lk_worker *w, uint16_t type, uint64_t request, struct lk_bytes payload);
/* An answer of the worker's request left: the last one of a lost worker sends WORKER_LOST and frees it. */
void lk_ring_worker_answered(struct lk_worker *w);
struct lk_signing lk_keeper_signing(const struct lk_keeper *k);

/* generation.c */
/* Writes a snapshot of the state, with the change over it if any, and asks for its workers. SNAPSHOT_INVALID, IO, CHANGE_BUSY. */
LK_MUST_USE lk_result lk_generation_begin(struct lk_keeper *k, const struct lk_change *change);
void lk_generation_worker_ready(struct lk_keeper *k);
void lk_generation_dead(struct lk_keeper *k, uint64_t number, const char *text);
/* The pending one is in force. revoke: the verdicts of older ones count no more. */
void lk_generation_activate(struct lk_keeper *k, bool revoke);
/* The pending one is never in force: its workers end. */
void lk_generation_drop(struct lk_keeper *k);

/* tokens.c */
typedef void (*lk_token_fn)(void *arg, lk_result r, struct lk_bytes output);
/* done is called once, perhaps before this returns: TOKEN_AWAY when there is no token or it does not answer in time. */
void lk_token_call(struct lk_keeper *k, uint16_t type, const struct lk_buf *payload, lk_token_fn done, void *arg);
void lk_token_sign(struct lk_keeper *k, enum lk_sign_domain domain, struct lk_bytes message, lk_token_fn done, void *arg);
void lk_token_attach(struct lk_keeper *k, int fd);
void lk_token_check_time(struct lk_keeper *k);

/* serve.c */
LK_MUST_USE lk_result lk_serve_challenge(struct lk_worker *w, const struct lk_frame *f);
LK_MUST_USE lk_result lk_serve_verdict(struct lk_worker *w, const struct lk_frame *f);

/* admin.c */
LK_MUST_USE lk_result lk_admin_frame(struct lk_keeper *k, const struct lk_frame *f);
void lk_admin_answer(struct lk_keeper *k, uint64_t request, struct lk_bytes body);
void lk_admin_refuse(struct lk_keeper *k, uint64_t request, lk_result why, const char *detail);

/* append.c */
void lk_append_submit(struct lk_keeper *k, struct lk_append *a);
void lk_append_write(struct lk_append *a);
void lk_append_cancel(struct lk_append *a, lk_result why); /* written(why) is called before it returns */

/* create.c */
/* Who waits for a secret that is being made. Its memory is the caller's until done. */
struct lk_create_waiter {
    void (*done)(void *arg, lk_result r); /* OK: it is there, version 1; STALE_REQUEST: things have changed; or a fault */
    void *arg;
    struct lk_create_waiter *next;
};
/*
 * Has the verdict's secret i made, whose grant says make, or joins who waits for it already. Takes over the budget
 * (s->make_count). done is called once, perhaps before this returns.
 */
void lk_create(struct lk_keeper *k, const struct lk_verdict *v, size_t i, struct lk_ruling_secret *s, const char *decision,
               struct lk_create_waiter *w);
/* For lk_release_context.being_made; arg is the keeper. */
bool lk_create_under_way(const void *arg, struct lk_bytes name);

/* change.c */
void lk_change_begin(struct lk_keeper *k, uint64_t request, const struct lk_msg_request *m);
void lk_change_generation_up(struct lk_keeper *k);
void lk_change_generation_failed(struct lk_keeper *k, const char *detail);
/* The change is with the writer: its generation is in force if it is written, whatever becomes of the workers. */
bool lk_change_is_written(const struct lk_keeper *k);

/* collateral.c */
LK_MUST_USE lk_result lk_collateral_put(struct lk_worker *w, const struct lk_frame *f);
/* The store's collateral has changed: a generation is to follow. */
void lk_collateral_changed(struct lk_keeper *k);
LK_MUST_USE lk_result lk_collateral_list(struct lk_worker *w, const struct lk_frame *f);
/* What a request that could not be judged lacked. */
void lk_collateral_note(struct lk_keeper *k, const struct lk_report *report);
/* Begins a generation for what was uploaded, when the time has come and nothing else is under way. */
void lk_collateral_tick(struct lk_keeper *k);

/* serve.c: tells the front that the worker's request was taken. */
void lk_serve_taken(struct lk_worker *w, uint64_t request);

/* trail.c */
LK_MUST_USE lk_result lk_trail_start(struct lk_keeper *k);
/* Appends a record of its own; nobody waits for it. */
void lk_trail_append(struct lk_keeper *k, const struct lk_buf *record);

#endif
