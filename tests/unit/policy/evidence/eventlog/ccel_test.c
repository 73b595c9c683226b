/* SPDX-License-Identifier: Apache-2.0 */
/* A TD's log under the RTMRs that a replay of it gave; each rule fails alone. */
#include "tests/unit/policy/evidence/eventlog/builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define RTMRS 4
#define S(text) lk_bytes_str(text)

struct run {
    struct log_builder b;
    struct lk_registers quoted;
    struct lk_proof proofs[RTMRS + 1];
    size_t n;
    struct lk_arena *arena;
    struct lk_report report;
    struct lk_value values[LK_FAMILY_CLAIMS_MAX];
};

static void run_open(struct run *r, unsigned without)
{
    memset(r, 0, sizeof(*r));
    r->arena = lk_arena_new(1 << 22);
    builder_open_ccel(&r->b);
    builder_good_ccel(&r->b, without);
}

static void run_close(struct run *r)
{
    builder_close(&r->b);
    lk_arena_free(r->arena);
}

/* The quote's registers: what the log gives now. */
static void quote(struct run *r)
{
    assert_int_equal(lk_tcg_replay(lk_buf_bytes(&r->b.buf), LK_REGISTERS_RTMR, lk_tpm_hash(LK_TPM_SHA384), &r->quoted).code, LK_R_OK);
    r->n = 0;
    for (uint32_t i = 0; i < RTMRS; i++)
        r->proofs[r->n++] = (struct lk_proof){.kind = LK_PROOF_RTMR, .alg = LK_TPM_SHA384, .index = i,
                                              .value = lk_registers_value(&r->quoted, i)};
}

static enum lk_reason_code judge_parts(struct run *r, const struct lk_bytes parts[static LK_EVENTLOG_PARTS])
{
    struct lk_family_input in = {.parts = parts, .arena = r->arena, .report = &r->report};
    struct lk_proofs proofs = {r->proofs, r->n};
    struct lk_anchoring how = {0};
    struct lk_item *item;
    memset(r->values, 0, sizeof(r->values));
    r->report.n = 0;
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
    struct lk_bytes parts[LK_EVENTLOG_PARTS] = {[LK_EVENTLOG_CCEL] = lk_buf_bytes(&r->b.buf)};
    assert_string_equal(lk_reason(judge_parts(r, parts))->name, lk_reason(code)->name);
}

static const struct lk_value *value(const struct run *r, const char *name)
{
    for (size_t i = 0; i < lk_family_eventlog.n_claims; i++)
        if (strcmp(lk_family_eventlog.claims[i].name, name) == 0)
            return &r->values[i];
    fail_msg("no claim %s", name);
    return NULL;
}

static void expect_digest(const struct run *r, const char *list, size_t place, const char *of)
{
    uint8_t want[LK_TPM_DIGEST_MAX];
    struct lk_bytes text = S(of);
    const struct lk_value *v = value(r, list);
    assert_true(v->registers.n > place);
    assert_true(lk_ok(lk_tpm_digest(lk_tpm_hash(LK_TPM_SHA384), &text, 1, want)));
    assert_memory_equal(v->registers.r[place].digest.data, want, 48);
}

static void a_good_log(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, 0);
    quote(&r);
    expect(&r, LK_R_OK);
    assert_true(value(&r, "secure-boot")->flag);
    assert_false(value(&r, "early-authority")->flag);
    assert_true(value(&r, "debug-mode")->present && !value(&r, "debug-mode")->flag);
    assert_string_equal(value(&r, "bank")->word, "sha384");
    assert_int_equal(value(&r, "boot-applications")->number, 2); /* not the partition table */
    expect_digest(&r, "boot-application", 0, "shim");
    expect_digest(&r, "boot-application", 1, "grub");
    assert_int_equal(value(&r, "files")->number, 2);
    expect_digest(&r, "file", 0, "owner's keys");
    expect_digest(&r, "file", 1, "kernel file");
    assert_string_equal(value(&r, "logged-command-line")->word, "/vmlinuz root=/dev/vda1 quiet");
    /* What types would have to be believed for. */
    assert_false(value(&r, "command-line")->present);
    assert_false(value(&r, "authority")->present);
    assert_false(value(&r, "authorities")->present);
    assert_false(value(&r, "runtime-events")->present);
    run_close(&r);
}

static void it_is_linked_to_rtmrs_only(void **state)
{
    (void)state;
    struct run r;
    struct lk_bytes none[LK_EVENTLOG_PARTS] = {{0}}, both[LK_EVENTLOG_PARTS];
    run_open(&r, 0);
    quote(&r);
    both[0] = both[1] = lk_buf_bytes(&r.b.buf);
    assert_int_equal(judge_parts(&r, none), LK_R_CHAIN_MISSING_PART);
    assert_int_equal(judge_parts(&r, both), LK_R_CHAIN_DUPLICATE_ITEM);
    both[LK_EVENTLOG_CCEL] = LK_BYTES_NONE; /* the log of a TPM beside a TD's quote */
    assert_int_equal(judge_parts(&r, both), LK_R_UNANCHORED);
    for (size_t i = 0; i < r.n; i++)
        r.proofs[i].kind = LK_PROOF_REGISTER; /* the log of a TD beside a TPM's quote */
    expect(&r, LK_R_UNANCHORED);
    run_close(&r);
}

static void each_rtmr_must_be_explained(void **state)
{
    (void)state;
    struct run r;
    for (uint32_t i = 0; i < RTMRS; i++) {
        run_open(&r, 0);
        quote(&r);
        r.quoted.value[i][0] ^= 1;
        /* RTMR3 is the guest's own, and the log has nothing of it. */
        expect(&r, i == 3 ? LK_R_OK : LK_R_EVENTLOG_REPLAY);
        run_close(&r);
    }
}

static void a_log_that_is_cut_or_longer(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, WITHOUT_EXIT);
    size_t whole = r.b.buf.len;
    builder_text(&r.b, 5, (uint32_t)LK_TCG_EFI_ACTION, "Exit Boot Services Returned with Success");
    quote(&r);
    r.b.buf.len = whole; /* an event less */
    expect(&r, LK_R_EVENTLOG_REPLAY);
    r.b.buf.len = whole + 9; /* in the midst of one */
    expect(&r, LK_R_EVENTLOG_EVENT);
    run_close(&r);
    run_open(&r, 0);
    quote(&r);
    builder_text(&r.b, 9, LK_TCG_IPL, "one more");
    expect(&r, LK_R_EVENTLOG_REPLAY);
    run_close(&r);
}

static void padding_and_events_that_extend_nothing(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, 0);
    builder_text(&r.b, BUILDER_MRTD, LK_TCG_NO_ACTION, "the firmware's description");
    builder_text(&r.b, LK_TCG_NO_INDEX, LK_TCG_NO_ACTION, "SP800-155 Event");
    for (int i = 0; i < 100; i++)
        lk_put_u8(&r.b.buf, 0xff);
    quote(&r);
    expect(&r, LK_R_OK);
    run_close(&r);
    run_open(&r, 0);
    quote(&r);
    builder_text(&r.b, 20, LK_TCG_IPL, "a register that does not exist");
    expect(&r, LK_R_EVENTLOG_REGISTER);
    run_close(&r);
}

static void a_log_without_sha384(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, 0);
    quote(&r);
    builder_close(&r.b);
    builder_open(&r.b, true); /* sha1 and sha256 */
    builder_good(&r.b, 0);
    expect(&r, LK_R_EVENTLOG_BANK);
    run_close(&r);
}

static void rtmrs_that_nothing_extended(void **state)
{
    (void)state;
    struct run r;
    memset(&r, 0, sizeof(r));
    r.arena = lk_arena_new(1 << 20);
    builder_open_ccel(&r.b);
    quote(&r);
    expect(&r, LK_R_EVENTLOG_NOTHING_QUOTED);
    run_close(&r);
}

/* An event after a good boot, or in the place of a step of it; the quote is of the log as it is. */
static void expect_with(unsigned without, uint32_t pcr, uint32_t type, struct lk_bytes hashed, struct lk_bytes data,
                        enum lk_reason_code code)
{
    struct run r;
    run_open(&r, without);
    builder_put(&r.b, pcr, type, hashed, data);
    quote(&r);
    expect(&r, code);
    run_close(&r);
}

static void rules_of_a_tpms_log_that_hold_here_too(void **state)
{
    (void)state;
    struct lk_bytes zeros = lk_bytes("\0\0\0\0", 4);
    expect_with(0, 1, 0x02, S("x"), S("x"), LK_R_EVENTLOG_TYPE);                                 /* EV_UNUSED */
    expect_with(0, 9, 0x80000003, S("x"), S("x"), LK_R_EVENTLOG_TYPE);                           /* an application in RTMR2 */
    expect_with(0, 1, (uint32_t)LK_TCG_BOOT_APPLICATION, S("x"), S("x"), LK_R_EVENTLOG_TYPE);    /* and in RTMR0 */
    expect_with(0, 1, 0x0a, zeros, S("ACPI DATA"), LK_R_EVENTLOG_RETYPED);                       /* a separator by its digest */
    expect_with(0, 1, 0x0a, S("UEFI Debug Mode"), S("ACPI DATA"), LK_R_EVENTLOG_RETYPED);
    expect_with(0, 7, LK_TCG_SEPARATOR, zeros, zeros, LK_R_EVENTLOG_SEPARATOR);                  /* a second one in RTMR0 */
    expect_with(WITHOUT_SEPARATOR_7, 9, LK_TCG_IPL, S("x"), S("x"), LK_R_EVENTLOG_SEPARATOR);    /* none */
    expect_with(WITHOUT_EXIT, 4, LK_TCG_SEPARATOR, zeros, zeros, LK_R_EVENTLOG_SEPARATOR);       /* a second one in RTMR1 */
    expect_with(0, 7, (uint32_t)LK_TCG_VARIABLE_AUTHORITY, S("x"), S("certificate"), LK_R_EVENTLOG_DATA);
    expect_with(0, 7, (uint32_t)LK_TCG_VARIABLE_DRIVER_CONFIG, S("x"), S("variable"), LK_R_EVENTLOG_DATA);
    expect_with(0, 4, (uint32_t)LK_TCG_BOOT_APPLICATION, S("x"), S("x"), LK_R_EVENTLOG_AFTER_EXIT);
    expect_with(WITHOUT_SECURE_BOOT, 1, 0x0a, S("tables"), S("ACPI DATA"), LK_R_OK);
    expect_with(WITHOUT_AUTHORITY, 1, 0x0a, S("tables"), S("ACPI DATA"), LK_R_EVENTLOG_SECURE_BOOT_STATE);
    expect_with(WITHOUT_PK, 1, 0x0a, S("tables"), S("ACPI DATA"), LK_R_EVENTLOG_SECURE_BOOT_STATE);
}

/* Secure Boot's variables once and early; others may come later. */
static void variables(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum lk_reason_code code;
    } rows[] = {{"SecureBoot", LK_R_EVENTLOG_VARIABLE}, {"db", LK_R_EVENTLOG_VARIABLE}, {"Boot0001", LK_R_OK}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct run r;
        run_open(&r, 0);
        builder_variable(&r.b, (uint32_t)LK_TCG_VARIABLE_DRIVER_CONFIG, rows[i].name, S("later"));
        quote(&r);
        expect(&r, rows[i].code);
        run_close(&r);
    }
}

/* Whatever it is called, it is in the list; only a partition table that is hashed as such is not. */
static void nothing_is_hidden_from_the_applications(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        const char *hashed, *data;
        uint64_t applications;
    } rows[] = {{0x80000006, "EFI PART 2", "EFI PART 2", 2}, {0x80000006, "MZ evil", "EFI PART 2", 3},
                {0x80000006, "MZ evil", "MZ evil", 3},       {0x80000008, "MZ evil", "a part of the firmware", 3}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct run r;
        run_open(&r, WITHOUT_EXIT);
        builder_put(&r.b, 4, rows[i].type, S(rows[i].hashed), S(rows[i].data));
        quote(&r);
        expect(&r, LK_R_OK);
        assert_int_equal(value(&r, "boot-applications")->number, rows[i].applications);
        run_close(&r);
    }
}

/* The attack that keeps the command line from being certain: the real texts as files, made-up ones behind them. */
static void a_text_passed_off_as_a_file_shows_among_the_files(void **state)
{
    (void)state;
    struct run r;
    memset(&r, 0, sizeof(r));
    r.arena = lk_arena_new(1 << 22);
    builder_open_ccel(&r.b);
    builder_put(&r.b, 9, LK_TCG_IPL, S("linux /vmlinuz init=/bin/sh"), S("/grub.cfg"));
    builder_put(&r.b, 9, LK_TCG_IPL, S("/vmlinuz init=/bin/sh"), S("/grubenv"));
    builder_grub(&r.b, "grub_cmd: ", "linux /vmlinuz quiet");
    builder_grub(&r.b, "kernel_cmdline: ", "/vmlinuz quiet");
    quote(&r);
    expect(&r, LK_R_OK);
    assert_false(value(&r, "command-line")->present);
    assert_string_equal(value(&r, "logged-command-line")->word, "/vmlinuz quiet");
    assert_int_equal(value(&r, "files")->number, 2);
    run_close(&r);
}

static void section(struct run *r, const char *name, const char *contents)
{
    builder_put(&r->b, 11, LK_TCG_IPL, lk_bytes(name, strlen(name) + 1), S(name));
    builder_put(&r->b, 11, LK_TCG_IPL, S(contents), S(name));
}

/* Sections count while they come first: what ran before them could be anything. */
static void sections_of_a_uki(void **state)
{
    (void)state;
    struct run r;
    for (int late = 0; late < 2; late++) {
        memset(&r, 0, sizeof(r));
        r.arena = lk_arena_new(1 << 20);
        builder_open_ccel(&r.b);
        if (late)
            builder_text(&r.b, 9, LK_TCG_EVENT_TAG, "something else");
        section(&r, ".linux", "kernel");
        section(&r, ".cmdline", "quiet");
        builder_text(&r.b, 11, LK_TCG_EVENT_TAG, "enter-initrd");
        section(&r, ".uname", "made up afterwards");
        quote(&r);
        expect(&r, LK_R_OK);
        assert_int_equal(value(&r, "uki-linux")->present, !late);
        assert_int_equal(value(&r, "uki-cmdline")->present, !late);
        assert_false(value(&r, "uki-uname")->present);
        run_close(&r);
    }
}

static void runtime_events(void **state)
{
    (void)state;
    struct run r;
    run_open(&r, 0);
    builder_text(&r.b, BUILDER_RUNTIME, 0x12345, "image sha256:1234");
    builder_text(&r.b, BUILDER_RUNTIME, LK_TCG_EVENT_TAG, "image sha256:5678");
    quote(&r);
    expect(&r, LK_R_OK);
    assert_int_equal(value(&r, "runtime-events")->number, 2);
    expect_digest(&r, "runtime-event", 1, "image sha256:5678");
    r.quoted.value[3][5] ^= 1; /* a log that tells some of it must tell all */
    expect(&r, LK_R_EVENTLOG_REPLAY);
    assert_string_equal(r.report.findings[0].rule, "rtmr.sha384.3");
    run_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_log),
        cmocka_unit_test(it_is_linked_to_rtmrs_only),
        cmocka_unit_test(each_rtmr_must_be_explained),
        cmocka_unit_test(a_log_that_is_cut_or_longer),
        cmocka_unit_test(padding_and_events_that_extend_nothing),
        cmocka_unit_test(a_log_without_sha384),
        cmocka_unit_test(rtmrs_that_nothing_extended),
        cmocka_unit_test(rules_of_a_tpms_log_that_hold_here_too),
        cmocka_unit_test(variables),
        cmocka_unit_test(nothing_is_hidden_from_the_applications),
        cmocka_unit_test(a_text_passed_off_as_a_file_shows_among_the_files),
        cmocka_unit_test(sections_of_a_uki),
        cmocka_unit_test(runtime_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
