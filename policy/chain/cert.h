/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CHAIN_CERT_H
#define LK_CHAIN_CERT_H
/*
 * Certificates, parsed once and verified once: decoding a key costs more than an
 * RSA verification (docs/architecture.md, speed). Dates and revocation are
 * checked at each use. OpenSSL parses; the bytes are capped before it sees them.
 */
#include "policy/chain/verify.h"
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#include <openssl/types.h>

#define LK_CERT_MAX 8192      /* bytes of one DER certificate */
#define LK_CERT_CHAIN_MAX 8   /* certificates of one chain, anchor included */

struct lk_cert_cache;

/* A cached certificate: valid until the cache is freed or the certificate is pushed out (never within a request). */
struct lk_cert {
    X509 *x509;
    EVP_PKEY *key;           /* NULL when OpenSSL does not know the key's algorithm (RSAES-OAEP in old EK certificates) */
    uint8_t fingerprint[32]; /* SHA-256 of the DER */
    uint8_t spki[32];        /* SHA-256 of the SubjectPublicKeyInfo DER */
    int64_t not_before, not_after;
};

/* A cache of at most `entries` certificates; the least recently used goes first. NULL without memory. */
struct lk_cert_cache *lk_cert_cache_new(size_t entries);
void lk_cert_cache_free(struct lk_cert_cache *c);

/*
 * The certificate of this DER (exactly one, no trailing bytes).
 * CERT_MALFORMED, CERT_TOO_LARGE, MEMORY.
 */
LK_MUST_USE lk_result lk_cert_get(struct lk_cert_cache *c, struct lk_bytes der, const struct lk_cert **out);

/* The caller calls this when a request ends: certificates used by it may be pushed out from now on. */
void lk_cert_cache_release(struct lk_cert_cache *c);

/*
 * child's signature verifies under issuer's key and the names agree; the positive answer is
 * cached. Self-signed anchors are checked with child == issuer. MD5 and older digests are refused;
 * SHA-1 is not (TPM vendors' old intermediates), a family that must not see it asks
 * lk_cert_weak_digest. CERT_SIGNATURE, CERT_ISSUER_NAME.
 */
LK_MUST_USE lk_result lk_cert_signed_by(struct lk_cert_cache *c, const struct lk_cert *child,
                                        const struct lk_cert *issuer);

/*
 * Signatures over what stands behind many requests, documents and revocation lists: a positive answer is remembered by
 * SHA-256 over the issuer's SPKI digest, the message and the signature, so that each is verified once. Dates and contents
 * are the caller's at each use. lk_cert_verify: as lk_verify (verify.h). lk_cert_signed_list: crl was read from der.
 */
LK_MUST_USE lk_result lk_cert_verify(struct lk_cert_cache *c, const struct lk_cert *issuer, enum lk_scheme scheme,
                                     struct lk_bytes message, struct lk_bytes signature);
bool lk_cert_signed_list(struct lk_cert_cache *c, const struct lk_cert *issuer, struct lk_bytes der, X509_CRL *crl);

/* The certificate's own signature is over a digest weaker than SHA-256. */
bool lk_cert_weak_digest(const struct lk_cert *cert);

/* Seconds since 1970-01-01T00:00:00Z of a UTCTime or GeneralizedTime (RFC 5280, 4.1.2.5). False for anything else. */
bool lk_asn1_time(const ASN1_TIME *t, int64_t *out);

/* not_before <= at <= not_after: else CERT_EXPIRED, CERT_NOT_YET_VALID. lk_report_add_time tells it. */
LK_MUST_USE lk_result lk_cert_valid_at(const struct lk_cert *cert, int64_t at);

/*
 * Basic constraints CA, keyCertSign, no critical extension but those two, extended key usage and policies,
 * and room for `below` CA certificates under it. CERT_NOT_CA, CERT_PATH_LENGTH.
 */
LK_MUST_USE lk_result lk_cert_may_issue(const struct lk_cert *cert, int below);

/*
 * Splits a part that holds certificates, PEM or DER, one after another, into DER runs.
 * PEM is decoded into the arena; text between PEM blocks is allowed only if it is white space. At most *n on
 * entry. CERT_MALFORMED, CERT_TOO_MANY.
 */
struct lk_arena;
LK_MUST_USE lk_result lk_certs_split(struct lk_bytes part, struct lk_arena *arena, struct lk_bytes *out, size_t *n);

/*
 * The run up to the outer DER length when nothing but 0xFF or nothing but 0x00 follows it; der
 * itself otherwise. Only for certificates read from a TPM's NV, which are padded to the index's
 * size (facts of STM's EK certificates); anything else must be exact.
 */
struct lk_bytes lk_cert_unpad(struct lk_bytes der);

#endif
