/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_OPTIONS_H
#define LK_FETCH_OPTIONS_H
/*
 * What latchkey-fetch is to do: from its command line, fetch.conf and the kernel's command line (docs/man/latchkey-fetch.1,
 * fetch.conf.5; settings.h). Texts are borrowed from argv and from `texts`; the struct must stay where it is.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/guest/fetch/recipient.h"
#include "broker/guest/fetch/target.h"

#define LK_FETCH_BROKERS_MAX 8
#define LK_FETCH_SECRETS_MAX 16 /* as ChallengeRequest.secrets */
#define LK_FETCH_COLLECTORS_MAX 8

struct lk_fetch_secret {
    const char *name;   /* a name, or a pattern with placeholders */
    size_t name_len;
    const char *target; /* as it was written */
    struct lk_target to;
    bool create;        /* the broker may make it, if there is none yet */
};

struct lk_fetch_options {
    const char *brokers[LK_FETCH_BROKERS_MAX];
    size_t n_brokers;
    uint8_t broker_id[32];
    const char *ca, *server_name;
    struct lk_fetch_secret secrets[LK_FETCH_SECRETS_MAX];
    size_t n_secrets;
    const char *collectors[LK_FETCH_COLLECTORS_MAX]; /* program and arguments, separated by spaces */
    size_t n_collectors;
    bool default_collectors; /* none was named: those that are not installed or find no hardware are passed over */
    enum lk_guest_key_kind key;
    const char *keys_folder;  /* where crypttab volumes are asked for */
    const char *enrol_device; /* of --enroll-luks; NULL: none */
    const char *existing_key; /* file with a key that opens it now; NULL: none */
    bool format;              /* it may be formatted when it holds nothing */
    const char *save_bundle; /* file for the request that is sent; NULL: none */
    bool wait_when_refused;
    bool json;
    unsigned timeout_s;      /* in all; 0: for ever */
    unsigned call_timeout_s; /* for one connection, call or collector */
    char fd_target[16];      /* "fd:N" of --out-fd */
    char *texts[2];          /* of the sources that were read */
};

/* True when there is something to do; false with *code set (0 after --help and --version, 64 for a wrong line). */
bool lk_fetch_options_read(struct lk_fetch_options *o, int argc, char **argv, int *code);
void lk_fetch_options_free(struct lk_fetch_options *o);

#endif
