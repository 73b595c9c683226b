/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TOKEN_TOKEN_H
#define LK_TOKEN_TOKEN_H
/*
 * One token, and a pool of sessions with it: one session to a thread. Login belongs to the token; handles of
 * sessions and objects die with it, so a session finds its keys again by label and id whenever it is opened.
 */
#include "keystore/token/calls.h"
#include "keystore/token/module.h"
#include "proto/base/secret.h"

#include <pthread.h>

enum lk_token_key {
    LK_TOKEN_KEK_SEALED,
    LK_TOKEN_KEK_IN_TOKEN,
    LK_TOKEN_INSTALLATION,
    LK_TOKEN_INSTALLATION_PUBLIC,
    LK_TOKEN_IMPORT,
    LK_TOKEN_IMPORT_PUBLIC,
    LK_TOKEN_KEYS
};

/* What the trial found (keystore/token/trial.h). */
struct lk_token_traits {
    CK_MECHANISM_TYPE kwp;       /* the number under which this token has RFC 5649 */
    enum lk_suite suites[4];     /* OAEP hashes that wrap an AES key here; NONE-terminated */
    enum lk_suite import_suite;  /* that the import key unwraps */
    bool template_enforced;      /* KEK in-token refuses to unwrap with SENSITIVE false */
};

struct lk_token {
    struct lk_module module;
    const char *label;          /* borrowed */
    struct lk_secret pin;
    CK_SLOT_ID slot;
    struct lk_token_traits traits;
    pthread_rwlock_t life;      /* read: a call is in the module; write: it is finalised and initialised again */
    pthread_mutex_t login;
    pthread_mutex_t head;       /* one compare-and-set at a time */
    uint64_t epoch;             /* grows with each C_Initialize */
};

struct lk_session {
    struct lk_token *token;
    CK_SESSION_HANDLE handle;   /* CK_INVALID_HANDLE: closed */
    uint64_t epoch;
    CK_OBJECT_HANDLE keys[LK_TOKEN_KEYS]; /* CK_INVALID_HANDLE: not found yet */
    CK_RV fault;                /* the last return value that was not OK, and whose it was: for the log */
    const char *fault_of;
};

/* lk_rv_result, remembered instead of logged: a trial expects failures, and a call's failure is logged once, whole. */
LK_MUST_USE lk_result lk_session_rv(struct lk_session *s, CK_RV rv, const char *function);

/*
 * Loads the module, finds the one token of that label, logs nothing in. pin is taken over.
 * TOKEN_CONFIG: no module, no or several tokens of that label. TOKEN_AWAY.
 */
LK_MUST_USE lk_result lk_token_open(struct lk_token *t, const char *module, const char *label, struct lk_secret *pin);

/* C_Finalize and wiping. Nothing of the module is called afterwards. */
void lk_token_close(struct lk_token *t);

/* Sessions that the token allows, at most wanted. */
unsigned lk_token_sessions(struct lk_token *t, unsigned wanted);

/*
 * Opens a session and logs in, once for all sessions. A wrong PIN is tried once and never again: TOKEN_PIN, also
 * when the token says that the next try would be the last. TOKEN_AWAY, TOKEN_CONFIG.
 */
LK_MUST_USE lk_result lk_session_open(struct lk_session *s, struct lk_token *t);
void lk_session_close(struct lk_session *s);

/*
 * Runs call(s, arg). When the answer is TOKEN_AWAY, the session is opened again, or, if that does not help, the module
 * finalised and initialised again; then the call is made once more.
 */
typedef lk_result (*lk_session_fn)(struct lk_session *s, void *arg);
LK_MUST_USE lk_result lk_session_run(struct lk_session *s, lk_session_fn call, void *arg);

/* The key's handle, looked for when it is not known. TOKEN_CONFIG when there is none, or more than one. */
LK_MUST_USE lk_result lk_session_key(struct lk_session *s, enum lk_token_key key, CK_OBJECT_HANDLE *out);
/* OK and *present; the keys of an initialised token are all there or none. */
LK_MUST_USE lk_result lk_session_has_key(struct lk_session *s, enum lk_token_key key, bool *present);
/* CKA_LABEL, which is also CKA_ID, of a key. */
const char *lk_token_key_label(enum lk_token_key key);

#endif
