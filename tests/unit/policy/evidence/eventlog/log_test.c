/* SPDX-License-Identifier: Apache-2.0 */
/* The two formats and the replay: each rule of log.h and registers.h fails alone. */
#include "tests/unit/policy/evidence/eventlog/builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static enum lk_reason_code replay(const struct log_builder *b, uint16_t alg, struct lk_registers *out)
{
    return lk_tcg_replay(lk_buf_bytes(&b->buf), LK_REGISTERS_PCR, lk_tpm_hash(alg), out).code;
}

static void expect(const struct log_builder *b, enum lk_reason_code code)
{
    struct lk_registers r;
    assert_string_equal(lk_reason(replay(b, LK_TPM_SHA1, &r))->name, lk_reason(code)->name);
}

static void both_formats_give_the_same_sha1_registers(void **state)
{
    (void)state;
    struct log_builder old, agile;
    struct lk_registers a, b;
    builder_open(&old, false);
    builder_open(&agile, true);
    builder_good(&old, 0);
    builder_good(&agile, 0);
    assert_int_equal(replay(&old, LK_TPM_SHA1, &a), LK_R_OK);
    assert_int_equal(replay(&agile, LK_TPM_SHA1, &b), LK_R_OK);
    assert_memory_equal(a.value, b.value, sizeof(a.value));
    assert_int_equal(a.extends[4], 5);
    assert_int_equal(replay(&old, LK_TPM_SHA256, &a), LK_R_EVENTLOG_BANK);
    builder_close(&old);
    builder_close(&agile);
}

static void reset_values(void **state)
{
    (void)state;
    struct log_builder b;
    struct lk_registers r;
    uint8_t high[20], start[20] = {0};
    memset(high, 0xff, sizeof(high));
    builder_open(&b, true);
    builder_separator(&b, 1, 0);
    assert_int_equal(replay(&b, LK_TPM_SHA1, &r), LK_R_OK);
    assert_true(lk_registers_is_reset(&r, 17, LK_BYTES(high)));
    assert_false(lk_registers_is_reset(&r, 16, LK_BYTES(high)));
    assert_true(lk_bytes_eq(lk_registers_value(&r, 22), LK_BYTES(high)));
    assert_true(lk_bytes_zero(lk_registers_value(&r, 23)));
    start[19] = 3;
    assert_true(lk_registers_is_reset(&r, 0, LK_BYTES(start)));
    assert_false(lk_registers_is_reset(&r, 1, LK_BYTES(start)));
    builder_close(&b);
}

static void locality(struct log_builder *b, uint8_t value)
{
    uint8_t data[17] = "StartupLocality";
    data[16] = value;
    builder_put(b, 0, LK_TCG_NO_ACTION, LK_BYTES(data), LK_BYTES(data));
}

static void startup_locality_starts_pcr0(void **state)
{
    (void)state;
    struct log_builder b;
    struct lk_registers r;
    builder_open(&b, true);
    locality(&b, 3);
    assert_int_equal(replay(&b, LK_TPM_SHA256, &r), LK_R_OK);
    assert_int_equal(r.value[0][31], 3);
    assert_int_equal(r.extends[0], 0);
    locality(&b, 4);
    expect(&b, LK_R_EVENTLOG_LOCALITY); /* twice */
    builder_close(&b);
    builder_open(&b, true);
    locality(&b, 1);
    expect(&b, LK_R_EVENTLOG_LOCALITY); /* no such */
    builder_close(&b);
    builder_open(&b, true);
    builder_separator(&b, 0, 0);
    locality(&b, 3);
    expect(&b, LK_R_EVENTLOG_LOCALITY); /* too late */
    builder_close(&b);
}

static void padding_ends_a_log(void **state)
{
    (void)state;
    for (int fill = 0; fill <= 0xff; fill += 0xff) {
        struct log_builder b;
        builder_open(&b, true);
        builder_good(&b, 0);
        for (int i = 0; i < 37; i++)
            lk_put_u8(&b.buf, (uint8_t)fill);
        expect(&b, LK_R_OK);
        lk_put_u8(&b.buf, 0x5a);
        expect(&b, LK_R_EVENTLOG_EVENT);
        builder_close(&b);
    }
}

static void an_index_must_be_a_register(void **state)
{
    (void)state;
    struct log_builder b;
    builder_open(&b, false);
    builder_text(&b, LK_TCG_NO_INDEX, LK_TCG_NO_ACTION, "option ROM");
    expect(&b, LK_R_OK);
    builder_text(&b, 24, LK_TCG_NO_ACTION, "x");
    expect(&b, LK_R_EVENTLOG_REGISTER);
    builder_close(&b);
    builder_open(&b, false);
    builder_text(&b, 24, LK_TCG_IPL, "x");
    expect(&b, LK_R_EVENTLOG_REGISTER);
    builder_close(&b);
}

static void every_cut_is_malformed_or_between_events(void **state)
{
    (void)state;
    struct log_builder b;
    builder_open(&b, true);
    builder_separator(&b, 0, 0);
    builder_separator(&b, 1, 0);
    size_t good = 0;
    for (size_t n = 0; n < b.buf.len; n++) {
        struct lk_registers r;
        enum lk_reason_code code = lk_tcg_replay(lk_bytes(b.buf.data, n), LK_REGISTERS_PCR, lk_tpm_hash(LK_TPM_SHA1), &r).code;
        good += code == LK_R_OK;
        assert_true(code == LK_R_OK || code == LK_R_EVENTLOG_HEAD || code == LK_R_EVENTLOG_EVENT);
    }
    assert_in_range(good, 2, 6); /* after the head, after the first event, and where only zeros were left of one */
    builder_close(&b);
}

/* Offsets in the builder's head: 32 bytes of TCG_PCR_EVENT, then Spec ID; the banks begin at 60. */
static void the_head_must_be_sound(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
    } spoils[] = {{56, 0}, {56, 9}, {64, 0x04}, {62, 21}, {68, 1}, {56, 1}};
    for (size_t i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++) {
        struct log_builder b;
        builder_open(&b, true);
        b.buf.data[spoils[i].at] = spoils[i].value;
        expect(&b, LK_R_EVENTLOG_HEAD);
        builder_close(&b);
    }
}

static void an_event_has_each_bank_once(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
    } spoils[] = {{8, 1}, {8, 3}, {12, 0x0b}, {34, 0x04}, {34, 0x0c}};
    for (size_t i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++) {
        struct log_builder b;
        builder_open(&b, true);
        size_t event = b.buf.len;
        builder_separator(&b, 0, 0);
        b.buf.data[event + spoils[i].at] = spoils[i].value;
        expect(&b, LK_R_EVENTLOG_EVENT);
        builder_close(&b);
    }
}

static void rtmrs_are_one_below_the_log_index(void **state)
{
    (void)state;
    struct log_builder b;
    struct lk_registers r;
    builder_open(&b, true);
    builder_text(&b, 0, LK_TCG_IPL, "MRTD is not replayed");
    builder_text(&b, 1, LK_TCG_IPL, "x");
    assert_int_equal(lk_tcg_replay(lk_buf_bytes(&b.buf), LK_REGISTERS_RTMR, lk_tpm_hash(LK_TPM_SHA256), &r).code, LK_R_OK);
    assert_int_equal(r.extends[0], 1);
    assert_int_equal(r.n, 4);
    builder_text(&b, 5, LK_TCG_IPL, "x");
    assert_int_equal(lk_tcg_replay(lk_buf_bytes(&b.buf), LK_REGISTERS_RTMR, lk_tpm_hash(LK_TPM_SHA256), &r).code,
                     LK_R_EVENTLOG_REGISTER);
    builder_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_formats_give_the_same_sha1_registers),
        cmocka_unit_test(reset_values),
        cmocka_unit_test(startup_locality_starts_pcr0),
        cmocka_unit_test(padding_ends_a_log),
        cmocka_unit_test(an_index_must_be_a_register),
        cmocka_unit_test(every_cut_is_malformed_or_between_events),
        cmocka_unit_test(the_head_must_be_sound),
        cmocka_unit_test(an_event_has_each_bank_once),
        cmocka_unit_test(rtmrs_are_one_below_the_log_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
