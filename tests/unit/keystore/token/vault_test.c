/* SPDX-License-Identifier: Apache-2.0 */
/* keystore/token: every call on a real SoftHSM2 token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "keystore/token/create.h"
#include "keystore/token/head.h"
#include "keystore/token/object.h"
#include "keystore/token/serve.h"
#include "keystore/token/vault.h"
#include "proto/link/frame.h"
#include "proto/seal/answer.h"
#include "proto/seal/hash.h"
#include "proto/seal/key.h"
#include "proto/seal/rsa_aes.h"
#include "tests/emulators/softhsm/softhsm.h"

#define CODE(r) ((int)(r).code)
#define SUITE LK_SUITE_RSA_SHA1 /* SoftHSM has OAEP with SHA-1 only */

static struct softhsm hsm;
static struct lk_token token;
static struct lk_session session;
static const size_t sizes[] = {1, 3, 4, 5, 8, 31, 32, 33, 4096, 65535, 65536};
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static int start(void **state)
{
    (void)state;
    return !softhsm_start(&hsm) || !lk_ok(softhsm_open(&token, &session, SOFTHSM_MODULE, SOFTHSM_PIN)) ||
           !lk_ok(lk_create_all(&session, false));
}

static int stop(void **state)
{
    (void)state;
    lk_session_close(&session);
    lk_token_close(&token);
    softhsm_stop(&hsm);
    return 0;
}

static struct lk_bytes some_secret(size_t len)
{
    static uint8_t bytes[LK_SECRET_MAX];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7 + len);
    return lk_bytes(bytes, len);
}

static struct lk_buf wrapped(enum lk_kek kek, struct lk_bytes secret)
{
    struct lk_buf blob = lk_buf(LK_BLOB_MAX);
    assert_int_equal(CODE(lk_vault_wrap(&session, kek, secret, &blob)), LK_R_OK);
    return blob;
}

static EVP_PKEY *rsa_recipient(unsigned bits, struct lk_recipient *r)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    BIGNUM *n = NULL;
    assert_non_null(key);
    *r = (struct lk_recipient){.suite = SUITE, .n_len = bits / 8, .e = 65537};
    assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
    assert_int_equal(BN_bn2binpad(n, r->n, (int)r->n_len), r->n_len);
    BN_free(n);
    return key;
}

/* No call leaves an object behind in its session. */
static void no_session_objects(void)
{
    const CK_ATTRIBUTE match[] = {LK_ATTR(CKA_TOKEN, lk_false)};
    CK_OBJECT_HANDLE found[4];
    size_t n = 0;
    assert_int_equal(CODE(lk_object_find(&session, match, 1, found, 4, &n)), LK_R_OK);
    assert_int_equal(n, 0);
}

static void secrets_of_every_size_wrap_and_unwrap(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SIZES; i++) {
        struct lk_bytes secret = some_secret(sizes[i]);
        LK_SECRET_AUTO out = {0};
        struct lk_buf blob = wrapped(LK_KEK_SEALED, secret);
        assert_int_equal(CODE(lk_vault_unwrap(&session, lk_buf_bytes(&blob), &out)), LK_R_OK);
        assert_true(lk_bytes_eq(lk_secret_bytes(&out), secret));
        lk_buf_free(&blob);
    }
    no_session_objects();
}

static void in_token_secrets_reach_their_recipient_only(void **state)
{
    (void)state;
    static const unsigned bits[] = {2048, 3072, 4096};
    for (size_t i = 0; i < N_SIZES; i++) {
        struct lk_recipient r;
        struct lk_bytes secret = some_secret(sizes[i]);
        struct lk_buf blob = wrapped(LK_KEK_IN_TOKEN, secret);
        EVP_PKEY *key = rsa_recipient(i < 3 ? bits[i] : 2048, &r);
        LK_BUF_AUTO ct = lk_buf(LK_SEALED_MAX);
        LK_SECRET_AUTO out = {0};
        assert_int_equal(CODE(lk_vault_rewrap(&session, lk_buf_bytes(&blob), &r, &ct)), LK_R_OK);
        assert_int_equal(CODE(lk_rsa_aes_unwrap(key, SUITE, lk_buf_bytes(&ct), &out)), LK_R_OK);
        assert_true(lk_bytes_eq(lk_secret_bytes(&out), secret));
        EVP_PKEY_free(key);
        lk_buf_free(&blob);
    }
    no_session_objects();
}

static void a_hash_that_the_token_lacks_is_refused(void **state)
{
    (void)state;
    struct lk_recipient r;
    struct lk_buf blob = wrapped(LK_KEK_IN_TOKEN, some_secret(32));
    EVP_PKEY *key = rsa_recipient(2048, &r);
    LK_BUF_AUTO ct = lk_buf(LK_SEALED_MAX);
    r.suite = LK_SUITE_RSA_SHA256;
    assert_int_equal(CODE(lk_vault_rewrap(&session, lk_buf_bytes(&blob), &r, &ct)), LK_R_RECIPIENT_SUITE);
    EVP_PKEY_free(key);
    lk_buf_free(&blob);
}

static EVP_PKEY *import_key(void)
{
    LK_BUF_AUTO spki = lk_buf(LK_SPKI_MAX);
    assert_int_equal(CODE(lk_vault_import_key(&session, &spki)), LK_R_OK);
    EVP_PKEY *key = lk_key_rsa_spki(lk_buf_bytes(&spki));
    assert_non_null(key);
    return key;
}

static void what_the_cli_seals_is_imported(void **state)
{
    (void)state;
    EVP_PKEY *to = import_key();
    for (size_t i = 0; i < N_SIZES; i++) {
        struct lk_bytes secret = some_secret(sizes[i]);
        LK_BUF_AUTO sealed = lk_buf(LK_SEALED_MAX);
        LK_BUF_AUTO blob = lk_buf(LK_SEALED_MAX);
        LK_SECRET_AUTO out = {0};
        assert_int_equal(CODE(lk_rsa_aes_wrap(to, token.traits.import_suite, secret, &sealed)), LK_R_OK);
        assert_int_equal(CODE(lk_vault_import(&session, LK_KEK_SEALED, lk_buf_bytes(&sealed), &blob)), LK_R_OK);
        assert_int_equal(CODE(lk_vault_unwrap(&session, lk_buf_bytes(&blob), &out)), LK_R_OK);
        assert_true(lk_bytes_eq(lk_secret_bytes(&out), secret));
    }
    EVP_PKEY_free(to);
    no_session_objects();
}

static void an_import_for_the_token_stays_in_the_token(void **state)
{
    (void)state;
    struct lk_recipient r;
    EVP_PKEY *to = import_key(), *key = rsa_recipient(2048, &r);
    LK_BUF_AUTO sealed = lk_buf(LK_SEALED_MAX);
    LK_BUF_AUTO blob = lk_buf(LK_SEALED_MAX);
    LK_BUF_AUTO ct = lk_buf(LK_SEALED_MAX);
    LK_SECRET_AUTO out = {0};
    assert_int_equal(CODE(lk_rsa_aes_wrap(to, token.traits.import_suite, some_secret(32), &sealed)), LK_R_OK);
    assert_int_equal(CODE(lk_vault_import(&session, LK_KEK_IN_TOKEN, lk_buf_bytes(&sealed), &blob)), LK_R_OK);
    assert_int_equal(CODE(lk_vault_unwrap(&session, lk_buf_bytes(&blob), &out)), LK_R_TOKEN_BLOB);
    assert_int_equal(CODE(lk_vault_rewrap(&session, lk_buf_bytes(&blob), &r, &ct)), LK_R_OK);
    assert_int_equal(CODE(lk_rsa_aes_unwrap(key, SUITE, lk_buf_bytes(&ct), &out)), LK_R_OK);
    assert_true(lk_bytes_eq(lk_secret_bytes(&out), some_secret(32)));
    EVP_PKEY_free(to);
    EVP_PKEY_free(key);
}

static void an_altered_import_is_a_bad_payload(void **state)
{
    (void)state;
    EVP_PKEY *to = import_key();
    LK_BUF_AUTO sealed = lk_buf(LK_SEALED_MAX);
    LK_BUF_AUTO blob = lk_buf(LK_SEALED_MAX);
    assert_int_equal(CODE(lk_rsa_aes_wrap(to, token.traits.import_suite, some_secret(32), &sealed)), LK_R_OK);
    static const size_t at[] = {0, 100, 383, 384, 400};
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        sealed.data[at[i]] ^= 1;
        assert_int_equal(CODE(lk_vault_import(&session, LK_KEK_SEALED, lk_buf_bytes(&sealed), &blob)),
                         LK_R_CHANGE_PAYLOAD);
        sealed.data[at[i]] ^= 1;
        assert_int_equal(CODE(lk_vault_import(&session, LK_KEK_SEALED, lk_bytes(sealed.data, at[i]), &blob)),
                         LK_R_CHANGE_PAYLOAD);
    }
    EVP_PKEY_free(to);
    no_session_objects();
}

static void damaged_blobs_do_not_unwrap(void **state)
{
    (void)state;
    struct lk_buf blob = wrapped(LK_KEK_SEALED, some_secret(32));
    LK_SECRET_AUTO out = {0};
    for (size_t at = 0; at < blob.len; at++) {
        blob.data[at] ^= 1;
        assert_int_equal(CODE(lk_vault_unwrap(&session, lk_buf_bytes(&blob), &out)), LK_R_TOKEN_BLOB);
        blob.data[at] ^= 1;
        assert_int_equal(CODE(lk_vault_unwrap(&session, lk_bytes(blob.data, at), &out)), LK_R_TOKEN_BLOB);
    }
    assert_int_equal(CODE(lk_vault_unwrap(&session, lk_buf_bytes(&blob), &out)), LK_R_OK);
    lk_buf_free(&blob);
    no_session_objects();
}

/* The header byte is a hint; that a blob of one KEK is nothing to the other is the keys' own doing. */
static void the_two_keks_are_apart(void **state)
{
    (void)state;
    struct lk_recipient r;
    EVP_PKEY *key = rsa_recipient(2048, &r);
    struct lk_buf sealed = wrapped(LK_KEK_SEALED, some_secret(32)), inside = wrapped(LK_KEK_IN_TOKEN, some_secret(32));
    LK_BUF_AUTO ct = lk_buf(LK_SEALED_MAX);
    LK_SECRET_AUTO out = {0};
    for (int relabelled = 0; relabelled < 2; relabelled++) {
        assert_int_equal(CODE(lk_vault_unwrap(&session, lk_buf_bytes(&inside), &out)), LK_R_TOKEN_BLOB);
        assert_int_equal(CODE(lk_vault_rewrap(&session, lk_buf_bytes(&sealed), &r, &ct)), LK_R_TOKEN_BLOB);
        inside.data[1] = LK_KEK_SEALED;
        sealed.data[1] = LK_KEK_IN_TOKEN;
    }
    EVP_PKEY_free(key);
    lk_buf_free(&sealed);
    lk_buf_free(&inside);
}

/* Even who commands this process cannot read a secret of KEK in-token. */
static void the_token_itself_keeps_in_token_secrets(void **state)
{
    (void)state;
    struct lk_buf inside = wrapped(LK_KEK_IN_TOKEN, some_secret(32));
    struct lk_bytes bare = lk_bytes(inside.data + 2, inside.len - 2);
    CK_OBJECT_HANDLE kek;
    LK_SECRET_AUTO out = {0};
    assert_int_equal(CODE(lk_session_key(&session, LK_TOKEN_KEK_IN_TOKEN, &kek)), LK_R_OK);
    LK_TEMPORARY(open, &session);
    LK_TEMPORARY(hidden, &session);
    assert_int_equal(CODE(lk_vault_unwrap_under(&open, token.traits.kwp, kek, bare, false)), LK_R_TOKEN_BLOB);
    assert_int_equal(CODE(lk_vault_unwrap_under(&hidden, token.traits.kwp, kek, bare, true)), LK_R_OK);
    assert_int_not_equal(CODE(lk_vault_read(&session, hidden.handle, &out)), LK_R_OK);
    assert_null(out.data);
    lk_buf_free(&inside);
}

/* KEKs do nothing but KWP, and cannot be read. */
static void keks_do_nothing_else(void **state)
{
    (void)state;
    static const CK_MECHANISM_TYPE others[] = {CKM_AES_ECB, CKM_AES_CBC_PAD, CKM_AES_KEY_WRAP};
    uint8_t iv[16] = {0}, out[64];
    for (int k = LK_TOKEN_KEK_SEALED; k <= LK_TOKEN_KEK_IN_TOKEN; k++) {
        CK_OBJECT_HANDLE kek;
        LK_BUF_AUTO value = lk_buf(64);
        assert_int_equal(CODE(lk_session_key(&session, (enum lk_token_key)k, &kek)), LK_R_OK);
        assert_int_equal(CODE(lk_object_get(&session, kek, CKA_VALUE, 64, &value)), LK_R_TOKEN_CONFIG);
        for (size_t i = 0; i < 3; i++) {
            CK_MECHANISM m = {others[i], i == 1 ? iv : NULL, i == 1 ? 16 : 0};
            assert_int_not_equal(token.module.f->C_EncryptInit(session.handle, &m, kek), CKR_OK);
            assert_int_not_equal(token.module.f->C_DecryptInit(session.handle, &m, kek), CKR_OK);
            CK_ULONG len = sizeof(out);
            assert_int_not_equal(token.module.f->C_WrapKey(session.handle, &m, kek, kek, out, &len), CKR_OK);
        }
    }
}

static void signatures_are_of_their_domain(void **state)
{
    (void)state;
    LK_BUF_AUTO spki = lk_buf(LK_SPKI_MAX);
    struct lk_bytes message = lk_bytes_str("start id and key");
    assert_int_equal(CODE(lk_vault_installation_key(&session, &spki)), LK_R_OK);
    for (int d = LK_SIGN_ANSWER_KEY; d <= LK_SIGN_GENESIS; d++) {
        LK_BUF_AUTO sig = lk_buf(LK_SIGNATURE_MAX);
        assert_int_equal(CODE(lk_vault_sign(&session, (enum lk_sign_domain)d, message, &sig)), LK_R_OK);
        for (int e = LK_SIGN_ANSWER_KEY; e <= LK_SIGN_GENESIS; e++)
            assert_int_equal(CODE(lk_signature_verify(lk_buf_bytes(&spki),
                                                      LK_PARTS(lk_sign_domain_bytes((enum lk_sign_domain)e), message),
                                                      lk_buf_bytes(&sig))),
                             d == e ? LK_R_OK : LK_R_ANSWER_SIGNATURE);
    }
}

static void the_head_is_compared_and_set(void **state)
{
    (void)state;
    struct lk_head now, next = {0, {0xaa}}, out;
    assert_int_equal(CODE(lk_head_read(&session, &now)), LK_R_OK);
    next.index = now.index + 1;
    assert_int_equal(CODE(lk_head_set(&session, &now, &next, &out)), LK_R_OK);
    assert_int_equal(out.index, next.index);
    assert_memory_equal(out.hash, next.hash, 32);

    struct lk_head later = {next.index + 5, {0xbb}};
    assert_int_equal(CODE(lk_head_set(&session, &now, &later, &out)), LK_R_OK); /* now is past */
    assert_int_equal(out.index, next.index);
    struct lk_head wrong = next;
    wrong.hash[31] ^= 1;
    assert_int_equal(CODE(lk_head_set(&session, &wrong, &later, &out)), LK_R_OK);
    assert_int_equal(out.index, next.index);
    assert_int_equal(CODE(lk_head_set(&session, &next, &later, &out)), LK_R_OK);
    assert_int_equal(out.index, later.index);
    assert_int_equal(CODE(lk_head_set(&session, &later, &next, &out)), LK_R_FRAME_FORBIDDEN);
}

static void put_raw_head(const void *value, size_t len)
{
    static CK_OBJECT_CLASS data = CKO_DATA;
    const CK_ATTRIBUTE t[] = {LK_ATTR(CKA_CLASS, data), LK_ATTR(CKA_TOKEN, lk_true),
                              LK_ATTR_TEXT(CKA_APPLICATION, "latchkey"), LK_ATTR_TEXT(CKA_LABEL, "latchkey-head"),
                              {CKA_VALUE, (void *)(uintptr_t)value, len}};
    CK_OBJECT_HANDLE h;
    assert_int_equal(token.module.f->C_CreateObject(session.handle, (CK_ATTRIBUTE *)(uintptr_t)t, 5, &h), CKR_OK);
}

/* What a crash between the two steps leaves: both objects, or a new one that is not whole. */
static void a_torn_head_counts_for_nothing(void **state)
{
    (void)state;
    struct lk_head before, after;
    assert_int_equal(CODE(lk_head_read(&session, &before)), LK_R_OK);
    put_raw_head("LKHEAD01\xff\xff\xff", 11);
    put_raw_head("", 0);
    assert_int_equal(CODE(lk_head_read(&session, &after)), LK_R_OK);
    assert_int_equal(after.index, before.index);

    struct lk_head newer = {before.index + 1, {1}};
    assert_int_equal(CODE(lk_head_create(&session, &newer)), LK_R_OK);
    assert_int_equal(CODE(lk_head_read(&session, &after)), LK_R_OK);
    assert_int_equal(after.index, newer.index);
    size_t n = 0;
    assert_int_equal(CODE(lk_data_count(&session, &n)), LK_R_OK);
    assert_int_equal(n, 2); /* genesis, and one head */
}

static void two_heads_of_one_index_are_damage(void **state)
{
    (void)state;
    struct lk_head now, other, out;
    assert_int_equal(CODE(lk_head_read(&session, &now)), LK_R_OK);
    other = now;
    other.hash[0] ^= 1;
    assert_int_equal(CODE(lk_head_create(&session, &other)), LK_R_OK);
    assert_int_equal(CODE(lk_head_read(&session, &out)), LK_R_TOKEN_CONFIG);
    struct lk_head newer = {now.index + 1, {2}}; /* so that later tests have a head again */
    assert_int_equal(CODE(lk_head_create(&session, &newer)), LK_R_OK);
    assert_int_equal(CODE(lk_head_read(&session, &out)), LK_R_OK);
}

static void blobs_of_another_token_are_foreign(void **state)
{
    (void)state;
    struct lk_buf blob = wrapped(LK_KEK_SEALED, some_secret(32));
    struct softhsm second;
    struct lk_token t;
    struct lk_session s;
    LK_SECRET_AUTO out = {0};
    lk_session_close(&session);
    lk_token_close(&token);
    assert_true(softhsm_start(&second));
    assert_int_equal(CODE(softhsm_open(&t, &s, SOFTHSM_MODULE, SOFTHSM_PIN)), LK_R_OK);
    assert_int_equal(CODE(lk_create_all(&s, false)), LK_R_OK);
    assert_int_equal(CODE(lk_vault_unwrap(&s, lk_buf_bytes(&blob), &out)), LK_R_TOKEN_BLOB);
    lk_token_close(&t);
    softhsm_stop(&second);
    softhsm_use(&hsm);
    struct lk_token_traits traits = token.traits;
    assert_int_equal(CODE(softhsm_open(&token, &session, SOFTHSM_MODULE, SOFTHSM_PIN)), LK_R_OK);
    token.traits = traits;
    assert_int_equal(CODE(lk_vault_unwrap(&session, lk_buf_bytes(&blob), &out)), LK_R_OK);
    lk_buf_free(&blob);
}

static void calls_go_through_their_frames(void **state)
{
    (void)state;
    LK_BUF_AUTO payload = lk_buf(128);
    LK_BUF_AUTO again = lk_buf(128);
    LK_BUF_AUTO blob = lk_buf(1024);
    LK_BUF_AUTO out = lk_buf(1024);
    lk_call_wrap_put(&payload, &(struct lk_call_wrap){LK_KEK_SEALED, lk_bytes_str("secret")});
    assert_int_equal(CODE(lk_token_call(&session, LK_F_CALL_WRAP, lk_buf_bytes(&payload), &blob)), LK_R_OK);
    lk_call_unwrap_put(&again, &(struct lk_call_unwrap){lk_buf_bytes(&blob)});
    assert_int_equal(CODE(lk_token_call(&session, LK_F_CALL_UNWRAP, lk_buf_bytes(&again), &out)), LK_R_OK);
    assert_true(lk_bytes_eq(lk_buf_bytes(&out), lk_bytes_str("secret")));
    assert_int_equal(CODE(lk_token_call(&session, LK_F_CALL_UNWRAP, lk_bytes_str("x"), &out)), LK_R_FRAME_FORBIDDEN);
    assert_int_equal(CODE(lk_token_call(&session, LK_F_RESULT, lk_buf_bytes(&again), &out)), LK_R_FRAME_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_of_every_size_wrap_and_unwrap),
        cmocka_unit_test(in_token_secrets_reach_their_recipient_only),
        cmocka_unit_test(a_hash_that_the_token_lacks_is_refused),
        cmocka_unit_test(what_the_cli_seals_is_imported),
        cmocka_unit_test(an_import_for_the_token_stays_in_the_token),
        cmocka_unit_test(an_altered_import_is_a_bad_payload),
        cmocka_unit_test(damaged_blobs_do_not_unwrap),
        cmocka_unit_test(the_two_keks_are_apart),
        cmocka_unit_test(the_token_itself_keeps_in_token_secrets),
        cmocka_unit_test(keks_do_nothing_else),
        cmocka_unit_test(signatures_are_of_their_domain),
        cmocka_unit_test(the_head_is_compared_and_set),
        cmocka_unit_test(a_torn_head_counts_for_nothing),
        cmocka_unit_test(two_heads_of_one_index_are_damage),
        cmocka_unit_test(blobs_of_another_token_are_foreign),
        cmocka_unit_test(calls_go_through_their_frames),
    };
    if (!softhsm_present()) {
        print_message("SKIPPED: SoftHSM2 is not installed (package softhsm2)\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, start, stop);
}
