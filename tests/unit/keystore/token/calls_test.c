/* SPDX-License-Identifier: Apache-2.0 */
/* keystore/token/calls: the payloads between keeper and token come back, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "keystore/token/calls.h"

#define CODE(r) ((int)(r).code)

/* Every prefix, and one byte more, is forbidden. */
#define ONLY_WHOLE(get, buf, out)                                                              \
    do {                                                                                       \
        for (size_t cut = 0; cut < (buf).len; cut++)                                           \
            assert_int_equal(CODE(get(lk_bytes((buf).data, cut), (out))), LK_R_FRAME_FORBIDDEN); \
        lk_put_u8(&(buf), 0);                                                                  \
        assert_int_equal(CODE(get(lk_buf_bytes(&(buf)), (out))), LK_R_FRAME_FORBIDDEN);        \
    } while (0)

static void wrap_and_import(void **state)
{
    (void)state;
    LK_BUF_AUTO b = lk_buf(128);
    LK_BUF_AUTO d = lk_buf(128);
    struct lk_call_wrap w = {LK_KEK_IN_TOKEN, lk_bytes_str("secret")}, w2;
    lk_call_wrap_put(&b, &w);
    assert_int_equal(CODE(lk_call_wrap_get(lk_buf_bytes(&b), &w2)), LK_R_OK);
    assert_int_equal(w2.kek, LK_KEK_IN_TOKEN);
    assert_true(lk_bytes_eq(w2.plaintext, w.plaintext));
    ONLY_WHOLE(lk_call_wrap_get, b, &w2);

    struct lk_call_import i = {LK_KEK_SEALED, lk_bytes_str("sealed")}, i2;
    lk_call_import_put(&d, &i);
    assert_int_equal(CODE(lk_call_import_get(lk_buf_bytes(&d), &i2)), LK_R_OK);
    assert_true(lk_bytes_eq(i2.sealed, i.sealed));
    ONLY_WHOLE(lk_call_import_get, d, &i2);
}

static void an_unknown_kek_and_an_empty_secret_are_forbidden(void **state)
{
    (void)state;
    const struct lk_call_wrap rows[] = {
        {(enum lk_kek)0, lk_bytes_str("x")}, {(enum lk_kek)3, lk_bytes_str("x")}, {LK_KEK_SEALED, lk_bytes_str("")}};
    for (size_t i = 0; i < 3; i++) {
        LK_BUF_AUTO b = lk_buf(64);
        struct lk_call_wrap out;
        lk_call_wrap_put(&b, &rows[i]);
        assert_int_equal(CODE(lk_call_wrap_get(lk_buf_bytes(&b), &out)), LK_R_FRAME_FORBIDDEN);
    }
}

static void rewrap_takes_rsa_only(void **state)
{
    (void)state;
    struct lk_call_rewrap c = {.blob = lk_bytes_str("blob"),
                               .recipient = {.suite = LK_SUITE_RSA_SHA1, .n = {0x80}, .n_len = 256, .e = 65537}};
    struct lk_call_rewrap out;
    c.recipient.n[255] = 1;
    LK_BUF_AUTO b = lk_buf(1024);
    lk_call_rewrap_put(&b, &c);
    assert_int_equal(CODE(lk_call_rewrap_get(lk_buf_bytes(&b), &out)), LK_R_OK);
    assert_memory_equal(&out.recipient, &c.recipient, sizeof(c.recipient));
    ONLY_WHOLE(lk_call_rewrap_get, b, &out);

    c.recipient.e = 3;
    LK_BUF_AUTO weak = lk_buf(1024);
    lk_call_rewrap_put(&weak, &c);
    assert_int_equal(CODE(lk_call_rewrap_get(lk_buf_bytes(&weak), &out)), LK_R_FRAME_FORBIDDEN);

    LK_BUF_AUTO hpke = lk_buf(1024);
    c.recipient = (struct lk_recipient){.suite = LK_SUITE_HPKE_X25519, .point = {9}, .point_len = 32};
    lk_call_rewrap_put(&hpke, &c);
    assert_int_equal(CODE(lk_call_rewrap_get(lk_buf_bytes(&hpke), &out)), LK_R_FRAME_FORBIDDEN);
}

static void sign_knows_five_domains(void **state)
{
    (void)state;
    for (int d = 0; d <= 6; d++) {
        LK_BUF_AUTO b = lk_buf(64);
        struct lk_call_sign c = {(enum lk_sign_domain)d, lk_bytes_str("message")}, out;
        lk_call_sign_put(&b, &c);
        assert_int_equal(CODE(lk_call_sign_get(lk_buf_bytes(&b), &out)),
                         d >= 1 && d <= 5 ? LK_R_OK : LK_R_FRAME_FORBIDDEN);
    }
    assert_int_equal(lk_sign_domain_bytes(LK_SIGN_ANSWER_KEY).len, 23);
    assert_null(lk_sign_domain_bytes((enum lk_sign_domain)9).data);
}

static void head_only_grows(void **state)
{
    (void)state;
    struct lk_call_head c = {.set = true, .expected = {4, {1}}, .next = {5, {2}}}, out;
    LK_BUF_AUTO b = lk_buf(128);
    lk_call_head_put(&b, &c);
    assert_int_equal(CODE(lk_call_head_get(lk_buf_bytes(&b), &out)), LK_R_OK);
    assert_memory_equal(&out.next.hash, &c.next.hash, 32);
    assert_int_equal(out.expected.index, 4);
    ONLY_WHOLE(lk_call_head_get, b, &out);

    LK_BUF_AUTO same = lk_buf(128);
    c.next.index = 4;
    lk_call_head_put(&same, &c);
    assert_int_equal(CODE(lk_call_head_get(lk_buf_bytes(&same), &out)), LK_R_FRAME_FORBIDDEN);

    LK_BUF_AUTO ask = lk_buf(128);
    c.set = false;
    lk_call_head_put(&ask, &c);
    assert_int_equal(ask.len, 1);
    assert_int_equal(CODE(lk_call_head_get(lk_buf_bytes(&ask), &out)), LK_R_OK);
    assert_false(out.set);
}

static void results_carry_a_reason_or_an_output(void **state)
{
    (void)state;
    LK_BUF_AUTO ok = lk_buf(64);
    LK_BUF_AUTO bad = lk_buf(64);
    lk_result r;
    struct lk_bytes output;
    lk_call_result_put(&ok, LK_OK, lk_bytes_str("out"));
    assert_int_equal(CODE(lk_call_result_get(lk_buf_bytes(&ok), &r, &output)), LK_R_OK);
    assert_int_equal(CODE(r), LK_R_OK);
    assert_true(lk_bytes_eq(output, lk_bytes_str("out")));
    lk_call_result_put(&bad, LK_FAIL(TOKEN_BLOB), lk_bytes_str("never sent"));
    assert_int_equal(bad.len, 2);
    assert_int_equal(CODE(lk_call_result_get(lk_buf_bytes(&bad), &r, &output)), LK_R_OK);
    assert_int_equal(CODE(r), LK_R_TOKEN_BLOB);
    static const uint8_t unknown[] = {0xff, 0xff}, with_output[] = {1, 0, 1}, cut[] = {1};
    assert_int_equal(CODE(lk_call_result_get(LK_BYTES(unknown), &r, &output)), LK_R_FRAME_FORBIDDEN);
    assert_int_equal(CODE(lk_call_result_get(LK_BYTES(with_output), &r, &output)), LK_R_FRAME_FORBIDDEN);
    assert_int_equal(CODE(lk_call_result_get(LK_BYTES(cut), &r, &output)), LK_R_FRAME_FORBIDDEN);
}

static void token_facts_come_back(void **state)
{
    (void)state;
    struct lk_token_info in = {.installation_id = {1}, .installation_key = lk_bytes_str("spki"),
                               .import_key = lk_bytes_str("rsa"), .import_suite = LK_SUITE_RSA_SHA1,
                               .suites = {LK_SUITE_RSA_SHA256, LK_SUITE_RSA_SHA1}, .head = {7, {9}}};
    struct lk_token_info out;
    LK_BUF_AUTO b = lk_buf(512);
    lk_token_info_put(&b, &in);
    assert_int_equal(CODE(lk_token_info_get(lk_buf_bytes(&b), &out)), LK_R_OK);
    assert_int_equal(out.suites[0], LK_SUITE_RSA_SHA256);
    assert_int_equal(out.suites[2], LK_SUITE_NONE);
    assert_int_equal(out.head.index, 7);
    assert_true(lk_bytes_eq(out.import_key, in.import_key));
    ONLY_WHOLE(lk_token_info_get, b, &out);

    LK_BUF_AUTO gap = lk_buf(512);
    in.suites[0] = LK_SUITE_NONE;
    lk_token_info_put(&gap, &in);
    assert_int_equal(CODE(lk_token_info_get(lk_buf_bytes(&gap), &out)), LK_R_FRAME_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrap_and_import),
        cmocka_unit_test(an_unknown_kek_and_an_empty_secret_are_forbidden),
        cmocka_unit_test(rewrap_takes_rsa_only),
        cmocka_unit_test(sign_knows_five_domains),
        cmocka_unit_test(head_only_grows),
        cmocka_unit_test(results_carry_a_reason_or_an_output),
        cmocka_unit_test(token_facts_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
