/* SPDX-License-Identifier: Apache-2.0 */
/* The claims of sev-snp: each field reaches its claim, each safe default refuses what it must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/policy/evidence/sev_snp/world.h"

#define TWEAK(name) static void name(struct world *w)

static struct lk_family_run run;
static struct world world;

static const struct lk_value *value(const char *claim)
{
    const struct lk_value *v = lk_family_run_value(&lk_family_sev_snp, &run, claim);
    assert_non_null(v);
    return v;
}

static void run_with(enum amd_sp_product product, enum amd_sp_key kind, void (*tweak)(struct world *))
{
    world_init(&world, product, kind);
    if (tweak != NULL)
        tweak(&world);
    world_run(&world, &run);
    assert_int_equal(run.result.code, LK_R_OK);
}

/* Each bit and number alone moves its claim, and no other BOOL or UINT but those named with it. */
TWEAK(smt_clear) { w->report.policy &= ~(1ULL << 16); }
TWEAK(debug) { w->report.policy |= 1ULL << 19; }
TWEAK(migrate) { w->report.policy |= 1ULL << 18; }
TWEAK(single_socket) { w->report.policy |= 1ULL << 20; }
TWEAK(cxl) { w->report.policy |= 1ULL << 21; }
TWEAK(xts) { w->report.policy |= 1ULL << 22; }
TWEAK(rapl) { w->report.policy |= 1ULL << 23; }
TWEAK(ciphertext) { w->report.policy |= 1ULL << 24; }
TWEAK(page_swap) { w->report.policy |= 1ULL << 25; }
TWEAK(abi) { w->report.policy |= 0x0137; }
TWEAK(p_smt) { w->report.platform_info ^= 1; }
TWEAK(p_tsme) { w->report.platform_info ^= 2; }
TWEAK(p_ecc) { w->report.platform_info ^= 4; }
TWEAK(p_rapl) { w->report.platform_info ^= 8; }
TWEAK(p_ciphertext) { w->report.platform_info ^= 16; }
TWEAK(p_alias) { w->report.platform_info ^= 32; }
TWEAK(p_iommu) { w->report.platform_info ^= 64; }
TWEAK(p_tio) { w->report.platform_info ^= 128; }
TWEAK(p_bit_8) { w->report.platform_info ^= 256; }
TWEAK(p_bit_63) { w->report.platform_info ^= 1ULL << 63; }
TWEAK(vmpl_1) { w->report.vmpl = 1; }
TWEAK(vmpl_3) { w->report.vmpl = 3; }
TWEAK(vmpl_host) { w->report.vmpl = UINT32_MAX; }
TWEAK(svn) { w->report.guest_svn = 2; }
TWEAK(author) { w->report.key_info |= 1; }
TWEAK(mask_key) { w->report.key_info |= 2; }
TWEAK(chip_zero) { memset(w->report.chip_id, 0, 64); }
TWEAK(crl) { w->send_crl = true; }
TWEAK(version_2) { w->report.version = 2; memset(w->report.cpuid, 0, 3); }
TWEAK(version_4) { w->report.version = 4; }
TWEAK(version_5) { w->report.version = 5; w->report.launch_mitigations = 0x0b; w->report.current_mitigations = 0x0f; }
TWEAK(firmware) { w->report.current_firmware[0] = 30; }
TWEAK(reported_above) { w->report.current_tcb[6]--; }
TWEAK(committed_above) { w->report.committed_tcb[7]++; }
TWEAK(committed_below) { w->report.committed_tcb[7]--; }
TWEAK(stepping) { w->report.cpuid[2] = 2; }

static const struct row {
    void (*tweak)(struct world *);
    const char *claim;
    uint64_t expected;            /* of the BOOL or UINT */
    enum lk_reason_code defaults; /* what the safe defaults say */
} rows[] = {
    {NULL, "smt", 1, LK_R_OK},
    {smt_clear, "smt", 0, LK_R_OK},
    {NULL, "debug", 0, LK_R_OK},
    {debug, "debug", 1, LK_R_SNP_POLICY_DEBUG},
    {migrate, "migrate-ma", 1, LK_R_SNP_POLICY_MIGRATE},
    {single_socket, "single-socket", 1, LK_R_OK},
    {cxl, "cxl", 1, LK_R_SNP_POLICY_CXL},
    {xts, "mem-aes-256-xts", 1, LK_R_OK},
    {rapl, "rapl-dis", 1, LK_R_OK},
    {ciphertext, "ciphertext-hiding", 1, LK_R_OK},
    {page_swap, "page-swap-disable", 1, LK_R_OK},
    {abi, "policy-abi", 0x137, LK_R_OK},
    {NULL, "platform-smt", 1, LK_R_OK},
    {p_smt, "platform-smt", 0, LK_R_OK},
    {p_tsme, "platform-tsme", 1, LK_R_OK},
    {p_ecc, "platform-ecc", 0, LK_R_OK},
    {p_rapl, "platform-rapl-dis", 1, LK_R_OK},
    {p_ciphertext, "platform-ciphertext-hiding", 1, LK_R_OK},
    {NULL, "platform-alias-check", 1, LK_R_OK},
    {p_alias, "platform-alias-check", 0, LK_R_OK},
    {p_iommu, "platform-iommu-write-safe", 1, LK_R_OK},
    {p_tio, "platform-tio", 1, LK_R_OK},
    {NULL, "platform-unknown", 0, LK_R_OK},
    {p_iommu, "platform-unknown", 0, LK_R_OK},
    {p_bit_8, "platform-unknown", 256, LK_R_SNP_PLATFORM_UNKNOWN},
    {p_bit_63, "platform-unknown", 1ULL << 63, LK_R_SNP_PLATFORM_UNKNOWN},
    {NULL, "vmpl", 0, LK_R_OK},
    {vmpl_1, "vmpl", 1, LK_R_SNP_VMPL},
    {vmpl_3, "vmpl", 3, LK_R_SNP_VMPL},
    {vmpl_host, "vmpl", UINT32_MAX, LK_R_SNP_VMPL},
    {svn, "guest-svn", 2, LK_R_OK},
    {NULL, "author-key", 0, LK_R_OK},
    {author, "author-key", 1, LK_R_OK},
    {NULL, "mask-chip-key", 0, LK_R_OK},
    {mask_key, "mask-chip-key", 1, LK_R_SNP_MASK_CHIP_KEY},
    {NULL, "chip-id-masked", 0, LK_R_OK},
    {chip_zero, "chip-id-masked", 1, LK_R_SNP_CHIP_ID_MASKED},
    {NULL, "crl", 0, LK_R_OK},
    {crl, "crl", 1, LK_R_OK},
    {version_2, "version", 2, LK_R_OK},
    {version_4, "version", 4, LK_R_OK},
    {version_4, "launch-mitigations", 0, LK_R_OK},
    {version_5, "launch-mitigations", 0x0b, LK_R_OK},
    {version_5, "current-mitigations", 0x0f, LK_R_OK},
    {NULL, "current-firmware", 0x01371d, LK_R_OK},
    {firmware, "current-firmware", 0x01371e, LK_R_OK},
    {firmware, "committed-firmware", 0x01371d, LK_R_OK},
    {firmware, "provisional-firmware", 1, LK_R_OK},
    {NULL, "provisional-firmware", 0, LK_R_OK},
    {committed_below, "provisional-firmware", 1, LK_R_OK},
    {committed_below, "tcb-consistent", 1, LK_R_OK},
    {reported_above, "tcb-consistent", 0, LK_R_SNP_TCB_ORDER},
    {committed_above, "tcb-consistent", 0, LK_R_SNP_TCB_ORDER},
    {NULL, "cpu-family", 0x19, LK_R_OK},
    {NULL, "cpu-model", 1, LK_R_OK},
    {stepping, "cpu-stepping", 2, LK_R_OK},
};

static void each_field_reaches_its_claim(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        run_with(AMD_SP_MILAN, AMD_SP_VCEK, rows[i].tweak);
        const struct lk_value *v = value(rows[i].claim);
        assert_true(v->present);
        uint64_t got = v->kind == LK_KIND_BOOL ? v->flag : v->number;
        enum lk_reason_code code = lk_family_run_defaults(&lk_family_sev_snp, &run).code;
        if (got != rows[i].expected || code != rows[i].defaults)
            print_error("row %zu: %s: %llu, %s\n", i, rows[i].claim, (unsigned long long)got, lk_reason(code)->name);
        assert_int_equal(got, rows[i].expected);
        assert_int_equal(code, rows[i].defaults);
    }
}

TWEAK(fill)
{
    memset(w->report.family_id, 1, 16);
    memset(w->report.image_id, 2, 16);
    memset(w->report.report_data, 3, 64);
    memset(w->report.measurement, 4, 48);
    memset(w->report.host_data, 5, 32);
    memset(w->report.id_key_digest, 6, 48);
    memset(w->report.author_key_digest, 7, 48);
    memset(w->report.report_id, 8, 32);
    memset(w->report.report_id_ma, 9, 32);
    w->report.key_info |= 1;
}

static void bytes_reach_their_claims(void **state)
{
    (void)state;
    static const struct {
        const char *claim;
        size_t len;
        uint8_t fill;
    } fields[] = {
        {"family-id", 16, 1}, {"image-id", 16, 2},      {"report-data", 64, 3},
        {"measurement", 48, 4}, {"host-data", 32, 5},   {"id-key-digest", 48, 6},
        {"author-key-digest", 48, 7}, {"report-id", 32, 8}, {"report-id-ma", 32, 9},
    };
    run_with(AMD_SP_MILAN, AMD_SP_VCEK, fill);
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        const struct lk_value *v = value(fields[i].claim);
        uint8_t want[64];
        memset(want, fields[i].fill, sizeof(want));
        assert_true(v->present);
        assert_int_equal(v->kind, LK_KIND_BYTES);
        assert_true(lk_bytes_eq(v->bytes, lk_bytes(want, fields[i].len)));
    }
}

TWEAK(author_digest_without_key)
{
    memset(w->report.author_key_digest, 7, 48);
}

static void what_is_not_there_is_absent(void **state)
{
    (void)state;
    run_with(AMD_SP_MILAN, AMD_SP_VCEK, author_digest_without_key);
    assert_false(value("author-key-digest")->present);
    assert_false(value("id-key-digest")->present);
    assert_false(value("csp-id")->present);
    run_with(AMD_SP_MILAN, AMD_SP_VCEK, version_2);
    assert_false(value("cpu-family")->present);
    assert_false(value("cpu-model")->present);
    assert_false(value("cpu-stepping")->present);
    assert_string_equal(value("product")->word, "milan");
    run_with(AMD_SP_MILAN, AMD_SP_VLEK, NULL);
    assert_false(value("chip-id")->present);
    assert_false(value("chip-id-masked")->flag);
    assert_string_equal(value("csp-id")->word, "CN=cloud.test");
    assert_string_equal(value("signing-key")->word, "vlek");
}

static void chip_id_has_the_products_length(void **state)
{
    (void)state;
    run_with(AMD_SP_TURIN, AMD_SP_VCEK, NULL);
    assert_int_equal(value("chip-id")->bytes.len, 8);
    assert_string_equal(value("product")->word, "turin");
    run_with(AMD_SP_GENOA, AMD_SP_VCEK, NULL);
    assert_int_equal(value("chip-id")->bytes.len, 64);
    assert_string_equal(value("product")->word, "genoa");
    assert_string_equal(value("signing-key")->word, "vcek");
}

static void assert_tcb(const char *claim, const char *selector, const char *const *names, const uint64_t *want, size_t n)
{
    const struct lk_value *v = value(claim);
    assert_true(v->present);
    assert_string_equal(v->vector.selector, selector);
    assert_int_equal(v->vector.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(v->vector.parts[i].name, names[i]);
        assert_int_equal(v->vector.parts[i].value, want[i]);
    }
}

TWEAK(four_tcbs)
{
    w->report.committed_tcb[7] -= 1;
    w->report.current_tcb[7] += 1;
    w->report.launch_tcb[7] -= 2;
}

static void tcbs_are_vectors_of_their_product(void **state)
{
    (void)state;
    static const char *const milan[] = {"bootloader", "tee", "snp", "microcode"};
    static const char *const turin[] = {"fmc", "bootloader", "tee", "snp", "microcode"};
    run_with(AMD_SP_MILAN, AMD_SP_VCEK, four_tcbs);
    assert_tcb("reported-tcb", "milan", milan, (const uint64_t[]){4, 0, 24, 219}, 4);
    assert_tcb("committed-tcb", "milan", milan, (const uint64_t[]){4, 0, 24, 218}, 4);
    assert_tcb("current-tcb", "milan", milan, (const uint64_t[]){4, 0, 24, 220}, 4);
    assert_tcb("launch-tcb", "milan", milan, (const uint64_t[]){4, 0, 24, 217}, 4);
    run_with(AMD_SP_TURIN, AMD_SP_VCEK, NULL);
    assert_tcb("reported-tcb", "turin", turin, (const uint64_t[]){1, 1, 1, 4, 81}, 5);
}

/* Every row of the table can be used: a name, a text, a reason of class refused (crl: cannot judge). */
static void the_table_is_whole(void **state)
{
    (void)state;
    const struct lk_family *f = &lk_family_sev_snp;
    run_with(AMD_SP_MILAN, AMD_SP_VLEK, NULL);
    assert_in_range(f->n_claims, 1, LK_FAMILY_CLAIMS_MAX);
    for (size_t i = 0; i < f->n_claims; i++) {
        enum lk_class cls = lk_reason(f->claims[i].refusal)->cls;
        assert_true(cls == LK_CLASS_REFUSED || (f->claims[i].refusal == LK_R_CRL_MISSING && cls == LK_CLASS_CANNOT_JUDGE));
        assert_true(strlen(f->claims[i].doc) > 0);
        if (run.values[i].present)
            assert_int_equal(run.values[i].kind, f->claims[i].kind);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(f->claims[i].name, f->claims[j].name);
    }
}

/* The family's page names each claim with its default. */
static void the_page_has_every_claim(void **state)
{
    (void)state;
    struct lk_arena *arena = lk_arena_new(1 << 20);
    struct lk_bytes page = lk_test_file(arena, "docs/evidence-sev-snp.md"); /* a zero follows it */
    assert_non_null(page.data);
    for (size_t i = 0; i < lk_family_sev_snp.n_claims; i++) {
        const struct lk_claim *c = &lk_family_sev_snp.claims[i];
        const char *kinds[] = {"flag", "number", "bytes", "word", "text", "vector", "registers", "words", "files"};
        char row[512];
        snprintf(row, sizeof(row), "| `%s` | %s | %s%s%s | %s |", c->name, kinds[c->kind], c->safe_default ? "`" : "",
                 c->safe_default ? c->safe_default : "none", c->safe_default ? "`" : "", c->doc);
        if (strstr((const char *)page.data, row) == NULL)
            fail_msg("docs/evidence-sev-snp.md lacks the line: %s", row);
    }
    lk_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_reaches_its_claim),
        cmocka_unit_test(bytes_reach_their_claims),
        cmocka_unit_test(what_is_not_there_is_absent),
        cmocka_unit_test(chip_id_has_the_products_length),
        cmocka_unit_test(tcbs_are_vectors_of_their_product),
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(the_page_has_every_claim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
