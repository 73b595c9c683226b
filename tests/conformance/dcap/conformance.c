/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public TDX and SGX vectors against the families alone. outcomes: what appraise.py cannot ask for (moments at the
 * edges of the windows, a quote without its trailing bytes, each document missing or altered). flips: every single
 * bit flip of a quote up to its certificates, and of each document, is malformed or not authentic. Exit 77 when the
 * vectors are not there.
 *
 *   dcap_conformance outcomes | flips
 */
#include "policy/evidence/dcap/dcap.h"
#include "proto/base/clock.h"
#include "tests/harness/family_run.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char root[512] = "../shared/vectors";

static const char *const files[LK_DCAP_PARTS] = {"quote.bin",   "tcb_info.json",   "qe_identity.json",
                                                 "tcb_signing_chain.pem", "pck_crl.der", "root_ca_crl.der"};

struct bundle {
    struct lk_bytes parts[LK_DCAP_PARTS];
};

static void load(struct lk_arena *arena, const char *folder, struct bundle *b)
{
    for (size_t i = 0; i < LK_DCAP_PARTS; i++) {
        char path[1024];
        snprintf(path, sizeof(path), "%s/%s/%s", root, folder, files[i]);
        b->parts[i] = lk_test_file(arena, path);
        if (b->parts[i].data == NULL) {
            fprintf(stderr, "cannot read %s\n", path);
            exit(1);
        }
    }
}

static const struct lk_family *family_of(const char *folder)
{
    return strncmp(folder, "sgx", 3) == 0 ? &lk_family_sgx : &lk_family_tdx;
}

static lk_result run(const char *folder, const struct bundle *b, int64_t at)
{
    struct lk_arena *arena = lk_arena_new(4 << 20);
    struct lk_trust *trust = lk_trust_new();
    struct lk_family_run out;
    lk_result r = lk_family_run(family_of(folder), b->parts, trust, at, arena, &out);
    lk_trust_free(trust);
    lk_arena_free(arena);
    return r;
}

static int check(const char *what, lk_result got, enum lk_reason_code want)
{
    bool ok = got.code == want;
    printf("%s %s: %s", ok ? "ok  " : "FAIL", what, lk_reason(got.code)->name);
    printf(ok ? "\n" : ", not %s\n", lk_reason(want)->name);
    return ok ? 0 : 1;
}

#define UPTODATE "tdx/v4-b0c06f-uptodate"

/* Windows in cases.json: the case is judged at both ends, and not one second beyond. */
static const struct {
    const char *folder, *at;
    enum lk_reason_code want;
} moments[] = {
    {UPTODATE, "2025-06-19T10:32:27Z", LK_R_OK},
    {UPTODATE, "2025-06-19T10:32:26Z", LK_R_DCAP_COLLATERAL_NOT_YET_VALID},
    {UPTODATE, "2025-07-19T10:00:35Z", LK_R_OK},
    {UPTODATE, "2025-07-19T10:00:36Z", LK_R_CRL_STALE},
    {"tdx/v5-90c06f-relaunch-eval18", "2025-02-26T10:37:20Z", LK_R_OK},
    {"tdx/v5-90c06f-relaunch-eval18", "2025-02-26T10:37:19Z", LK_R_DCAP_COLLATERAL_NOT_YET_VALID},
    {"sgx/v3-00906e-swhardening-tcbinfo-v2", "2022-05-26T22:39:25Z", LK_R_OK},
    {"sgx/v3-00906e-swhardening-tcbinfo-v2", "2022-05-26T22:39:26Z", LK_R_DCAP_COLLATERAL_EXPIRED},
    {"tdx/v4-ccel-live-b0c06f-uptodate", "2026-03-30T19:08:30Z", LK_R_CERT_NOT_YET_VALID},
};

static int check_moments(struct lk_arena *arena)
{
    int bad = 0;
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        struct bundle b;
        char what[128];
        int64_t at;
        load(arena, moments[i].folder, &b);
        if (!lk_time_parse(moments[i].at, &at))
            exit(1);
        snprintf(what, sizeof(what), "%s at %s", moments[i].folder, moments[i].at);
        bad += check(what, run(moments[i].folder, &b, at), moments[i].want);
    }
    return bad;
}

static int64_t pinned(void)
{
    int64_t at;
    return lk_time_parse("2025-07-01T00:00:00Z", &at) ? at : 0;
}

/* Each document missing, empty, cut by a byte, or with a byte more. */
static int check_documents(struct lk_arena *arena)
{
    static const enum lk_reason_code damaged[LK_DCAP_PARTS] = {
        LK_R_DCAP_QUOTE_FORM, LK_R_DCAP_COLLATERAL_FORM, LK_R_DCAP_COLLATERAL_FORM, LK_R_CERT_MALFORMED,
        LK_R_CRL_MALFORMED,   LK_R_CRL_MALFORMED};
    int bad = 0;
    for (size_t i = 1; i < LK_DCAP_PARTS; i++) {
        struct bundle b;
        load(arena, UPTODATE, &b);
        struct lk_bytes whole = b.parts[i];
        b.parts[i] = LK_BYTES_NONE;
        bad += check(files[i], run(UPTODATE, &b, pinned()), LK_R_DCAP_COLLATERAL_MISSING);
        b.parts[i] = lk_bytes(whole.data, whole.len / 2);
        bad += check(files[i], run(UPTODATE, &b, pinned()), damaged[i]);
    }
    return bad;
}

static int check_trailing(struct lk_arena *arena)
{
    struct bundle b;
    int64_t at;
    int bad = 0;
    load(arena, "tdx/v4-spr-50806f-tcb-not-supported", &b);
    if (!lk_time_parse("2023-07-01T00:00:00Z", &at))
        exit(1);
    bad += check("bytes after a quote", run("tdx", &b, at), LK_R_DCAP_TRAILING);
    b.parts[0].len -= 39;
    bad += check("the same quote alone", run("tdx", &b, at), LK_R_DCAP_TCB_NOT_SUPPORTED);
    b.parts[0].len--;
    bad += check("a byte less", run("tdx", &b, at), LK_R_DCAP_QUOTE_FORM);
    return bad;
}

static int outcomes(void)
{
    struct lk_arena *arena = lk_arena_new(64 << 20);
    int bad = check_moments(arena) + check_documents(arena) + check_trailing(arena);
    lk_arena_free(arena);
    return bad == 0 ? 0 : 1;
}

/* Flips bits of the first n bytes of a part: every step-th, beginning with `first`. */
static int flip(const char *folder, struct bundle b, size_t part, size_t n, size_t step)
{
    struct lk_arena *files_arena = lk_arena_new(1 << 20), *arena = lk_arena_new(4 << 20);
    struct lk_trust *trust = lk_trust_new();
    uint8_t *copy = lk_arena_alloc(files_arena, b.parts[part].len);
    struct lk_family_run out;
    int bad = 0;
    memcpy(copy, b.parts[part].data, b.parts[part].len);
    b.parts[part].data = copy;
    for (size_t bit = 0; bit < 8 * n; bit += step) {
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum lk_class cls = lk_class_of(lk_family_run(family_of(folder), b.parts, trust, pinned(), arena, &out));
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        /* Certification data of a type without a chain leave the question open. */
        if (cls != LK_CLASS_MALFORMED && cls != LK_CLASS_NOT_AUTHENTIC && cls != LK_CLASS_CANNOT_JUDGE)
            bad += printf("FAIL %s %s: bit %zu of byte %zu: %s\n", folder, files[part], bit % 8, bit / 8,
                          lk_reason(out.result.code)->name) > 0;
        lk_arena_reset(arena);
    }
    printf("%s %s %s: bits of %zu bytes\n", bad == 0 ? "ok  " : "FAIL", folder, files[part], n);
    lk_trust_free(trust);
    lk_arena_free(arena);
    lk_arena_free(files_arena);
    return bad;
}

static size_t until_certificates(struct lk_bytes quote)
{
    size_t at = 0;
    while (at + 10 < quote.len && memcmp(quote.data + at, "-----BEGIN", 10) != 0)
        at++;
    return at;
}

/* ---- certificates in a quote ---- */

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define LINE 64 /* characters of base64 in a line */

/* Base64 of a block with the newlines that it had: as long as before. */
static void put_block(const uint8_t *der, size_t n, uint8_t *at)
{
    static uint8_t text[16384];
    int len = EVP_EncodeBlock(text, der, (int)n);
    for (int i = 0; i < len; i++) {
        *at++ = text[i];
        if (i % LINE == LINE - 1 && i + 1 < len)
            *at++ = '\n';
    }
}

/* The bytes between the marks as DER; 0 when there is no further block. */
static size_t take_block(const uint8_t *quote, size_t len, size_t *from, uint8_t *der)
{
    static uint8_t text[16384];
    size_t at = *from, n = 0;
    while (at + strlen(BEGIN) < len && memcmp(quote + at, BEGIN, strlen(BEGIN)) != 0)
        at++;
    if (at + strlen(BEGIN) >= len)
        return 0;
    *from = at += strlen(BEGIN);
    for (; quote[at] != '-'; at++)
        if (quote[at] != '\n')
            text[n++] = quote[at];
    size_t padding = (text[n - 1] == '=' ? 1u : 0u) + (text[n - 2] == '=' ? 1u : 0u);
    return (size_t)EVP_DecodeBlock(der, text, (int)n) - padding;
}

/* Every bit of the PCK certificate, every seventh of its CA's and the root's: none but its maker's is taken. */
static int flip_certificates(const char *folder, struct bundle b)
{
    struct lk_arena *files_arena = lk_arena_new(1 << 20), *arena = lk_arena_new(4 << 20);
    struct lk_bytes quote = b.parts[LK_DCAP_PART_QUOTE];
    uint8_t *copy = lk_arena_alloc(files_arena, quote.len), der[8192];
    struct lk_family_run out;
    int bad = 0;
    size_t from = 0, n, bits = 0, step = 1;
    memcpy(copy, quote.data, quote.len);
    b.parts[LK_DCAP_PART_QUOTE].data = copy;
    while ((n = take_block(quote.data, quote.len, &from, der)) != 0) {
        struct lk_trust *trust = lk_trust_new();
        for (size_t bit = 0; bit < 8 * n; bit += step, bits++) {
            der[bit / 8] ^= (uint8_t)(1 << bit % 8);
            put_block(der, n, copy + from);
            enum lk_class cls = lk_class_of(lk_family_run(family_of(folder), b.parts, trust, pinned(), arena, &out));
            der[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (cls != LK_CLASS_MALFORMED && cls != LK_CLASS_NOT_AUTHENTIC)
                bad += printf("FAIL %s: bit %zu of byte %zu of the certificate at %zu: %s\n", folder, bit % 8, bit / 8, from,
                              lk_reason(out.result.code)->name) > 0;
            lk_arena_reset(arena);
        }
        put_block(der, n, copy + from);
        lk_trust_free(trust);
        step = 7;
    }
    bad += memcmp(copy, quote.data, quote.len) != 0 || bits == 0;
    printf("%s %s: %zu bits of the quote's certificates\n", bad == 0 ? "ok  " : "FAIL", folder, bits);
    lk_arena_free(arena);
    lk_arena_free(files_arena);
    return bad;
}

static int flips(void)
{
    static const char *const folders[] = {UPTODATE, "sgx/v3-00a067-config-and-swhardening"};
    struct lk_arena *arena = lk_arena_new(16 << 20);
    int bad = 0;
    for (size_t i = 0; i < 2; i++) {
        struct bundle b;
        load(arena, folders[i], &b);
        bad += flip(folders[i], b, LK_DCAP_PART_QUOTE, until_certificates(b.parts[0]), 1);
        bad += i == 0 ? flip_certificates(folders[i], b) : 0;
        /* White space around the signed object is nobody's: begin and end are. */
        bad += flip(folders[i], b, LK_DCAP_PART_TCB_INFO, b.parts[LK_DCAP_PART_TCB_INFO].len - 130, 13);
        bad += flip(folders[i], b, LK_DCAP_PART_QE_IDENTITY, b.parts[LK_DCAP_PART_QE_IDENTITY].len - 130, 7);
        bad += flip(folders[i], b, LK_DCAP_PART_PCK_CRL, b.parts[LK_DCAP_PART_PCK_CRL].len, 7);
        bad += flip(folders[i], b, LK_DCAP_PART_ROOT_CRL, b.parts[LK_DCAP_PART_ROOT_CRL].len, 3);
    }
    lk_arena_free(arena);
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
