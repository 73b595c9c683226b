/* SPDX-License-Identifier: Apache-2.0 */
/* Documents, what holds their digests, and what they say. */
#include "policy/evidence/initdata/document.h"
#include "policy/evidence/initdata/initdata.h"
#include "proto/tpm/algs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "version = \"0.1.0\"\nalgorithm = \"sha384\"\n[data]\n"

static struct lk_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = lk_arena_new(4 << 20);
    return arena == NULL;
}

static int teardown(void **state)
{
    (void)state;
    lk_arena_free(arena);
    return 0;
}

static lk_result read_text(const char *text, struct lk_initdata *d)
{
    lk_arena_reset(arena);
    return lk_initdata_read(lk_bytes_str(text), arena, d);
}

static void says(const char *text, const char *name, const char *value)
{
    struct lk_initdata d;
    assert_int_equal(read_text(text, &d).code, LK_R_OK);
    assert_int_equal(d.n, 1);
    assert_int_equal(d.entries[0].name.len, strlen(name));
    assert_memory_equal(d.entries[0].name.data, name, strlen(name));
    assert_int_equal(d.entries[0].text.len, strlen(value));
    assert_memory_equal(d.entries[0].text.data, value, strlen(value));
}

static void every_form_of_string(void **state)
{
    (void)state;
    says(HEAD "a = \"\"\n", "a", "");
    says(HEAD "\"policy.rego\" = '''\npackage x\n'y' ''z''\n'''\n", "policy.rego", "package x\n'y' ''z''\n");
    says(HEAD "'aa.toml' = 'C:\\path' # what\n", "aa.toml", "C:\\path");
    says(HEAD "a=\"q\\\"b\\\\t\\tn\\n\\u00e9\\U0001f511\"", "a", "q\"b\\t\tn\n\xc3\xa9\xf0\x9f\x94\x91");
    says(HEAD "a = \"\"\"one\\\n   \n  two\nthree\\n\"\"\"\n", "a", "onetwo\nthree\n");
    says(HEAD "a = \"\"\"\"quoted\"\"\"\"\"\n", "a", "\"quoted\"\"");
    says("# c\n\n  algorithm = 'sha256'\nversion='0.1.0'\n\t[ data ] # d\n\nb-1_X = 'v'\n#", "b-1_X", "v");
}

static void what_is_no_document(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "version = \"0.1.0\"\n", "version = \"0.1.0\"\nalgorithm = \"sha256\"\n", /* no table */
        "algorithm = \"sha256\"\n[data]\n", "version = \"0.1.0\"\n[data]\n",
        "version = \"1\"\nversion = \"1\"\nalgorithm = \"sha256\"\n[data]\n", /* twice */
        "other = \"1\"\n" HEAD, HEAD "a = \"1\"\na = \"2\"\n", HEAD "[data]\n", HEAD "[more]\n",
        HEAD "[[data]]\n", HEAD "a.b = \"1\"\n", HEAD "a = 1\n", HEAD "a = [\"1\"]\n", HEAD "a = true\n", HEAD "a\n", HEAD "= \"\"\n",
        HEAD "a = \"1\" b = \"2\"\n", HEAD "a = \"1\n\"\n", HEAD "a = \"1", HEAD "a = '''1''", HEAD "a = \"\"\"1\"\"\"\"\"\"\n",
        HEAD "a = \"\\x41\"\n", HEAD "a = \"\\ud800\"\n", HEAD "a = \"\\U00110000\"\n", HEAD "a = \"\\u0000\"\n", HEAD "a = \"\\u12\"\n",
        HEAD "a = \"\\", HEAD "a = '\x01'\n", HEAD "a = 'x\x7f'\n", HEAD "a = 'x'\r\n", HEAD "a = '''x\r\n'''\n", HEAD "a = '\xff'\n",
        HEAD "\"a\\u0062\" = 'x'\n", HEAD "\"a = 'x'\n", HEAD "# \x02\n",
    };
    struct lk_initdata d;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (read_text(bad[i], &d).code != LK_R_INITDATA_DOCUMENT)
            fail_msg("row %zu: %s", i, bad[i]);
    assert_int_equal(lk_initdata_read(lk_bytes(HEAD "a = 'x\0'", sizeof(HEAD) - 1 + 8), arena, &d).code, LK_R_INITDATA_DOCUMENT);
}

static void entries_have_a_limit(void **state)
{
    (void)state;
    char text[8192] = HEAD;
    struct lk_initdata d;
    for (size_t i = 0; i < LK_INITDATA_ENTRIES_MAX; i++)
        snprintf(text + strlen(text), 32, "k%zu = 'v'\n", i);
    assert_int_equal(read_text(text, &d).code, LK_R_OK);
    assert_int_equal(d.n, LK_INITDATA_ENTRIES_MAX);
    strcat(text, "more = 'v'\n");
    assert_int_equal(read_text(text, &d).code, LK_R_INITDATA_DOCUMENT);
}

/* --- the family, linked to a field or a PCR */

static const char document[] = "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\n\"aa.toml\" = 'x'\n";
static const char document384[] = HEAD "\"aa.toml\" = 'x'\n";

struct run {
    struct lk_report report;
    struct lk_anchoring how;
    struct lk_value values[LK_FAMILY_CLAIMS_MAX];
};

static lk_result run(const char *text, const struct lk_proof *proof, struct run *out)
{
    const struct lk_family *f = &lk_family_initdata;
    struct lk_bytes parts[] = {lk_bytes_str(text)};
    memset(out, 0, sizeof(*out));
    struct lk_family_input in = {.parts = parts, .arena = arena, .report = &out->report};
    struct lk_proofs proofs = {proof, 1};
    struct lk_item *item;
    LK_TRY(f->parse(&in, &item));
    LK_TRY(f->authenticate(&in, item, &proofs, &out->how));
    LK_TRY(f->read_vouched(&in, item, &proofs));
    return f->claim(&in, item, out->values);
}

static void hash(uint16_t alg, struct lk_bytes a, struct lk_bytes b, uint8_t out[static LK_TPM_DIGEST_MAX])
{
    struct lk_bytes parts[] = {a, b};
    assert_true(lk_ok(lk_tpm_digest(lk_tpm_hash(alg), parts, 2, out)));
}

static const struct lk_value *claim_of(const struct run *r, const char *name)
{
    for (size_t i = 0; i < lk_family_initdata.n_claims; i++)
        if (strcmp(lk_family_initdata.claims[i].name, name) == 0)
            return &r->values[i];
    fail_msg("no claim %s", name);
    return NULL;
}

static void a_field_vouches(void **state)
{
    (void)state;
    uint8_t field[64] = {0}, text[LK_TPM_DIGEST_MAX];
    struct run r;
    hash(LK_TPM_SHA256, lk_bytes_str(document), LK_BYTES_NONE, field);
    struct lk_proof p = {.kind = LK_PROOF_DIGEST, .alg = LK_TPM_SHA256, .value = lk_bytes(field, 32)};
    assert_int_equal(run(document, &p, &r).code, LK_R_OK);
    assert_string_equal(claim_of(&r, "algorithm")->word, "sha256");
    assert_string_equal(claim_of(&r, "version")->word, "0.1.0");
    assert_true(lk_bytes_eq(claim_of(&r, "digest")->bytes, lk_bytes(field, 32)));
    const struct lk_value *files = claim_of(&r, "files");
    hash(LK_TPM_SHA256, lk_bytes("x", 1), LK_BYTES_NONE, text);
    assert_int_equal(files->list.n, 1);
    assert_true(lk_bytes_eq(files->list.m[0].name, lk_bytes_str("aa.toml")));
    assert_true(lk_bytes_eq(files->list.m[0].digest, lk_bytes(text, 32)));
    p.value = lk_bytes(field, 48); /* MRCONFIGID: zeros behind */
    assert_int_equal(run(document, &p, &r).code, LK_R_OK);
    hash(LK_TPM_SHA384, lk_bytes_str(document384), LK_BYTES_NONE, field);
    p.value = lk_bytes(field, 48);
    assert_int_equal(run(document384, &p, &r).code, LK_R_OK);
    p.value = lk_bytes(field, 32); /* HOST_DATA: cut */
    assert_int_equal(run(document384, &p, &r).code, LK_R_OK);
}

static void a_field_that_does_not(void **state)
{
    (void)state;
    uint8_t field[64] = {0};
    struct run r;
    hash(LK_TPM_SHA256, lk_bytes_str(document), LK_BYTES_NONE, field);
    struct lk_proof good = {.kind = LK_PROOF_DIGEST, .alg = LK_TPM_SHA256, .value = lk_bytes(field, 32)}, p = good;
    p.guest_chosen = true; /* REPORT_DATA is not the host's configuration */
    assert_int_equal(run(document, &p, &r).code, LK_R_UNANCHORED);
    p = good;
    p.value = lk_bytes(field, 31);
    assert_int_equal(run(document, &p, &r).code, LK_R_UNANCHORED);
    p = good;
    p.kind = LK_PROOF_KEY;
    assert_int_equal(run(document, &p, &r).code, LK_R_UNANCHORED);
    assert_int_equal(run(document384, &good, &r).code, LK_R_UNANCHORED);
    field[47] = 1;
    p = good;
    p.value = lk_bytes(field, 48);
    assert_int_equal(run(document, &p, &r).code, LK_R_UNANCHORED);
    field[31] ^= 1;
    assert_int_equal(run(document, &good, &r).code, LK_R_UNANCHORED);
}

static void pcr_8_vouches(void **state)
{
    (void)state;
    uint8_t digest[LK_TPM_DIGEST_MAX], pcr[LK_TPM_DIGEST_MAX];
    static const uint8_t zero[32];
    struct run r;
    hash(LK_TPM_SHA256, lk_bytes_str(document), LK_BYTES_NONE, digest);
    hash(LK_TPM_SHA256, LK_BYTES(zero), lk_bytes(digest, 32), pcr);
    struct lk_proof good = {.kind = LK_PROOF_REGISTER, .alg = LK_TPM_SHA256, .index = 8, .value = lk_bytes(pcr, 32)}, p = good;
    assert_int_equal(run(document, &p, &r).code, LK_R_OK);
    p.index = 9;
    assert_int_equal(run(document, &p, &r).code, LK_R_UNANCHORED);
    p = good;
    p.kind = LK_PROOF_RTMR;
    assert_int_equal(run(document, &p, &r).code, LK_R_UNANCHORED);
    p = good;
    p.value = lk_bytes(digest, 32); /* the digest itself, not extended */
    assert_int_equal(run(document, &p, &r).code, LK_R_UNANCHORED);
}

static void the_document_is_read_once_vouched_for(void **state)
{
    (void)state;
    static const char garbage[] = "garbage";
    uint8_t field[64] = {0};
    struct run r;
    struct lk_proof p = {.kind = LK_PROOF_DIGEST, .alg = LK_TPM_SHA256, .value = lk_bytes(field, 32)};
    hash(LK_TPM_SHA256, lk_bytes_str(garbage), LK_BYTES_NONE, field);
    assert_int_equal(run(garbage, &p, &r).code, LK_R_INITDATA_DOCUMENT);
    assert_int_equal(r.report.findings[0].code, LK_R_INITDATA_DOCUMENT);
    hash(LK_TPM_SHA256, lk_bytes_str(document384), LK_BYTES_NONE, field); /* it names sha384 */
    assert_int_equal(run(document384, &p, &r).code, LK_R_INITDATA_ALGORITHM);
    assert_string_equal(r.report.findings[0].expected, "sha256");
    assert_string_equal(r.report.findings[0].actual, "sha384");
}

/* Every member of an empty list is in every set: the host could launch the guest with nothing. */
static void a_document_of_nothing_shows_no_files(void **state)
{
    (void)state;
    static const char nothing[] = "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\n";
    uint8_t field[64] = {0};
    struct run r;
    struct lk_proof p = {.kind = LK_PROOF_DIGEST, .alg = LK_TPM_SHA256, .value = lk_bytes(field, 32)};
    hash(LK_TPM_SHA256, lk_bytes_str(nothing), LK_BYTES_NONE, field);
    assert_int_equal(run(nothing, &p, &r).code, LK_R_OK);
    assert_false(r.values[0].present); /* files */
    hash(LK_TPM_SHA256, lk_bytes_str(document), LK_BYTES_NONE, field);
    assert_int_equal(run(document, &p, &r).code, LK_R_OK);
    assert_true(r.values[0].present);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_string), cmocka_unit_test(what_is_no_document),
        cmocka_unit_test(entries_have_a_limit), cmocka_unit_test(a_field_vouches),
        cmocka_unit_test(a_field_that_does_not), cmocka_unit_test(pcr_8_vouches),
        cmocka_unit_test(the_document_is_read_once_vouched_for), cmocka_unit_test(a_document_of_nothing_shows_no_files),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
