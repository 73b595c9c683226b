/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, certificates and revocation lists with Intel's names and profiles. */
#include "tests/emulators/intel_qe/intel_qe.h"

#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CN_ROOT "Intel SGX Root CA"
#define DAY 86400L

static EVP_PKEY *keys[QE_KEYS];
static const char *keys_folder; /* NULL: keys and root certificate are this process's own */

EVP_PKEY *qe_key(enum qe_key which)
{
    if (keys[which] == NULL)
        keys[which] = EVP_EC_gen("P-256");
    QE_MUST(keys[which] != NULL);
    return keys[which];
}

void qe_keys_in(const char *folder)
{
    keys_folder = folder;
    for (enum qe_key k = 0; k < QE_KEYS; k++) {
        char path[512];
        snprintf(path, sizeof(path), "%s/key%d.pem", folder, (int)k);
        FILE *f = fopen(path, "r");
        if (f != NULL) {
            keys[k] = PEM_read_PrivateKey(f, NULL, NULL, NULL);
            QE_MUST(keys[k] != NULL && fclose(f) == 0);
            continue;
        }
        f = fopen(path, "w");
        QE_MUST(f != NULL && PEM_write_PrivateKey(f, qe_key(k), NULL, NULL, 0, NULL, NULL) == 1 && fclose(f) == 0);
    }
}

void qe_sign(enum qe_key key, const void *data, size_t len, uint8_t out[static 64])
{
    uint8_t der[80];
    size_t n = sizeof(der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    QE_MUST(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, qe_key(key)) == 1);
    QE_MUST(EVP_DigestSign(ctx, der, &n, data, len) == 1);
    EVP_MD_CTX_free(ctx);
    const uint8_t *p = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
    QE_MUST(sig != NULL);
    QE_MUST(BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32) == 32 && BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32) == 32);
    ECDSA_SIG_free(sig);
}

/* ---- the PCK extension ---- */

/* Wraps what out holds from `at` on in a tag and length. */
static size_t wrap(uint8_t *out, size_t at, size_t end, uint8_t tag)
{
    size_t n = end - at, head = n < 0x80 ? 2 : n < 0x100 ? 3 : 4;
    memmove(out + at + head, out + at, n);
    out[at] = tag;
    if (head == 2)
        out[at + 1] = (uint8_t)n;
    if (head == 3) {
        out[at + 1] = 0x81;
        out[at + 2] = (uint8_t)n;
    }
    if (head == 4) {
        out[at + 1] = 0x82;
        out[at + 2] = (uint8_t)(n >> 8);
        out[at + 3] = (uint8_t)n;
    }
    return end + head;
}

static size_t put_oid(uint8_t *out, size_t at, const uint8_t *tail, size_t n)
{
    static const uint8_t arc[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
    memcpy(out + at, arc, sizeof(arc));
    memcpy(out + at + sizeof(arc), tail, n);
    return wrap(out, at, at + sizeof(arc) + n, 0x06);
}

static size_t put_octets(uint8_t *out, size_t at, const uint8_t *tail, size_t n_tail, uint8_t fill, size_t n)
{
    size_t end = put_oid(out, at, tail, n_tail), value = end;
    memset(out + value, fill, n);
    end = wrap(out, value, value + n, 0x04);
    return wrap(out, at, end, 0x30);
}

static size_t put_number(uint8_t *out, size_t at, const uint8_t *tail, size_t n_tail, uint8_t tag, uint8_t v)
{
    size_t end = put_oid(out, at, tail, n_tail), value = end;
    if (v >= 0x80)
        out[end++] = 0;
    out[end++] = v;
    end = wrap(out, value, end, tag);
    return wrap(out, at, end, 0x30);
}

static size_t put_tcb(const struct qe_settings *s, uint8_t *out, size_t at)
{
    size_t end = put_oid(out, at, (const uint8_t[]){2}, 1), list = end;
    for (uint8_t i = 1; i <= 16; i++)
        end = put_number(out, end, (const uint8_t[]){2, i}, 2, 0x02, s->components[i - 1]);
    end = put_number(out, end, (const uint8_t[]){2, 17}, 2, 0x02, (uint8_t)s->pce_svn);
    end = put_octets(out, end, (const uint8_t[]){2, 18}, 2, 0x44, 16);
    end = wrap(out, list, end, 0x30);
    return wrap(out, at, end, 0x30);
}

static size_t put_fmspc(uint8_t *out, size_t at)
{
    static const uint8_t fmspc[6] = {0x00, 0x80, 0x6f, 0x05, 0x00, 0x00};
    size_t end = put_octets(out, at, (const uint8_t[]){4}, 1, 0, sizeof(fmspc));
    memcpy(out + end - sizeof(fmspc), fmspc, sizeof(fmspc));
    return end;
}

static size_t put_configuration(uint8_t *out, size_t at)
{
    size_t end = put_oid(out, at, (const uint8_t[]){7}, 1), list = end;
    for (uint8_t i = 1; i <= 3; i++) {
        size_t one = end;
        end = put_oid(out, end, (const uint8_t[]){7, i}, 2);
        memcpy(out + end, (const uint8_t[]){0x01, 0x01, i == 2 ? 0x00 : 0xff}, 3);
        end = wrap(out, one, end + 3, 0x30);
    }
    end = wrap(out, list, end, 0x30);
    return wrap(out, at, end, 0x30);
}

size_t qe_pck_extension(const struct qe_settings *s, uint8_t *out)
{
    size_t end = put_octets(out, 0, (const uint8_t[]){1}, 1, 0x41, 16);
    end = put_tcb(s, out, end);
    end = put_octets(out, end, (const uint8_t[]){3}, 1, 0, 2);
    end = put_fmspc(out, end);
    end = put_number(out, end, (const uint8_t[]){5}, 1, 0x0a, 1);
    end = put_octets(out, end, (const uint8_t[]){6}, 1, 0x46, 16);
    end = put_configuration(out, end);
    end = wrap(out, 0, end, 0x30);
    if (s->extension_patch >= 0)
        out[s->extension_patch] ^= 0x01;
    return end;
}

/* ---- certificates ---- */

struct profile {
    const char *cn, *issuer;
    enum qe_key key, signer;
    bool ca, expired, pck;
    long serial;
};

static X509_NAME *name_of(const char *cn)
{
    X509_NAME *n = X509_NAME_new();
    QE_MUST(X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const uint8_t *)cn, -1, -1, 0) == 1);
    QE_MUST(X509_NAME_add_entry_by_txt(n, "O", MBSTRING_ASC, (const uint8_t *)"Intel Corporation", -1, -1, 0) == 1);
    return n;
}

static void add(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    QE_MUST(e != NULL && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static void add_pck_extension(X509 *x, const struct qe_settings *s)
{
    uint8_t made[2048];
    size_t n = s->extension != NULL ? s->extension_len : qe_pck_extension(s, made);
    ASN1_OBJECT *oid = OBJ_txt2obj("1.2.840.113741.1.13.1", 1);
    ASN1_OCTET_STRING *v = ASN1_OCTET_STRING_new();
    QE_MUST(ASN1_OCTET_STRING_set(v, s->extension != NULL ? s->extension : made, (int)n) == 1);
    X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, v);
    QE_MUST(e != NULL && X509_add_ext(x, e, -1) == 1);
    X509_EXTENSION_free(e);
    ASN1_OCTET_STRING_free(v);
    ASN1_OBJECT_free(oid);
}

static X509 *issue(const struct qe_settings *s, const struct profile *p)
{
    X509 *x = X509_new();
    X509_NAME *subject = name_of(p->cn), *issuer = name_of(p->issuer);
    QE_MUST(X509_set_version(x, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), p->serial) == 1);
    QE_MUST(X509_set_subject_name(x, subject) == 1 && X509_set_issuer_name(x, issuer) == 1);
    QE_MUST(X509_set_pubkey(x, qe_key(p->key)) == 1);
    QE_MUST(ASN1_TIME_set(X509_getm_notBefore(x), s->now - 365 * DAY) != NULL);
    QE_MUST(ASN1_TIME_set(X509_getm_notAfter(x), p->expired ? s->now - DAY : s->now + 365 * DAY) != NULL);
    add(x, NID_basic_constraints, p->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add(x, NID_key_usage, p->ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature,nonRepudiation");
    if (p->pck)
        add_pck_extension(x, s);
    QE_MUST(X509_sign(x, qe_key(p->signer), EVP_sha256()) > 0);
    X509_NAME_free(subject);
    X509_NAME_free(issuer);
    return x;
}

static void put_pem(X509 *x, struct qe_blob *out)
{
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());
    QE_MUST(PEM_write_bio_X509(bio, x) == 1);
    long n = BIO_get_mem_data(bio, &text);
    QE_MUST(n > 0 && out->len + (size_t)n <= sizeof(out->data));
    memcpy(out->data + out->len, text, (size_t)n);
    out->len += (size_t)n;
    BIO_free(bio);
}

/* ---- lists ---- */

static void revoke(const struct qe_settings *s, X509_CRL *crl, long serial)
{
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    ASN1_TIME *when = ASN1_TIME_set(NULL, s->now - DAY);
    QE_MUST(ASN1_INTEGER_set(number, serial) == 1 && X509_REVOKED_set_serialNumber(r, number) == 1);
    QE_MUST(X509_REVOKED_set_revocationDate(r, when) == 1 && X509_CRL_add0_revoked(crl, r) == 1);
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(when);
}

static void put_crl(const struct qe_settings *s, const char *issuer, enum qe_key signer, long a, long b,
                    struct qe_blob *out)
{
    X509_CRL *crl = X509_CRL_new();
    X509_NAME *name = name_of(issuer);
    ASN1_TIME *from = ASN1_TIME_set(NULL, s->now - 10 * DAY);
    ASN1_TIME *to = ASN1_TIME_set(NULL, s->crl_stale ? s->now - 1 : s->now + 20 * DAY);
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    AUTHORITY_KEYID *akid = AUTHORITY_KEYID_new();
    QE_MUST(X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 && X509_CRL_set_issuer_name(crl, name) == 1);
    QE_MUST(X509_CRL_set1_lastUpdate(crl, from) == 1 && X509_CRL_set1_nextUpdate(crl, to) == 1);
    if (a != 0)
        revoke(s, crl, a);
    if (b != 0)
        revoke(s, crl, b);
    QE_MUST(ASN1_INTEGER_set(number, 1) == 1);
    if (!s->crl_without_number)
        QE_MUST(X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1);
    akid->keyid = ASN1_OCTET_STRING_new();
    QE_MUST(ASN1_OCTET_STRING_set(akid->keyid, (const uint8_t *)"key", 3) == 1);
    QE_MUST(X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, akid, 0, 0) == 1);
    QE_MUST(X509_CRL_sign(crl, qe_key(signer), EVP_sha256()) > 0);
    uint8_t *p = out->data;
    out->len = (size_t)i2d_X509_CRL(crl, &p);
    AUTHORITY_KEYID_free(akid);
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    X509_NAME_free(name);
    X509_CRL_free(crl);
}

enum { SERIAL_ROOT = 1, SERIAL_CA = 2, SERIAL_PCK = 3, SERIAL_SIGNER = 4 };

/* An anchor is one certificate, not a key: where the keys last, the root certificate does too. */
static X509 *root_certificate(const struct qe_settings *s)
{
    static const struct profile profile = {CN_ROOT, CN_ROOT, QE_ROOT, QE_ROOT, true, false, false, SERIAL_ROOT};
    char path[512] = "";
    if (keys_folder != NULL)
        snprintf(path, sizeof(path), "%s/root.pem", keys_folder);
    FILE *f = keys_folder == NULL ? NULL : fopen(path, "r");
    X509 *root = f == NULL ? issue(s, &profile) : PEM_read_X509(f, NULL, NULL, NULL);
    QE_MUST(root != NULL);
    bool first = keys_folder != NULL && f == NULL;
    if (first)
        f = fopen(path, "w");
    QE_MUST(!first || (f != NULL && PEM_write_X509(f, root) == 1));
    if (f != NULL)
        fclose(f);
    return root;
}

void qe_certificates(const struct qe_settings *s, struct qe_output *out, struct qe_blob *pck_chain)
{
    X509 *root = root_certificate(s);
    X509 *ca = issue(s, &(struct profile){s->ca_name, CN_ROOT, QE_CA, QE_ROOT, true, false, false, SERIAL_CA});
    X509 *pck = issue(s, &(struct profile){s->pck_name, s->ca_name, QE_PCK, s->pck_issuer, false, s->pck_expired, true, SERIAL_PCK});
    X509 *signer = issue(s, &(struct profile){s->signer_name, CN_ROOT, QE_SIGNER, QE_ROOT, false, s->signer_expired, false, SERIAL_SIGNER});
    put_pem(pck, pck_chain);
    put_pem(ca, pck_chain);
    put_pem(root, pck_chain);
    put_pem(signer, &out->tcb_chain);
    put_pem(root, &out->tcb_chain);
    uint8_t *p = out->root.data;
    out->root.len = (size_t)i2d_X509(root, &p);
    put_crl(s, CN_ROOT, QE_ROOT, s->ca_revoked ? SERIAL_CA : 0, s->signer_revoked ? SERIAL_SIGNER : 0, &out->root_crl);
    put_crl(s, s->ca_name, s->crl_signer, s->pck_revoked ? SERIAL_PCK : 0, 0, &out->pck_crl);
    X509_free(root);
    X509_free(ca);
    X509_free(pck);
    X509_free(signer);
}
