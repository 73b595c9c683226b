/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/tpm/json/pcrs.h"
#include "tests/emulators/tpm/softtpm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define A "1111111111111111111111111111111111111111111111111111111111111111"
#define B "2222222222222222222222222222222222222222222222222222222222222222"
#define S1 "3333333333333333333333333333333333333333"

static enum lk_reason_code convert(const char *file, struct lk_buf *out)
{
    static const uint8_t values[84];
    LK_BUF_AUTO attest = lk_buf(1024);
    struct soft_quote q = soft_quote(LK_BYTES(values));
    q.n_banks = 2;
    q.banks[0].pcrs = 1U << 0 | 1U << 10;
    q.banks[1].alg = LK_TPM_SHA1;
    q.banks[1].pcrs = 1U << 3;
    soft_attest_put(&attest, &q);
    return lk_tpm_pcrs_convert(lk_buf_bytes(&attest), lk_bytes_str(file), out).code;
}

static void expect(const char *file, enum lk_reason_code code)
{
    LK_BUF_AUTO out = lk_buf(8192);
    assert_int_equal(convert(file, &out), code);
}

static void values_come_in_the_order_of_the_quote(void **state)
{
    (void)state;
    LK_BUF_AUTO out = lk_buf(8192);
    assert_int_equal(convert("{\"sha1\":{\"3\":\"" S1 "\"},\"sha256\":{\"10\":\"" B "\",\"0\":\"" A "\",\"5\":\"x\"}}", &out),
                     LK_R_OK);
    assert_int_equal(out.len, 84);
    assert_int_equal(out.data[0], 0x11);
    assert_int_equal(out.data[32], 0x22);
    assert_int_equal(out.data[64], 0x33);
}

static void raw_values_stay(void **state)
{
    (void)state;
    char raw[85];
    LK_BUF_AUTO out = lk_buf(8192);
    memset(raw, '{', 84);
    raw[84] = '\0';
    assert_int_equal(convert(raw, &out), LK_R_OK);
    assert_true(lk_bytes_eq(lk_buf_bytes(&out), lk_bytes_str(raw)));
}

static void what_is_missing_or_wrong_is_refused(void **state)
{
    (void)state;
    expect("", LK_R_TPM_PCRS_JSON);
    expect("[]", LK_R_TPM_PCRS_JSON);
    expect("{\"sha256\":{\"10\":\"" B "\",\"0\":\"" A "\"}}", LK_R_TPM_PCRS_JSON);                          /* no sha1 */
    expect("{\"sha1\":{\"3\":\"" S1 "\"},\"sha256\":{\"0\":\"" A "\"}}", LK_R_TPM_PCRS_JSON);               /* no PCR 10 */
    expect("{\"sha1\":{\"3\":\"" A "\"},\"sha256\":{\"10\":\"" B "\",\"0\":\"" A "\"}}", LK_R_TPM_PCRS_JSON); /* too long */
    expect("{\"sha1\":{\"3\":\"" S1 "\"},\"sha256\":{\"10\":\"" B "\",\"0\":\"" A "\",\"0\":\"" B "\"}}",
           LK_R_TPM_PCRS_JSON); /* twice */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_in_the_order_of_the_quote),
        cmocka_unit_test(raw_values_stay),
        cmocka_unit_test(what_is_missing_or_wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
