/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey collateral import`: files taken apart, then uploaded in batches, or written as an exported folder. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/cli/collateral.h"
#include "broker/cli/collateral_client.h"
#include "broker/cli/collateral_files.h"
#include "broker/cli/remote.h"
#include "broker/client/pack.h"
#include "policy/chain/cert.h"
#include "policy/collateral/sort.h"
#include "policy/evidence/family.h"
#include "proto/base/clock.h"

#define BATCH_PIECES 200
#define BATCH_BYTES (1u << 20)
#define FILES_ARENA ((size_t)1 << 30) /* pages that are not used cost nothing */
#define IN_FORCE_S 60
#define HELP                                                                                             \
    "usage: latchkey collateral import [--export DIR [--anchor FAMILY:FILE]... [--at TIME]] FILE|DIR...\n\n" \
    "Uploads certificates, revocation lists and documents of AMD and Intel; docs/collateral.md has the forms.\n" \
    "  --export DIR          verify here and write a folder for latchkey appraise --collateral, instead\n"     \
    "  --anchor FAMILY:FILE  with --export: a root besides AMD's and Intel's own\n"                            \
    "  --at TIME             with --export: the time that it must be in force at, RFC 3339; now\n" LK_PROFILE_CLIENT_HELP

struct import {
    struct lk_loader *loader;
    struct lk_pieces pieces;
    bool quiet; /* tells of what was refused only */
    const char *export;
    struct lk_trust *trust;
    int64_t at;
    size_t stored, unchanged, refused, done;
};

/* ---- one batch ---- */

struct batch {
    struct lk_bytes raw[LK_COLLATERAL_PIECES_MAX];
    const char *from[LK_COLLATERAL_PIECES_MAX];
    size_t n, issuers, bytes;
};

static void put(struct batch *b, const struct lk_piece_list *l, size_t i)
{
    b->raw[b->n] = l->p[i];
    b->from[b->n++] = l->from[i];
    b->bytes += l->p[i].len;
}

/* The issuers first, then what fits of the others from *next on; at least one. */
static void fill(const struct lk_pieces *p, struct batch *b, size_t *next)
{
    *b = (struct batch){0};
    for (size_t i = 0; i < p->issuers.n && i < LK_COLLATERAL_PIECES_MAX - BATCH_PIECES; i++)
        put(b, &p->issuers, i);
    b->issuers = b->n;
    for (size_t first = *next; *next < p->others.n && *next - first < BATCH_PIECES; ++*next) {
        if (b->bytes + p->others.p[*next].len > BATCH_BYTES && *next > first)
            break;
        put(b, &p->others, *next);
    }
}

static void tell(struct import *im, const char *outcome, const char *name, const char *from, const char *why)
{
    bool stored = strcmp(outcome, "stored") == 0, refused = strcmp(outcome, "refused") == 0;
    im->stored += stored;
    im->refused += refused;
    im->unchanged += strcmp(outcome, "unchanged") == 0;
    if ((stored && !im->quiet) || refused)
        fprintf(refused ? stderr : stdout, "%-9s %s  (%s)%s%s\n", outcome, name, from, why[0] == '\0' ? "" : ": ", why);
}

/* Issuers are told of with the first batch only. */
static bool to_be_told(const struct import *im, const struct batch *b, size_t i)
{
    return i >= b->issuers || im->done == 0;
}

static lk_result upload(struct import *im, struct batch *b)
{
    Latchkey__V1__CollateralPutRequest m = LATCHKEY__V1__COLLATERAL_PUT_REQUEST__INIT;
    const Latchkey__V1__CollateralPutResponse *answer = NULL;
    ProtobufCBinaryData pieces[LK_COLLATERAL_PIECES_MAX];
    for (size_t i = 0; i < b->n; i++)
        pieces[i] = lk_client_bin(b->raw[i]);
    m.pieces = pieces;
    m.n_pieces = b->n;
    LK_TRY(lk_loader_put(im->loader, &m, &answer));
    LK_REQUIRE(answer->n_pieces == b->n, BROKER_PROTOCOL);
    for (size_t i = 0; i < b->n; i++) {
        const Latchkey__V1__CollateralOutcome *o = answer->pieces[i];
        char why[512] = "";
        if (strcmp(o->outcome, "refused") == 0)
            snprintf(why, sizeof(why), "%s %s expected %s, got %s", o->code, o->rule, o->expected, o->actual);
        if (to_be_told(im, b, i))
            tell(im, o->outcome, o->name, b->from[i], why);
    }
    return LK_OK;
}

static lk_result write_piece(const struct import *im, const struct lk_collateral_piece *p)
{
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/%s%s", im->export, p->name, p->facts.kind == LK_COLLATERAL_DOCUMENT ? ".json" : ".der");
    LK_REQUIRE(n > 0 && (size_t)n < sizeof(path), FILE);
    for (char *c = path + strlen(im->export) + 1; *c != '\0'; c++)
        *c = *c == '/' ? '_' : *c;
    FILE *f = fopen(path, "wbe");
    bool ok = f != NULL && fwrite(p->bytes.data, 1, p->bytes.len, f) == p->bytes.len;
    return (f == NULL || fclose(f) == 0) && ok ? LK_OK : lk_cli_file_failed(path);
}

static lk_result export_batch(struct import *im, struct batch *b)
{
    static struct lk_collateral_piece out[LK_COLLATERAL_PIECES_MAX];
    struct lk_arena *arena = lk_arena_new(64u << 20);
    struct lk_collateral_sorting s = {im->trust, im->at, arena, b->raw, b->n};
    lk_result r = arena == NULL ? LK_FAIL(MEMORY) : lk_collateral_sort(&s, out);
    for (size_t i = 0; lk_ok(r) && i < b->n; i++) {
        bool bad = out[i].why.code != LK_R_OK, named = out[i].name[0] != '\0';
        char why[512] = "";
        if (bad)
            snprintf(why, sizeof(why), "%s %s expected %s, got %s", lk_reason(out[i].why.code)->name, out[i].why.rule,
                     out[i].why.expected, out[i].why.actual);
        if (!bad && named)
            r = write_piece(im, &out[i]);
        if (lk_ok(r) && to_be_told(im, b, i))
            tell(im, bad ? "refused" : named ? "stored" : "issuer", out[i].name, b->from[i], why);
    }
    lk_arena_free(arena);
    return r;
}

static lk_result run_batches(struct import *im)
{
    static struct batch b;
    size_t next = 0;
    lk_result r = LK_OK;
    do {
        fill(&im->pieces, &b, &next);
        if (b.n > 0)
            r = im->export != NULL ? export_batch(im, &b) : upload(im, &b);
        im->done = next == 0 ? 1 : next;
        if (isatty(STDERR_FILENO) && im->pieces.others.n > BATCH_PIECES)
            fprintf(stderr, "\r%zu of %zu", next, im->pieces.others.n);
    } while (lk_ok(r) && next < im->pieces.others.n);
    return r;
}

/* Until verifiers judge by all of it. */
static lk_result wait_in_force(struct import *im)
{
    const Latchkey__V1__CollateralStatusResponse *s = NULL;
    for (int tries = 0; tries < IN_FORCE_S * 4; tries++) {
        LK_TRY(lk_loader_status(im->loader, "", &s));
        if (s->in_force)
            return LK_OK;
        nanosleep(&(struct timespec){0, 250000000}, NULL);
    }
    return LK_FAIL(DEADLINE);
}

lk_result lk_collateral_upload(struct lk_loader *loader, const char *folder, size_t *refused)
{
    struct import im = {.loader = loader, .quiet = true, .pieces.arena = lk_arena_new(FILES_ARENA)};
    lk_result r = im.pieces.arena == NULL ? LK_FAIL(MEMORY) : lk_pieces_read(&im.pieces, folder);
    if (lk_ok(r))
        r = run_batches(&im);
    lk_pieces_free(&im.pieces);
    lk_arena_free(im.pieces.arena);
    *refused = im.refused;
    return r;
}

/* ---- options ---- */

static bool add_anchor(struct import *im, const char *text)
{
    const char *colon = strchr(text, ':');
    LK_BUF_AUTO b = lk_buf(64u << 10);
    struct lk_bytes der;
    size_t n = 1;
    char family[32] = "";
    if (colon == NULL || (size_t)(colon - text) >= sizeof(family) || !lk_ok(lk_cli_read_file(colon + 1, &b)))
        return false;
    memcpy(family, text, (size_t)(colon - text));
    return lk_family_by_name(lk_bytes_str(family)) != NULL && lk_ok(lk_certs_split(lk_buf_bytes(&b), im->pieces.arena, &der, &n)) &&
           lk_ok(lk_trust_add_anchor(im->trust, family, colon + 1, der));
}

enum { OPT_EXPORT = 0x3000, OPT_ANCHOR, OPT_AT, OPT_HELP };

static int read_options(struct import *im, int argc, char **argv)
{
    static const struct option table[] = {
        LK_PROFILE_CLIENT_OPTIONS,
        {"export", required_argument, NULL, OPT_EXPORT},
        {"anchor", required_argument, NULL, OPT_ANCHOR},
        {"at", required_argument, NULL, OPT_AT},
        {"help", no_argument, NULL, OPT_HELP},
        {0},
    };
    optind = 0;
    for (int opt; (opt = getopt_long(argc, argv, "h", table, NULL)) != -1;) {
        if (opt == OPT_HELP || opt == 'h') {
            fputs(HELP, stdout);
            return 0;
        }
        if (opt == OPT_EXPORT)
            im->export = optarg;
        else if (opt == OPT_ANCHOR && !add_anchor(im, optarg))
            return lk_cli_usage("--anchor %s: not FAMILY:FILE with one certificate", optarg);
        else if (opt == OPT_AT && !lk_time_parse(optarg, &im->at))
            return lk_cli_usage("--at %s: not a time of RFC 3339", optarg);
        else if (opt == '?' || (opt != OPT_ANCHOR && opt != OPT_AT && !lk_profile_take(&im->loader->args, opt, optarg)))
            return lk_cli_usage("see latchkey collateral import --help");
    }
    return optind < argc ? -1 : lk_cli_usage("collateral import: files or folders are needed");
}

static lk_result run(struct import *im, int argc, char **argv)
{
    for (int i = optind; i < argc; i++)
        LK_TRY(lk_pieces_read(&im->pieces, argv[i]));
    if (im->export != NULL && mkdir(im->export, 0755) != 0 && access(im->export, W_OK) != 0)
        return lk_cli_file_failed(im->export);
    if (im->export == NULL)
        LK_TRY(lk_loader_open(im->loader));
    LK_TRY(run_batches(im));
    printf("%zu stored, %zu unchanged, %zu refused\n", im->stored, im->unchanged, im->refused);
    return im->export == NULL && im->stored > 0 ? wait_in_force(im) : LK_OK;
}

int lk_collateral_import(int argc, char **argv)
{
    LK_LOADER_AUTO loader = {0};
    struct import im = {.loader = &loader, .at = lk_clock_wall(), .trust = lk_trust_new()};
    im.pieces.arena = lk_arena_new(FILES_ARENA);
    int code = im.trust == NULL || im.pieces.arena == NULL ? 70 : read_options(&im, argc, argv);
    if (code == -1) {
        lk_result r = run(&im, argc, argv);
        code = !lk_ok(r) ? lk_loader_fail(&loader, r, "collateral import") : im.refused > 0;
    }
    lk_pieces_free(&im.pieces);
    lk_arena_free(im.pieces.arena);
    lk_trust_free(im.trust);
    return code;
}
