/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/collateral/options.h"

#include <ctype.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 64

static const char usage[] =
    "usage: latchkey-collateral-fetch --out DIR [--amd-kds URL] [--pccs URL] [option]... < NAMES\n\n"
    "latchkey collateral fetch runs it. Each line of NAMES is a collateral name, after a blank the product if it is known.\n"
    "  --kds-ca FILE, --pccs-ca FILE   certificates to believe instead of the system's, for that service\n"
    "  --ahead SECONDS                 leave what is there and in force for longer than that; default: ask for everything\n"
    "  --update early|standard         which of Intel's documents in force\n"
    "  --connect-timeout, --stall-timeout, --request-timeout, --total-timeout SECONDS\n"
    "  --gap SECONDS                   between two requests to one service\n"
    "  --backoff SECONDS               before the second try; doubles from there\n"
    "  --tries N                       of one thing, and of a service that cannot be reached\n"
    "exit: 0 all is there; 1 some is not; 3 no service answered; 64 wrong usage; 70 internal\n";

enum { OPT_OUT = 256, OPT_KDS, OPT_PCCS, OPT_KDS_CA, OPT_PCCS_CA, OPT_UPDATE, OPT_TRIES, OPT_AHEAD, OPT_HELP, OPT_VERSION, OPT_SECONDS };

/* Options in seconds, in this order from OPT_SECONDS on. */
static const struct {
    const char *name;
    size_t at;
    uint32_t max_ms;
    bool may_be_zero;
} times[] = {
    {"connect-timeout", offsetof(struct lk_pace, connect), 600000, false},
    {"stall-timeout", offsetof(struct lk_pace, stall), 600000, false},
    {"request-timeout", offsetof(struct lk_pace, request), 3600000, false},
    {"total-timeout", offsetof(struct lk_pace, total), 86400000, false},
    {"gap", offsetof(struct lk_pace, gap), 60000, true},
    {"backoff", offsetof(struct lk_pace, backoff), LK_PACE_BACKOFF_MAX, true},
};
#define TIMES (sizeof(times) / sizeof(times[0]))

bool lk_seconds(const char *text, uint32_t max_ms, uint32_t *out)
{
    char *end = NULL;
    if (!isdigit((unsigned char)text[0]))
        return false;
    double v = strtod(text, &end) * 1000;
    if (*end != '\0' || !(v >= 0 && v <= max_ms) || strpbrk(text, "xXeE") != NULL)
        return false;
    *out = (uint32_t)(v + 0.5);
    return true;
}

static bool take_number(const char *v, unsigned long least, unsigned long most, uint32_t *out)
{
    char *end = NULL;
    unsigned long n = strtoul(v, &end, 10);
    *out = (uint32_t)n;
    return isdigit((unsigned char)v[0]) && *end == '\0' && n >= least && n <= most;
}

static bool take_update(struct lk_collateral_options *o, const char *v)
{
    o->services.update = v;
    return strcmp(v, "early") == 0 || strcmp(v, "standard") == 0;
}

static bool take_time(struct lk_collateral_options *o, size_t i, const char *v)
{
    uint32_t ms = 0;
    if (!lk_seconds(v, times[i].max_ms, &ms) || (ms == 0 && !times[i].may_be_zero))
        return false;
    memcpy((char *)&o->pace + times[i].at, &ms, sizeof(ms));
    return true;
}

static bool take(struct lk_collateral_options *o, int opt, const char *v)
{
    if (opt >= OPT_SECONDS)
        return take_time(o, (size_t)(opt - OPT_SECONDS), v);
    switch (opt) {
    case OPT_OUT:
        return (o->out = v) != NULL;
    case OPT_KDS:
        return lk_ok(lk_services_set(&o->services, LK_VENDOR_AMD, v));
    case OPT_PCCS:
        return lk_ok(lk_services_set(&o->services, LK_VENDOR_INTEL, v));
    case OPT_KDS_CA:
        return (o->ca[LK_VENDOR_AMD] = v) != NULL;
    case OPT_PCCS_CA:
        return (o->ca[LK_VENDOR_INTEL] = v) != NULL;
    case OPT_UPDATE:
        return take_update(o, v);
    case OPT_AHEAD:
        return take_number(v, 0, UINT32_MAX, &o->ahead_s);
    default:
        return opt == OPT_TRIES && take_number(v, 1, 100, &o->pace.tries);
    }
}

static const struct option *table(void)
{
    static struct option o[11 + TIMES] = {
        {"out", required_argument, NULL, OPT_OUT},         {"amd-kds", required_argument, NULL, OPT_KDS},
        {"pccs", required_argument, NULL, OPT_PCCS},       {"kds-ca", required_argument, NULL, OPT_KDS_CA},
        {"pccs-ca", required_argument, NULL, OPT_PCCS_CA}, {"update", required_argument, NULL, OPT_UPDATE},
        {"tries", required_argument, NULL, OPT_TRIES},     {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {"ahead", required_argument, NULL, OPT_AHEAD},
    };
    for (size_t i = 0; i < TIMES; i++)
        o[10 + i] = (struct option){times[i].name, required_argument, NULL, OPT_SECONDS + (int)i};
    return o;
}

bool lk_collateral_options(int argc, char **argv, struct lk_collateral_options *o, int *code)
{
    const struct option *rows = table();
    *o = (struct lk_collateral_options){.pace = LK_PACE_DEFAULT};
    *code = EXIT_USAGE;
    for (int opt, row = 0; (opt = getopt_long(argc, argv, "", rows, &row)) != -1;) {
        if (opt == OPT_HELP || opt == OPT_VERSION) {
            *code = 0;
            fputs(opt == OPT_HELP ? usage : "latchkey-collateral-fetch " LK_VERSION "\n", stdout);
            return false;
        }
        if (opt == '?')
            return false;
        if (!take(o, opt, optarg)) {
            fprintf(stderr, "latchkey-collateral-fetch: --%s %s is not possible\n", rows[row].name, optarg);
            return false;
        }
    }
    if (o->out != NULL && optind == argc)
        return true;
    fputs(usage, stderr);
    return false;
}
