/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/seal/envelope.h"
#include "proto/seal/hash.h"
#include "proto/seal/sshkey.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

enum { MAGIC = 6, VERSION = 1, BLOB_MAX = 4096, NAME_LEN = 64, INT_MAX_LEN = 66, USER_PRESENT = 1 };

/* PROTOCOL.sshsig, 2: the blob, after magic and version. */
struct sshsig {
    struct lk_bytes key, name_space, reserved, hash, signature;
};

static lk_result parse(struct lk_bytes blob, struct sshsig *s)
{
    LK_REQUIRE(blob.len <= BLOB_MAX, CHANGE_MALFORMED);
    struct lk_cursor c = lk_cursor(blob);
    struct lk_bytes magic = lk_take(&c, MAGIC);
    uint32_t version = lk_u32be(&c);
    s->key = lk_ssh_string(&c, BLOB_MAX);
    s->name_space = lk_ssh_string(&c, NAME_LEN);
    s->reserved = lk_ssh_string(&c, 0);
    s->hash = lk_ssh_string(&c, NAME_LEN);
    s->signature = lk_ssh_string(&c, BLOB_MAX);
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)), CHANGE_MALFORMED);
    LK_REQUIRE(lk_bytes_eq(magic, lk_bytes_str("SSHSIG")) && version == VERSION, CHANGE_MALFORMED);
    return LK_OK;
}

static void put_string(struct lk_buf *b, struct lk_bytes s)
{
    lk_put_u32be(b, (uint32_t)s.len);
    lk_put(b, s);
}

/* PROTOCOL.sshsig, 3: what is signed holds the message's hash, not the message. */
static lk_result to_be_signed(const struct sshsig *s, struct lk_bytes msg, struct lk_buf *out)
{
    uint8_t digest[64];
    size_t len = lk_bytes_eq(s->hash, lk_bytes_str("sha256")) ? 32 : 64;
    LK_REQUIRE(len == 32 || lk_bytes_eq(s->hash, lk_bytes_str("sha512")), CHANGE_MALFORMED);
    LK_TRY(len == 32 ? lk_sha256(LK_PARTS(msg), digest) : lk_sha512(LK_PARTS(msg), digest));
    lk_put(out, lk_bytes_str("SSHSIG"));
    put_string(out, s->name_space);
    put_string(out, s->reserved);
    put_string(out, s->hash);
    put_string(out, lk_bytes(digest, len));
    return lk_buf_ok(out);
}

/* PROTOCOL.u2f: a FIDO key signs SHA-256(application), flags, counter, SHA-256(message). */
static lk_result wrap_for_device(const struct lk_ssh_key *key, uint8_t flags, uint32_t counter, struct lk_buf *msg)
{
    uint8_t application[32], hash[32];
    LK_TRY(lk_sha256(LK_PARTS(key->application), application));
    LK_TRY(lk_sha256(LK_PARTS(lk_buf_bytes(msg)), hash));
    msg->len = 0;
    lk_put(msg, LK_BYTES(application));
    lk_put_u8(msg, flags);
    lk_put_u32be(msg, counter);
    lk_put(msg, LK_BYTES(hash));
    return lk_buf_ok(msg);
}

/* RFC 5656, 3.1.2: two mpints; OpenSSL wants DER. */
static lk_result ecdsa_to_der(struct lk_bytes in, struct lk_buf *out)
{
    struct lk_cursor c = lk_cursor(in);
    struct lk_bytes r = lk_ssh_mpint(&c, INT_MAX_LEN), s = lk_ssh_mpint(&c, INT_MAX_LEN);
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)), CHANGE_MALFORMED);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *br = BN_bin2bn(r.data, (int)r.len, NULL), *bs = BN_bin2bn(s.data, (int)s.len, NULL);
    unsigned char *der = NULL;
    int len = -1;
    if (sig != NULL && br != NULL && bs != NULL && ECDSA_SIG_set0(sig, br, bs) == 1) {
        br = bs = NULL; /* sig owns them now */
        len = i2d_ECDSA_SIG(sig, &der);
    }
    if (len > 0)
        lk_put(out, lk_bytes(der, (size_t)len));
    OPENSSL_free(der);
    BN_free(br);
    BN_free(bs);
    ECDSA_SIG_free(sig);
    return len > 0 ? lk_buf_ok(out) : LK_FAIL(CRYPTO);
}

static lk_result verify(EVP_PKEY *key, const char *hash, struct lk_bytes msg, struct lk_bytes sig)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, hash, NULL, NULL, key, NULL) == 1 &&
              EVP_DigestVerify(ctx, sig.data, sig.len, msg.data, msg.len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok ? LK_OK : LK_FAIL(CHANGE_SIGNATURE);
}

/* The names that a signature by this key may carry, and the hash that each means. "ssh-rsa" (SHA-1) is none. */
static lk_result signature_hash(const struct lk_ssh_type *type, struct lk_bytes name, const char **hash)
{
    *hash = type->hash;
    if (type->kind != LK_SSH_RSA)
        return lk_bytes_eq(name, lk_bytes_str(type->name)) ? LK_OK : LK_FAIL(CHANGE_MALFORMED);
    if (lk_bytes_eq(name, lk_bytes_str("rsa-sha2-256")))
        *hash = "SHA256";
    else if (lk_bytes_eq(name, lk_bytes_str("rsa-sha2-512")))
        *hash = "SHA512";
    return *hash == NULL ? LK_FAIL(CHANGE_MALFORMED) : LK_OK;
}

static lk_result verify_with(const struct lk_ssh_key *key, const struct sshsig *s, struct lk_buf *msg)
{
    struct lk_cursor c = lk_cursor(s->signature);
    const char *hash = NULL;
    LK_TRY(signature_hash(key->type, lk_ssh_string(&c, NAME_LEN), &hash));
    struct lk_bytes sig = lk_ssh_string(&c, BLOB_MAX);
    uint8_t flags = key->type->security_key ? lk_u8(&c) : 0;
    uint32_t counter = key->type->security_key ? lk_u32be(&c) : 0;
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)), CHANGE_MALFORMED);
    if (key->type->security_key) {
        LK_REQUIRE((flags & USER_PRESENT) != 0, CHANGE_SIGNATURE);
        LK_TRY(wrap_for_device(key, flags, counter, msg));
    }
    if (key->type->kind != LK_SSH_ECDSA)
        return verify(key->key, hash, lk_buf_bytes(msg), sig);
    LK_BUF_AUTO der = lk_buf(256);
    LK_TRY(ecdsa_to_der(sig, &der));
    return verify(key->key, hash, lk_buf_bytes(msg), lk_buf_bytes(&der));
}

lk_result lk_sshsig_verify(struct lk_bytes blob, struct lk_bytes msg, struct lk_bytes *key)
{
    struct sshsig s;
    LK_TRY(parse(blob, &s));
    LK_REQUIRE(lk_bytes_eq(s.name_space, lk_bytes_str(LK_SSHSIG_NAMESPACE)), CHANGE_SIGNATURE);
    LK_BUF_AUTO text = lk_buf(1024);
    LK_TRY(to_be_signed(&s, msg, &text));
    struct lk_ssh_key parsed;
    LK_TRY(lk_ssh_key_parse(s.key, &parsed));
    lk_result r = verify_with(&parsed, &s, &text);
    EVP_PKEY_free(parsed.key);
    if (lk_ok(r))
        *key = s.key;
    return r;
}
