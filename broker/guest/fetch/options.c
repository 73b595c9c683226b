/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/bytes.h"

#define EXIT_USAGE 64

static const char usage[] =
    "usage: latchkey-fetch --broker HOST:PORT --broker-id HEX --secret NAME[=TARGET] ...\n\n"
    "  --broker HOST:PORT     broker; several are tried in turn\n"
    "  --broker-id HEX        SHA-256 of the broker's installation key: whose answers are believed\n"
    "  --secret NAME[=TARGET] what to fetch, several times for several secrets; TARGET is a file (mode 0600),\n"
    "                         fd:N (an open descriptor) or - (standard output, the default)\n"
    "  --create               a secret that does not exist yet may be made for this machine, if its policy says so\n"
    "  --out FILE, --out-fd N target of the secret that names none\n"
    "  --collector PROGRAM    how to get evidence, several times for several; arguments after spaces\n"
    "                         (default: latchkey-evidence-snp, -tpm, -tdx and -logs, whichever works)\n"
    "  --suite KEY            recipient key: x25519 (default), p256, rsa2048, rsa3072, rsa4096\n"
    "  --on-refused WHAT      exit (default), or wait: ask again until --timeout\n"
    "  --timeout SECONDS      in all (default 300; 0: for ever)\n"
    "  --call-timeout SECONDS for one connection, call or collector (default 30)\n"
    "  --save-bundle FILE     keep the request that is sent (mode 0600): latchkey chain shows it\n"
    "  --ca FILE              also check the broker's TLS certificate (needs a right clock)\n"
    "  --server-name NAME     name in that certificate, when it is not the host\n"
    "  --json                 status on standard error as JSON, one object a line\n"
    "  --version, --help\n\n"
    "exit: 0 all secrets were written; 1 refused; 2 not authentic; 3 cannot judge; 4 malformed; 5 unavailable;\n"
    "      6 the broker's answer is not to be believed; 7 no evidence on this machine; 8 a secret could not be written;\n"
    "      64 wrong usage; 70 internal\n";

enum { OPT_BROKER = 256, OPT_BROKER_ID, OPT_SECRET, OPT_CREATE, OPT_OUT, OPT_OUT_FD, OPT_COLLECTOR, OPT_SUITE, OPT_ON_REFUSED,
       OPT_TIMEOUT, OPT_CALL_TIMEOUT, OPT_CA, OPT_SERVER_NAME, OPT_SAVE_BUNDLE, OPT_JSON, OPT_VERSION, OPT_HELP };

static const struct option table[] = {
    {"broker", required_argument, NULL, OPT_BROKER},
    {"broker-id", required_argument, NULL, OPT_BROKER_ID},
    {"secret", required_argument, NULL, OPT_SECRET},
    {"create", no_argument, NULL, OPT_CREATE},
    {"out", required_argument, NULL, OPT_OUT},
    {"out-fd", required_argument, NULL, OPT_OUT_FD},
    {"collector", required_argument, NULL, OPT_COLLECTOR},
    {"suite", required_argument, NULL, OPT_SUITE},
    {"on-refused", required_argument, NULL, OPT_ON_REFUSED},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"call-timeout", required_argument, NULL, OPT_CALL_TIMEOUT},
    {"ca", required_argument, NULL, OPT_CA},
    {"server-name", required_argument, NULL, OPT_SERVER_NAME},
    {"save-bundle", required_argument, NULL, OPT_SAVE_BUNDLE},
    {"json", no_argument, NULL, OPT_JSON},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

/* What is read besides the options proper. */
struct reading {
    struct lk_fetch_options *o;
    bool has_id, create;
    const char *out;
};

static bool number(const char *text, unsigned long max, unsigned *out)
{
    char *end = NULL;
    unsigned long v = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || v > max)
        return false;
    *out = (unsigned)v;
    return true;
}

static bool take_broker(struct reading *r, const char *v)
{
    return r->o->n_brokers < LK_FETCH_BROKERS_MAX && (r->o->brokers[r->o->n_brokers++] = v) != NULL;
}

static bool take_broker_id(struct reading *r, const char *v)
{
    r->has_id = lk_unhex(v, strlen(v), r->o->broker_id, sizeof(r->o->broker_id)) == sizeof(r->o->broker_id);
    return r->has_id;
}

static bool take_secret(struct reading *r, const char *v)
{
    const char *equals = strchr(v, '=');
    size_t len = equals == NULL ? strlen(v) : (size_t)(equals - v);
    if (r->o->n_secrets == LK_FETCH_SECRETS_MAX || len == 0 || len > 255 || (equals != NULL && equals[1] == '\0'))
        return false;
    r->o->secrets[r->o->n_secrets++] =
        (struct lk_fetch_secret){.name = v, .name_len = len, .target = equals == NULL ? NULL : equals + 1};
    return true;
}

static bool take_create(struct reading *r, const char *v)
{
    (void)v;
    return r->create = true;
}

static bool take_out(struct reading *r, const char *v)
{
    return *v != '\0' && (r->out = v) != NULL;
}

static bool take_out_fd(struct reading *r, const char *v)
{
    unsigned fd;
    if (!number(v, 1u << 20, &fd))
        return false;
    snprintf(r->o->fd_target, sizeof(r->o->fd_target), "fd:%u", fd);
    r->out = r->o->fd_target;
    return true;
}

static bool take_collector(struct reading *r, const char *v)
{
    return r->o->n_collectors < LK_FETCH_COLLECTORS_MAX && (r->o->collectors[r->o->n_collectors++] = v) != NULL;
}

static bool take_suite(struct reading *r, const char *v)
{
    return lk_guest_key_kind_by_name(v, &r->o->key);
}

static bool take_on_refused(struct reading *r, const char *v)
{
    r->o->wait_when_refused = strcmp(v, "wait") == 0;
    return r->o->wait_when_refused || strcmp(v, "exit") == 0;
}

static bool take_timeout(struct reading *r, const char *v)
{
    return number(v, 1u << 30, &r->o->timeout_s);
}

static bool take_call_timeout(struct reading *r, const char *v)
{
    return number(v, 3600, &r->o->call_timeout_s) && r->o->call_timeout_s > 0;
}

static bool take_ca(struct reading *r, const char *v)
{
    return (r->o->ca = v) != NULL;
}

static bool take_server_name(struct reading *r, const char *v)
{
    return (r->o->server_name = v) != NULL;
}

static bool take_save_bundle(struct reading *r, const char *v)
{
    return *v != '\0' && (r->o->save_bundle = v) != NULL;
}

static bool take_json(struct reading *r, const char *v)
{
    (void)v;
    return r->o->json = true;
}

static bool (*const takers[])(struct reading *r, const char *value) = {
    [OPT_BROKER - OPT_BROKER] = take_broker,       [OPT_BROKER_ID - OPT_BROKER] = take_broker_id,
    [OPT_SECRET - OPT_BROKER] = take_secret,       [OPT_CREATE - OPT_BROKER] = take_create,
    [OPT_OUT - OPT_BROKER] = take_out,
    [OPT_OUT_FD - OPT_BROKER] = take_out_fd,       [OPT_COLLECTOR - OPT_BROKER] = take_collector,
    [OPT_SUITE - OPT_BROKER] = take_suite,         [OPT_ON_REFUSED - OPT_BROKER] = take_on_refused,
    [OPT_TIMEOUT - OPT_BROKER] = take_timeout,     [OPT_CALL_TIMEOUT - OPT_BROKER] = take_call_timeout,
    [OPT_CA - OPT_BROKER] = take_ca,               [OPT_SERVER_NAME - OPT_BROKER] = take_server_name,
    [OPT_SAVE_BUNDLE - OPT_BROKER] = take_save_bundle, [OPT_JSON - OPT_BROKER] = take_json,
};

static bool wrong(int *code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(int *code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("latchkey-fetch: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputs(" (see --help)\n", stderr);
    va_end(ap);
    *code = EXIT_USAGE;
    return false;
}

/* Gives targets to secrets without one; only one secret may go to each place that is a stream. */
static bool settle_targets(struct reading *r, int *code)
{
    struct lk_fetch_options *o = r->o;
    size_t untold = 0, streams = 0;
    for (size_t i = 0; i < o->n_secrets; i++) {
        o->secrets[i].create = r->create;
        if (o->secrets[i].target == NULL) {
            o->secrets[i].target = r->out != NULL ? r->out : "-";
            untold++;
        }
        streams += strcmp(o->secrets[i].target, "-") == 0;
    }
    if (untold > 1 || streams > 1)
        return wrong(code, "with several secrets each needs a target of its own: --secret NAME=FILE");
    return true;
}

static bool settle(struct reading *r, int *code)
{
    struct lk_fetch_options *o = r->o;
    if (o->n_brokers == 0 || !r->has_id || o->n_secrets == 0)
        return wrong(code, "--broker, --broker-id and --secret are needed");
    if (o->n_collectors == 0) {
        o->default_collectors = true;
        o->collectors[o->n_collectors++] = "latchkey-evidence-snp";
        o->collectors[o->n_collectors++] = "latchkey-evidence-tpm";
        o->collectors[o->n_collectors++] = "latchkey-evidence-tdx";
        o->collectors[o->n_collectors++] = "latchkey-evidence-logs";
    }
    return settle_targets(r, code);
}

bool lk_fetch_options_read(struct lk_fetch_options *o, int argc, char **argv, int *code)
{
    *o = (struct lk_fetch_options){.timeout_s = 300, .call_timeout_s = 30, .key = LK_GUEST_KEY_X25519};
    struct reading r = {.o = o};
    for (int opt; (opt = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (opt == OPT_HELP || opt == OPT_VERSION) {
            *code = 0;
            fputs(opt == OPT_HELP ? usage : "latchkey-fetch " LK_VERSION "\n", stdout);
            return false;
        }
        if (opt == '?')
            return wrong(code, "wrong option");
        if (!takers[opt - OPT_BROKER](&r, optarg))
            return wrong(code, "--%s: \"%s\" cannot be used", table[opt - OPT_BROKER].name, optarg == NULL ? "" : optarg);
    }
    if (optind < argc)
        return wrong(code, "\"%s\" is no option", argv[optind]);
    return settle(&r, code);
}
