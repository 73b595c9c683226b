/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intel-qe-emulator: a software quoting enclave with its authorities, for tests of a live TDX guest. Its root is its
 * own: a broker believes it only where an admin adds root.der as an anchor of family tdx.
 */
#include "tests/emulators/intel_qe/intel_qe.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "usage: intel-qe-emulator --dir D [FIELD...] documents --out FOLDER\n"
    "       intel-qe-emulator --dir D [FIELD...] quote --inblob FILE --out FILE\n"
    "\n"
    "documents  writes root.der and the collateral by the names of a flat folder: tcb_info.json, qe_identity.json,\n"
    "           tcb_signing_chain.pem, pck_crl.der, root_ca_crl.der\n"
    "quote      writes a quote over the 64 bytes of the inblob\n"
    "D holds the keys, which are made once. Fields: --body-type 1 (an enclave)|2|3|4 --mrtd HEX --rtmr0..3 HEX --td-attributes HEX\n"
    "           --status WORD (of the platform's level) --component SVN (the first) --pck-revoked --stale (lists past nextUpdate)\n"
    "           --shift DAYS (the time it takes for now) --expires SECONDS (the documents' nextUpdate, from now)\n";

#define DAY 86400L

struct options {
    const char *dir, *out, *inblob;
    struct qe_settings s;
};

static bool hex(const char *text, uint8_t *out, size_t n)
{
    return lk_unhex(text, strlen(text), out, n) == (ptrdiff_t)n;
}

enum { OPT_DIR = 256, OPT_OUT, OPT_INBLOB, OPT_BODY, OPT_MRTD, OPT_RTMR0, OPT_RTMR1, OPT_RTMR2, OPT_RTMR3, OPT_ATTRIBUTES,
       OPT_STATUS, OPT_COMPONENT, OPT_REVOKED, OPT_STALE, OPT_SHIFT, OPT_EXPIRES };

static bool take(struct options *o, int opt)
{
    switch (opt) {
    case OPT_DIR:
        return (o->dir = optarg) != NULL;
    case OPT_OUT:
        return (o->out = optarg) != NULL;
    case OPT_INBLOB:
        return (o->inblob = optarg) != NULL;
    case OPT_BODY:
        return true; /* read first: it decides what the others change */
    case OPT_MRTD:
        return hex(optarg, o->s.mr_td, 48);
    case OPT_RTMR0:
    case OPT_RTMR1:
    case OPT_RTMR2:
    case OPT_RTMR3:
        return hex(optarg, o->s.rtmr[opt - OPT_RTMR0], 48);
    case OPT_ATTRIBUTES:
        return hex(optarg, o->s.td_attributes, 8);
    case OPT_STATUS:
        return (o->s.status[0] = optarg) != NULL;
    case OPT_COMPONENT:
        o->s.components[0] = (uint8_t)strtoul(optarg, NULL, 10);
        return true;
    case OPT_REVOKED:
        return o->s.pck_revoked = true;
    case OPT_STALE:
        return o->s.crl_stale = true;
    case OPT_SHIFT:
        o->s.now += DAY * strtol(optarg, NULL, 10);
        return true;
    case OPT_EXPIRES: /* documents lie 18 days before their nextUpdate */
        o->s.now += strtol(optarg, NULL, 10) - 18 * DAY;
        return true;
    default:
        return false;
    }
}

static const struct option table[] = {
    {"dir", required_argument, NULL, OPT_DIR},       {"out", required_argument, NULL, OPT_OUT},
    {"inblob", required_argument, NULL, OPT_INBLOB}, {"body-type", required_argument, NULL, OPT_BODY},
    {"mrtd", required_argument, NULL, OPT_MRTD},     {"rtmr0", required_argument, NULL, OPT_RTMR0},
    {"rtmr1", required_argument, NULL, OPT_RTMR1},   {"rtmr2", required_argument, NULL, OPT_RTMR2},
    {"rtmr3", required_argument, NULL, OPT_RTMR3},   {"td-attributes", required_argument, NULL, OPT_ATTRIBUTES},
    {"status", required_argument, NULL, OPT_STATUS}, {"component", required_argument, NULL, OPT_COMPONENT}, {"pck-revoked", no_argument, NULL, OPT_REVOKED},
    {"stale", no_argument, NULL, OPT_STALE},         {"shift", required_argument, NULL, OPT_SHIFT},
    {"expires", required_argument, NULL, OPT_EXPIRES},
    {0},
};

static uint16_t body_type(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--body-type") == 0 && argv[i + 1][0] >= '1' && argv[i + 1][0] <= '4')
            return (uint16_t)(argv[i + 1][0] - '0');
    return 3;
}

static void write_file(const char *folder, const char *name, const struct qe_blob *b)
{
    char path[512];
    snprintf(path, sizeof(path), "%s%s%s", folder, name[0] == '\0' ? "" : "/", name);
    FILE *f = fopen(path, "wb");
    QE_MUST(f != NULL && fwrite(b->data, 1, b->len, f) == b->len && fclose(f) == 0);
}

static int write_documents(const struct options *o, const struct qe_output *made)
{
    write_file(o->out, "root.der", &made->root);
    write_file(o->out, "tcb_info.json", &made->tcb_info);
    write_file(o->out, "qe_identity.json", &made->qe_identity);
    write_file(o->out, "tcb_signing_chain.pem", &made->tcb_chain);
    write_file(o->out, "pck_crl.der", &made->pck_crl);
    write_file(o->out, "root_ca_crl.der", &made->root_crl);
    return 0;
}

static bool read_inblob(struct options *o)
{
    FILE *f = o->inblob == NULL ? NULL : fopen(o->inblob, "rb");
    size_t n = f == NULL ? 0 : fread(o->s.report_data, 1, sizeof(o->s.report_data), f);
    if (f != NULL)
        fclose(f);
    return n == sizeof(o->s.report_data);
}

int main(int argc, char **argv)
{
    static struct options o;
    static struct qe_output made;
    uint16_t type = body_type(argc, argv);
    qe_settings_init(&o.s, type != 1, type);
    o.s.now = (int64_t)time(NULL);
    for (int opt; (opt = getopt_long(argc, argv, "", table, NULL)) != -1;)
        if (!take(&o, opt)) {
            fputs(usage, stderr);
            return 64;
        }
    const char *verb = optind < argc ? argv[optind] : "";
    bool quote = strcmp(verb, "quote") == 0;
    if (o.dir == NULL || o.out == NULL || (!quote && strcmp(verb, "documents") != 0) || (quote && !read_inblob(&o))) {
        fputs(usage, stderr);
        return 64;
    }
    qe_keys_in(o.dir);
    qe_make(&o.s, &made);
    if (!quote)
        return write_documents(&o, &made);
    write_file(o.out, "", &made.quote);
    return 0;
}
