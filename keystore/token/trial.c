/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/token/trial.h"

#include "keystore/token/create.h"
#include "keystore/token/object.h"
#include "keystore/token/vault.h"
#include "proto/base/log.h"
#include "proto/seal/answer.h"
#include "proto/seal/hash.h"
#include "proto/seal/key.h"
#include "proto/seal/rsa_aes.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

/* PKCS#11 v3.0, 2.14: KWP is 0x210b there; older tokens have it as AES_KEY_WRAP_PAD, 0x210a. */
#define CKM_AES_KEY_WRAP_KWP_V3 0x210bUL

static const CK_MECHANISM_TYPE kwp_numbers[] = {CKM_AES_KEY_WRAP_KWP_V3, CKM_AES_KEY_WRAP_PAD};
static const enum lk_suite rsa_suites[] = {LK_SUITE_RSA_SHA256, LK_SUITE_RSA_SHA1};

/* Five bytes and their frame are no multiple of 8: the case that tokens get wrong. */
#define TRIAL_SECRET lk_bytes_str("trial")

struct keks {
    CK_OBJECT_HANDLE sealed, in_token;
};

static lk_result failed(const char *step)
{
    lk_log(LK_LOG_ERROR, "token.trial", "step=%s", step);
    return LK_FAIL(TOKEN_CONFIG);
}

static bool is_trial(const struct lk_secret *s)
{
    return lk_bytes_eq(lk_secret_bytes(s), TRIAL_SECRET);
}

static bool wrap_trial(struct lk_session *s, CK_MECHANISM_TYPE kwp, CK_OBJECT_HANDLE kek, bool sensitive,
                       struct lk_buf *out)
{
    LK_SECRET_AUTO framed = {0};
    return lk_ok(lk_secret_frame(TRIAL_SECRET, &framed)) &&
           lk_ok(lk_vault_wrap_under(s, kwp, kek, lk_secret_bytes(&framed), sensitive, out));
}

static bool kwp_works(struct lk_session *s, CK_MECHANISM_TYPE kwp, CK_OBJECT_HANDLE kek)
{
    LK_BUF_AUTO wrapped = lk_buf(64);
    LK_SECRET_AUTO back = {0};
    LK_TEMPORARY(object, s);
    return wrap_trial(s, kwp, kek, false, &wrapped) &&
           lk_ok(lk_vault_unwrap_under(&object, kwp, kek, lk_buf_bytes(&wrapped), false)) &&
           lk_ok(lk_vault_read(s, object.handle, &back)) && is_trial(&back);
}

static lk_result find_kwp(struct lk_session *s, CK_OBJECT_HANDLE kek)
{
    for (size_t i = 0; i < sizeof(kwp_numbers) / sizeof(kwp_numbers[0]); i++) {
        if (!kwp_works(s, kwp_numbers[i], kek))
            continue;
        s->token->traits.kwp = kwp_numbers[i];
        return LK_OK;
    }
    return failed("kwp");
}

/* A recipient of our own making; its modulus leaves OpenSSL as a number. */
static lk_result recipient_of(EVP_PKEY *key, enum lk_suite suite, struct lk_recipient *r)
{
    BIGNUM *n = NULL;
    *r = (struct lk_recipient){.suite = suite, .n_len = 256, .e = 65537};
    bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
              BN_bn2binpad(n, r->n, (int)r->n_len) == (int)r->n_len;
    BN_free(n);
    return ok ? LK_OK : LK_FAIL(CRYPTO);
}

/* OpenSSL takes apart what the token wrapped: this also shows that the token's KWP is RFC 5649 to the byte. */
static bool rewrap_works(struct lk_session *s, CK_OBJECT_HANDLE kek, EVP_PKEY *key, enum lk_suite suite)
{
    CK_MECHANISM_TYPE kwp = s->token->traits.kwp;
    struct lk_recipient r;
    LK_BUF_AUTO wrapped = lk_buf(64);
    LK_BUF_AUTO out = lk_buf(LK_SEALED_MAX + 64);
    LK_SECRET_AUTO back = {0};
    LK_TEMPORARY(object, s);
    return wrap_trial(s, kwp, kek, true, &wrapped) &&
           lk_ok(lk_vault_unwrap_under(&object, kwp, kek, lk_buf_bytes(&wrapped), true)) &&
           lk_ok(recipient_of(key, suite, &r)) &&
           lk_ok(lk_vault_to_recipient(s, kwp, object.handle, &r, &out)) &&
           lk_ok(lk_rsa_aes_unwrap(key, suite, lk_buf_bytes(&out), &back)) && is_trial(&back);
}

static lk_result find_suites(struct lk_session *s, CK_OBJECT_HANDLE kek)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    LK_REQUIRE(key != NULL, CRYPTO);
    enum lk_suite *suites = s->token->traits.suites;
    size_t n = 0;
    memset(suites, 0, sizeof(s->token->traits.suites));
    for (size_t i = 0; i < sizeof(rsa_suites) / sizeof(rsa_suites[0]); i++)
        if (rewrap_works(s, kek, key, rsa_suites[i]))
            suites[n++] = rsa_suites[i];
    EVP_PKEY_free(key);
    return n > 0 ? LK_OK : failed("oaep");
}

/* Both ways out must be shut: unwrapping as not sensitive, and reading a sensitive object. */
static lk_result try_template(struct lk_session *s, CK_OBJECT_HANDLE kek)
{
    CK_MECHANISM_TYPE kwp = s->token->traits.kwp;
    LK_BUF_AUTO wrapped = lk_buf(64);
    LK_SECRET_AUTO leaked = {0};
    LK_TEMPORARY(open, s);
    LK_TEMPORARY(hidden, s);
    if (!wrap_trial(s, kwp, kek, true, &wrapped))
        return failed("template");
    bool refused = !lk_ok(lk_vault_unwrap_under(&open, kwp, kek, lk_buf_bytes(&wrapped), false));
    if (!lk_ok(lk_vault_unwrap_under(&hidden, kwp, kek, lk_buf_bytes(&wrapped), true)))
        return failed("template");
    bool unreadable = !lk_ok(lk_vault_read(s, hidden.handle, &leaked));
    s->token->traits.template_enforced = refused && unreadable;
    return LK_OK;
}

static bool import_works(struct lk_session *s, EVP_PKEY *key, enum lk_suite suite)
{
    LK_BUF_AUTO sealed = lk_buf(1024);
    LK_BUF_AUTO blob = lk_buf(1024);
    LK_SECRET_AUTO back = {0};
    s->token->traits.import_suite = suite;
    return lk_ok(lk_rsa_aes_wrap(key, suite, TRIAL_SECRET, &sealed)) &&
           lk_ok(lk_vault_import(s, LK_KEK_SEALED, lk_buf_bytes(&sealed), &blob)) &&
           lk_ok(lk_vault_unwrap(s, lk_buf_bytes(&blob), &back)) && is_trial(&back);
}

static lk_result find_import_suite(struct lk_session *s)
{
    LK_BUF_AUTO spki = lk_buf(LK_SPKI_MAX);
    LK_TRY(lk_vault_import_key(s, &spki));
    EVP_PKEY *key = lk_key_rsa_spki(lk_buf_bytes(&spki));
    LK_REQUIRE(key != NULL, TOKEN_CONFIG);
    bool ok = false;
    for (size_t i = 0; !ok && i < sizeof(rsa_suites) / sizeof(rsa_suites[0]); i++)
        ok = import_works(s, key, rsa_suites[i]);
    EVP_PKEY_free(key);
    return ok ? LK_OK : failed("import");
}

static lk_result try_signature(struct lk_session *s)
{
    const struct lk_bytes domain = LK_DOMAIN("latchkey-trial-v1");
    uint8_t hash[32];
    LK_BUF_AUTO spki = lk_buf(LK_SPKI_MAX);
    LK_BUF_AUTO sig = lk_buf(LK_SIGNATURE_MAX);
    LK_TRY(lk_sha256(LK_PARTS(domain, TRIAL_SECRET), hash));
    LK_TRY(lk_vault_installation_key(s, &spki));
    LK_TRY(lk_vault_sign_hash(s, hash, &sig));
    lk_result r = lk_signature_verify(lk_buf_bytes(&spki), LK_PARTS(domain, TRIAL_SECRET), lk_buf_bytes(&sig));
    return lk_ok(r) ? LK_OK : failed("signature");
}

static lk_result try_keks(struct lk_session *s, struct keks k)
{
    LK_TRY(find_kwp(s, k.sealed));
    LK_TRY(find_suites(s, k.in_token));
    return try_template(s, k.in_token);
}

lk_result lk_trial(struct lk_session *s, bool allow_unenforced)
{
    struct keks k;
    LK_TRY(lk_session_key(s, LK_TOKEN_KEK_SEALED, &k.sealed));
    LK_TRY(lk_session_key(s, LK_TOKEN_KEK_IN_TOKEN, &k.in_token));
    LK_TRY(try_keks(s, k));
    if (!s->token->traits.template_enforced) {
        lk_log(allow_unenforced ? LK_LOG_WARN : LK_LOG_ERROR, "token.template", "enforced=no");
        LK_REQUIRE(allow_unenforced, TOKEN_TEMPLATE);
    }
    LK_TRY(find_import_suite(s));
    return try_signature(s);
}

lk_result lk_trial_without_keys(struct lk_session *s)
{
    LK_TEMPORARY(sealed, s);
    LK_TEMPORARY(in_token, s);
    LK_TRY(lk_create_kek(s, LK_KEK_SEALED, false, 0, &sealed.handle));
    LK_TRY(lk_create_kek(s, LK_KEK_IN_TOKEN, false, 0, &in_token.handle));
    return try_keks(s, (struct keks){sealed.handle, in_token.handle});
}
