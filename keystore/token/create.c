/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/token/create.h"

#include "keystore/token/head.h"
#include "keystore/token/object.h"
#include "keystore/token/trial.h"
#include "proto/base/log.h"

#include <openssl/rand.h>
#include <string.h>

enum { AES_KEY = 32, IMPORT_BITS = 3072 };

static CK_OBJECT_CLASS class_secret = CKO_SECRET_KEY;
static CK_KEY_TYPE type_aes = CKK_AES;

/* With a token object come its name, and that nobody may change it later. */
static size_t add_token_attributes(CK_ATTRIBUTE *t, size_t n, enum lk_token_key key)
{
    const char *label = lk_token_key_label(key);
    const CK_ATTRIBUTE more[] = {
        LK_ATTR(CKA_MODIFIABLE, lk_false),
        LK_ATTR_TEXT(CKA_LABEL, label),
        LK_ATTR_TEXT(CKA_ID, label),
    };
    memcpy(t + n, more, sizeof(more));
    return n + 3;
}

lk_result lk_create_kek(struct lk_session *s, enum lk_kek kek, bool in_token_storage, CK_MECHANISM_TYPE kwp,
                        CK_OBJECT_HANDLE *out)
{
    const CK_BBOOL stored = in_token_storage ? CK_TRUE : CK_FALSE;
    const CK_BBOOL hidden = kek == LK_KEK_IN_TOKEN ? CK_TRUE : CK_FALSE;
    const CK_ULONG len = AES_KEY;
    const CK_ATTRIBUTE unwrapped[] = {LK_ATTR(CKA_TOKEN, lk_false), LK_ATTR(CKA_SENSITIVE, hidden)};
    CK_ATTRIBUTE t[24] = {
        LK_ATTR(CKA_CLASS, class_secret),   LK_ATTR(CKA_KEY_TYPE, type_aes),    LK_ATTR(CKA_TOKEN, stored),
        LK_ATTR(CKA_PRIVATE, lk_true),      LK_ATTR(CKA_SENSITIVE, lk_true),    LK_ATTR(CKA_EXTRACTABLE, lk_false),
        LK_ATTR(CKA_WRAP, lk_true),         LK_ATTR(CKA_UNWRAP, lk_true),       LK_ATTR(CKA_ENCRYPT, lk_false),
        LK_ATTR(CKA_DECRYPT, lk_false),     LK_ATTR(CKA_SIGN, lk_false),        LK_ATTR(CKA_VERIFY, lk_false),
        LK_ATTR(CKA_DERIVE, lk_false),      LK_ATTR(CKA_VALUE_LEN, len),        LK_ATTR(CKA_UNWRAP_TEMPLATE, unwrapped),
    };
    size_t n = 15;
    if (kwp != 0)
        t[n++] = (CK_ATTRIBUTE)LK_ATTR(CKA_ALLOWED_MECHANISMS, kwp);
    if (in_token_storage)
        n = add_token_attributes(t, n, kek == LK_KEK_SEALED ? LK_TOKEN_KEK_SEALED : LK_TOKEN_KEK_IN_TOKEN);
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    return lk_session_rv(s, s->token->module.f->C_GenerateKey(s->handle, &mechanism, t, n, out), "C_GenerateKey");
}

/* public_only: CKA_VERIFY and the curve, or CKA_WRAP and the size. private_use: CKA_SIGN or CKA_UNWRAP. */
static lk_result create_pair(struct lk_session *s, CK_MECHANISM_TYPE generator, enum lk_token_key private_key,
                             const CK_ATTRIBUTE *public_only, size_t n_public, CK_ATTRIBUTE_TYPE private_use,
                             CK_MECHANISM_TYPE allowed)
{
    const char *label = lk_token_key_label(private_key);
    CK_ATTRIBUTE pub[8] = {LK_ATTR(CKA_TOKEN, lk_true), LK_ATTR_TEXT(CKA_LABEL, label), LK_ATTR_TEXT(CKA_ID, label)};
    memcpy(pub + 3, public_only, n_public * sizeof(*public_only));
    CK_ATTRIBUTE priv[16] = {
        LK_ATTR(CKA_TOKEN, lk_true),        LK_ATTR(CKA_PRIVATE, lk_true),
        LK_ATTR(CKA_SENSITIVE, lk_true),    LK_ATTR(CKA_EXTRACTABLE, lk_false),
        LK_ATTR(CKA_DECRYPT, lk_false),     LK_ATTR(CKA_SIGN, lk_false),
        LK_ATTR(CKA_UNWRAP, lk_false),      LK_ATTR(CKA_DERIVE, lk_false),
        LK_ATTR(CKA_ALLOWED_MECHANISMS, allowed),
    };
    size_t n = 9;
    for (size_t i = 0; i < n; i++)
        if (priv[i].type == private_use)
            priv[i] = (CK_ATTRIBUTE)LK_ATTR(private_use, lk_true);
    n = add_token_attributes(priv, n, private_key);
    CK_MECHANISM mechanism = {generator, NULL, 0};
    CK_OBJECT_HANDLE a, b;
    return lk_session_rv(s, s->token->module.f->C_GenerateKeyPair(s->handle, &mechanism, pub, 3 + n_public, priv, n,
                                                                  &a, &b),
                         "C_GenerateKeyPair");
}

static lk_result create_installation_key(struct lk_session *s)
{
    static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}; /* RFC 5480, 2.1.1.1 */
    const CK_ATTRIBUTE more[] = {LK_ATTR(CKA_VERIFY, lk_true), LK_ATTR(CKA_EC_PARAMS, p256)};
    return create_pair(s, CKM_EC_KEY_PAIR_GEN, LK_TOKEN_INSTALLATION, more, 2, CKA_SIGN, CKM_ECDSA);
}

static lk_result create_import_key(struct lk_session *s)
{
    static const uint8_t exponent[] = {1, 0, 1};
    const CK_ULONG bits = IMPORT_BITS;
    const CK_ATTRIBUTE more[] = {LK_ATTR(CKA_WRAP, lk_true), LK_ATTR(CKA_MODULUS_BITS, bits),
                                 LK_ATTR(CKA_PUBLIC_EXPONENT, exponent)};
    return create_pair(s, CKM_RSA_PKCS_KEY_PAIR_GEN, LK_TOKEN_IMPORT, more, 3, CKA_UNWRAP, CKM_RSA_PKCS_OAEP);
}

static lk_result create_data_objects(struct lk_session *s)
{
    uint8_t id[32];
    LK_REQUIRE(RAND_bytes(id, sizeof(id)) == 1, CRYPTO);
    LK_TRY(lk_head_create(s, &(struct lk_head){0}));
    return lk_genesis_create(s, id);
}

static lk_result create_objects(struct lk_session *s, bool allow_unenforced)
{
    CK_OBJECT_HANDLE h;
    CK_MECHANISM_TYPE kwp = s->token->traits.kwp;
    LK_TRY(lk_create_kek(s, LK_KEK_SEALED, true, kwp, &h));
    LK_TRY(lk_create_kek(s, LK_KEK_IN_TOKEN, true, kwp, &h));
    LK_TRY(create_installation_key(s));
    LK_TRY(create_import_key(s));
    LK_TRY(lk_trial(s, allow_unenforced));
    return create_data_objects(s);
}

static lk_result check_empty(struct lk_session *s)
{
    size_t data = 0;
    LK_TRY(lk_data_count(s, &data));
    LK_REQUIRE(data == 0, TOKEN_EXISTS);
    for (int key = 0; key < LK_TOKEN_KEYS; key++) {
        bool present = false;
        LK_TRY(lk_session_has_key(s, (enum lk_token_key)key, &present));
        LK_REQUIRE(!present, TOKEN_EXISTS);
    }
    return LK_OK;
}

/* Only after check_empty: all keys of our names are of this run. */
static void remove_keys(struct lk_session *s)
{
    for (int key = 0; key < LK_TOKEN_KEYS; key++) {
        CK_OBJECT_HANDLE h;
        s->keys[key] = CK_INVALID_HANDLE;
        if (lk_ok(lk_session_key(s, (enum lk_token_key)key, &h)))
            s->token->module.f->C_DestroyObject(s->handle, h);
        s->keys[key] = CK_INVALID_HANDLE;
    }
}

lk_result lk_create_all(struct lk_session *s, bool allow_unenforced)
{
    LK_TRY(check_empty(s));
    LK_TRY(lk_trial_without_keys(s));
    lk_result r = create_objects(s, allow_unenforced);
    if (!lk_ok(r))
        remove_keys(s);
    return r;
}
