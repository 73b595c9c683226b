/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey collateral fetch`: which names are wanted, and when to ask again; vendors.h does the asking. */
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/cli/collateral.h"
#include "broker/cli/fleet.h"
#include "broker/cli/remote.h"
#include "broker/cli/vendors.h"
#include "proto/base/clock.h"
#include "proto/base/collateral.h"

#define FLEET_MAX (8u << 20)
#define LINES_MAX (16u << 20)
#define AHEAD_DAYS "10"
#define EVERY_S 21600 /* the longest sleep of --watch */
#define AFTER_FAILURE_S 900
#define LEAST_S 60

static const char usage[] =
    "usage: latchkey collateral fetch [--amd-kds URL] [--pccs URL] [--fleet FILE] [--watch] [option]... --out DIR [NAME]...\n\n"
    "  --amd-kds URL       AMD's key service: https://kdsintf.amd.com, or a mirror of it\n"
    "  --pccs URL          Intel's service: https://api.trustedservices.intel.com, or a cache of it (PCCS)\n"
    "  --kds-ca FILE, --pccs-ca FILE  certificates to believe instead of the system's, for that service\n"
    "  --fleet FILE        the platforms that must be covered: docs/collateral.md\n"
    "  --out DIR           where to keep what is got; what is there and in force for long is not asked for again\n"
    "  --ahead DAYS        how long is long (" AHEAD_DAYS ")\n"
    "  --update early|standard  which of Intel's documents in force\n"
    "  --broker HOST:PORT, --profile FILE  put what the folder has into this broker, too\n"
    "  --missing           also fetch what requests at the broker lacked\n"
    "  --ca FILE, --server-name NAME, --timeout SECONDS, --client-certificate FILE, --client-key FILE\n"
    "                      the broker's TLS certificate and ours, of a caller with the role collateral: latchkey(1), PROFILE\n"
    "  --watch             stay, and ask again before something runs out\n"
    "  --every SECONDS     the longest rest of --watch (21600)\n"
    "  --json              one line of JSON for each name\n"
    "  --connect-timeout, --stall-timeout, --request-timeout, --total-timeout, --gap, --backoff SECONDS, --tries N\n"
    "                      patience: latchkey-collateral-fetch(8)\n\n"
    "exit: 0 all is there; 1 some is not; 3 no service answered; 4 the fleet file is wrong; 64 wrong usage; 70 internal\n";

struct options {
    struct lk_vendors_run run;
    size_t n_args;
    const char *fleet;
    char ahead[16]; /* seconds */
    uint32_t ahead_s, every_s;
    bool watch, missing;
    const char *out;
    struct lk_profile_args broker; /* neither file nor address: no broker */
};

enum { OPT_FLEET = 256, OPT_OUT, OPT_AHEAD, OPT_WATCH, OPT_EVERY, OPT_MISSING, OPT_JSON, OPT_HELP, OPT_PASS };

/* These, and their values, go to the program as they are. */
static const char *const passed[] = {"--amd-kds", "--pccs", "--kds-ca", "--pccs-ca", "--update", "--connect-timeout", "--stall-timeout",
                                     "--request-timeout", "--total-timeout", "--gap", "--backoff", "--tries"};
#define PASSED (sizeof(passed) / sizeof(passed[0]))

static const struct option *table(void)
{
    static struct option o[48] = {
        LK_PROFILE_CLIENT_OPTIONS,
        {"fleet", required_argument, NULL, OPT_FLEET}, {"out", required_argument, NULL, OPT_OUT},
        {"ahead", required_argument, NULL, OPT_AHEAD}, {"watch", no_argument, NULL, OPT_WATCH},
        {"every", required_argument, NULL, OPT_EVERY}, {"json", no_argument, NULL, OPT_JSON},
        {"help", no_argument, NULL, OPT_HELP},        {"missing", no_argument, NULL, OPT_MISSING},
    };
    static size_t n;
    if (n > 0)
        return o;
    while (o[n].name != NULL)
        n++;
    for (size_t i = 0; i < PASSED; i++)
        o[n + i] = (struct option){passed[i] + 2, required_argument, NULL, OPT_PASS + (int)i};
    return o;
}

/* Two words for the program. */
static bool pass(struct options *o, const char *option, const char *value)
{
    if (o->n_args + 2 >= LK_VENDORS_ARGS_MAX)
        return false;
    o->run.args[o->n_args++] = option;
    o->run.args[o->n_args++] = value;
    return true;
}

static bool number(const char *text, unsigned long max, uint32_t *out)
{
    char *end = NULL;
    unsigned long v = strtoul(text, &end, 10);
    *out = (uint32_t)v;
    return isdigit((unsigned char)text[0]) && *end == '\0' && v <= max;
}

static bool take(struct options *o, int opt, const char *v)
{
    if (lk_profile_take(&o->broker, opt, v))
        return true;
    if (opt >= OPT_PASS)
        return pass(o, passed[opt - OPT_PASS], v);
    switch (opt) {
    case OPT_FLEET:
        return (o->fleet = v) != NULL;
    case OPT_OUT:
        return (o->out = v) != NULL && pass(o, "--out", v);
    case OPT_AHEAD:
        return number(v, 3650, &o->ahead_s);
    case OPT_WATCH:
        return o->watch = true;
    case OPT_EVERY:
        return number(v, 86400, &o->every_s) && o->every_s > 0;
    case OPT_MISSING:
        return o->missing = true;
    case OPT_JSON:
        return o->run.json = true;
    default:
        return false; /* getopt has said why */
    }
}

static bool has_broker(const struct options *o)
{
    return o->broker.broker != NULL || o->broker.profile != NULL;
}

static bool complete(struct options *o, bool names)
{
    const char *flaw = o->out == NULL ? "--out is missing"
                       : o->missing && !has_broker(o) ? "--missing asks a broker: give --broker or --profile"
                       : o->fleet == NULL && !o->missing && !names ? "nothing is wanted: give --fleet, --missing or names"
                                                                   : NULL;
    if (flaw != NULL)
        lk_cli_usage("%s", flaw);
    return flaw == NULL && pass(o, "--ahead", o->ahead);
}

/* False: *code is the exit code. */
static bool read_options(struct options *o, int argc, char **argv, int *code)
{
    *o = (struct options){.every_s = EVERY_S};
    number(AHEAD_DAYS, 3650, &o->ahead_s);
    optind = 0;
    argv[0] = (char *)(uintptr_t)"latchkey"; /* who speaks in getopt's messages */
    *code = LK_EXIT_USAGE;
    for (int opt; (opt = getopt_long(argc, argv, "", table(), NULL)) != -1;) {
        if (opt == OPT_HELP) {
            *code = 0;
            fputs(usage, stdout);
            return false;
        }
        if (!take(o, opt, optarg)) {
            lk_cli_usage("latchkey collateral fetch --help says what is possible");
            return false;
        }
    }
    o->ahead_s *= 86400;
    snprintf(o->ahead, sizeof(o->ahead), "%u", o->ahead_s);
    return complete(o, optind < argc);
}

static void want_piece(void *context, const struct lk_fleet_piece *p)
{
    lk_wanted_add(context, p->name, p->product);
}

static lk_result read_fleet(const char *path, struct lk_wanted *wanted)
{
    struct lk_fleet_flaw flaw;
    LK_BUF_AUTO text = lk_buf(FLEET_MAX);
    LK_TRY(lk_cli_read_file(path, &text));
    lk_result r = lk_fleet_read(lk_buf_bytes(&text), want_piece, wanted, &flaw);
    if (!lk_ok(r))
        fprintf(stderr, "latchkey: %s:%u: %s\n", path, flaw.line, flaw.what);
    return r;
}

/* A chip whose certificate is missing wants its product's chain and list next. */
static void want_missing(struct lk_wanted *wanted, const char *name, const char *note)
{
    char more[64];
    if (!lk_collateral_name_ok(lk_bytes_str(name)))
        return;
    lk_wanted_add(wanted, name, *note != '\0' && strncmp(name, "sev-snp/vek/", 12) == 0 ? note : NULL);
    if (*note == '\0' || strncmp(name, "sev-snp/v", 9) != 0 || strlen(note) > 16)
        return;
    snprintf(more, sizeof(more), "sev-snp/chain/%s%s", note, name[9] == 'l' ? "-vlek" : "");
    lk_wanted_add(wanted, more, NULL);
    snprintf(more, sizeof(more), "sev-snp/crl/%s", note);
    lk_wanted_add(wanted, more, NULL);
}

static lk_result ask_missing(const struct options *o, struct lk_wanted *wanted)
{
    LK_LOADER_AUTO loader = {.args = o->broker};
    const Latchkey__V1__CollateralStatusResponse *status = NULL;
    LK_TRY(lk_loader_open(&loader));
    LK_TRY(lk_loader_status(&loader, "", &status));
    for (size_t i = 0; i < status->n_missing; i++)
        want_missing(wanted, status->missing[i]->name, status->missing[i]->note);
    return LK_OK;
}

/* What was got goes to the broker also when the rest failed: the first failure is the exit code. */
static int put(const struct options *o, int code)
{
    LK_LOADER_AUTO loader = {.args = o->broker};
    size_t refused = 0;
    lk_result r = lk_loader_open(&loader);
    if (lk_ok(r))
        r = lk_collateral_upload(&loader, o->out, &refused);
    int failed = lk_ok(r) ? (refused > 0 ? 1 : 0) : lk_loader_fail(&loader, r, "broker");
    return code != 0 ? code : failed;
}

static int run_once(struct options *o, char **names)
{
    struct lk_wanted wanted = {.lines = lk_buf(LINES_MAX)};
    lk_result r = o->fleet == NULL ? LK_OK : read_fleet(o->fleet, &wanted);
    const char *who = o->fleet;
    if (lk_ok(r) && o->missing) {
        r = ask_missing(o, &wanted);
        who = "broker";
    }
    for (; lk_ok(r) && *names != NULL; names++)
        lk_wanted_add(&wanted, *names, NULL);
    int code = lk_ok(r) ? lk_vendors_run(&o->run, &wanted) : lk_cli_fail(r, "%s", who);
    lk_buf_free(&wanted.lines);
    if (lk_ok(r) && has_broker(o) && code <= 3)
        code = put(o, code);
    if (!o->run.json && (code <= 1 || code == 3))
        fprintf(stderr, "latchkey: %zu there, %zu missing\n", o->run.there, o->run.failed);
    return code;
}

/* Sooner than --every when something runs out sooner, or failed; not at once, lest a service is asked without end. */
static unsigned rest(const struct options *o, int code)
{
    int64_t due = o->run.first_end == INT64_MAX ? o->every_s : o->run.first_end - o->ahead_s - lk_clock_wall();
    if (code != 0)
        due = AFTER_FAILURE_S;
    if (due < LEAST_S)
        due = LEAST_S;
    return due < o->every_s ? (unsigned)due : o->every_s;
}

int lk_collateral_fetch(int argc, char **argv)
{
    struct options o;
    int code = 0;
    if (!read_options(&o, argc, argv, &code))
        return code;
    code = run_once(&o, argv + optind);
    while (o.watch && code != LK_EXIT_USAGE) {
        unsigned wait = rest(&o, code);
        fprintf(stderr, "latchkey: next look in %u s\n", wait);
        nanosleep(&(struct timespec){.tv_sec = wait}, NULL);
        code = run_once(&o, argv + optind);
    }
    return code;
}
