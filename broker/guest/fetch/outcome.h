/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_OUTCOME_H
#define LK_FETCH_OUTCOME_H
/* How one attempt with one broker ended, and what follows from it. */
#include "broker/client/failure.h"
#include "latchkey.pb-c.h"

/* Exit codes beside those of the classes (docs/man/latchkey-fetch.1). */
enum {
    LK_FETCH_EXIT_REFUSED = 1,
    LK_FETCH_EXIT_NOT_AUTHENTIC = 2,
    LK_FETCH_EXIT_CANNOT_JUDGE = 3,
    LK_FETCH_EXIT_MALFORMED = 4,
    LK_FETCH_EXIT_UNAVAILABLE = 5,
    LK_FETCH_EXIT_BAD_BROKER = 6, /* the answer is not to be believed */
    LK_FETCH_EXIT_NO_EVIDENCE = 7, /* this machine's collectors do not give what is asked for */
    LK_FETCH_EXIT_OUTPUT = 8,
    LK_FETCH_EXIT_INTERNAL = 70,
};

struct lk_fetch_outcome {
    enum lk_class cls;
    char code[64];
    char item[32];
    char decision_id[64];
    char message[512];
    char rule[192], expected[192], actual[192]; /* of the first finding that the policy lets a guest see; "" otherwise */
    bool is_signed; /* class and code are signed under the pinned broker id */
    bool is_own;    /* this program found it out by itself: no broker said so */
    bool has_retry;
    uint64_t retry_ms;
};

/* What this program found out by itself. */
void lk_outcome_local(struct lk_fetch_outcome *o, lk_result r);
/* What the broker says, unsigned. */
void lk_outcome_failure(struct lk_fetch_outcome *o, const struct lk_failure *f);
/* What a verified answer says of one secret that was not released. */
void lk_outcome_signed(struct lk_fetch_outcome *o, const Latchkey__V1__Answer *a, const Latchkey__V1__SecretAnswer *s);

/* The exit code: of the code when it is this program's own, else of the class. */
int lk_fetch_exit(const struct lk_fetch_outcome *o);

/* Whether another attempt may end otherwise. */
enum lk_retry {
    LK_RETRY_NEVER,
    LK_RETRY_OTHER, /* only another broker address may */
    LK_RETRY_ONCE,
    LK_RETRY_SOON,
    LK_RETRY_LATER, /* when somebody changes something: only with --on-refused=wait */
};
enum lk_retry lk_fetch_retry(const struct lk_fetch_outcome *o);

/*
 * Milliseconds before attempt number n (1: the second one): doubles from 500 ms (LATER: 5 s) to 30 s (60 s), spread
 * by half to one and a half with random, and never less than the broker's RetryInfo (spread upwards only).
 */
uint64_t lk_fetch_delay(const struct lk_fetch_outcome *o, unsigned n, uint32_t random);

#endif
