/* SPDX-License-Identifier: Apache-2.0 */
/* broker/collateral/answer: the shape of what a service answers. Whole answers: tests/system/collateral_fetch. */
#include "broker/collateral/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static enum lk_reason_code body(enum lk_answer_form form, const void *data, size_t len)
{
    LK_BUF_AUTO out = lk_buf(LK_ANSWER_MAX);
    return lk_answer_body(form, lk_bytes(data, len), &out).code;
}

static enum lk_reason_code text(enum lk_answer_form form, const char *s)
{
    return body(form, s, strlen(s));
}

static void documents_have_two_members(void **state)
{
    (void)state;
    assert_int_equal(text(LK_ANSWER_TCB_INFO, "{\"tcbInfo\":{},\"signature\":\"00\"}"), LK_R_OK);
    assert_int_equal(text(LK_ANSWER_QE_IDENTITY, "{\"enclaveIdentity\":{},\"signature\":\"00\"}"), LK_R_OK);
    assert_int_equal(text(LK_ANSWER_QE_IDENTITY, "{\"tcbInfo\":{},\"signature\":\"00\"}"), LK_R_VENDOR_ANSWER);
    assert_int_equal(text(LK_ANSWER_TCB_INFO, "{\"tcbInfo\":{}}"), LK_R_VENDOR_ANSWER);
    assert_int_equal(text(LK_ANSWER_TCB_INFO, "{\"tcbInfo\":1,\"signature\":\"00\"}"), LK_R_VENDOR_ANSWER);
    assert_int_equal(text(LK_ANSWER_TCB_INFO, "{\"tcbInfo\":{},\"tcbInfo\":{},\"signature\":\"00\"}"), LK_R_VENDOR_ANSWER);
    assert_int_equal(text(LK_ANSWER_TCB_INFO, "{\"tcbInfo\":{},\"signature\":\"00\"}x"), LK_R_VENDOR_ANSWER);
    assert_int_equal(text(LK_ANSWER_TCB_INFO, "{\"tcbInfo\":{},\"signa"), LK_R_VENDOR_TRUNCATED);
    assert_int_equal(text(LK_ANSWER_TCB_INFO, "<html>"), LK_R_VENDOR_ANSWER);
    assert_int_equal(text(LK_ANSWER_TCB_INFO, ""), LK_R_VENDOR_TRUNCATED);
}

static void lengths_tell_half_from_other(void **state)
{
    (void)state;
    static const uint8_t half[] = {0x30, 0x82, 0x01, 0x00, 0x30}, header[] = {0x30, 0x82, 0x01}, endless[] = {0x30, 0x80, 0, 0},
                         large[] = {0x30, 0x84, 1, 0, 0, 0}, more[] = {0x30, 0x00, 0x00}, empty[] = {0x30, 0x00};
    static const enum lk_answer_form forms[] = {LK_ANSWER_CERT, LK_ANSWER_CRL};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(body(forms[i], half, sizeof(half)), LK_R_VENDOR_TRUNCATED);
        assert_int_equal(body(forms[i], header, sizeof(header)), LK_R_VENDOR_TRUNCATED);
        assert_int_equal(body(forms[i], endless, sizeof(endless)), LK_R_VENDOR_ANSWER);
        assert_int_equal(body(forms[i], large, sizeof(large)), LK_R_VENDOR_ANSWER);
        assert_int_equal(body(forms[i], more, sizeof(more)), LK_R_VENDOR_ANSWER);
        assert_int_equal(body(forms[i], empty, sizeof(empty)), LK_R_VENDOR_ANSWER);
    }
    assert_int_equal(text(LK_ANSWER_CRL, "3082010030"), LK_R_VENDOR_TRUNCATED);
    assert_int_equal(text(LK_ANSWER_CRL, "308"), LK_R_VENDOR_TRUNCATED);
    assert_int_equal(text(LK_ANSWER_CRL, "3000"), LK_R_VENDOR_ANSWER);
    assert_int_equal(text(LK_ANSWER_CHAIN, "-----BEGIN CERTIFICATE-----\nMIIB"), LK_R_VENDOR_TRUNCATED);
    assert_int_equal(text(LK_ANSWER_CHAIN, "\n-----BEGIN"), LK_R_VENDOR_ANSWER);
}

static void header(const char *line, const char *want)
{
    struct lk_bytes got = lk_answer_chain_header(lk_bytes_str(line));
    if (want == NULL)
        assert_null(got.data);
    else
        assert_true(got.data != NULL && lk_bytes_eq(got, lk_bytes_str(want)));
}

static void issuer_chains_are_found_among_headers(void **state)
{
    (void)state;
    header("TCB-Info-Issuer-Chain: abc%20d\r\n", "abc%20d");
    header("sgx-enclave-identity-issuer-chain:x\r\n", "x");
    header("SGX-PCK-CRL-Issuer-Chain:   \r\n", "");
    header("TCB-Info-Issuer-Chains: x\r\n", NULL);
    header("Issuer-Chain: x\r\n", NULL);
    header("X: a-Issuer-Chain: x\r\n", NULL);
    header("\r\n", NULL);
    header("", NULL);
}

static void a_chain_that_does_not_decode_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "%", "%4", "%zz", "abc", "-----BEGIN%20CERTIFICATE-----", "%00"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        LK_BUF_AUTO out = lk_buf(LK_ANSWER_MAX);
        assert_int_equal(lk_answer_chain(lk_bytes_str(bad[i]), &out).code, LK_R_VENDOR_ANSWER);
    }
}

static void an_excerpt_can_be_shown(void **state)
{
    (void)state;
    char out[LK_ANSWER_EXCERPT], raw[200];
    memset(raw, 'x', sizeof(raw));
    memcpy(raw, "a\x1b[2Jb\0c\xc3\xa9", 10);
    lk_answer_excerpt(lk_bytes(raw, sizeof(raw)), out);
    assert_int_equal(strlen(out), LK_ANSWER_EXCERPT - 1);
    assert_memory_equal(out, "a.[2Jb.c..", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_have_two_members),          cmocka_unit_test(lengths_tell_half_from_other),
        cmocka_unit_test(issuer_chains_are_found_among_headers), cmocka_unit_test(a_chain_that_does_not_decode_is_refused),
        cmocka_unit_test(an_excerpt_can_be_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
