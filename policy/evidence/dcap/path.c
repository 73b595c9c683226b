/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/dcap/path.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

#define CN_ROOT "Intel SGX Root CA"
#define CN_PLATFORM "Intel SGX PCK Platform CA"
#define CN_PROCESSOR "Intel SGX PCK Processor CA"
#define CN_PCK "Intel SGX PCK Certificate"
#define CN_SIGNER "Intel SGX TCB Signing"

/* SHA-256 of the SubjectPublicKeyInfo of the Intel SGX Root CA (P-256; X begins 0ba9c4c0, Y 67918e2e). */
static const uint8_t root_key[32] = {0xa0, 0xaf, 0x03, 0x12, 0x89, 0xf5, 0xd5, 0xd4, 0x13, 0x2f, 0x91,
                                     0x86, 0x06, 0x8a, 0x7f, 0xc1, 0x36, 0x28, 0x63, 0x3b, 0xa2, 0x35,
                                     0x77, 0x74, 0x72, 0xe2, 0x9b, 0x6b, 0x6c, 0x67, 0xa4, 0x9e};

static const uint8_t sgx_extension[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

struct lk_bytes lk_dcap_common_name(const struct lk_cert *cert)
{
    const X509_NAME *name = X509_get_subject_name(cert->x509);
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
        return LK_BYTES_NONE;
    const ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    return lk_bytes(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

enum lk_dcap_cert lk_dcap_cert_named(struct lk_bytes cn)
{
    static const char *const names[] = {[LK_DCAP_CERT_ROOT] = CN_ROOT, [LK_DCAP_CERT_PLATFORM] = CN_PLATFORM,
                                        [LK_DCAP_CERT_PROCESSOR] = CN_PROCESSOR, [LK_DCAP_CERT_SIGNER] = CN_SIGNER};
    for (int i = LK_DCAP_CERT_ROOT; i <= LK_DCAP_CERT_SIGNER; i++)
        if (lk_bytes_eq(cn, lk_bytes_str(names[i])))
            return (enum lk_dcap_cert)i;
    return LK_DCAP_CERT_OTHER;
}

static bool named(const struct lk_cert *cert, const char *cn)
{
    return lk_bytes_eq(lk_dcap_common_name(cert), lk_bytes_str(cn));
}

static bool on_p256(const struct lk_cert *cert)
{
    char group[32] = "";
    return cert->key != NULL && EVP_PKEY_is_a(cert->key, "EC") &&
           EVP_PKEY_get_utf8_string_param(cert->key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "prime256v1") == 0 && X509_get_signature_nid(cert->x509) == NID_ecdsa_with_SHA256;
}

static bool valid(const struct lk_cert *cert, int64_t at)
{
    return cert->not_before <= at && at <= cert->not_after;
}

/* Whether the key of a root is trusted, and by what name. */
static bool trusted(const struct lk_family_input *in, const char *family, const struct lk_cert *root, const char **anchor)
{
    size_t n;
    const struct lk_trust_cert *certs = lk_trust_certs(in->trust, family, &n);
    *anchor = NULL;
    if (memcmp(root->spki, root_key, sizeof(root_key)) == 0)
        return true;
    for (size_t i = 0; i < n; i++) {
        const struct lk_cert *cert;
        if (!certs[i].anchor || !lk_ok(lk_cert_get(lk_trust_cache(in->trust), certs[i].der, &cert)) ||
            memcmp(cert->fingerprint, root->fingerprint, sizeof(cert->fingerprint)) != 0)
            continue;
        *anchor = certs[i].name;
        return true;
    }
    return false;
}

static lk_result fail(const struct lk_dcap_say *say, enum lk_reason_code code, const char *what)
{
    return lk_dcap_fail(say, code, what, NULL, NULL);
}

/* Who issued child: a certificate that is valid at the time before one that is not. */
static lk_result issuer_of(const struct lk_family_input *in, const struct lk_dcap_say *say,
                           const struct lk_dcap_pool *pool, const struct lk_cert *child, const char *what,
                           const struct lk_cert **out)
{
    struct lk_cert_cache *cache = lk_trust_cache(in->trust);
    enum lk_reason_code why = LK_R_DCAP_CHAIN;
    *out = NULL;
    for (size_t i = 0; i < pool->n; i++) {
        const struct lk_cert *cert;
        lk_result r = lk_cert_get(cache, pool->certs[i], &cert);
        if (!lk_ok(r))
            return fail(say, r.code, what);
        r = lk_cert_signed_by(cache, child, cert);
        if (r.code == LK_R_CERT_SIGNATURE)
            why = r.code;
        if (lk_ok(r) && (*out == NULL || (!valid(*out, in->at) && valid(cert, in->at))))
            *out = cert;
    }
    return *out != NULL ? LK_OK : fail(say, why, what);
}

/* The root is trusted by its key, but its certificate must be whole too. */
static lk_result check_root(const struct lk_family_input *in, const struct lk_dcap_say *say, struct lk_dcap_path *p)
{
    if (!trusted(in, say->item, p->root, &p->anchor))
        return fail(say, LK_R_DCAP_ROOT_UNTRUSTED, CN_ROOT);
    if (!named(p->root, CN_ROOT) || !on_p256(p->root))
        return fail(say, LK_R_DCAP_CERT_PROFILE, CN_ROOT);
    lk_result r = lk_cert_signed_by(lk_trust_cache(in->trust), p->root, p->root);
    if (lk_ok(r))
        r = lk_cert_may_issue(p->root, p->ca == p->root ? 0 : 1);
    return lk_ok(r) ? r : fail(say, r.code, CN_ROOT);
}

static bool known_critical(const struct lk_cert *cert)
{
    for (int i = 0; i < X509_get_ext_count(cert->x509); i++) {
        X509_EXTENSION *e = X509_get_ext(cert->x509, i);
        int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));
        if (X509_EXTENSION_get_critical(e) && nid != NID_basic_constraints && nid != NID_key_usage)
            return false;
    }
    return true;
}

/* A certificate that ends a path: its key signs, and it is no CA. */
static bool leaf_profile(const struct lk_cert *cert)
{
    uint32_t flags = X509_get_extension_flags(cert->x509);
    return on_p256(cert) && known_critical(cert) && (flags & (EXFLAG_CA | EXFLAG_INVALID)) == 0 &&
           (X509_get_key_usage(cert->x509) & KU_DIGITAL_SIGNATURE) != 0;
}

/* Names, key and rights of the CA, whose root is known. */
static lk_result check_ca(const struct lk_dcap_say *say, struct lk_dcap_path *out)
{
    out->platform = named(out->ca, CN_PLATFORM);
    if (out->ca == out->root || !(out->platform || named(out->ca, CN_PROCESSOR)) || !on_p256(out->ca))
        return fail(say, LK_R_DCAP_CERT_PROFILE, "PCK CA");
    lk_result r = lk_cert_may_issue(out->ca, 0);
    return lk_ok(r) ? r : fail(say, r.code, "PCK CA");
}

lk_result lk_dcap_pck_path(const struct lk_family_input *in, const struct lk_dcap_say *say,
                           const struct lk_dcap_pool *pool, size_t n_quote, struct lk_dcap_path *out)
{
    struct lk_cert_cache *cache = lk_trust_cache(in->trust);
    *out = (struct lk_dcap_path){0};
    for (size_t i = 0; i < n_quote; i++) {
        const struct lk_cert *cert;
        lk_result r = lk_cert_get(cache, pool->certs[i], &cert);
        if (!lk_ok(r))
            return fail(say, r.code, "quote");
        if (named(cert, CN_PCK) && out->leaf != NULL)
            return fail(say, LK_R_DCAP_CHAIN, CN_PCK);
        if (named(cert, CN_PCK))
            out->leaf = cert;
    }
    if (out->leaf == NULL)
        return fail(say, LK_R_DCAP_CHAIN, CN_PCK);
    LK_TRY(issuer_of(in, say, pool, out->leaf, CN_PCK, &out->ca));
    LK_TRY(issuer_of(in, say, pool, out->ca, "PCK CA", &out->root));
    LK_TRY(check_root(in, say, out));
    LK_TRY(check_ca(say, out));
    return leaf_profile(out->leaf) ? LK_OK : fail(say, LK_R_DCAP_CERT_PROFILE, CN_PCK);
}

lk_result lk_dcap_ca_path(const struct lk_family_input *in, const struct lk_dcap_say *say, const struct lk_dcap_pool *pool,
                          const struct lk_cert *ca, struct lk_dcap_path *out)
{
    *out = (struct lk_dcap_path){.ca = ca, .leaf = ca};
    LK_TRY(issuer_of(in, say, pool, ca, "PCK CA", &out->root));
    LK_TRY(check_root(in, say, out));
    LK_TRY(check_ca(say, out));
    return lk_dcap_path_dates(in, say, out);
}

lk_result lk_dcap_root_path(const struct lk_family_input *in, const struct lk_dcap_say *say, const struct lk_cert *root,
                            struct lk_dcap_path *out)
{
    *out = (struct lk_dcap_path){.root = root, .ca = root, .leaf = root};
    LK_TRY(check_root(in, say, out));
    return lk_dcap_path_dates(in, say, out);
}

lk_result lk_dcap_signer_path(const struct lk_family_input *in, const struct lk_dcap_say *say,
                              const struct lk_dcap_pool *pool, struct lk_dcap_path *out)
{
    struct lk_cert_cache *cache = lk_trust_cache(in->trust);
    *out = (struct lk_dcap_path){0};
    for (size_t i = 0; i < pool->n; i++) {
        const struct lk_cert *cert;
        lk_result r = lk_cert_get(cache, pool->certs[i], &cert);
        if (!lk_ok(r))
            return fail(say, r.code, "tcb-chain");
        if (named(cert, CN_SIGNER) && (out->leaf == NULL || (!valid(out->leaf, in->at) && valid(cert, in->at))))
            out->leaf = cert;
    }
    if (out->leaf == NULL)
        return lk_dcap_fail(say, LK_R_DCAP_COLLATERAL_MISSING, "tcb-chain", CN_SIGNER, NULL);
    LK_TRY(issuer_of(in, say, pool, out->leaf, CN_SIGNER, &out->root));
    out->ca = out->root;
    LK_TRY(check_root(in, say, out));
    if (!leaf_profile(out->leaf))
        return fail(say, LK_R_DCAP_CERT_PROFILE, CN_SIGNER);
    return lk_dcap_path_dates(in, say, out);
}

lk_result lk_dcap_path_dates(const struct lk_family_input *in, const struct lk_dcap_say *say,
                             const struct lk_dcap_path *path)
{
    const struct lk_cert *certs[] = {path->root, path->ca, path->leaf};
    for (size_t i = 0; i < 3; i++) {
        struct lk_bytes cn = lk_dcap_common_name(certs[i]);
        char name[65] = "";
        lk_result r = lk_cert_valid_at(certs[i], in->at);
        memcpy(name, cn.data, cn.len < sizeof(name) ? cn.len : sizeof(name) - 1); /* checked: one of the names above */
        if (!lk_ok(r))
            return fail(say, r.code, name);
    }
    return LK_OK;
}

struct lk_bytes lk_dcap_sgx_extension(const struct lk_cert *cert)
{
    struct lk_bytes found = LK_BYTES_NONE;
    for (int i = 0; i < X509_get_ext_count(cert->x509); i++) {
        X509_EXTENSION *e = X509_get_ext(cert->x509, i);
        const ASN1_OBJECT *o = X509_EXTENSION_get_object(e);
        if (!lk_bytes_eq(lk_bytes(OBJ_get0_data(o), OBJ_length(o)), LK_BYTES(sgx_extension)))
            continue;
        if (found.data != NULL)
            return LK_BYTES_NONE;
        const ASN1_OCTET_STRING *v = X509_EXTENSION_get_data(e);
        found = lk_bytes(ASN1_STRING_get0_data(v), (size_t)ASN1_STRING_length(v));
    }
    return found;
}
