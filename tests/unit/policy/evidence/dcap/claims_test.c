/* SPDX-License-Identifier: Apache-2.0 */
/* The claims of tdx and sgx: statuses that no public quote shows, each field's claim, each default, the page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/policy/evidence/dcap/world.h"

static struct lk_family_run run;
static struct world world;

static void start(bool tdx, uint16_t body)
{
    world_init(&world, tdx, body);
}

static void go(void)
{
    assert_int_equal(world_run(&world, &run).code, LK_R_OK);
}

static const struct lk_value *value(const char *claim)
{
    const struct lk_value *v = lk_family_run_value(world_family(&world), &run, claim);
    assert_non_null(v);
    return v;
}

static void expect_word(const char *claim, const char *want)
{
    assert_true(value(claim)->present);
    assert_string_equal(value(claim)->word, want);
}

/* The list's words with a blank between; "none" for none. */
static void expect_words(const char *claim, const char *want)
{
    char text[512] = "";
    const struct lk_value *v = value(claim);
    assert_true(v->present && v->kind == LK_KIND_WORDS);
    for (size_t i = 0; i < v->list.n; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%.*s", i == 0 ? "" : " ", (int)v->list.m[i].name.len,
                 (const char *)v->list.m[i].name.data);
    assert_string_equal(v->list.n == 0 ? "none" : text, want);
}

static void expect_uint(const char *claim, uint64_t want)
{
    assert_true(value(claim)->present);
    assert_int_equal(value(claim)->number, want);
}

/* Every status of a platform, alone and with a module and a quoting enclave that are out of date or revoked. */
static void statuses(void **state)
{
    static const struct {
        const char *platform, *module, *qe, *want;
    } cases[] = {
        {"UpToDate", "UpToDate", "UpToDate", "UpToDate"},
        {"SWHardeningNeeded", "UpToDate", "UpToDate", "SWHardeningNeeded"},
        {"ConfigurationNeeded", "UpToDate", "UpToDate", "ConfigurationNeeded"},
        {"ConfigurationAndSWHardeningNeeded", "UpToDate", "UpToDate", "ConfigurationAndSWHardeningNeeded"},
        {"OutOfDate", "UpToDate", "UpToDate", "OutOfDate"},
        {"OutOfDateConfigurationNeeded", "UpToDate", "UpToDate", "OutOfDateConfigurationNeeded"},
        {"Revoked", "UpToDate", "UpToDate", "Revoked"},
        {"UpToDate", "OutOfDate", "UpToDate", "OutOfDate"},
        {"SWHardeningNeeded", "UpToDate", "OutOfDate", "OutOfDate"},
        {"ConfigurationNeeded", "OutOfDate", "UpToDate", "OutOfDateConfigurationNeeded"},
        {"ConfigurationAndSWHardeningNeeded", "UpToDate", "OutOfDate", "OutOfDateConfigurationNeeded"},
        {"UpToDate", "Revoked", "UpToDate", "Revoked"},
        {"OutOfDate", "UpToDate", "Revoked", "Revoked"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (uint16_t body = 2; body <= 4; body++) {
            start(true, body);
            world.s.status[0] = cases[i].platform;
            world.s.module_status[0] = cases[i].module;
            world.s.qe_status[0] = cases[i].qe;
            go();
            expect_word("tcb-status", cases[i].want);
            expect_word("tcb-status-platform", cases[i].platform);
            expect_word("tcb-status-module", cases[i].module);
            expect_word("tcb-status-qe", cases[i].qe);
            assert_int_equal(value("tcb-status-current")->present, body > 2);
        }
}

/* The TD was launched on the lower module, and the higher one runs now. */
static void relaunches(void **state)
{
    static const struct {
        const char *platform, *current, *want;
    } cases[] = {
        {"UpToDate", "UpToDate", "TDRelaunchAdvised"},
        {"SWHardeningNeeded", "SWHardeningNeeded", "TDRelaunchAdvised"},
        {"ConfigurationNeeded", "ConfigurationNeeded", "TDRelaunchAdvisedConfigurationNeeded"},
        {"OutOfDate", "OutOfDate", "OutOfDate"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(true, 3);
        world.s.status[0] = cases[i].platform;
        world.s.tee_svn[0] = 3;
        go();
        expect_word("tcb-status", cases[i].want);
        expect_word("tcb-status-current", cases[i].current);
        expect_word("tcb-status-module", "OutOfDate");
        expect_word("tcb-shortfall", "module: 3 < 5");
        expect_words("advisories", "INTEL-SA-00001 INTEL-SA-00002");
    }
}

/* The module's own two bytes are its identity's matter; before TDX 1.5 they are components as all others. */
static void index_rule(void **state)
{
    (void)state;
    start(true, 2);
    world.s.tee_svn[0] = 2; /* below the level's 5: only the module's level */
    go();
    expect_word("tcb-status-platform", "UpToDate");
    expect_word("tcb-status-module", "OutOfDate");
    start(true, 2);
    world.s.tee_svn[1] = 0;
    assert_int_equal(world_run(&world, &run).code, LK_R_DCAP_TCB_NOT_SUPPORTED); /* component 2: 0 < 2 */
}

static void dates_advisories_and_shortfall(void **state)
{
    (void)state;
    start(true, 3);
    world.s.components[6] = 3;
    world.s.pce_svn = 9;
    world.s.tee_svn[2] = world.s.tee_svn2[2] = 4;
    world.s.qe_svn = 4;
    go();
    expect_word("tcb-status", "OutOfDate");
    expect_word("tcb-shortfall", "sgx 7: 3 < 5, pce: 9 < 10, tdx 3: 4 < 5, qe: 4 < 5");
    expect_words("advisories", "INTEL-SA-00001 INTEL-SA-00002 INTEL-SA-00003");
    expect_uint("tcb-date", 20230101);
    expect_uint("tcb-age-days", 1096);
    expect_uint("evaluation-number", 20);
    world.s.qe_identity = (struct qe_replace){"Number\":20", "Number\":19"};
    go();
    expect_uint("evaluation-number", 19);
    start(true, 3);
    go();
    expect_word("tcb-shortfall", "none");
    expect_words("advisories", "none");
    expect_uint("tcb-date", 20241113);
}

static void expect_fill(const char *claim, uint8_t byte, size_t len)
{
    uint8_t want[64];
    memset(want, byte, sizeof(want));
    assert_true(value(claim)->present);
    assert_true(lk_bytes_eq(value(claim)->bytes, lk_bytes(want, len)));
}

static void fields_of_a_td(void **state)
{
    static const struct {
        const char *claim;
        uint8_t byte;
        size_t len;
    } fills[] = {{"mrseam", 1, 48},       {"mrtd", 2, 48},          {"mr-config-id", 3, 48}, {"mr-owner", 4, 48},
                 {"mr-owner-config", 5, 48}, {"rtmr0", 0x10, 48},   {"rtmr1", 0x11, 48},     {"rtmr2", 0x12, 48},
                 {"rtmr3", 0x13, 48},     {"report-data", 0xab, 64}, {"mr-service-td", 0, 48}, {"mrsigner-seam", 0, 48},
                 {"td-id", 0x21, 32},     {"dev-info", 0x22, 48},   {"init-service-td-hash", 0x23, 48},
                 {"init-cpu-svn", 0x25, 16}, {"init-tee-tcb-svn", 0x26, 16}, {"init-tee-fmspc", 0x27, 12},
                 {"current-service-td-hash", 0x28, 48}, {"qe-mrenclave", 0x11, 32}, {"qe-user-data", 0x30, 20},
                 {"ppid", 0x41, 16},      {"cpu-svn", 0x44, 16},    {"platform-instance-id", 0x46, 16}, {"pce-id", 0, 2}};
    (void)state;
    start(true, 4);
    go();
    for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++)
        expect_fill(fills[i].claim, fills[i].byte, fills[i].len);
    expect_uint("vmid", 0x20);
    expect_uint("init-service-td-attributes", 0x24);
    expect_uint("current-service-td-attributes", 0x29);
    expect_uint("xfam", 0x602e7);
    expect_uint("body-type", 4);
    expect_uint("quote-version", 5);
    expect_uint("pce-svn", 10);
    expect_uint("qe-svn", 5);
    expect_uint("sgx-type", 1);
    expect_word("pck-ca", "platform");
    assert_true(value("dynamic-platform")->flag && !value("cached-keys")->flag && value("smt")->flag);
    start(true, 2);
    go();
    assert_false(value("vmid")->present);
    assert_false(value("mr-service-td")->present);
    assert_false(value("tee-tcb-svn2")->present);
}

static void fields_of_an_enclave(void **state)
{
    (void)state;
    start(false, 1);
    go();
    expect_fill("mrenclave", 0x11, 32);
    expect_fill("mrsigner", 0x12, 32);
    expect_fill("report-data", 0xab, 64);
    expect_uint("isv-prod-id", 3);
    expect_uint("isv-svn", 4);
    expect_uint("attributes", 5);
    expect_uint("quote-version", 3);
    assert_true(value("mode64bit")->flag);
    assert_false(value("tcb-status-module")->present);
    assert_false(value("tcb-status-current")->present);
}

/* Each attribute's bit moves its claim; the defaults refuse what they must. */
static void attributes(void **state)
{
    static const struct {
        unsigned bit;
        const char *claim;
        enum lk_reason_code refusal; /* by the safe defaults, with the bit turned over */
    } bits[] = {{0, "debug", LK_R_TDX_DEBUG},
                {28, "sept-ve-disable", LK_R_TDX_SEPT_VE_DISABLE},
                {29, "migratable", LK_R_TDX_MIGRATABLE},
                {30, "pks", LK_R_OK},
                {31, "kl", LK_R_OK},
                {63, "perfmon", LK_R_OK},
                {1, "attributes-unknown", LK_R_TDX_ATTRIBUTES},
                {27, "attributes-unknown", LK_R_TDX_ATTRIBUTES},
                {62, "attributes-unknown", LK_R_TDX_ATTRIBUTES}};
    (void)state;
    start(true, 3);
    go();
    assert_int_equal(lk_family_run_defaults(&lk_family_tdx, &run).code, LK_R_OK);
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        start(true, 3);
        world.s.td_attributes[bits[i].bit / 8] ^= (uint8_t)(1 << bits[i].bit % 8);
        go();
        const struct lk_value *v = value(bits[i].claim);
        if (v->kind == LK_KIND_UINT)
            assert_int_equal(v->number, UINT64_C(1) << bits[i].bit);
        else
            assert_int_equal(v->flag, bits[i].bit != 28);
        assert_int_equal(lk_family_run_defaults(&lk_family_tdx, &run).code, bits[i].refusal);
    }
    start(true, 3);
    world.s.body_patch_at = 600, world.s.body_patch = 1;
    go();
    assert_int_equal(lk_family_run_defaults(&lk_family_tdx, &run).code, LK_R_TDX_SERVICE_TD);
    start(true, 3);
    world.s.status[0] = "SWHardeningNeeded";
    go();
    assert_int_equal(lk_family_run_defaults(&lk_family_tdx, &run).code, LK_R_DCAP_TCB_STATUS);
    start(false, 1);
    world.s.sgx_attributes[0] |= 2;
    go();
    assert_int_equal(lk_family_run_defaults(&lk_family_sgx, &run).code, LK_R_SGX_DEBUG);
}

static unsigned seen[LK_PROOF_BINDING + 1];

static void note_proof(void *to, const struct lk_proof *proof)
{
    (void)to;
    seen[proof->kind]++;
    if (proof->kind == LK_PROOF_RTMR)
        assert_int_equal(proof->value.data[0], 0x10 + proof->index);
    if (proof->kind == LK_PROOF_BINDING)
        assert_true(proof->guest_chosen && proof->value.len == 64);
}

static void proofs(void **state)
{
    static struct qe_output made;
    struct lk_arena *arena = lk_arena_new(1 << 18);
    struct lk_trust *trust = lk_trust_new();
    struct lk_report report = {0};
    struct lk_item *item;
    (void)state;
    start(true, 3);
    qe_make(&world.s, &made);
    struct lk_bytes parts[LK_DCAP_PARTS] = {lk_bytes(made.quote.data, made.quote.len)};
    struct lk_family_input in = {.parts = parts, .arena = arena, .at = QE_NOW, .trust = trust, .report = &report};
    assert_int_equal(lk_family_tdx.parse(&in, &item).code, LK_R_OK);
    lk_family_tdx.vouch(item, note_proof, NULL);
    assert_int_equal(seen[LK_PROOF_BINDING], 1);
    assert_int_equal(seen[LK_PROOF_RTMR], 4);
    assert_int_equal(seen[LK_PROOF_DIGEST], 2); /* SHA-512 of REPORTDATA, whose upper half is not zero; MRCONFIGID */
    lk_trust_free(trust);
    lk_arena_free(arena);
}

/* The page names each claim with its default. */
static void the_page_has_every_claim(void **state)
{
    static const struct lk_family *const families[] = {&lk_family_tdx, &lk_family_sgx};
    static const char *const kinds[] = {"flag", "number", "bytes", "word", "text", "vector", "registers", "words", "files"};
    struct lk_arena *arena = lk_arena_new(1 << 20);
    struct lk_bytes page = lk_test_file(arena, "docs/evidence-tdx.md"); /* a zero follows it */
    (void)state;
    assert_non_null(page.data);
    for (size_t f = 0; f < 2; f++)
        for (size_t i = 0; i < families[f]->n_claims; i++) {
            const struct lk_claim *c = &families[f]->claims[i];
            char row[512];
            snprintf(row, sizeof(row), "| `%s` | %s | %s%s%s | %s |", c->name, kinds[c->kind], c->safe_default ? "`" : "",
                     c->safe_default ? c->safe_default : "none", c->safe_default ? "`" : "", c->doc);
            if (strstr((const char *)page.data, row) == NULL)
                fail_msg("docs/evidence-tdx.md lacks the line: %s", row);
        }
    lk_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses),
        cmocka_unit_test(relaunches),
        cmocka_unit_test(index_rule),
        cmocka_unit_test(dates_advisories_and_shortfall),
        cmocka_unit_test(fields_of_a_td),
        cmocka_unit_test(fields_of_an_enclave),
        cmocka_unit_test(attributes),
        cmocka_unit_test(proofs),
        cmocka_unit_test(the_page_has_every_claim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
