/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public SEV-SNP vectors (../shared/vectors/snp and the reports of ../shared/vectors/trustee): each gives its
 * documented outcome at its pinned time, and for each that passes every single bit flip of the report is malformed or
 * not authentic. Exit 77 when the vectors are not there.
 *
 *   snp_conformance outcomes | flips
 */
#include "policy/evidence/sev_snp/sev_snp.h"
#include "proto/base/clock.h"
#include "tests/harness/family_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPORT 1184

struct vector {
    const char *name;
    const char *parts[LK_SNP_PARTS];  /* files, by enum lk_snp_part */
    const char *at;
    enum lk_reason_code authentic;    /* of parse and authenticate */
    enum lk_reason_code defaults;     /* of the safe defaults, when authentic */
    size_t offset;                    /* of the report in its file; the report ends after 1184 bytes when set */
};

#define MILAN "snp/roots/milan-vcek-cert_chain.pem"
#define MILAN_VLEK "snp/roots/milan-vlek-cert_chain.pem"
#define GENOA "snp/roots/genoa-vcek-cert_chain.pem"
#define GENOA_VLEK "snp/roots/genoa-vlek-cert_chain.pem"
#define TURIN "snp/roots/turin-vcek-cert_chain.pem"
#define TRUSTEE_MILAN "trustee/snp/milan_ask_ark_asvk.pem"
#define NOW "2026-07-01T00:00:00Z"
#define VLEK_TIME "2025-06-01T00:00:00Z"
#define OK LK_R_OK

static const struct vector vectors[] = {
    {"milan-v2-plain", {"snp/milan-v2-plain.report.bin", "snp/milan-v2-plain.vcek.der", MILAN}, NOW, OK, OK, 0},
    {"milan-v2-debug", {"snp/milan-v2-debug.report.bin", "snp/milan-v2-debug.vcek.der", MILAN}, NOW, OK,
     LK_R_SNP_POLICY_DEBUG, 0},
    {"milan-v2-idblock", {"snp/milan-v2-idblock.report.bin", "snp/milan-v2-idblock.vcek.der", MILAN}, NOW, OK, OK, 0},
    {"milan-v3-vcek", {"snp/milan-v3-vcek.report.bin", "snp/milan-v3-vcek.vcek.pem", MILAN}, NOW, OK, OK, 0},
    {"milan-v3-vlek", {"snp/milan-v3-vlek.report.bin", "snp/milan-v3-vlek.vlek.der", MILAN_VLEK}, VLEK_TIME, OK,
     LK_R_SNP_VMPL, 0},
    {"milan-v3-aci", {"snp/milan-v3-aci.report.bin", "snp/milan-v3-aci.vcek.pem", MILAN}, NOW, OK, OK, 0},
    {"genoa-v3-tsm", {"snp/genoa-v3-tsm.outblob.bin", NULL, NULL, NULL, "snp/genoa-v3-tsm.auxblob.bin"}, NOW, OK, OK, 0},
    {"genoa-v5-modelA0", {"snp/genoa-v5-modelA0.report.bin", "snp/genoa-v5-modelA0.vcek.der", GENOA}, NOW, OK, OK, 0},
    {"turin-v5", {"snp/turin-v5.report.bin", "snp/turin-v5.vcek.pem", TURIN}, NOW, OK, OK, 0},
    /* Up to here the reports whose bits are flipped: FLIPPED. */
    {"re-issued VCEK", {"snp/milan-v3-aci.report.bin", "snp/milan-v3-aci.vcek-reissued.pem", MILAN}, NOW, OK, OK, 0},
    {"VLEK expired", {"snp/milan-v3-vlek.report.bin", "snp/milan-v3-vlek.vlek.der", MILAN_VLEK},
     "2026-03-01T00:00:00Z", LK_R_CERT_EXPIRED, OK, 0},
    {"VCEK not yet valid", {"snp/milan-v3-vcek.report.bin", "snp/milan-v3-vcek.vcek.pem", MILAN},
     "2026-06-01T00:00:00Z", LK_R_CERT_NOT_YET_VALID, OK, 0},
    {"VLEK offered as a VCEK", {"snp/milan-v3-aci.report.bin", "snp/milan-v3-vlek.vlek.der", MILAN}, VLEK_TIME,
     LK_R_SNP_VEK_KIND, OK, 0},
    {"VCEK offered as a VLEK", {"snp/milan-v3-vlek.report.bin", "snp/milan-v3-aci.vcek.pem", MILAN_VLEK}, NOW,
     LK_R_SNP_VEK_KIND, OK, 0},
    {"VLEK under the VCEK chain", {"snp/milan-v3-vlek.report.bin", "snp/milan-v3-vlek.vlek.der", MILAN}, VLEK_TIME,
     LK_R_SNP_CHAIN_MISSING, OK, 0},
    {"VCEK under the VLEK chain", {"snp/milan-v3-aci.report.bin", "snp/milan-v3-aci.vcek.pem", MILAN_VLEK}, NOW,
     LK_R_SNP_CHAIN_MISSING, OK, 0},
    {"Milan under Genoa's chain", {"snp/milan-v3-aci.report.bin", "snp/milan-v3-aci.vcek.pem", GENOA}, NOW,
     LK_R_SNP_PRODUCT_MISMATCH, OK, 0},
    {"another Turin VCEK", {"snp/turin-v5.report.bin", "snp/turin-zero-tcb.vcek.der", TURIN}, NOW,
     LK_R_SNP_CHIP_ID_MISMATCH, OK, 0},
    {"another chip", {"snp/bad/milan-v2-otherchip.report.bin", "snp/milan-v2-plain.vcek.der", MILAN}, NOW,
     LK_R_SNP_CHIP_ID_MISMATCH, OK, 0},
    {"made-up VCEK, raw hwID", {"snp/milan-v2-plain.report.bin", "snp/bad/milan-vcek-hwid-raw-badsig.der", MILAN}, NOW,
     LK_R_CERT_SIGNATURE, OK, 0},
    {"made-up VCEK, wrapped hwID",
     {"snp/milan-v2-plain.report.bin", "snp/bad/milan-vcek-hwid-octetstring-badsig.der", MILAN}, NOW,
     LK_R_CERT_SIGNATURE, OK, 0},
    {"no certificates", {"snp/milan-v3-aci.report.bin"}, NOW, LK_R_SNP_VEK_MISSING, OK, 0},
    {"no chain", {"snp/milan-v3-aci.report.bin", "snp/milan-v3-aci.vcek.pem"}, NOW, LK_R_SNP_CHAIN_MISSING, OK, 0},
    {"vek twice",
     {"snp/genoa-v3-tsm.outblob.bin", "snp/genoa-v5-modelA0.vcek.der", NULL, NULL, "snp/genoa-v3-tsm.auxblob.bin"}, NOW,
     LK_R_SNP_PARTS_AMBIGUOUS, OK, 0},
    {"trustee: VCEK", {"trustee/snp/test-report.bin", "trustee/snp/test-vcek.der", TRUSTEE_MILAN}, NOW, OK, OK, 0},
    {"trustee: VLEK", {"trustee/snp/test-vlek-report.bin", "trustee/snp/test-vlek.der", TRUSTEE_MILAN}, VLEK_TIME, OK,
     LK_R_SNP_VMPL, 0},
    {"trustee: made-up VCEK, legacy", {"trustee/snp/test-report.bin", "trustee/snp/test-vcek-invalid-legacy.der", MILAN},
     NOW, LK_R_CERT_SIGNATURE, OK, 0},
    {"trustee: made-up VCEK, new", {"trustee/snp/test-report.bin", "trustee/snp/test-vcek-invalid-new.der", MILAN}, NOW,
     LK_R_CERT_SIGNATURE, OK, 0},
    {"trustee: VCEK where the VLEK signed", {"trustee/snp/test-vlek-report.bin", "trustee/snp/test-vcek.der", MILAN_VLEK},
     NOW, LK_R_SNP_VEK_KIND, OK, 0},
    {"trustee: Genoa VCEK under Milan", {"snp/genoa-v3-tsm.outblob.bin", "trustee/az-snp-vtpm/vcek-genoa.pem", MILAN},
     NOW, LK_R_SNP_PRODUCT_MISMATCH, OK, 0},
    {"trustee: Genoa VCEK of another chip", {"snp/genoa-v3-tsm.outblob.bin", "trustee/az-snp-vtpm/vcek-genoa.pem", GENOA},
     NOW, LK_R_SNP_CHIP_ID_MISMATCH, OK, 0},
    {"trustee: report inside an HCL report", {"trustee/az-snp-vtpm/hcl-report.bin", "trustee/az-snp-vtpm/vcek.pem"}, NOW,
     LK_R_CERT_TOO_MANY, OK, 32},
};
#define VECTORS (sizeof(vectors) / sizeof(*vectors))
#define FLIPPED 9

static char root[512] = "../shared/vectors";

static struct lk_bytes load(struct lk_arena *arena, const char *file)
{
    char path[1024];
    if (file == NULL)
        return LK_BYTES_NONE;
    snprintf(path, sizeof(path), "%s/%s", root, file);
    struct lk_bytes b = lk_test_file(arena, path);
    if (b.data == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    return b;
}

static void load_parts(const struct vector *v, struct lk_arena *arena, struct lk_bytes parts[static LK_SNP_PARTS])
{
    for (size_t i = 0; i < LK_SNP_PARTS; i++)
        parts[i] = load(arena, v->parts[i]);
    if (v->offset != 0)
        parts[0] = lk_bytes(parts[0].data + v->offset, REPORT);
}

static int check(const struct vector *v, const char *what, lk_result got, enum lk_reason_code want)
{
    const struct lk_reason *g = lk_reason(got.code), *w = lk_reason(want);
    bool ok = got.code == want;
    printf("%s %s: %s: %s (%s)", ok ? "ok  " : "FAIL", v->name, what, g->name, lk_class_name(g->cls));
    printf(ok ? "\n" : ", not %s\n", w->name);
    return ok ? 0 : 1;
}

static int outcome(const struct vector *v)
{
    struct lk_arena *arena = lk_arena_new(4 << 20);
    struct lk_trust *trust = lk_trust_new();
    struct lk_bytes parts[LK_SNP_PARTS];
    struct lk_family_run run;
    int64_t at;
    load_parts(v, arena, parts);
    if (!lk_time_parse(v->at, &at))
        exit(1);
    int bad = check(v, "evidence", lk_family_run(&lk_family_sev_snp, parts, trust, at, arena, &run), v->authentic);
    if (lk_ok(run.result))
        bad += check(v, "safe defaults", lk_family_run_defaults(&lk_family_sev_snp, &run), v->defaults);
    else if (lk_report_first(&run.report) == NULL || lk_report_first(&run.report)->code != run.result.code)
        bad += printf("FAIL %s: the result is not the finding\n", v->name) > 0;
    lk_trust_free(trust);
    lk_arena_free(arena);
    return bad;
}

static int outcomes(void)
{
    int bad = 0;
    for (size_t i = 0; i < VECTORS; i++)
        bad += outcome(&vectors[i]);
    printf("%zu vectors, %d wrong\n", VECTORS, bad);
    return bad == 0 ? 0 : 1;
}

/* Flips bits `first`, first + step, ... of the vector's report. Returns the number of wrong outcomes. */
static int flip(const struct vector *v, size_t first, size_t step)
{
    struct lk_arena *files = lk_arena_new(4 << 20), *arena = lk_arena_new(4 << 20);
    struct lk_trust *trust = lk_trust_new();
    struct lk_bytes parts[LK_SNP_PARTS];
    struct lk_family_run run;
    uint8_t report[REPORT];
    int64_t at;
    size_t n = 0, malformed = 0;
    int bad = 0;
    load_parts(v, files, parts);
    memcpy(report, parts[0].data, REPORT);
    parts[0] = LK_BYTES(report);
    lk_time_parse(v->at, &at);
    for (size_t bit = first; bit < 8 * (size_t)REPORT; bit += step, n++) {
        report[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum lk_class cls = lk_class_of(lk_family_run(&lk_family_sev_snp, parts, trust, at, arena, &run));
        report[bit / 8] ^= (uint8_t)(1 << bit % 8);
        malformed += cls == LK_CLASS_MALFORMED;
        if (cls != LK_CLASS_MALFORMED && cls != LK_CLASS_NOT_AUTHENTIC)
            bad += printf("FAIL %s: bit %zu of byte 0x%zx: %s\n", v->name, bit % 8, bit / 8,
                          lk_reason(run.result.code)->name) > 0;
        lk_arena_reset(arena);
    }
    printf("%s %s: %zu flips, %zu malformed, %zu not authentic\n", bad == 0 ? "ok  " : "FAIL", v->name, n, malformed,
           n - malformed - (size_t)bad);
    lk_trust_free(trust);
    lk_arena_free(arena);
    lk_arena_free(files);
    return bad;
}

/* Two processes, each with every other bit: one P-384 verification for each bit of the signed part. */
static int flips(void)
{
    enum { JOBS = 2 };
    pid_t jobs[JOBS];
    int bad = 0;
    fflush(stdout);
    for (size_t j = 0; j < JOBS; j++) {
        jobs[j] = fork();
        if (jobs[j] != 0)
            continue;
        for (size_t i = 0; i < FLIPPED; i++)
            bad += flip(&vectors[i], j, JOBS);
        fflush(stdout);
        _exit(bad == 0 ? 0 : 1);
    }
    for (size_t j = 0; j < JOBS; j++) {
        int status;
        if (jobs[j] < 0 || waitpid(jobs[j], &status, 0) < 0 || status != 0)
            bad++;
    }
    return bad == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct stat st;
    const char *elsewhere = getenv("LK_VECTORS");
    if (elsewhere != NULL)
        snprintf(root, sizeof(root), "%s", elsewhere);
    if (stat(root, &st) != 0) {
        fprintf(stderr, "SKIPPED: no vectors at %s\n", root);
        return 77;
    }
    if (argc != 2)
        return 64;
    return strcmp(argv[1], "flips") == 0 ? flips() : outcomes();
}
