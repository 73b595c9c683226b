/* SPDX-License-Identifier: Apache-2.0 */
/* Which answers a guest believes: made here with real keys, then broken one rule at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/client/pack.h"
#include "broker/guest/fetch/answer.h"
#include "proto/grpc/wire.h"
#include "proto/seal/answer.h"
#include "proto/seal/hash.h"
#include "rpc.pb-c.h"

#define STATEMENT lk_bytes_str("the statement")

/* A broker: installation key, answer key, certification. */
struct broker {
    EVP_PKEY *installation, *answer;
    struct lk_buf installation_spki, answer_spki, certification;
    uint8_t start_id[16], id[32];
    struct lk_arena *arena;
};

static void sign_domain(EVP_PKEY *key, struct lk_bytes domain, struct lk_bytes message, struct lk_buf *out)
{
    LK_BUF_AUTO all = lk_buf(4096);
    lk_put(&all, domain);
    lk_put(&all, message);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t sig[LK_SIGNATURE_MAX];
    size_t len = sizeof(sig);
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, sig, &len, all.data, all.len), 1);
    EVP_MD_CTX_free(ctx);
    lk_put(out, lk_bytes(sig, len));
}

static struct broker broker_new(void)
{
    struct broker b = {.installation_spki = lk_buf(256), .answer_spki = lk_buf(256), .certification = lk_buf(256)};
    b.arena = lk_arena_new(1u << 20);
    assert_true(lk_ok(lk_answer_key_new(&b.installation, &b.installation_spki)));
    assert_true(lk_ok(lk_answer_key_new(&b.answer, &b.answer_spki)));
    assert_true(lk_ok(lk_broker_id(lk_buf_bytes(&b.installation_spki), b.id)));
    LK_BUF_AUTO message = lk_buf(512);
    lk_answer_key_message(&message, LK_BYTES(b.start_id), lk_buf_bytes(&b.answer_spki));
    sign_domain(b.installation, LK_DOMAIN("latchkey-answer-key-v1"), lk_buf_bytes(&message), &b.certification);
    return b;
}

static void broker_free(struct broker *b)
{
    EVP_PKEY_free(b->installation);
    EVP_PKEY_free(b->answer);
    lk_buf_free(&b->installation_spki);
    lk_buf_free(&b->answer_spki);
    lk_buf_free(&b->certification);
    lk_arena_free(b->arena);
}
#define BROKER_AUTO __attribute__((cleanup(broker_free))) struct broker

/* Packs an answer about one secret and signs it. The buffers are the caller's. */
static void make_answer(struct broker *b, struct lk_bytes statement, Latchkey__V1__SecretAnswer *secret,
                        struct lk_buf *answer, struct lk_buf *signature)
{
    uint8_t hash[64];
    assert_true(lk_ok(lk_sha512(&statement, 1, hash)));
    Latchkey__V1__Answer a = LATCHKEY__V1__ANSWER__INIT;
    a.statement_hash = lk_client_bin(LK_BYTES(hash));
    a.decision_id = "d1";
    a.secrets = &secret;
    a.n_secrets = 1;
    lk_client_pack(answer, &a);
    assert_true(lk_ok(lk_answer_sign(b->answer, lk_buf_bytes(answer), signature)));
}

static Latchkey__V1__SignedAnswer signed_answer(struct broker *b, struct lk_buf *answer, struct lk_buf *signature)
{
    Latchkey__V1__SignedAnswer s = LATCHKEY__V1__SIGNED_ANSWER__INIT;
    s.answer = lk_client_bin(lk_buf_bytes(answer));
    s.signature = lk_client_bin(lk_buf_bytes(signature));
    s.answer_key = lk_client_bin(lk_buf_bytes(&b->answer_spki));
    s.installation_key = lk_client_bin(lk_buf_bytes(&b->installation_spki));
    s.certification = lk_client_bin(lk_buf_bytes(&b->certification));
    s.start_id = lk_client_bin(LK_BYTES(b->start_id));
    return s;
}

static Latchkey__V1__SecretAnswer secret_of(const char *name, const char *cls, const char *code)
{
    Latchkey__V1__SecretAnswer s = LATCHKEY__V1__SECRET_ANSWER__INIT;
    s.name = (char *)(uintptr_t)name;
    s.class_ = (char *)(uintptr_t)cls;
    s.code = (char *)(uintptr_t)code;
    return s;
}

static void an_answer_is_believed_only_if_all_of_it_holds(void **state)
{
    (void)state;
    BROKER_AUTO b = broker_new();
    BROKER_AUTO other = broker_new();
    LK_BUF_AUTO answer = lk_buf(4096);
    LK_BUF_AUTO signature = lk_buf(256);
    Latchkey__V1__SecretAnswer secret = secret_of("x", "affirmed", "OK");
    make_answer(&b, STATEMENT, &secret, &answer, &signature);
    Latchkey__V1__SignedAnswer s = signed_answer(&b, &answer, &signature);
    const Latchkey__V1__Answer *out = NULL;
    assert_true(lk_ok(lk_answer_read(&s, b.id, STATEMENT, b.arena, &out)));
    assert_string_equal(out->decision_id, "d1");
    assert_int_equal(lk_answer_read(&s, other.id, STATEMENT, b.arena, &out).code, LK_R_ANSWER_BROKER);
    assert_int_equal(lk_answer_read(&s, b.id, lk_bytes_str("another"), b.arena, &out).code, LK_R_ANSWER_STATEMENT);
    s.answer_key = lk_client_bin(lk_buf_bytes(&other.answer_spki));
    assert_int_equal(lk_answer_read(&s, b.id, STATEMENT, b.arena, &out).code, LK_R_ANSWER_CERTIFICATION);
    s = signed_answer(&b, &answer, &signature);
    answer.data[answer.len - 1] ^= 1;
    assert_int_equal(lk_answer_read(&s, b.id, STATEMENT, b.arena, &out).code, LK_R_ANSWER_SIGNATURE);
}

/* A refusal as gRPC brings it; signed when s is there. */
static void make_refusal(const char *cls, const Latchkey__V1__SignedAnswer *s, struct lk_grpc_reply *reply)
{
    LK_BUF_AUTO info = lk_buf(4096);
    LK_BUF_AUTO packed = lk_buf(8192);
    Google__Rpc__ErrorInfo__Entry entry = GOOGLE__RPC__ERROR_INFO__ENTRY__INIT, *entries[] = {&entry};
    entry.key = "class", entry.value = (char *)(uintptr_t)cls;
    Google__Rpc__ErrorInfo error = GOOGLE__RPC__ERROR_INFO__INIT;
    error.domain = "latchkey", error.reason = "SAID_BY_THE_FRONT";
    error.metadata = entries, error.n_metadata = 1;
    lk_client_pack(&info, &error);
    Google__Rpc__Any details[2] = {GOOGLE__RPC__ANY__INIT, GOOGLE__RPC__ANY__INIT}, *list[] = {&details[0], &details[1]};
    details[0].type_url = "type.googleapis.com/google.rpc.ErrorInfo";
    details[0].value = lk_client_bin(lk_buf_bytes(&info));
    if (s != NULL)
        lk_client_pack(&packed, s);
    details[1].type_url = "type.googleapis.com/latchkey.v1.SignedAnswer";
    details[1].value = lk_client_bin(lk_buf_bytes(&packed));
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    status.details = list;
    status.n_details = s != NULL ? 2 : 1;
    *reply = (struct lk_grpc_reply){.status = LK_GRPC_PERMISSION_DENIED, .details = lk_buf(16384)};
    lk_client_pack(&reply->details, &status);
}

static void a_signed_refusal_says_who_and_why(void **state)
{
    (void)state;
    BROKER_AUTO b = broker_new();
    LK_BUF_AUTO answer = lk_buf(4096);
    LK_BUF_AUTO signature = lk_buf(256);
    Latchkey__V1__SecretAnswer secret = secret_of("x", "refused", "SECRET_UNKNOWN");
    make_answer(&b, STATEMENT, &secret, &answer, &signature);
    Latchkey__V1__SignedAnswer s = signed_answer(&b, &answer, &signature);
    LK_GRPC_REPLY_AUTO reply = {0};
    make_refusal("malformed", &s, &reply); /* what is signed goes over what the front says */
    struct lk_fetch_outcome o;
    assert_false(lk_ok(lk_answer_refusal(&reply, b.id, STATEMENT, b.arena, &o)));
    assert_true(o.is_signed);
    assert_string_equal(o.code, "SECRET_UNKNOWN");
    assert_string_equal(o.decision_id, "d1");
    assert_int_equal(lk_fetch_exit(&o), LK_FETCH_EXIT_REFUSED);
}

static void a_refusal_signed_by_another_is_not_believed(void **state)
{
    (void)state;
    BROKER_AUTO b = broker_new();
    BROKER_AUTO other = broker_new();
    LK_BUF_AUTO answer = lk_buf(4096);
    LK_BUF_AUTO signature = lk_buf(256);
    Latchkey__V1__SecretAnswer secret = secret_of("x", "refused", "SECRET_UNKNOWN");
    make_answer(&other, STATEMENT, &secret, &answer, &signature);
    Latchkey__V1__SignedAnswer s = signed_answer(&other, &answer, &signature);
    LK_GRPC_REPLY_AUTO reply = {0};
    make_refusal("refused", &s, &reply);
    struct lk_fetch_outcome o;
    assert_false(lk_ok(lk_answer_refusal(&reply, b.id, STATEMENT, b.arena, &o)));
    assert_false(o.is_signed);
    assert_string_equal(o.code, "ANSWER_BROKER");
    assert_int_equal(lk_fetch_exit(&o), LK_FETCH_EXIT_BAD_BROKER);
}

static void a_refusal_without_a_signature_is_not_believed(void **state)
{
    (void)state;
    BROKER_AUTO b = broker_new();
    static const char *const decisions[] = {"refused", "not-authentic", "cannot-judge"};
    for (size_t i = 0; i < 3; i++) {
        LK_GRPC_REPLY_AUTO reply = {0};
        make_refusal(decisions[i], NULL, &reply);
        struct lk_fetch_outcome o;
        assert_false(lk_ok(lk_answer_refusal(&reply, b.id, STATEMENT, b.arena, &o)));
        assert_string_equal(o.code, "ANSWER_UNSIGNED");
    }
}

static void a_fault_needs_no_signature(void **state)
{
    (void)state;
    BROKER_AUTO b = broker_new();
    LK_GRPC_REPLY_AUTO reply = {0};
    make_refusal("unavailable", NULL, &reply);
    struct lk_fetch_outcome o;
    assert_false(lk_ok(lk_answer_refusal(&reply, b.id, STATEMENT, b.arena, &o)));
    assert_string_equal(o.code, "SAID_BY_THE_FRONT");
    assert_int_equal(lk_fetch_retry(&o), LK_RETRY_SOON);
}

/* Seals "key" to a guest key, as the keeper does, and lets the guest write it to a pipe. */
static lk_result write_released(enum lk_guest_key_kind kind, const char *asked, const char *answered, bool damage, char *got)
{
    EVP_PKEY *key = NULL;
    LK_BUF_AUTO spki = lk_buf(1024);
    LK_BUF_AUTO enc = lk_buf(128);
    LK_BUF_AUTO ct = lk_buf(128);
    uint8_t hash[64] = {1};
    enum lk_suite suite;
    struct lk_recipient recipient;
    assert_true(lk_ok(lk_guest_key_new(kind, &key, &spki)));
    assert_true(lk_ok(lk_guest_key_suite(kind, NULL, 0, &suite)));
    assert_true(lk_ok(lk_recipient_from_spki(lk_buf_bytes(&spki), lk_bytes_str(lk_suite_name(suite)), &recipient)));
    assert_true(lk_ok(lk_hpke_seal(&recipient, LK_BYTES(hash), lk_bytes_str("key"), &enc, &ct)));
    ct.data[0] ^= damage;
    Latchkey__V1__SecretAnswer s = secret_of(answered, "affirmed", "OK"), *list[] = {&s};
    s.enc = lk_client_bin(lk_buf_bytes(&enc));
    s.ciphertext = lk_client_bin(lk_buf_bytes(&ct));
    Latchkey__V1__Answer a = LATCHKEY__V1__ANSWER__INIT;
    a.statement_hash = lk_client_bin(LK_BYTES(hash));
    a.secrets = list;
    a.n_secrets = 1;
    int ends[2];
    char target[16];
    assert_int_equal(pipe(ends), 0);
    snprintf(target, sizeof(target), "fd:%d", ends[1]);
    struct lk_fetch_options o = {.n_secrets = 1, .secrets = {{.name = asked, .name_len = strlen(asked), .target = target}}};
    assert_true(lk_target_parse(target, &o.secrets[0].to));
    struct lk_fetch_outcome outcome;
    struct lk_delivery delivery = {.o = &o};
    lk_result r = lk_answer_write(&delivery, &a, key, suite, &outcome);
    close(ends[1]);
    got[read(ends[0], got, 7)] = '\0';
    close(ends[0]);
    EVP_PKEY_free(key);
    return r;
}

static void a_released_secret_is_opened_and_written(void **state)
{
    (void)state;
    char got[8];
    assert_true(lk_ok(write_released(LK_GUEST_KEY_X25519, "x", "x", false, got)));
    assert_string_equal(got, "key");
    assert_true(lk_ok(write_released(LK_GUEST_KEY_P256, "disk/{tpm.ek-sha256}", "disk/00", false, got)));
    assert_string_equal(got, "key");
}

static void nothing_is_written_when_it_does_not_open_or_is_another(void **state)
{
    (void)state;
    char got[8];
    assert_int_equal(write_released(LK_GUEST_KEY_X25519, "x", "x", true, got).code, LK_R_HPKE_OPEN);
    assert_string_equal(got, "");
    assert_int_equal(write_released(LK_GUEST_KEY_X25519, "x", "y", false, got).code, LK_R_ANSWER_CONTENT);
    assert_string_equal(got, "");
}

static void the_suite_is_one_that_the_broker_offers(void **state)
{
    (void)state;
    enum lk_suite suite;
    char *offered[] = {"something-new", "rsa-oaep-sha1-aes256-kwp", "hpke-x25519-sha256-aes256gcm"};
    assert_true(lk_ok(lk_guest_key_suite(LK_GUEST_KEY_X25519, offered, 3, &suite)));
    assert_int_equal(suite, LK_SUITE_HPKE_X25519);
    assert_true(lk_ok(lk_guest_key_suite(LK_GUEST_KEY_RSA2048, offered, 3, &suite)));
    assert_int_equal(suite, LK_SUITE_RSA_SHA1);
    assert_int_equal(lk_guest_key_suite(LK_GUEST_KEY_P256, offered, 3, &suite).code, LK_R_RECIPIENT_SUITE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_believed_only_if_all_of_it_holds),
        cmocka_unit_test(a_signed_refusal_says_who_and_why),
        cmocka_unit_test(a_refusal_signed_by_another_is_not_believed),
        cmocka_unit_test(a_refusal_without_a_signature_is_not_believed),
        cmocka_unit_test(a_fault_needs_no_signature),
        cmocka_unit_test(a_released_secret_is_opened_and_written),
        cmocka_unit_test(nothing_is_written_when_it_does_not_open_or_is_another),
        cmocka_unit_test(the_suite_is_one_that_the_broker_offers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
