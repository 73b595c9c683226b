/* SPDX-License-Identifier: Apache-2.0 */
/* proto/seal/answer: from a pinned broker id to an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <string.h>

#include "proto/seal/answer.h"
#include "proto/seal/hash.h"

#define CODE(r) ((int)(r).code)

static const uint8_t start_id[16] = {7}, nonce[32] = {8}, installation_id[32] = {9};

/* What a keeper and its token make: two keys, the certification, a pin. */
struct broker {
    EVP_PKEY *installation, *answer;
    struct lk_buf installation_spki, answer_spki, certification;
    uint8_t id[32];
    struct lk_answer_keys keys;
};

static void token_signs(EVP_PKEY *key, const char *domain, size_t domain_len, struct lk_bytes message,
                        struct lk_buf *out)
{
    uint8_t der[LK_SIGNATURE_MAX];
    size_t len = sizeof(der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL), 1);
    assert_int_equal(EVP_DigestSignUpdate(ctx, domain, domain_len), 1);
    assert_int_equal(EVP_DigestSignUpdate(ctx, message.data, message.len), 1);
    assert_int_equal(EVP_DigestSignFinal(ctx, der, &len), 1);
    EVP_MD_CTX_free(ctx);
    lk_put(out, lk_bytes(der, len));
}

static void start(struct broker *b)
{
    *b = (struct broker){.installation_spki = lk_buf(128), .answer_spki = lk_buf(128), .certification = lk_buf(128)};
    assert_int_equal(CODE(lk_answer_key_new(&b->installation, &b->installation_spki)), LK_R_OK);
    assert_int_equal(CODE(lk_answer_key_new(&b->answer, &b->answer_spki)), LK_R_OK);
    assert_int_equal(CODE(lk_broker_id(lk_buf_bytes(&b->installation_spki), b->id)), LK_R_OK);
    LK_BUF_AUTO message = lk_buf(256);
    lk_answer_key_message(&message, LK_BYTES(start_id), lk_buf_bytes(&b->answer_spki));
    token_signs(b->installation, "latchkey-answer-key-v1", 23, lk_buf_bytes(&message), &b->certification);
    b->keys = (struct lk_answer_keys){lk_buf_bytes(&b->answer_spki), lk_buf_bytes(&b->installation_spki),
                                      lk_buf_bytes(&b->certification), LK_BYTES(start_id)};
}

static void stop(struct broker *b)
{
    EVP_PKEY_free(b->installation);
    EVP_PKEY_free(b->answer);
    lk_buf_free(&b->installation_spki);
    lk_buf_free(&b->answer_spki);
    lk_buf_free(&b->certification);
}

static void answers_verify(void **state)
{
    (void)state;
    struct broker b;
    start(&b);
    LK_BUF_AUTO sig = lk_buf(128);
    struct lk_bytes answer = lk_bytes_str("answer"), altered = lk_bytes_str("Answer");
    assert_int_equal(CODE(lk_answer_sign(b.answer, answer, &sig)), LK_R_OK);
    assert_int_equal(CODE(lk_answer_verify(&b.keys, b.id, answer, lk_buf_bytes(&sig))), LK_R_OK);
    assert_int_equal(CODE(lk_answer_verify(&b.keys, b.id, altered, lk_buf_bytes(&sig))), LK_R_ANSWER_SIGNATURE);
    assert_int_equal(CODE(lk_answer_verify(&b.keys, b.id, answer, LK_BYTES_NONE)), LK_R_ANSWER_SIGNATURE);
    stop(&b);
}

static void domains_are_apart(void **state)
{
    (void)state;
    struct broker b;
    start(&b);
    LK_BUF_AUTO sig = lk_buf(128);
    struct lk_bytes result = lk_bytes_str("result");
    assert_int_equal(CODE(lk_query_answer_sign(b.answer, LK_BYTES(nonce), result, &sig)), LK_R_OK);
    assert_int_equal(CODE(lk_query_answer_verify(&b.keys, b.id, LK_BYTES(nonce), result, lk_buf_bytes(&sig))),
                     LK_R_OK);
    assert_int_equal(CODE(lk_query_answer_verify(&b.keys, b.id, LK_BYTES(b.id), result, lk_buf_bytes(&sig))),
                     LK_R_ANSWER_SIGNATURE);
    LK_BUF_AUTO joined = lk_buf(128);
    lk_put(&joined, LK_BYTES(nonce));
    lk_put(&joined, result);
    assert_int_equal(CODE(lk_answer_verify(&b.keys, b.id, lk_buf_bytes(&joined), lk_buf_bytes(&sig))),
                     LK_R_ANSWER_SIGNATURE);
    stop(&b);
}

static void another_broker_is_told_apart(void **state)
{
    (void)state;
    struct broker b, c;
    start(&b);
    start(&c);
    LK_BUF_AUTO sig = lk_buf(128);
    struct lk_bytes answer = lk_bytes_str("answer");
    assert_int_equal(CODE(lk_answer_sign(c.answer, answer, &sig)), LK_R_OK);
    assert_int_equal(CODE(lk_answer_verify(&c.keys, b.id, answer, lk_buf_bytes(&sig))), LK_R_ANSWER_BROKER);
    /* A front's own answer key under the true installation key. */
    struct lk_answer_keys mixed = b.keys;
    mixed.answer_key = c.keys.answer_key;
    assert_int_equal(CODE(lk_answer_verify(&mixed, b.id, answer, lk_buf_bytes(&sig))), LK_R_ANSWER_CERTIFICATION);
    mixed.certification = c.keys.certification;
    assert_int_equal(CODE(lk_answer_verify(&mixed, b.id, answer, lk_buf_bytes(&sig))), LK_R_ANSWER_CERTIFICATION);
    stop(&b);
    stop(&c);
}

static void the_certification_is_of_one_start(void **state)
{
    (void)state;
    struct broker b;
    start(&b);
    LK_BUF_AUTO sig = lk_buf(128);
    struct lk_bytes answer = lk_bytes_str("answer");
    assert_int_equal(CODE(lk_answer_sign(b.answer, answer, &sig)), LK_R_OK);
    const uint8_t other[16] = {1};
    b.keys.start_id = LK_BYTES(other);
    assert_int_equal(CODE(lk_answer_verify(&b.keys, b.id, answer, lk_buf_bytes(&sig))), LK_R_ANSWER_CERTIFICATION);
    b.keys.start_id = lk_bytes(start_id, 15);
    assert_int_equal(CODE(lk_answer_verify(&b.keys, b.id, answer, lk_buf_bytes(&sig))), LK_R_ANSWER_CERTIFICATION);
    stop(&b);
}

static void the_import_key_is_certified(void **state)
{
    (void)state;
    struct broker b;
    start(&b);
    LK_BUF_AUTO message = lk_buf(256);
    LK_BUF_AUTO sig = lk_buf(128);
    struct lk_bytes key = lk_bytes_str("import key"), other = lk_bytes_str("import kez");
    lk_import_key_message(&message, LK_BYTES(installation_id), key);
    token_signs(b.installation, "latchkey-import-key-v1", 23, lk_buf_bytes(&message), &sig);
    assert_int_equal(CODE(lk_import_key_verify(b.keys.installation_key, b.id, LK_BYTES(installation_id), key,
                                               lk_buf_bytes(&sig))), LK_R_OK);
    assert_int_equal(CODE(lk_import_key_verify(b.keys.installation_key, b.id, LK_BYTES(installation_id), other,
                                               lk_buf_bytes(&sig))), LK_R_ANSWER_CERTIFICATION);
    stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_verify),
        cmocka_unit_test(domains_are_apart),
        cmocka_unit_test(another_broker_is_told_apart),
        cmocka_unit_test(the_certification_is_of_one_start),
        cmocka_unit_test(the_import_key_is_certified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
