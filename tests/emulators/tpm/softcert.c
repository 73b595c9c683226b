/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of the software TPM (softtpm.h). */
#include "tests/emulators/tpm/softtpm.h"

#include <stdlib.h>

#include <openssl/conf.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

static void must(bool done)
{
    if (!done)
        abort();
}

static X509_NAME *common_name(const char *cn)
{
    X509_NAME *name = X509_NAME_new();
    must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) == 1);
    return name;
}

static void add(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    CONF *conf = NCONF_new(NULL);
    BIO *text = BIO_new_mem_buf("[tpm]\n1.2.23.133.2.1=id:4C4B4559\n2.2.23.133.2.2=soft\n3.2.23.133.2.3=id:00010002\n", -1);
    must(NCONF_load_bio(conf, text, NULL) == 1);
    X509V3_set_nconf(&ctx, conf);
    X509_EXTENSION *ext = X509V3_EXT_nconf_nid(conf, &ctx, nid, value);
    must(ext != NULL && X509_add_ext(x, ext, -1) == 1);
    X509_EXTENSION_free(ext);
    BIO_free(text);
    NCONF_free(conf);
}

static void add_raw(X509 *x, const char *oid, const uint8_t *der, size_t len)
{
    ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    must(ASN1_OCTET_STRING_set(value, der, (int)len) == 1);
    X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, obj, 0, value);
    must(ext != NULL && X509_add_ext(x, ext, -1) == 1);
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(obj);
}

static void set_names(X509 *x, const struct soft_cert *c)
{
    X509_NAME *subject = common_name(c->subject), *issuer = common_name(c->issuer);
    must(X509_set_subject_name(x, subject) == 1 && X509_set_issuer_name(x, issuer) == 1);
    X509_NAME_free(subject);
    X509_NAME_free(issuer);
}

static void set_extensions(X509 *x, const struct soft_cert *c)
{
    add(x, NID_basic_constraints, c->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (c->key_usage != NULL)
        add(x, NID_key_usage, c->key_usage);
    if (c->eku != NULL)
        add(x, NID_ext_key_usage, c->eku);
    if (c->tpm_san)
        add(x, NID_subject_alt_name, "critical,dirName:tpm");
    if (c->gce != NULL)
        add_raw(x, "1.3.6.1.4.1.11129.2.1.21", c->gce, c->gce_len);
}

void soft_cert_put(struct lk_buf *out, const struct soft_cert *c)
{
    X509 *x = X509_new();
    uint64_t serial;
    must(RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1);
    must(X509_set_version(x, 2) == 1 && ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1 | 1) == 1);
    must(ASN1_TIME_set(X509_getm_notBefore(x), c->not_before) != NULL);
    must(ASN1_TIME_set(X509_getm_notAfter(x), c->not_after) != NULL);
    must(X509_set_pubkey(x, c->key) == 1);
    set_names(x, c);
    set_extensions(x, c);
    must(X509_sign(x, c->signer, EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    must(len > 0);
    lk_put(out, lk_bytes(der, (size_t)len));
    OPENSSL_free(der);
    X509_free(x);
}
