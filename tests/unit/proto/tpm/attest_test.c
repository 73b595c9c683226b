/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tpm/attest.h"
#include "tests/emulators/tpm/softtpm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t values[8 * 32];

static struct lk_buf attest_of(const struct soft_quote *q)
{
    struct lk_buf out = lk_buf(LK_TPM_ATTEST_MAX);
    soft_attest_put(&out, q);
    return out;
}

static enum lk_reason_code parse(const struct soft_quote *q)
{
    LK_BUF_AUTO attest = attest_of(q);
    struct lk_tpm_attest a;
    return lk_tpm_attest_parse(lk_buf_bytes(&attest), &a).code;
}

static void every_field_is_read(void **state)
{
    (void)state;
    struct soft_quote q = soft_quote(LK_BYTES(values));
    q.extra_data = lk_bytes_str("nonce");
    LK_BUF_AUTO attest = attest_of(&q);
    struct lk_tpm_attest a;
    assert_true(lk_ok(lk_tpm_attest_parse(lk_buf_bytes(&attest), &a)));
    assert_int_equal(a.magic, 0xff544347);
    assert_int_equal(a.type, 0x8018);
    assert_int_equal(a.qualified_signer.len, 34);
    assert_true(lk_bytes_eq(a.extra_data, lk_bytes_str("nonce")));
    assert_int_equal(a.clock, 1000);
    assert_int_equal(a.reset_count, 3);
    assert_int_equal(a.restart_count, 1);
    assert_true(a.safe);
    assert_int_equal(a.firmware_version, 0x20191023);
    assert_int_equal(a.n_banks, 1);
    assert_int_equal(a.banks[0].pcrs, 0xff);
    assert_int_equal(a.pcr_digest.len, 32);
    assert_int_equal(lk_tpm_values_len(&a), sizeof(values));
}

static void cuts_and_additions_are_refused(void **state)
{
    (void)state;
    struct soft_quote q = soft_quote(LK_BYTES(values));
    LK_BUF_AUTO attest = attest_of(&q);
    struct lk_tpm_attest a;
    for (size_t n = 0; n < attest.len; n++)
        assert_int_equal(lk_class_of(lk_tpm_attest_parse(lk_bytes(attest.data, n), &a)), LK_CLASS_MALFORMED);
    lk_put_u8(&attest, 0);
    assert_int_equal(lk_tpm_attest_parse(lk_buf_bytes(&attest), &a).code, LK_R_TPM_ATTEST);
}

static void magic_and_type_are_left_to_the_judge(void **state)
{
    (void)state;
    struct soft_quote q = soft_quote(LK_BYTES(values));
    q.type = 0x8017;
    LK_BUF_AUTO attest = attest_of(&q);
    struct lk_tpm_attest a;
    assert_true(lk_ok(lk_tpm_attest_parse(lk_buf_bytes(&attest), &a)));
    assert_int_equal(a.type, 0x8017);
    assert_int_equal(a.n_banks, 0);
}

static void a_flag_is_zero_or_one(void **state)
{
    (void)state;
    struct soft_quote q = soft_quote(LK_BYTES(values));
    q.safe = 2;
    assert_int_equal(parse(&q), LK_R_TPM_ATTEST);
}

static void selections_that_could_mislead_are_refused(void **state)
{
    (void)state;
    struct soft_quote q = soft_quote(LK_BYTES(values));
    q.n_banks = 2;
    q.banks[1].alg = LK_TPM_SHA384;
    assert_int_equal(parse(&q), LK_R_OK);
    q.banks[1].alg = LK_TPM_SHA256; /* twice */
    assert_int_equal(parse(&q), LK_R_TPM_PCR_SELECTION);
    q.banks[1].alg = 0x0012; /* SM3 */
    assert_int_equal(parse(&q), LK_R_TPM_PCR_SELECTION);
    q.n_banks = 1;
    q.select_size = 4;
    assert_int_equal(parse(&q), LK_R_OK);
    q.select_size = 5;
    assert_int_equal(parse(&q), LK_R_TPM_PCR_SELECTION);
    q.select_size = 0;
    assert_int_equal(parse(&q), LK_R_TPM_PCR_SELECTION);
}

struct order {
    char text[128];
};

static void note(void *arg, const struct lk_tpm_hash *bank, uint32_t index, size_t offset)
{
    struct order *o = arg;
    size_t n = strlen(o->text);
    snprintf(o->text + n, sizeof(o->text) - n, "%s.%u@%zu ", bank->name, (unsigned)index, offset);
}

static void values_stand_in_the_order_of_the_selection(void **state)
{
    (void)state;
    struct soft_quote q = soft_quote(LK_BYTES(values));
    q.n_banks = 2;
    q.banks[0].alg = LK_TPM_SHA384;
    q.banks[0].pcrs = 1U << 23 | 1U << 4;
    q.banks[1].alg = LK_TPM_SHA1;
    q.banks[1].pcrs = 1;
    LK_BUF_AUTO attest = attest_of(&q);
    struct lk_tpm_attest a;
    struct order o = {{0}};
    assert_true(lk_ok(lk_tpm_attest_parse(lk_buf_bytes(&attest), &a)));
    lk_tpm_each_pcr(&a, note, &o);
    assert_string_equal(o.text, "sha384.4@0 sha384.23@48 sha1.0@96 ");
    assert_int_equal(lk_tpm_values_len(&a), 116);
}

static void signatures_are_split(void **state)
{
    (void)state;
    struct lk_tpm_signature s;
    static const uint8_t ecdsa[] = {0, 0x18, 0, 0x0b, 0, 1, 7, 0, 3, 0, 0, 9};
    uint8_t pair[132];
    assert_true(lk_ok(lk_tpm_signature_parse(LK_BYTES(ecdsa), &s)));
    assert_true(lk_ok(lk_tpm_signature_pair(&s, 2, pair)));
    assert_memory_equal(pair, "\0\7\0\11", 4); /* r short, s padded */
    static const uint8_t large[] = {0, 0x18, 0, 0x0b, 0, 3, 1, 0, 0, 0, 1, 9};
    assert_true(lk_ok(lk_tpm_signature_parse(LK_BYTES(large), &s)));
    assert_int_equal(lk_tpm_signature_pair(&s, 2, pair).code, LK_R_TPM_SIGNATURE_FORMAT);
    static const uint8_t rsa[] = {0, 0x14, 0, 0x0b, 0, 2, 1, 2};
    assert_true(lk_ok(lk_tpm_signature_parse(LK_BYTES(rsa), &s)));
    assert_int_equal(s.rsa.len, 2);
    static const uint8_t longer[] = {0, 0x14, 0, 0x0b, 0, 2, 1, 2, 3};
    assert_int_equal(lk_tpm_signature_parse(LK_BYTES(longer), &s).code, LK_R_TPM_SIGNATURE_FORMAT);
    static const uint8_t hmac[] = {0, 5, 0, 0x0b, 0};
    assert_int_equal(lk_tpm_signature_parse(LK_BYTES(hmac), &s).code, LK_R_TPM_SCHEME);
}

int main(void)
{
    memset(values, 0x5a, sizeof(values));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(cuts_and_additions_are_refused),
        cmocka_unit_test(magic_and_type_are_left_to_the_judge),
        cmocka_unit_test(a_flag_is_zero_or_one),
        cmocka_unit_test(selections_that_could_mislead_are_refused),
        cmocka_unit_test(values_stand_in_the_order_of_the_selection),
        cmocka_unit_test(signatures_are_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
