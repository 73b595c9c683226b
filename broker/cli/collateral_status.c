/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey collateral status`: what expires when, what was missing, what a fleet lacks. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/cli/collateral.h"
#include "broker/cli/collateral_client.h"
#include "broker/cli/fleet.h"
#include "broker/cli/remote.h"
#include "proto/base/clock.h"
#include "proto/base/collateral.h"

#define DAY 86400
#define FLEET_MAX (32u << 20)
#define HELP                                                                                        \
    "usage: latchkey collateral status [--fleet FILE] [--days N] [--json]\n\n"                        \
    "  --fleet FILE  what must be there: docs/collateral.md has the format\n"                        \
    "  --days N      what expires within N days is told; 7\n"                                        \
    "exit: 0 fine, 1 something expires soon or is missing, 3 something has expired\n" LK_PROFILE_CLIENT_HELP

struct status {
    struct lk_loader loader;
    const char *fleet;
    long days;
    bool as_json, expired, wanting;
    int64_t time;
    char **names; /* of all entries, in order */
    size_t n, room;
    json_t *entries, *missing, *lacks;
};

/* ---- entries ---- */

static lk_result keep_name(struct status *s, const char *name)
{
    if (s->n == s->room) {
        size_t room = s->room == 0 ? 256 : 2 * s->room;
        char **grown = reallocarray(s->names, room, sizeof(*grown));
        LK_REQUIRE(grown != NULL, MEMORY);
        s->names = grown;
        s->room = room;
    }
    s->names[s->n] = strdup(name);
    LK_REQUIRE(s->names[s->n] != NULL, MEMORY);
    s->n++;
    return LK_OK;
}

static const char *state_of(struct status *s, int64_t until)
{
    if (until < s->time) {
        s->expired = true;
        return "expired";
    }
    if (until > s->time + s->days * DAY)
        return "ok";
    s->wanting = true;
    return "soon";
}

static lk_result tell_entry(struct status *s, const Latchkey__V1__CollateralEntry *e)
{
    char until[24], digest[65];
    const char *state = state_of(s, e->until);
    lk_time_format(e->until, until, sizeof(until));
    lk_hex(lk_bytes(e->digest.data, e->digest.len), digest, sizeof(digest));
    if (s->as_json)
        json_array_append_new(s->entries, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:I}", "name", e->name, "kind", e->kind,
                                                    "state", state, "number", (json_int_t)e->number, "issued",
                                                    (json_int_t)e->issued, "until", (json_int_t)e->until, "stored",
                                                    (json_int_t)e->stored, "digest", digest, "size", (json_int_t)e->size));
    else
        printf("%-8s %-20s %-10llu %s\n", state, until, (unsigned long long)e->number, e->name);
    return keep_name(s, e->name);
}

static void tell_missing(struct status *s, const Latchkey__V1__CollateralMissing *m)
{
    char last[24];
    lk_time_format(m->last_seen, last, sizeof(last));
    s->wanting = true;
    if (s->as_json)
        json_array_append_new(s->missing, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "name", m->name, "note", m->note, "code", m->code,
                                                    "first_seen", (json_int_t)m->first_seen, "last_seen",
                                                    (json_int_t)m->last_seen, "count", (json_int_t)m->count));
    else
        printf("missing  %-20s %-10llu %s %s %s\n", last, (unsigned long long)m->count, m->name, m->note, m->code);
}

static lk_result read_all(struct status *s)
{
    char after[LK_COLLATERAL_NAME_MAX + 1] = "";
    const Latchkey__V1__CollateralStatusResponse *m = NULL;
    do {
        LK_TRY(lk_loader_status(&s->loader, after, &m));
        s->time = m->time;
        for (size_t i = 0; i < m->n_entries; i++)
            LK_TRY(tell_entry(s, m->entries[i]));
        for (size_t i = 0; i < m->n_missing; i++)
            tell_missing(s, m->missing[i]);
        LK_REQUIRE(!m->more || (m->n_entries > 0 && strlen(m->entries[m->n_entries - 1]->name) < sizeof(after)), BROKER_PROTOCOL);
        if (m->more)
            strcpy(after, m->entries[m->n_entries - 1]->name);
    } while (m->more);
    return LK_OK;
}

/* ---- the fleet ---- */

static int by_name(const void *key, const void *element)
{
    return strcmp(key, *(char *const *)element);
}

static void demand(void *context, const struct lk_fleet_piece *piece)
{
    struct status *s = context;
    if (s->n > 0 && bsearch(piece->name, s->names, s->n, sizeof(*s->names), by_name) != NULL)
        return;
    s->wanting = true;
    if (s->as_json)
        json_array_append_new(s->lacks, json_string(piece->name));
    else
        printf("lacking  %s\n", piece->name);
}

static lk_result read_fleet(struct status *s)
{
    struct lk_fleet_flaw flaw;
    LK_BUF_AUTO text = lk_buf(FLEET_MAX);
    if (s->fleet == NULL)
        return LK_OK;
    LK_TRY(lk_cli_read_file(s->fleet, &text));
    lk_result r = lk_fleet_read(lk_buf_bytes(&text), demand, s, &flaw);
    if (!lk_ok(r))
        fprintf(stderr, "latchkey: %s:%u: %s\n", s->fleet, flaw.line, flaw.what);
    return r;
}

/* ---- options ---- */

enum { OPT_FLEET = 0x3000, OPT_DAYS, OPT_JSON, OPT_HELP };

static int read_options(struct status *s, int argc, char **argv)
{
    static const struct option table[] = {
        LK_PROFILE_CLIENT_OPTIONS,
        {"fleet", required_argument, NULL, OPT_FLEET},
        {"days", required_argument, NULL, OPT_DAYS},
        {"json", no_argument, NULL, OPT_JSON},
        {"help", no_argument, NULL, OPT_HELP},
        {0},
    };
    char *end = NULL;
    optind = 0;
    for (int opt; (opt = getopt_long(argc, argv, "h", table, NULL)) != -1;) {
        if (opt == OPT_HELP || opt == 'h') {
            fputs(HELP, stdout);
            return 0;
        }
        if (opt == OPT_FLEET)
            s->fleet = optarg;
        else if (opt == OPT_JSON)
            s->as_json = true;
        else if (opt == OPT_DAYS) {
            s->days = strtol(optarg, &end, 10);
            if (*optarg == '\0' || *end != '\0' || s->days < 0 || s->days > 36500)
                return lk_cli_usage("--days %s: not a number of days", optarg);
        } else if (opt == '?' || !lk_profile_take(&s->loader.args, opt, optarg))
            return lk_cli_usage("see latchkey collateral status --help");
    }
    return optind == argc ? -1 : lk_cli_usage("usage: latchkey collateral status [--fleet FILE] [--days N] [--json]");
}

static void print_json(const struct status *s, int code)
{
    json_t *o = json_pack("{s:I, s:i, s:O, s:O, s:O}", "time", (json_int_t)s->time, "exit", code, "entries", s->entries, "missing",
                          s->missing, "lacking", s->lacks);
    json_dumpf(o, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(o);
}

int lk_collateral_status(int argc, char **argv)
{
    struct status s = {.days = 7, .entries = json_array(), .missing = json_array(), .lacks = json_array()};
    int code = read_options(&s, argc, argv);
    if (code == -1) {
        lk_result r = lk_loader_open(&s.loader);
        if (lk_ok(r))
            r = read_all(&s);
        if (lk_ok(r))
            r = read_fleet(&s);
        code = !lk_ok(r) ? lk_loader_fail(&s.loader, r, "collateral status") : s.expired ? 3 : s.wanting;
        if (lk_ok(r) && s.as_json)
            print_json(&s, code);
    }
    for (size_t i = 0; i < s.n; i++)
        free(s.names[i]);
    free(s.names);
    json_decref(s.entries);
    json_decref(s.missing);
    json_decref(s.lacks);
    lk_loader_close(&s.loader);
    return code;
}
