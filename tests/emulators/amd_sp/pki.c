/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and revocation lists with AMD's names and profiles. */
#include "tests/emulators/amd_sp/amd_sp.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(x)                                                              \
    do {                                                                     \
        if (!(x)) {                                                          \
            fprintf(stderr, "amd_sp: %s:%d: %s\n", __FILE__, __LINE__, #x); \
            abort();                                                         \
        }                                                                    \
    } while (0)

EVP_PKEY *amd_sp_rsa_key(void)
{
    EVP_PKEY *key = EVP_RSA_gen(4096);
    MUST(key != NULL);
    return key;
}

EVP_PKEY *amd_sp_vek_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-384");
    MUST(key != NULL);
    return key;
}

static X509_NAME *amd_name(const char *cn)
{
    static const char *const fields[][2] = {
        {"OU", "Engineering"}, {"C", "US"}, {"L", "Santa Clara"}, {"ST", "CA"}, {"O", "Advanced Micro Devices"},
    };
    X509_NAME *n = X509_NAME_new();
    for (size_t i = 0; i < 5; i++)
        MUST(X509_NAME_add_entry_by_txt(n, fields[i][0], MBSTRING_ASC, (const uint8_t *)fields[i][1], -1, -1, 0) == 1);
    MUST(X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const uint8_t *)cn, -1, -1, 0) == 1);
    return n;
}

static void add_standard(X509 *x, int nid, const char *value)
{
    if (value == NULL)
        return;
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    MUST(e != NULL && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static void add_amd(X509 *x, const struct amd_sp_extension *ext)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(ext->oid, 1);
    ASN1_OCTET_STRING *v = ASN1_OCTET_STRING_new();
    MUST(oid != NULL && ASN1_OCTET_STRING_set(v, ext->value, (int)ext->len) == 1);
    X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, oid, ext->critical, v);
    MUST(e != NULL && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
    ASN1_OCTET_STRING_free(v);
    ASN1_OBJECT_free(oid);
}

/* A context that signs as the kind says; an EC issuer signs plainly with SHA-384. */
static EVP_MD_CTX *signer(enum amd_sp_signature kind, EVP_PKEY *key)
{
    EVP_PKEY_CTX *pctx;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    MUST(EVP_DigestSignInit(ctx, &pctx, kind == AMD_SP_PSS_SHA256 ? EVP_sha256() : EVP_sha384(), NULL, key) == 1);
    if (!EVP_PKEY_is_a(key, "RSA") || kind == AMD_SP_PKCS1)
        return ctx;
    MUST(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1);
    MUST(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, kind == AMD_SP_PSS ? 48 : 32) == 1);
    return ctx;
}

void amd_sp_issue(const struct amd_sp_profile *p, EVP_PKEY *key, EVP_PKEY *issuer, struct amd_sp_der *out)
{
    X509 *x = X509_new();
    X509_NAME *subject = amd_name(p->subject), *issued_by = amd_name(p->issuer);
    MUST(X509_set_version(x, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), p->serial) == 1);
    MUST(ASN1_TIME_set(X509_getm_notBefore(x), p->not_before) && ASN1_TIME_set(X509_getm_notAfter(x), p->not_after));
    MUST(X509_set_subject_name(x, subject) == 1 && X509_set_issuer_name(x, issued_by) == 1);
    MUST(X509_set_pubkey(x, key) == 1);
    add_standard(x, NID_basic_constraints, p->basic_constraints);
    add_standard(x, NID_key_usage, p->key_usage);
    for (size_t i = 0; i < p->n_ext; i++)
        add_amd(x, &p->ext[i]);
    EVP_MD_CTX *ctx = signer(p->signature, issuer);
    MUST(X509_sign_ctx(x, ctx) > 0);
    uint8_t *end = out->data;
    MUST(i2d_X509(x, NULL) <= AMD_SP_DER_MAX);
    out->len = (size_t)i2d_X509(x, &end);
    EVP_MD_CTX_free(ctx);
    X509_NAME_free(subject);
    X509_NAME_free(issued_by);
    X509_free(x);
}

static void revoke_serial(X509_CRL *crl, long serial, int64_t when)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    ASN1_TIME *date = ASN1_TIME_set(NULL, when);
    MUST(ASN1_INTEGER_set(number, serial) == 1 && X509_REVOKED_set_serialNumber(entry, number) == 1);
    MUST(X509_REVOKED_set_revocationDate(entry, date) == 1 && X509_CRL_add0_revoked(crl, entry) == 1);
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(date);
}

void amd_sp_revoke(const struct amd_sp_crl *c, EVP_PKEY *issuer, struct amd_sp_der *out)
{
    X509_CRL *crl = X509_CRL_new();
    X509_NAME *name = amd_name(c->issuer);
    ASN1_TIME *from = ASN1_TIME_set(NULL, c->this_update), *until = ASN1_TIME_set(NULL, c->next_update);
    MUST(X509_CRL_set_version(crl, 1) == 1 && X509_CRL_set_issuer_name(crl, name) == 1);
    MUST(X509_CRL_set1_lastUpdate(crl, from) == 1 && X509_CRL_set1_nextUpdate(crl, until) == 1);
    for (size_t i = 0; i < c->n_serials; i++)
        revoke_serial(crl, c->serials[i], c->this_update);
    EVP_MD_CTX *ctx = signer(c->signature, issuer);
    MUST(X509_CRL_sign_ctx(crl, ctx) > 0);
    uint8_t *end = out->data;
    MUST(i2d_X509_CRL(crl, NULL) <= AMD_SP_DER_MAX);
    out->len = (size_t)i2d_X509_CRL(crl, &end);
    EVP_MD_CTX_free(ctx);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    X509_NAME_free(name);
    X509_CRL_free(crl);
}
