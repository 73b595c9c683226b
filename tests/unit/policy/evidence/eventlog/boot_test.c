/* SPDX-License-Identifier: Apache-2.0 */
/* The family as the engine runs it, under quoted PCRs that a replay of some log gave; each rule fails alone. */
#include "tests/unit/policy/evidence/eventlog/builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PROOFS 24

struct run {
    struct log_builder b;
    struct lk_registers quoted;
    struct lk_proof proofs[PROOFS + 2];
    size_t n;
    struct lk_arena *arena;
    struct lk_report report;
    struct lk_value values[LK_FAMILY_CLAIMS_MAX];
};

static void run_open(struct run *r, unsigned without)
{
    memset(r, 0, sizeof(*r));
    r->arena = lk_arena_new(1 << 22);
    builder_open(&r->b, true);
    builder_good(&r->b, without);
}

static void run_close(struct run *r)
{
    builder_close(&r->b);
    lk_arena_free(r->arena);
}

/* Quotes what the log gives now: PCR 0 to 9 and what else the mask says. */
static void quote(struct run *r, uint32_t pcrs)
{
    assert_int_equal(lk_tcg_replay(lk_buf_bytes(&r->b.buf), LK_REGISTERS_PCR, lk_tpm_hash(LK_TPM_SHA256), &r->quoted).code, LK_R_OK);
    r->n = 0;
    r->proofs[r->n++] = (struct lk_proof){.kind = LK_PROOF_TPM_NAME};
    for (uint32_t i = 0; i < PROOFS; i++)
        if (pcrs & (1u << i))
            r->proofs[r->n++] = (struct lk_proof){.kind = LK_PROOF_REGISTER, .alg = LK_TPM_SHA256, .index = i,
                                                  .value = lk_registers_value(&r->quoted, i)};
}

static enum lk_reason_code judge(struct run *r)
{
    struct lk_bytes parts[LK_EVENTLOG_PARTS] = {lk_buf_bytes(&r->b.buf)};
    struct lk_family_input in = {.parts = parts, .arena = r->arena, .report = &r->report};
    struct lk_proofs proofs = {r->proofs, r->n};
    struct lk_anchoring how = {0};
    struct lk_item *item;
    memset(r->values, 0, sizeof(r->values));
    lk_result result = lk_family_eventlog.parse(&in, &item);
    if (lk_ok(result))
        result = lk_family_eventlog.authenticate(&in, item, &proofs, &how);
    if (lk_ok(result))
        result = lk_family_eventlog.read_vouched(&in, item, &proofs);
    if (lk_ok(result))
        result = lk_family_eventlog.claim(&in, item, r->values);
    return result.code;
}

static void expect(struct run *r, enum lk_reason_code code)
{
    assert_string_equal(lk_reason(judge(r))->name, lk_reason(code)->name);
}

static const struct lk_value *value(const struct run *r, const char *name)
{
    for (size_t i = 0; i < lk_family_eventlog.n_claims; i++)
        if (strcmp(lk_family_eventlog.claims[i].name, name) == 0)
            return &r->values[i];
    fail_msg("no claim %s", name);
    return NULL;
}

static bool holds(const struct run *r, const char *name)
{
    const struct lk_value *v = value(r, name);
    assert_true(v->present);
    return v->flag;
}

#define FIRMWARE 0xffu
#define ALL 0x3ffu

static void a_good_log(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, 0);
    quote(&r, ALL);
    expect(&r, LK_R_OK);
    assert_true(holds(&r, "secure-boot"));
    assert_false(holds(&r, "debug-mode"));
    assert_false(holds(&r, "unexplained-pcrs"));
    assert_string_equal(value(&r, "command-line")->word, "/vmlinuz root=/dev/vda1 quiet");
    assert_string_equal(value(&r, "firmware-version")->word, "1.2");
    assert_string_equal(value(&r, "bank")->word, "sha256");
    assert_int_equal(value(&r, "boot-application")->registers.n, 3);
    assert_int_equal(value(&r, "boot-applications")->number, 3);
    assert_int_equal(value(&r, "files")->number, 2);
    assert_int_equal(value(&r, "authorities")->number, 1);
    assert_int_equal(value(&r, "pk")->bytes.len, 32);
    uint8_t shim[LK_TPM_DIGEST_MAX];
    struct lk_bytes text = lk_bytes_str("shim");
    assert_true(lk_ok(lk_tpm_digest(lk_tpm_hash(LK_TPM_SHA256), &text, 1, shim)));
    const struct lk_register *first = &value(&r, "boot-application")->registers.r[0];
    assert_int_equal(first->index, 1);
    assert_memory_equal(first->digest.data, shim, 32);
    run_close(&r);
}

static void without_registers_it_is_unanchored(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, 0);
    quote(&r, 0);
    expect(&r, LK_R_UNANCHORED);
    run_close(&r);
}

static void a_log_of_another_boot(void **state)
{
    (void)state;
    struct run r;
    for (uint32_t pcr = 0; pcr < 8; pcr++) {
        run_open(&r, 0);
        quote(&r, ALL);
        ((uint8_t *)r.quoted.value[pcr])[0] ^= 1;
        expect(&r, LK_R_EVENTLOG_REPLAY);
        run_close(&r);
    }
}

static void a_system_pcr_that_the_log_does_not_explain(void **state)
{
    (void)state;
    struct run r;
    for (uint32_t pcr = 8; pcr < 16; pcr++) {
        run_open(&r, 0);
        quote(&r, 0xffff);
        r.quoted.value[pcr][0] ^= 1;
        expect(&r, LK_R_OK);
        assert_int_equal(holds(&r, "unexplained-pcrs"), pcr != 10);
        assert_int_equal(value(&r, "command-line")->present, pcr != 8);
        assert_int_equal(value(&r, "files")->present, pcr != 9);
        run_close(&r);
    }
}

static void pcrs_at_their_reset_values_need_no_log(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, 0);
    quote(&r, 0xffffff);
    expect(&r, LK_R_OK);
    assert_false(holds(&r, "unexplained-pcrs"));
    run_close(&r);
    memset(&r, 0, sizeof(r));
    r.arena = lk_arena_new(1 << 20);
    builder_open(&r.b, true); /* no event at all explains nothing */
    quote(&r, ALL);
    expect(&r, LK_R_EVENTLOG_NOTHING_QUOTED);
    run_close(&r);
}

static void claims_come_only_from_quoted_pcrs(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, 0);
    quote(&r, 1u << 0);
    expect(&r, LK_R_OK);
    assert_false(value(&r, "secure-boot")->present);
    assert_false(value(&r, "debug-mode")->present);
    assert_false(value(&r, "boot-application")->present);
    assert_false(value(&r, "command-line")->present);
    run_close(&r);
}

static void a_bank_that_the_log_lacks(void **state)
{
    (void)state;
    struct run r;
    uint8_t other[48] = {1};
    run_open(&r, 0);
    quote(&r, ALL);
    r.proofs[r.n++] = (struct lk_proof){.kind = LK_PROOF_REGISTER, .alg = LK_TPM_SHA384, .index = 2, .value = LK_BYTES(other)};
    expect(&r, LK_R_EVENTLOG_BANK);
    other[0] = 0;
    expect(&r, LK_R_OK);
    run_close(&r);
}

/* One event after a good boot, or in the place of a step of it; the quote is of the log as it is. */
static void expect_with(unsigned without, uint32_t pcr, uint32_t type, struct lk_bytes hashed, struct lk_bytes data,
                        enum lk_reason_code code)
{
    struct run r;
    run_open(&r, without);
    builder_put(&r.b, pcr, type, hashed, data);
    quote(&r, ALL);
    expect(&r, code);
    run_close(&r);
}

#define S(text) lk_bytes_str(text)

static void types_that_do_not_belong(void **state)
{
    (void)state;
    expect_with(0, 7, 0x02, S("x"), S("x"), LK_R_EVENTLOG_TYPE);       /* EV_UNUSED: the published attack */
    expect_with(0, 7, 0x00, S("x"), S("x"), LK_R_EVENTLOG_TYPE);
    expect_with(0, 7, LK_TCG_IPL, S("x"), S("x"), LK_R_EVENTLOG_TYPE);
    expect_with(0, 0, 0x8401, S("x"), S("x"), LK_R_EVENTLOG_TYPE);     /* a maker's own */
    expect_with(0, 9, 0x80000003, S("x"), S("x"), LK_R_EVENTLOG_TYPE);
    expect_with(WITHOUT_EXIT, 4, 0x80000001, S("x"), S("x"), LK_R_EVENTLOG_TYPE);
}

static void digests_that_everybody_knows_fix_the_type(void **state)
{
    (void)state;
    struct lk_bytes zeros = lk_bytes("\0\0\0\0", 4);
    expect_with(0, 1, 0x80000002, zeros, S("x"), LK_R_EVENTLOG_RETYPED);
    expect_with(WITHOUT_EXIT, 4, (uint32_t)LK_TCG_BOOT_APPLICATION, S("UEFI Debug Mode"), S("x"), LK_R_EVENTLOG_RETYPED);
    expect_with(0, 5, 0x80000006, S("Exit Boot Services Invocation"), S("x"), LK_R_EVENTLOG_RETYPED);
    expect_with(0, 0, 0x07, zeros, S("a module of four zero bytes"), LK_R_OK);
}

static void data_must_be_what_was_hashed(void **state)
{
    (void)state;
    expect_with(WITHOUT_SEPARATOR_7, 7, LK_TCG_SEPARATOR, S("x"), lk_bytes("\0\0\0\0", 4), LK_R_EVENTLOG_DATA);
    expect_with(0, 0, LK_TCG_CRTM_VERSION, S("x"), S("version"), LK_R_EVENTLOG_DATA);
    expect_with(0, 5, (uint32_t)LK_TCG_EFI_ACTION, S("x"), S("Exit Boot Services Invocation"), LK_R_EVENTLOG_DATA);
    expect_with(0, 7, (uint32_t)LK_TCG_VARIABLE_AUTHORITY, S("x"), S("certificate"), LK_R_EVENTLOG_DATA);
    expect_with(0, 7, (uint32_t)LK_TCG_VARIABLE_AUTHORITY, S("certificat"), S("certificate"), LK_R_OK); /* shim's byte */
}

static void separators(void **state)
{
    (void)state;
    struct lk_bytes zeros = lk_bytes("\0\0\0\0", 4), error = lk_bytes("\1\0\0\0", 4), ones = lk_bytes("\xff\xff\xff\xff", 4);
    for (uint32_t pcr = 0; pcr < 8; pcr++)
        expect_with(WITHOUT_EXIT, pcr, LK_TCG_SEPARATOR, zeros, zeros, LK_R_EVENTLOG_SEPARATOR); /* a second one */
    expect_with(WITHOUT_SEPARATOR_7, 7, LK_TCG_SEPARATOR, error, error, LK_R_EVENTLOG_SEPARATOR);
    expect_with(WITHOUT_SEPARATOR_7, 7, LK_TCG_SEPARATOR, ones, ones, LK_R_OK);
    expect_with(WITHOUT_SEPARATOR_7, 9, LK_TCG_IPL, S("x"), S("x"), LK_R_EVENTLOG_SEPARATOR); /* none */
}

static void variable_again(unsigned without, const char *name, uint32_t type, enum lk_reason_code code)
{
    struct run r;
    run_open(&r, without);
    builder_variable(&r.b, type, name, S("again"));
    if (without & WITHOUT_SEPARATOR_7)
        builder_separator(&r.b, 7, 0);
    quote(&r, ALL);
    expect(&r, code);
    run_close(&r);
}

static void variables_come_once_and_early(void **state)
{
    (void)state;
    const uint32_t config = (uint32_t)LK_TCG_VARIABLE_DRIVER_CONFIG;
    variable_again(WITHOUT_SEPARATOR_7, "db", config, LK_R_EVENTLOG_VARIABLE);  /* twice */
    variable_again(0, "MokList", config, LK_R_EVENTLOG_VARIABLE);               /* after the separator */
    variable_again(WITHOUT_SEPARATOR_7, "AuditMode", config, LK_R_OK);
    expect_with(WITHOUT_SEPARATOR_7, 7, config, S("short"), S("short"), LK_R_EVENTLOG_VARIABLE);
}

static void secure_boot_is_coherent(void **state)
{
    (void)state;
    static const struct {
        unsigned without;
        enum lk_reason_code code;
        bool on;
    } rows[] = {{WITHOUT_AUTHORITY, LK_R_EVENTLOG_SECURE_BOOT_STATE, false},
                {WITHOUT_PK, LK_R_EVENTLOG_SECURE_BOOT_STATE, false},
                {WITHOUT_SECURE_BOOT, LK_R_OK, false},
                {WITHOUT_SECURE_BOOT | WITHOUT_PK, LK_R_OK, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct run r;
        run_open(&r, rows[i].without);
        quote(&r, ALL);
        expect(&r, rows[i].code);
        if (rows[i].code == LK_R_OK)
            assert_int_equal(holds(&r, "secure-boot"), rows[i].on);
        run_close(&r);
    }
}

static void firmware_modes_show(void **state)
{
    (void)state;
    static const char *const actions[] = {"UEFI Debug Mode", "DMA Protection Disabled"};
    static const char *const claims[] = {"debug-mode", "dma-protection-disabled"};
    for (size_t i = 0; i < 2; i++) {
        struct run r;
        run_open(&r, 0);
        builder_text(&r.b, 7, (uint32_t)LK_TCG_EFI_ACTION, actions[i]);
        quote(&r, ALL);
        expect(&r, LK_R_OK);
        assert_true(holds(&r, claims[i]));
        assert_false(holds(&r, claims[1 - i]));
        run_close(&r);
    }
}

static void nothing_in_pcr4_after_boot_services_ended(void **state)
{
    (void)state;
    expect_with(0, 4, (uint32_t)LK_TCG_BOOT_APPLICATION, S("late"), S("late"), LK_R_EVENTLOG_AFTER_EXIT);
    expect_with(WITHOUT_EXIT, 4, (uint32_t)LK_TCG_BOOT_APPLICATION, S("in time"), S("in time"), LK_R_OK);
}

/* Types are not measured: an evil loader that is called something else still stands in the list. */
static void a_retyped_application_still_counts(void **state)
{
    (void)state;
    struct run r;
    memset(&r, 0, sizeof(r));
    r.arena = lk_arena_new(1 << 20);
    builder_open(&r.b, true);
    builder_put(&r.b, 4, LK_TCG_IPL, S("evil"), S("harmless"));
    builder_good(&r.b, 0);
    quote(&r, ALL);
    expect(&r, LK_R_OK);
    assert_int_equal(value(&r, "boot-applications")->number, 4);
    run_close(&r);
}

static void grub(const char *mark, const char *text, bool present)
{
    struct run r;
    run_open(&r, 0);
    builder_grub(&r.b, mark, text);
    quote(&r, ALL);
    expect(&r, LK_R_OK);
    assert_int_equal(value(&r, "command-line")->present, present);
    run_close(&r);
}

static void a_command_line_that_is_not_certain_is_absent(void **state)
{
    (void)state;
    grub("grub_cmd: ", "set x=1", true);
    grub("kernel_cmdline: ", "/vmlinuz root=/dev/vda1 quiet", false);          /* a second one */
    grub("grub_cmd: ", "linux /vmlinuz root=/dev/vda1 init=/bin/sh", false);   /* two kernels loaded */
    grub("kernel_cmdline: ", "linux /vmlinuz init=/bin/sh", false);            /* whatever it is called */
    grub("grub_cmd: ", "chainloader /other.efi", false);
    struct run r;
    run_open(&r, 0);
    builder_put(&r.b, 8, LK_TCG_IPL, S("linux /evil"), S("grub_cmd: set x=1")); /* text that was not hashed */
    quote(&r, ALL);
    expect(&r, LK_R_OK);
    assert_false(value(&r, "command-line")->present);
    run_close(&r);
}

static void stub(struct run *r, const char *options)
{
    LK_BUF_AUTO wide = lk_buf(4096);
    for (const char *c = options; *c != '\0'; c++)
        lk_put_u16le(&wide, (uint8_t)*c);
    lk_put_u16le(&wide, 0);
    builder_put(&r->b, 12, LK_TCG_IPL, lk_buf_bytes(&wide), lk_buf_bytes(&wide));
}

static void section(struct run *r, const char *name, const char *contents)
{
    builder_put(&r->b, 11, LK_TCG_IPL, lk_bytes(name, strlen(name) + 1), S(name));
    builder_put(&r->b, 11, LK_TCG_IPL, S(contents), S(name));
}

static void uki_open(struct run *r)
{
    memset(r, 0, sizeof(*r));
    r->arena = lk_arena_new(1 << 20);
    builder_open(&r->b, true);
    section(r, ".linux", "kernel");
    section(r, ".cmdline", "quiet");
    stub(r, "quiet");
    stub(r, "quiet");
}

static void a_unified_kernel_image(void **state)
{
    (void)state;
    struct run r;
    uki_open(&r);
    section(&r, ".initrd", "initrd");
    builder_text(&r.b, 11, LK_TCG_IPL, "enter-initrd");
    section(&r, ".uname", "made up afterwards");
    quote(&r, 0x1800);
    expect(&r, LK_R_OK);
    assert_true(value(&r, "uki-linux")->present);
    assert_true(value(&r, "uki-cmdline")->present);
    assert_true(value(&r, "uki-initrd")->present);
    assert_false(value(&r, "uki-osrel")->present);
    assert_false(value(&r, "uki-uname")->present);
    assert_string_equal(value(&r, "command-line")->word, "quiet");
    run_close(&r);
    uki_open(&r);
    stub(&r, "init=/bin/sh");
    quote(&r, 0x1800);
    expect(&r, LK_R_OK);
    assert_false(value(&r, "command-line")->present);
    run_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_log),
        cmocka_unit_test(without_registers_it_is_unanchored),
        cmocka_unit_test(a_log_of_another_boot),
        cmocka_unit_test(a_system_pcr_that_the_log_does_not_explain),
        cmocka_unit_test(pcrs_at_their_reset_values_need_no_log),
        cmocka_unit_test(claims_come_only_from_quoted_pcrs),
        cmocka_unit_test(a_bank_that_the_log_lacks),
        cmocka_unit_test(types_that_do_not_belong),
        cmocka_unit_test(digests_that_everybody_knows_fix_the_type),
        cmocka_unit_test(data_must_be_what_was_hashed),
        cmocka_unit_test(separators),
        cmocka_unit_test(variables_come_once_and_early),
        cmocka_unit_test(secure_boot_is_coherent),
        cmocka_unit_test(firmware_modes_show),
        cmocka_unit_test(nothing_in_pcr4_after_boot_services_ended),
        cmocka_unit_test(a_retyped_application_still_counts),
        cmocka_unit_test(a_command_line_that_is_not_certain_is_absent),
        cmocka_unit_test(a_unified_kernel_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
