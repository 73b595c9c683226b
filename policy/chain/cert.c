/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/chain/cert.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ISSUERS 2     /* issuers of one certificate that are remembered: more than one only on cross-signing */
#define BUCKETS 256
#define SEEN 32       /* signatures over documents and lists: some for each vendor and FMSPC */

struct entry {
    struct lk_cert cert; /* first: a lk_cert pointer is its entry */
    uint8_t verified_by[ISSUERS][32]; /* fingerprints */
    unsigned n_verified;
    uint64_t used; /* tick of the last use */
    bool held;     /* used by the request at hand */
    struct entry *next;
};

struct lk_cert_cache {
    struct entry *buckets[BUCKETS];
    size_t n, max;
    uint64_t tick;
    uint8_t seen[SEEN][32];
    size_t n_seen; /* ever; the oldest is overwritten */
};

struct lk_cert_cache *lk_cert_cache_new(size_t entries)
{
    struct lk_cert_cache *c = calloc(1, sizeof(*c));
    if (c != NULL)
        c->max = entries > 0 ? entries : 1;
    return c;
}

static void entry_free(struct entry *e)
{
    if (e == NULL)
        return;
    X509_free(e->cert.x509); /* owns the key */
    free(e);
}

void lk_cert_cache_free(struct lk_cert_cache *c)
{
    if (c == NULL)
        return;
    for (size_t b = 0; b < BUCKETS; b++)
        for (struct entry *e = c->buckets[b], *next; e != NULL; e = next) {
            next = e->next;
            entry_free(e);
        }
    free(c);
}

void lk_cert_cache_release(struct lk_cert_cache *c)
{
    for (size_t b = 0; b < BUCKETS; b++)
        for (struct entry *e = c->buckets[b]; e != NULL; e = e->next)
            e->held = false;
}

static struct entry **bucket(struct lk_cert_cache *c, const uint8_t fingerprint[static 32])
{
    return &c->buckets[fingerprint[0] % BUCKETS];
}

static struct entry *find(struct lk_cert_cache *c, const uint8_t fingerprint[static 32])
{
    for (struct entry *e = *bucket(c, fingerprint); e != NULL; e = e->next)
        if (memcmp(e->cert.fingerprint, fingerprint, 32) == 0)
            return e;
    return NULL;
}

/* Pushes out the least recently used certificate that no request holds. */
static bool make_room(struct lk_cert_cache *c)
{
    struct entry **oldest = NULL;
    for (size_t b = 0; b < BUCKETS; b++)
        for (struct entry **e = &c->buckets[b]; *e != NULL; e = &(*e)->next)
            if (!(*e)->held && (oldest == NULL || (*e)->used < (*oldest)->used))
                oldest = e;
    if (oldest == NULL)
        return false;
    struct entry *gone = *oldest;
    *oldest = gone->next;
    entry_free(gone);
    c->n--;
    return true;
}

static bool sha256(const void *data, size_t len, uint8_t out[static 32])
{
    return EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1;
}

bool lk_asn1_time(const ASN1_TIME *t, int64_t *out)
{
    struct tm tm;
    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
        return false;
    *out = (int64_t)timegm(&tm);
    return true;
}

static bool spki_digest(const X509 *x, uint8_t out[static 32])
{
    uint8_t *der = NULL;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
    bool ok = n > 0 && sha256(der, (size_t)n, out);
    OPENSSL_free(der);
    return ok;
}

static bool fill(struct lk_cert *cert, struct lk_bytes der)
{
    const uint8_t *p = der.data;
    cert->x509 = d2i_X509(NULL, &p, (long)der.len);
    if (cert->x509 == NULL || p != der.data + der.len)
        return false;
    cert->key = X509_get0_pubkey(cert->x509);
    return spki_digest(cert->x509, cert->spki) && lk_asn1_time(X509_get0_notBefore(cert->x509), &cert->not_before) &&
           lk_asn1_time(X509_get0_notAfter(cert->x509), &cert->not_after);
}

static lk_result parse(struct lk_cert_cache *c, struct lk_bytes der, const uint8_t fingerprint[static 32],
                       struct entry **out)
{
    LK_REQUIRE(c->n < c->max || make_room(c), MEMORY);
    struct entry *e = calloc(1, sizeof(*e));
    LK_REQUIRE(e != NULL, MEMORY);
    memcpy(e->cert.fingerprint, fingerprint, 32);
    bool ok = fill(&e->cert, der);
    ERR_clear_error();
    if (!ok) {
        entry_free(e);
        return LK_FAIL(CERT_MALFORMED);
    }
    e->next = *bucket(c, fingerprint);
    *bucket(c, fingerprint) = e;
    c->n++;
    *out = e;
    return LK_OK;
}

lk_result lk_cert_get(struct lk_cert_cache *c, struct lk_bytes der, const struct lk_cert **out)
{
    uint8_t fingerprint[32];
    LK_REQUIRE(der.data != NULL && der.len > 0, CERT_MALFORMED);
    LK_REQUIRE(der.len <= LK_CERT_MAX, CERT_TOO_LARGE);
    LK_REQUIRE(sha256(der.data, der.len, fingerprint), CRYPTO);
    struct entry *e = find(c, fingerprint);
    if (e == NULL)
        LK_TRY(parse(c, der, fingerprint, &e));
    e->used = ++c->tick;
    e->held = true;
    *out = &e->cert;
    return LK_OK;
}

/* Bits of security of the certificate's own signature digest: 39 MD5, 63 SHA-1, 128 SHA-256; -1 unknown. */
static int digest_bits(const X509 *x)
{
    int md, pk, bits;
    uint32_t flags;
    return X509_get_signature_info((X509 *)(uintptr_t)x, &md, &pk, &bits, &flags) == 1 ? bits : -1;
}

bool lk_cert_weak_digest(const struct lk_cert *cert)
{
    return digest_bits(cert->x509) < 112;
}

static bool verify(const struct lk_cert *child, const struct lk_cert *issuer)
{
    if (issuer->key == NULL || digest_bits(child->x509) < 60)
        return false;
    bool ok = X509_verify(child->x509, issuer->key) == 1;
    ERR_clear_error();
    return ok;
}

lk_result lk_cert_signed_by(struct lk_cert_cache *c, const struct lk_cert *child, const struct lk_cert *issuer)
{
    struct entry *e = find(c, child->fingerprint);
    LK_REQUIRE(e != NULL, INTERNAL);
    for (unsigned i = 0; i < e->n_verified && i < ISSUERS; i++)
        if (memcmp(e->verified_by[i], issuer->fingerprint, 32) == 0)
            return LK_OK;
    LK_REQUIRE(X509_NAME_cmp(X509_get_issuer_name(child->x509), X509_get_subject_name(issuer->x509)) == 0,
               CERT_ISSUER_NAME);
    LK_REQUIRE(verify(child, issuer), CERT_SIGNATURE);
    memcpy(e->verified_by[e->n_verified++ % ISSUERS], issuer->fingerprint, 32);
    return LK_OK;
}

/* Each part with its length before it, so that no two lists of parts are alike. */
static bool identify(const struct lk_bytes *parts, size_t n, uint8_t id[static 32])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; ok && i < n; i++) {
        uint64_t len = parts[i].len;
        ok = EVP_DigestUpdate(ctx, &len, sizeof(len)) == 1 && EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(ctx, id, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool has_seen(const struct lk_cert_cache *c, const uint8_t id[static 32])
{
    for (size_t i = 0; i < c->n_seen && i < SEEN; i++)
        if (memcmp(c->seen[i], id, 32) == 0)
            return true;
    return false;
}

static void see(struct lk_cert_cache *c, const uint8_t id[static 32])
{
    memcpy(c->seen[c->n_seen++ % SEEN], id, 32);
}

lk_result lk_cert_verify(struct lk_cert_cache *c, const struct lk_cert *issuer, enum lk_scheme scheme, struct lk_bytes message,
                         struct lk_bytes signature)
{
    uint8_t id[32], kind = (uint8_t)scheme;
    struct lk_bytes parts[] = {lk_bytes(&kind, 1), LK_BYTES(issuer->spki), signature, message};
    LK_REQUIRE(identify(parts, 4, id), CRYPTO);
    if (has_seen(c, id))
        return LK_OK;
    LK_TRY(lk_verify(issuer->key, scheme, message, signature));
    see(c, id);
    return LK_OK;
}

bool lk_cert_signed_list(struct lk_cert_cache *c, const struct lk_cert *issuer, struct lk_bytes der, X509_CRL *crl)
{
    uint8_t id[32];
    struct lk_bytes parts[] = {LK_BYTES(issuer->spki), der};
    if (issuer->key == NULL || !identify(parts, 2, id))
        return false;
    if (has_seen(c, id))
        return true;
    if (X509_CRL_verify(crl, issuer->key) != 1)
        return false;
    see(c, id);
    return true;
}

lk_result lk_cert_valid_at(const struct lk_cert *cert, int64_t at)
{
    LK_REQUIRE(at >= cert->not_before, CERT_NOT_YET_VALID);
    LK_REQUIRE(at <= cert->not_after, CERT_EXPIRED);
    return LK_OK;
}

/* A critical extension says that who does not act on it must refuse (RFC 5280, 4.2). */
static bool critical_known(const X509 *x)
{
    for (int i = 0; i < X509_get_ext_count(x); i++) {
        X509_EXTENSION *ext = X509_get_ext(x, i);
        int nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));
        if (X509_EXTENSION_get_critical(ext) && nid != NID_basic_constraints && nid != NID_key_usage &&
            nid != NID_ext_key_usage && nid != NID_certificate_policies)
            return false;
    }
    return true;
}

lk_result lk_cert_may_issue(const struct lk_cert *cert, int below)
{
    uint32_t flags = X509_get_extension_flags(cert->x509);
    LK_REQUIRE((flags & EXFLAG_CA) != 0 && (flags & EXFLAG_BCONS) != 0 && (flags & EXFLAG_INVALID) == 0, CERT_NOT_CA);
    LK_REQUIRE((flags & EXFLAG_KUSAGE) != 0 && (X509_get_key_usage(cert->x509) & KU_KEY_CERT_SIGN) != 0, CERT_NOT_CA);
    LK_REQUIRE(critical_known(cert->x509), CERT_NOT_CA);
    long room = X509_get_pathlen(cert->x509); /* -1: no limit */
    LK_REQUIRE(room < 0 || below <= room, CERT_PATH_LENGTH);
    return LK_OK;
}
