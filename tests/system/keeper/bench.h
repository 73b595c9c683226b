/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TEST_KEEPER_BENCH_H
#define LK_TEST_KEEPER_BENCH_H
/*
 * The real latchkey-keeper and latchkey-token on SoftHSM2 and LMDB, in a folder of their own; the test plays
 * supervisor, workers and front over the frames. Every helper fails the running test when the processes do not do
 * what it waits for.
 */
#include "proto/link/frame.h"
#include "proto/link/verdict.h"
#include "keystore/token/calls.h"
#include "latchkey.pb-c.h"
#include "policy.pb-c.h"
#include "proto/seal/envelope.h"

#include <openssl/evp.h>
#include <sys/types.h>

#define BENCH_WORKERS 2

struct bench {
    char folder[64], state[96];
    pid_t token, keeper;
    int control, front, admin; /* our ends; -1 when closed */
    int workers[BENCH_WORKERS];
    uint32_t first_worker; /* number of workers[0] */
    uint32_t next_worker;
    uint64_t generation, request;
    uint32_t asked;
    uint8_t broker_id[32], installation_id[32];
    bool refuse_snapshots; /* the next generation does not load */
    uint64_t max_size, challenge_lifetime, token_timeout_ms;
    EVP_PKEY *recipient; /* X25519 */
    EVP_PKEY *rsa;       /* 2048 */
    uint8_t *frame;      /* of the last receive */
    int (*token_link)(int token); /* NULL, or what takes the token's end of the link and gives the end that the keeper gets */
};

/* A token and a store, made by the programs' own --init. */
void bench_new(struct bench *b);
void bench_free(struct bench *b);

void bench_start(struct bench *b);           /* token, keeper, first generation */
void bench_start_token(struct bench *b);     /* a (new) token process; its link goes to the keeper */
void bench_start_keeper(struct bench *b);    /* as far as CTL_READY */
void bench_first_generation(struct bench *b);
void bench_new_front(struct bench *b);       /* new links for answers and admins */
void bench_add_workers(struct bench *b, uint64_t generation, const uint8_t digest[static 32]);
void bench_kill(pid_t *pid, int sig);        /* and wait */
int bench_wait_exit(pid_t *pid);             /* exit code; 128 + signal */
void bench_stop(struct bench *b);            /* closes the control link; both processes leave */

/* The next frame of our end within 20 s, but for CTL_WORKER_UP. Payload valid until the next receive. */
struct lk_frame bench_recv(struct bench *b, int fd, enum lk_link incoming);
/* True when the peer has closed it (within 10 s). */
bool bench_closed(struct bench *b, int fd);

/* The number of the next request of workers[worker]. */
uint64_t bench_request(struct bench *b, int worker);
/* Sends the challenge for (context, s) and gives its ticket. */
void bench_ticket(struct bench *b, const uint8_t *context, const char *s, struct lk_ticket *t);
/* A verdict that affirms one secret by policy "prod", revision 1, for the X25519 recipient. */
void bench_verdict(struct bench *b, const struct lk_ticket *t, const char *secret, struct lk_verdict *v);
void bench_recipient_rsa(struct bench *b, struct lk_verdict *v);
/* Sends it on a worker's link and waits for the answer. details and body are copied. */
struct bench_answer {
    uint8_t status;
    char reason[64], decision[32], cls[32]; /* of ErrorInfo; reason "OK" for status 0 */
    bool retry;
    uint8_t *body;
    size_t body_len;
    Latchkey__V1__SignedAnswer *signed_answer; /* NULL when there is none */
    Latchkey__V1__Answer *answer;              /* unpacked from it, its signature checked against the broker id */
};
void bench_send_verdict(struct bench *b, int worker, const struct lk_verdict *v);
void bench_take_answer(struct bench *b, struct bench_answer *a);
void bench_ask(struct bench *b, const struct lk_verdict *v, struct bench_answer *a);
void bench_answer_free(struct bench_answer *a);
/* The secret in answer i, opened with the bench's key. */
void bench_open(struct bench *b, const struct bench_answer *a, size_t i, const struct lk_verdict *v,
                struct lk_secret *out);

/* Changes. Items of an envelope under construction. */
struct bench_change {
    struct lk_envelope e;
    uint8_t digests[8][32];
    struct lk_buf payloads[8];
    uint8_t nonce[32];
};
void bench_change_new(struct bench *b, struct bench_change *c);
void bench_change_add(struct bench_change *c, enum lk_change_kind kind, const char *object, uint64_t revision,
                      const struct lk_buf *payload);
/* Signs with the admin's key ("admin"), or "stranger"; sends; plays the generation if there is one. Frees the payloads. */
void bench_change_send(struct bench *b, struct bench_change *c, const char *key, struct bench_answer *a);
void bench_policy(struct bench *b, const char *name, const char *pattern, const char *kek, uint64_t revision, uint64_t budget);
/* With create-on-first-use. */
void bench_policy_that_makes(struct bench *b, const char *name, const char *pattern, const char *kek, uint64_t revision,
                             uint32_t bytes, uint64_t per_day);
void bench_policy_that_explains(struct bench *b, const char *name, const char *pattern);
void bench_put(struct bench *b, const char *name, const char *kek, uint64_t revision, const char *value, struct bench_answer *a);

/* A signed query; result is freed with latchkey__v1__query_result__free_unpacked. */
Latchkey__V1__QueryResult *bench_query(struct bench *b, enum lk_change_kind kind, const char *object,
                                       struct bench_answer *a);
void bench_nonce(struct bench *b, uint8_t out[static 32]);
Latchkey__V1__QueryResult *bench_query_with(struct bench *b, const uint8_t nonce[static 32], enum lk_change_kind kind,
                                            const char *object, struct bench_answer *a);
void bench_run(const char *command); /* /bin/sh -c; must succeed */

#endif
