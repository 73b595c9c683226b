/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SUPERVISOR_CONFIG_H
#define LK_SUPERVISOR_CONFIG_H
/*
 * latchkeyd's configuration file, YAML (docs/man/latchkeyd.conf.5). Unknown keys are errors; every error has
 * file, line and column. Paths are relative to the file's own folder.
 *
 *   schema: latchkey-config/1
 *   state: ./state                    # folder of the store; 0700
 *   listen: ["127.0.0.1:7443"]        # host:port, [v6]:port
 *   tls: {certificate: tls.pem, key: tls.key, client-ca: clients.pem}     # client-ca optional
 *   callers:                          # client certificates that may do more than ask for releases
 *     - {sha256: "…", roles: [appraise]}
 *   token: {module: /usr/lib/softhsm/libsofthsm2.so, label: latchkey, pin-file: pin, sessions: 4,
 *           environment: {SOFTHSM2_CONF: ./softhsm2.conf}, read-only: [softhsm2.conf], read-write: [tokens], timeout: 5s,
 *           profile: file,                   # or network: docs/token.md
 *           allow-unenforced-templates: no}  # yes: accept an HSM that lets in-token secrets out
 *   verifiers: 2                      # worker processes
 *   log-verifiers: 1                  # those for requests over large-bundle; 0: such are refused
 *   large-bundle: 64KiB
 *   worker-requests: 10000            # a worker is replaced after so many
 *   challenge-lifetime: 120s
 *   limits: {connections: 1024, streams: 32, body-memory: 256MiB, request-rate: 50, request-burst: 200, minimum-rate: 1KiB,
 *            deadline: 30s}
 *   store: {max-size: 1GiB}
 *   sandbox: normal                   # or strict
 *   log: {level: info}
 *   pid-file: latchkeyd.pid           # optional
 *   users: {front: latchkey-front, verifier: latchkey-verifier, keeper: latchkey-keeper, token: latchkey-token}   # when started as root
 */
#include "proto/base/log.h"
#include "proto/base/result.h"

#include <limits.h>
#include <stddef.h>

#define LK_CONFIG_LISTEN_MAX 8
#define LK_CONFIG_CALLERS_MAX 256
#define LK_CONFIG_PATHS_MAX 16
#define LK_CONFIG_WORKERS_MAX 64

struct lk_config_listen {
    char host[256]; /* numeric address or host name, without brackets */
    char port[8];
};

struct lk_config_caller {
    uint8_t sha256[32];
    uint32_t roles; /* enum lk_role */
};

struct lk_config_token {
    char module[PATH_MAX], label[33];
    char pin_file[PATH_MAX];
    unsigned sessions;
    unsigned timeout_ms;
    char environment[LK_CONFIG_PATHS_MAX][PATH_MAX]; /* NAME=value; a value that begins with ./ or ../ is made absolute */
    size_t n_environment;
    char read_only[LK_CONFIG_PATHS_MAX][PATH_MAX], read_write[LK_CONFIG_PATHS_MAX][PATH_MAX];
    size_t n_read_only, n_read_write;
    char profile[16];      /* what its module may do: "file" or "network" (docs/token.md); "" is file */
    bool allow_unenforced; /* a token that does not enforce unwrap templates is accepted */
};

struct lk_config_limits {
    uint64_t connections, streams, body_memory, request_rate, request_burst, minimum_rate, deadline_ms;
};

struct lk_config_users {
    char front[33], verifier[33], keeper[33], token[33];
};

/* All paths are absolute. */
struct lk_config {
    char file[PATH_MAX];
    char state[PATH_MAX];
    struct lk_config_listen listen[LK_CONFIG_LISTEN_MAX];
    size_t n_listen;
    char tls_certificate[PATH_MAX], tls_key[PATH_MAX], tls_client_ca[PATH_MAX]; /* client CA: "" when none */
    struct lk_config_caller callers[LK_CONFIG_CALLERS_MAX];
    size_t n_callers;
    struct lk_config_token token;
    unsigned verifiers, log_verifiers;
    uint64_t large_bundle;
    uint64_t worker_requests;
    unsigned challenge_lifetime_s;
    struct lk_config_limits limits;
    uint64_t store_max_size;
    bool strict;
    enum lk_log_level log_level;
    struct lk_config_users users; /* all "" when not given */
    char pid_file[PATH_MAX];      /* "" when none */
};

/* Where and what is wrong: "latchkeyd.conf:12:3: unknown key \"foo\"". */
struct lk_config_error {
    char text[512];
};

/*
 * Reads and checks the file (at most 256 KiB). On success *out is owned by the caller (lk_config_free).
 * CONFIG with the error's text filled; FILE when it cannot be read; MEMORY.
 */
LK_MUST_USE lk_result lk_config_load(const char *path, struct lk_config **out, struct lk_config_error *error);
/* The same from bytes; `path` is what errors name and relative paths are taken from. */
LK_MUST_USE lk_result lk_config_parse(const char *path, const char *text, size_t len, struct lk_config **out,
                                      struct lk_config_error *error);
void lk_config_free(struct lk_config *c);

#endif
