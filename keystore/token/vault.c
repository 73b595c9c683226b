/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/token/vault.h"

#include "keystore/token/object.h"
#include "proto/seal/hash.h"
#include "proto/seal/key.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <string.h>

enum { BLOB_VERSION = 1, BLOB_HEADER = 2, KWP_ROOM = 16, RSA_ROOM = 512, AES_KEY = 32, P256_SIGNATURE = 64 };

static CK_OBJECT_CLASS class_secret = CKO_SECRET_KEY, class_public = CKO_PUBLIC_KEY;
static CK_KEY_TYPE type_generic = CKK_GENERIC_SECRET, type_aes = CKK_AES, type_rsa = CKK_RSA;

static enum lk_token_key key_of(enum lk_kek kek)
{
    return kek == LK_KEK_SEALED ? LK_TOKEN_KEK_SEALED : LK_TOKEN_KEK_IN_TOKEN;
}

static void put_header(struct lk_buf *out, enum lk_kek kek)
{
    lk_put_u8(out, BLOB_VERSION);
    lk_put_u8(out, (uint8_t)kek);
}

static lk_result strip_header(struct lk_bytes blob, enum lk_kek kek, struct lk_bytes *wrapped)
{
    struct lk_cursor c = lk_cursor(blob);
    uint8_t version = lk_u8(&c), of = lk_u8(&c);
    *wrapped = lk_take(&c, lk_left(&c));
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)) && version == BLOB_VERSION && of == kek, TOKEN_BLOB);
    LK_REQUIRE(wrapped->len >= KWP_ROOM && wrapped->len % 8 == 0, TOKEN_BLOB);
    return LK_OK;
}

lk_result lk_vault_wrap_under(struct lk_session *s, CK_MECHANISM_TYPE kwp, CK_OBJECT_HANDLE kek,
                              struct lk_bytes framed, bool sensitive, struct lk_buf *out)
{
    const CK_BBOOL hidden = sensitive ? CK_TRUE : CK_FALSE;
    const CK_ATTRIBUTE template[] = {
        LK_ATTR(CKA_CLASS, class_secret),   LK_ATTR(CKA_KEY_TYPE, type_generic), LK_ATTR(CKA_TOKEN, lk_false),
        LK_ATTR(CKA_PRIVATE, lk_true),      LK_ATTR(CKA_SENSITIVE, hidden),      LK_ATTR(CKA_EXTRACTABLE, lk_true),
        LK_ATTR_BYTES(CKA_VALUE, framed),
    };
    LK_TEMPORARY(secret, s);
    LK_TRY(lk_temporary_create(&secret, template, sizeof(template) / sizeof(template[0])));
    CK_MECHANISM mechanism = {kwp, NULL, 0};
    return lk_object_wrap(s, &mechanism, kek, secret.handle, framed.len + KWP_ROOM, out);
}

lk_result lk_vault_wrap(struct lk_session *s, enum lk_kek kek, struct lk_bytes plaintext, struct lk_buf *out)
{
    LK_SECRET_AUTO framed = {0};
    CK_OBJECT_HANDLE key;
    LK_TRY(lk_session_key(s, key_of(kek), &key));
    LK_TRY(lk_secret_frame(plaintext, &framed));
    put_header(out, kek);
    return lk_vault_wrap_under(s, s->token->traits.kwp, key, lk_secret_bytes(&framed), kek == LK_KEK_IN_TOKEN, out);
}

/*
 * The KEK's unwrap template is TOKEN false and SENSITIVE false or true; some tokens only compare it, so that each
 * attribute is given again here.
 */
lk_result lk_vault_unwrap_under(struct lk_temporary *t, CK_MECHANISM_TYPE kwp, CK_OBJECT_HANDLE kek,
                                struct lk_bytes wrapped, bool sensitive)
{
    const CK_BBOOL hidden = sensitive ? CK_TRUE : CK_FALSE;
    const CK_ATTRIBUTE template[] = {
        LK_ATTR(CKA_CLASS, class_secret), LK_ATTR(CKA_KEY_TYPE, type_generic), LK_ATTR(CKA_TOKEN, lk_false),
        LK_ATTR(CKA_PRIVATE, lk_true),    LK_ATTR(CKA_SENSITIVE, hidden),      LK_ATTR(CKA_EXTRACTABLE, lk_true),
    };
    CK_MECHANISM mechanism = {kwp, NULL, 0};
    return lk_temporary_unwrap(t, &mechanism, kek, wrapped, template, sizeof(template) / sizeof(template[0]));
}

lk_result lk_vault_read(struct lk_session *s, CK_OBJECT_HANDLE h, struct lk_secret *out)
{
    LK_SECRET_AUTO room = {0};
    LK_TRY(lk_secret_new(&room, LK_SECRET_MAX + KWP_ROOM));
    struct lk_buf value = lk_locked_buf(&room);
    struct lk_bytes inner;
    LK_TRY(lk_object_get(s, h, CKA_VALUE, room.len, &value));
    LK_REQUIRE(lk_ok(lk_secret_unframe(lk_buf_bytes(&value), &inner)), TOKEN_BLOB);
    return lk_secret_copy(out, inner);
}

lk_result lk_vault_unwrap(struct lk_session *s, struct lk_bytes blob, struct lk_secret *out)
{
    struct lk_bytes wrapped;
    CK_OBJECT_HANDLE key;
    LK_TRY(strip_header(blob, LK_KEK_SEALED, &wrapped));
    LK_TRY(lk_session_key(s, LK_TOKEN_KEK_SEALED, &key));
    LK_TEMPORARY(secret, s);
    LK_TRY(lk_vault_unwrap_under(&secret, s->token->traits.kwp, key, wrapped, false));
    return lk_vault_read(s, secret.handle, out);
}

static lk_result create_recipient(struct lk_temporary *t, const struct lk_recipient *r)
{
    static const uint8_t exponent[] = {1, 0, 1};
    const struct lk_bytes n = lk_bytes(r->n, r->n_len), e = LK_BYTES(exponent);
    const CK_ATTRIBUTE template[] = {
        LK_ATTR(CKA_CLASS, class_public), LK_ATTR(CKA_KEY_TYPE, type_rsa), LK_ATTR(CKA_TOKEN, lk_false),
        LK_ATTR(CKA_WRAP, lk_true),       LK_ATTR_BYTES(CKA_MODULUS, n),   LK_ATTR_BYTES(CKA_PUBLIC_EXPONENT, e),
    };
    return lk_temporary_create(t, template, sizeof(template) / sizeof(template[0]));
}

static lk_result generate_wrapping_key(struct lk_temporary *t)
{
    const CK_ULONG len = AES_KEY;
    const CK_ATTRIBUTE template[] = {
        LK_ATTR(CKA_CLASS, class_secret), LK_ATTR(CKA_KEY_TYPE, type_aes), LK_ATTR(CKA_TOKEN, lk_false),
        LK_ATTR(CKA_PRIVATE, lk_true),    LK_ATTR(CKA_SENSITIVE, lk_true), LK_ATTR(CKA_EXTRACTABLE, lk_true),
        LK_ATTR(CKA_WRAP, lk_true),       LK_ATTR(CKA_VALUE_LEN, len),
    };
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    struct lk_session *s = t->session;
    return lk_session_rv(s, s->token->module.f->C_GenerateKey(s->handle, &mechanism, (CK_ATTRIBUTE *)(uintptr_t)template,
                                                   sizeof(template) / sizeof(template[0]), &t->handle),
                 "C_GenerateKey");
}

static CK_RSA_PKCS_OAEP_PARAMS oaep_of(enum lk_suite suite)
{
    bool sha1 = suite == LK_SUITE_RSA_SHA1;
    return (CK_RSA_PKCS_OAEP_PARAMS){.hashAlg = sha1 ? CKM_SHA_1 : CKM_SHA256,
                                     .mgf = sha1 ? CKG_MGF1_SHA1 : CKG_MGF1_SHA256,
                                     .source = CKZ_DATA_SPECIFIED};
}

/* OAEP(ephemeral AES key) || KWP(secret): byte for byte what CKM_RSA_AES_KEY_WRAP gives, in tokens without it. */
lk_result lk_vault_to_recipient(struct lk_session *s, CK_MECHANISM_TYPE kwp, CK_OBJECT_HANDLE secret,
                                const struct lk_recipient *r, struct lk_buf *out)
{
    LK_TEMPORARY(recipient, s);
    LK_TEMPORARY(aes, s);
    LK_TRY(create_recipient(&recipient, r));
    LK_TRY(generate_wrapping_key(&aes));
    CK_RSA_PKCS_OAEP_PARAMS params = oaep_of(r->suite);
    CK_MECHANISM oaep = {CKM_RSA_PKCS_OAEP, &params, sizeof(params)}, aes_kwp = {kwp, NULL, 0};
    LK_TRY(lk_object_wrap(s, &oaep, recipient.handle, aes.handle, r->n_len, out));
    return lk_object_wrap(s, &aes_kwp, aes.handle, secret, LK_BLOB_MAX, out);
}

static bool offered(const struct lk_token_traits *traits, enum lk_suite suite)
{
    for (size_t i = 0; i < 4 && traits->suites[i] != LK_SUITE_NONE; i++)
        if (traits->suites[i] == suite)
            return true;
    return false;
}

lk_result lk_vault_rewrap(struct lk_session *s, struct lk_bytes blob, const struct lk_recipient *r,
                          struct lk_buf *out)
{
    const struct lk_token_traits *traits = &s->token->traits;
    struct lk_bytes wrapped;
    CK_OBJECT_HANDLE key;
    LK_REQUIRE(offered(traits, r->suite), RECIPIENT_SUITE);
    LK_TRY(strip_header(blob, LK_KEK_IN_TOKEN, &wrapped));
    LK_TRY(lk_session_key(s, LK_TOKEN_KEK_IN_TOKEN, &key));
    LK_TEMPORARY(secret, s);
    LK_TRY(lk_vault_unwrap_under(&secret, traits->kwp, key, wrapped, true));
    return lk_vault_to_recipient(s, traits->kwp, secret.handle, r, out);
}

static lk_result unwrap_sealed(struct lk_temporary *aes, struct lk_temporary *secret, struct lk_bytes head,
                               struct lk_bytes body)
{
    struct lk_session *s = aes->session;
    const CK_ATTRIBUTE template[] = {
        LK_ATTR(CKA_CLASS, class_secret), LK_ATTR(CKA_KEY_TYPE, type_aes), LK_ATTR(CKA_TOKEN, lk_false),
        LK_ATTR(CKA_PRIVATE, lk_true),    LK_ATTR(CKA_SENSITIVE, lk_true), LK_ATTR(CKA_EXTRACTABLE, lk_false),
        LK_ATTR(CKA_UNWRAP, lk_true),
    };
    CK_OBJECT_HANDLE import;
    CK_RSA_PKCS_OAEP_PARAMS params = oaep_of(s->token->traits.import_suite);
    CK_MECHANISM oaep = {CKM_RSA_PKCS_OAEP, &params, sizeof(params)};
    LK_TRY(lk_session_key(s, LK_TOKEN_IMPORT, &import));
    LK_TRY(lk_temporary_unwrap(aes, &oaep, import, head, template, sizeof(template) / sizeof(template[0])));
    return lk_vault_unwrap_under(secret, s->token->traits.kwp, aes->handle, body, true);
}

/* Some tokens give the modulus with a leading zero. */
static lk_result import_modulus(struct lk_session *s, struct lk_buf *room, struct lk_bytes *n)
{
    CK_OBJECT_HANDLE key;
    LK_TRY(lk_session_key(s, LK_TOKEN_IMPORT_PUBLIC, &key));
    LK_TRY(lk_object_get(s, key, CKA_MODULUS, RSA_ROOM + 1, room));
    size_t zero = room->len % 2 == 1 && room->data[0] == 0 ? 1 : 0;
    *n = lk_bytes(room->data + zero, room->len - zero);
    return LK_OK;
}

lk_result lk_vault_import(struct lk_session *s, enum lk_kek kek, struct lk_bytes sealed, struct lk_buf *out)
{
    CK_OBJECT_HANDLE key;
    struct lk_bytes modulus;
    LK_BUF_AUTO room = lk_buf(RSA_ROOM + 1);
    LK_TRY(import_modulus(s, &room, &modulus));
    size_t head = modulus.len;
    LK_REQUIRE(sealed.len >= head + KWP_ROOM, CHANGE_PAYLOAD);
    LK_TRY(lk_session_key(s, key_of(kek), &key));
    LK_TEMPORARY(aes, s);
    LK_TEMPORARY(secret, s);
    lk_result r = unwrap_sealed(&aes, &secret, lk_bytes(sealed.data, head),
                                lk_bytes(sealed.data + head, sealed.len - head));
    LK_REQUIRE(r.code != LK_R_TOKEN_BLOB, CHANGE_PAYLOAD);
    LK_TRY(r);
    put_header(out, kek);
    CK_MECHANISM kwp = {s->token->traits.kwp, NULL, 0};
    return lk_object_wrap(s, &kwp, key, secret.handle, sealed.len - head + KWP_ROOM, out);
}

/* PKCS#11 gives r || s; the answer is DER (RFC 3279, 2.2.3). */
static lk_result put_ecdsa_der(const uint8_t raw[static P256_SIGNATURE], struct lk_buf *out)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
    unsigned char *der = NULL;
    int len = -1;
    if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL; /* sig owns them now */
        len = i2d_ECDSA_SIG(sig, &der);
    }
    if (len > 0)
        lk_put(out, lk_bytes(der, (size_t)len));
    OPENSSL_free(der);
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return len > 0 ? lk_buf_ok(out) : LK_FAIL(CRYPTO);
}

lk_result lk_vault_sign_hash(struct lk_session *s, const uint8_t hash[static 32], struct lk_buf *out)
{
    uint8_t raw[P256_SIGNATURE];
    CK_ULONG len = sizeof(raw);
    CK_OBJECT_HANDLE key;
    CK_FUNCTION_LIST *f = s->token->module.f;
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    LK_TRY(lk_session_key(s, LK_TOKEN_INSTALLATION, &key));
    LK_TRY(lk_session_rv(s, f->C_SignInit(s->handle, &mechanism, key), "C_SignInit"));
    LK_TRY(lk_session_rv(s, f->C_Sign(s->handle, (CK_BYTE *)(uintptr_t)hash, 32, raw, &len), "C_Sign"));
    LK_REQUIRE(len == sizeof(raw), TOKEN_CONFIG);
    return put_ecdsa_der(raw, out);
}

lk_result lk_vault_sign(struct lk_session *s, enum lk_sign_domain domain, struct lk_bytes message,
                        struct lk_buf *out)
{
    uint8_t hash[32];
    LK_TRY(lk_sha256(LK_PARTS(lk_sign_domain_bytes(domain), message), hash));
    return lk_vault_sign_hash(s, hash, out);
}

lk_result lk_vault_installation_key(struct lk_session *s, struct lk_buf *out)
{
    CK_OBJECT_HANDLE key;
    LK_BUF_AUTO point = lk_buf(128);
    LK_TRY(lk_session_key(s, LK_TOKEN_INSTALLATION_PUBLIC, &key));
    LK_TRY(lk_object_get(s, key, CKA_EC_POINT, 128, &point));
    /* DER OCTET STRING by the standard; the bare point in some tokens. */
    size_t der = point.len == LK_P256_POINT + 2 && point.data[0] == 4 && point.data[1] == LK_P256_POINT ? 2 : 0;
    lk_spki_put(out, LK_KEY_P256, lk_bytes(point.data + der, point.len - der));
    return lk_ok(lk_buf_ok(out)) ? LK_OK : LK_FAIL(TOKEN_CONFIG);
}

lk_result lk_vault_import_key(struct lk_session *s, struct lk_buf *out)
{
    struct lk_bytes n;
    LK_BUF_AUTO room = lk_buf(RSA_ROOM + 1);
    LK_TRY(import_modulus(s, &room, &n));
    lk_spki_put(out, LK_KEY_RSA, n);
    return lk_ok(lk_buf_ok(out)) ? LK_OK : LK_FAIL(TOKEN_CONFIG);
}
