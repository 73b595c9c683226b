/* SPDX-License-Identifier: Apache-2.0 */
/* proto/link: verdicts, challenges and small messages have one form each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "proto/link/verdict.h"

static struct lk_verdict v, w; /* large */

static void some_verdict(void)
{
    v = (struct lk_verdict){.kind = LK_VERDICT_RELEASE, .deadline_mono_ms = 5, .roles = 1, .time = 1700000000, .generation = 4};
    memset(v.ticket.bytes, 7, sizeof(v.ticket.bytes));
    memset(v.statement_hash, 8, sizeof(v.statement_hash));
    v.recipient = (struct lk_recipient){.suite = LK_SUITE_HPKE_X25519, .point_len = 32};
    v.n_secrets = 2;
    for (size_t i = 0; i < 2; i++) {
        snprintf(v.secrets[i].name, sizeof(v.secrets[i].name), "disk/%zu/\xc3\xa4", i);
        snprintf(v.secrets[i].policy, sizeof(v.secrets[i].policy), "prod");
        v.secrets[i].policy_revision = 3;
        v.secrets[i].create = i == 0;
    }
    v.secrets[1].code = LK_R_SECRET_UNKNOWN;
    v.secrets[1].cls = LK_CLASS_REFUSED;
    lk_report_add(&v.report, LK_R_SECRET_UNKNOWN, "tpm", "prod/rule", "a", "b");
}

static lk_result encode_and_get(void)
{
    LK_BUF_AUTO b = lk_buf(48u << 10);
    lk_verdict_put(&b, &v);
    assert_int_equal(lk_buf_ok(&b).code, LK_R_OK);
    return lk_verdict_get(lk_buf_bytes(&b), &w);
}

static void verdict_round_trip(void **state)
{
    (void)state;
    some_verdict();
    assert_int_equal(encode_and_get().code, LK_R_OK);
    assert_memory_equal(&v, &w, sizeof(v));
}

static void largest_verdict_fits_its_frame(void **state)
{
    (void)state;
    some_verdict();
    for (int i = 0; i < LK_FINDINGS_MAX + 1; i++) {
        char text[200];
        memset(text, 'x', 199);
        text[199] = '\0';
        lk_report_add(&v.report, LK_R_SECRET_UNKNOWN, text, text, text, text);
    }
    v.n_secrets = LK_VERDICT_SECRETS_MAX;
    for (size_t i = 0; i < v.n_secrets; i++) {
        memset(v.secrets[i].name, 'n', 255);
        memset(v.secrets[i].policy, 'p', 127);
    }
    assert_int_equal(encode_and_get().code, LK_R_OK);
    assert_true(w.report.truncated);
}

static void inconsistent_verdicts_are_forbidden(void **state)
{
    (void)state;
    some_verdict();
    v.kind = LK_VERDICT_MALFORMED;
    assert_int_equal(encode_and_get().code, LK_R_OK); /* the rest is not sent */
    assert_int_equal(w.n_secrets, 0);
    v.report.n = 0;
    assert_int_equal(encode_and_get().code, LK_R_FRAME_FORBIDDEN); /* malformed without why */
    some_verdict();
    v.roles = 4;
    assert_int_equal(encode_and_get().code, LK_R_FRAME_FORBIDDEN);
    some_verdict();
    v.n_secrets = 0;
    assert_int_equal(encode_and_get().code, LK_R_FRAME_FORBIDDEN);
    some_verdict();
    v.kind = LK_VERDICT_APPRAISE; /* nothing is sealed, so there is no recipient */
    assert_int_equal(encode_and_get().code, LK_R_FRAME_FORBIDDEN);
    some_verdict();
    v.demanded_context[0] = 1;
    assert_int_equal(encode_and_get().code, LK_R_FRAME_FORBIDDEN);
    some_verdict();
    v.secrets[0].name[2] = '\n';
    assert_int_equal(encode_and_get().code, LK_R_FRAME_FORBIDDEN);
    some_verdict();
    v.report.findings[0].actual[0] = (char)0xc3; /* findings are ASCII */
    assert_int_equal(encode_and_get().code, LK_R_FRAME_FORBIDDEN);
    some_verdict();
    v.report.findings[0].code = LK_R_OK;
    assert_int_equal(encode_and_get().code, LK_R_FRAME_FORBIDDEN);
}

static void no_prefix_and_no_tail_is_a_verdict(void **state)
{
    (void)state;
    some_verdict();
    LK_BUF_AUTO b = lk_buf(48u << 10);
    lk_verdict_put(&b, &v);
    lk_put_u8(&b, 0);
    struct lk_bytes all = lk_buf_bytes(&b);
    for (size_t n = 0; n <= all.len; n++)
        assert_int_equal(lk_verdict_get(lk_bytes(all.data, n), &w).code, n + 1 == all.len ? LK_R_OK : LK_R_FRAME_FORBIDDEN);
}

/* What decodes encodes to the same bytes: two readers can never see two verdicts. */
static void every_bit_is_canonical(void **state)
{
    (void)state;
    some_verdict();
    LK_BUF_AUTO b = lk_buf(48u << 10);
    lk_verdict_put(&b, &v);
    size_t len = lk_buf_bytes(&b).len;
    for (size_t bit = 0; bit < len * 8; bit++) {
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (lk_verdict_get(lk_buf_bytes(&b), &w).code == LK_R_OK) {
            LK_BUF_AUTO again = lk_buf(48u << 10);
            lk_verdict_put(&again, &w);
            assert_true(lk_bytes_eq(lk_buf_bytes(&again), lk_buf_bytes(&b)));
        }
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static lk_result challenge(const struct lk_challenge_frame *c, struct lk_challenge_frame *out)
{
    static uint8_t kept[16u << 10];
    LK_BUF_AUTO b = lk_buf(16u << 10);
    lk_challenge_frame_put(&b, c);
    struct lk_bytes bytes = lk_buf_bytes(&b);
    memcpy(kept, bytes.data, bytes.len);
    return lk_challenge_frame_get(lk_bytes(kept, bytes.len), out);
}

static void challenges_are_consistent(void **state)
{
    (void)state;
    struct lk_challenge_frame out, c = {.deadline_mono_ms = 1, .generation = 2, .evidence_request = lk_bytes("er", 2)};
    assert_int_equal(challenge(&c, &out).code, LK_R_OK);
    assert_true(lk_bytes_eq(out.evidence_request, c.evidence_request));
    c.activated = true;
    assert_int_equal(challenge(&c, &out).code, LK_R_FRAME_FORBIDDEN); /* activated, and no blobs */
    c.credential_blob = lk_bytes("blob", 4);
    c.encrypted_secret = lk_bytes("secret", 6);
    assert_int_equal(challenge(&c, &out).code, LK_R_OK);
    c.failed = LK_R_SECRET_NAME;
    assert_int_equal(challenge(&c, &out).code, LK_R_FRAME_FORBIDDEN); /* failed, and something else too */
    c = (struct lk_challenge_frame){.failed = LK_R_SECRET_NAME};
    assert_int_equal(challenge(&c, &out).code, LK_R_OK);
    c = (struct lk_challenge_frame){.context = {1}};
    assert_int_equal(challenge(&c, &out).code, LK_R_FRAME_FORBIDDEN); /* plain, with a context */
}

static void small_messages_round_trip(void **state)
{
    (void)state;
    LK_BUF_AUTO b = lk_buf(4096);
    struct lk_msg_request rq = {.deadline_mono_ms = 77, .roles = 3, .caller = {9}, .message = lk_bytes("msg", 3)}, rq2;
    lk_msg_request_put(&b, &rq);
    assert_int_equal(lk_msg_request_get(lk_buf_bytes(&b), &rq2).code, LK_R_OK);
    assert_true(lk_bytes_eq(rq2.message, rq.message));
    assert_int_equal(rq2.caller[0], 9);
    b.data[8] = 8; /* a role that does not exist */
    assert_int_equal(lk_msg_request_get(lk_buf_bytes(&b), &rq2).code, LK_R_FRAME_FORBIDDEN);
    LK_BUF_AUTO a = lk_buf(4096);
    struct lk_msg_answer an = {.grpc_status = 7, .retry_ms = 5, .message = lk_bytes("no", 2), .details = lk_bytes("d", 1)}, an2;
    lk_msg_answer_put(&a, &an);
    assert_int_equal(lk_msg_answer_get(lk_buf_bytes(&a), &an2).code, LK_R_OK);
    assert_int_equal(an2.grpc_status, 7);
    a.data[0] = 17;
    assert_int_equal(lk_msg_answer_get(lk_buf_bytes(&a), &an2).code, LK_R_FRAME_FORBIDDEN);
    LK_BUF_AUTO t = lk_buf(4096);
    lk_msg_text_put(&t, 12, "line\nbreak");
    uint64_t n;
    char text[481];
    assert_int_equal(lk_msg_text_get(lk_buf_bytes(&t), &n, text, sizeof(text)).code, LK_R_OK);
    assert_string_equal(text, "line?break");
    t.data[10] = '\n';
    assert_int_equal(lk_msg_text_get(lk_buf_bytes(&t), &n, text, sizeof(text)).code, LK_R_FRAME_FORBIDDEN);
    LK_BUF_AUTO h = lk_buf(4096);
    bool serving;
    lk_msg_health_put(&h, true, "serving");
    assert_int_equal(lk_msg_health_get(lk_buf_bytes(&h), &serving, text, sizeof(text)).code, LK_R_OK);
    assert_true(serving);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdict_round_trip),
        cmocka_unit_test(largest_verdict_fits_its_frame),
        cmocka_unit_test(inconsistent_verdicts_are_forbidden),
        cmocka_unit_test(no_prefix_and_no_tail_is_a_verdict),
        cmocka_unit_test(every_bit_is_canonical),
        cmocka_unit_test(challenges_are_consistent),
        cmocka_unit_test(small_messages_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
