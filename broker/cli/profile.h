/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_PROFILE_H
#define LK_CLI_PROFILE_H
/*
 * Which broker `latchkey` talks to and who signs: from options, else from the profile file, whose lines are
 *
 *   broker = broker.example:7443     address; several separated by spaces are tried in turn
 *   broker-id = 64 hex digits        SHA-256 of the installation key: answers must be signed under it
 *   ca = ca.pem                      roots of the TLS certificate; without it the certificate is not looked at
 *   server-name = broker             name in the certificate, when it is not the host
 *   key = admin                      SSH key that signs: what ssh-keygen -Y sign -f takes
 *   client-certificate = me.pem      certificate that names the caller to the broker (latchkey collateral)
 *   client-key = me.key              its key, PEM
 *
 * The file is that of --profile, else of LATCHKEY_PROFILE, else ~/.config/latchkey/profile. Its paths are relative
 * to its folder. "#" begins a comment line; a line that is none of these is an error.
 */
#include <getopt.h>
#include <limits.h>

#include "proto/base/result.h"

struct lk_profile {
    char broker[1024];
    uint8_t broker_id[32];
    bool has_broker_id;
    char ca[PATH_MAX];          /* "" when there is none */
    char server_name[256];      /* "" */
    char key[PATH_MAX];         /* "" */
    char client_certificate[PATH_MAX], client_key[PATH_MAX]; /* "" */
    unsigned timeout_s;         /* of each call; 30 */
};

/* Values for lk_profile_take, above every character. */
enum {
    LK_OPT_PROFILE = 0x1000, LK_OPT_BROKER, LK_OPT_BROKER_ID, LK_OPT_CA, LK_OPT_SERVER_NAME, LK_OPT_KEY, LK_OPT_TIMEOUT,
    LK_OPT_CLIENT_CERTIFICATE, LK_OPT_CLIENT_KEY,
};
/* Rows for a command's getopt_long table. */
#define LK_PROFILE_OPTIONS                                                                                      \
    {"profile", required_argument, NULL, LK_OPT_PROFILE}, {"broker", required_argument, NULL, LK_OPT_BROKER},   \
    {"broker-id", required_argument, NULL, LK_OPT_BROKER_ID}, {"ca", required_argument, NULL, LK_OPT_CA},       \
    {"server-name", required_argument, NULL, LK_OPT_SERVER_NAME}, {"key", required_argument, NULL, LK_OPT_KEY}, \
    {"timeout", required_argument, NULL, LK_OPT_TIMEOUT}
/* With those of callers that a TLS client certificate names. */
#define LK_PROFILE_CLIENT_OPTIONS                                                                    \
    LK_PROFILE_OPTIONS, {"client-certificate", required_argument, NULL, LK_OPT_CLIENT_CERTIFICATE},  \
    {"client-key", required_argument, NULL, LK_OPT_CLIENT_KEY}
#define LK_PROFILE_HELP                                                                          \
    "  --profile FILE  --broker HOST:PORT  --broker-id HEX  --ca FILE  --server-name NAME  --key SSHKEY\n" \
    "  --timeout SECONDS   which broker, and who signs: see latchkey(1), PROFILE\n"
#define LK_PROFILE_CLIENT_HELP \
    LK_PROFILE_HELP "  --client-certificate FILE  --client-key FILE   who uploads and asks: a caller of role collateral\n"

struct lk_profile_args {
    const char *profile, *broker, *broker_id, *ca, *server_name, *key, *timeout, *client_certificate, *client_key;
};

/* Takes one of LK_PROFILE_CLIENT_OPTIONS; false when opt is none of them. */
bool lk_profile_take(struct lk_profile_args *a, int opt, const char *value);

/*
 * Reads the file (which may be absent unless it was named) and lays the options over it. Broker, broker id and key
 * must be known at the end; for _client broker, ca, client certificate and key. PROFILE, FILE; what is wrong has been written to
 * standard error.
 */
LK_MUST_USE lk_result lk_profile_resolve_client(const struct lk_profile_args *a, struct lk_profile *out);
LK_MUST_USE lk_result lk_profile_resolve(const struct lk_profile_args *a, struct lk_profile *out);

#endif
