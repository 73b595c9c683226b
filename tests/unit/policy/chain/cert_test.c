/* SPDX-License-Identifier: Apache-2.0 */
/* policy/chain/cert: parsing, the cache, signatures between certificates, splitting of files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "policy/chain/cert.h"
#include "proto/base/arena.h"

#define CODE(r) ((int)(r).code)
#define NOW 1700000000 /* 2023-11-14 */

struct made {
    EVP_PKEY *key;
    X509 *x509;
    uint8_t der[2048];
    size_t len;
};

struct profile {
    const char *subject, *issuer;
    const char *basic, *usage; /* NULL: without */
    const char *extra_oid;     /* a critical extension of this OID */
    const EVP_MD *md;      /* NULL: a P-256 key and SHA-256; else an RSA key, whose issuer signs with md */
};

static void add_ext(X509 *x, int nid, const char *value)
{
    if (value == NULL)
        return;
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
}

static void add_critical(X509 *x, const char *oid)
{
    if (oid == NULL)
        return;
    ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *v = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(v, (const uint8_t *)"\x05\x00", 2);
    X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, o, 1, v);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
    ASN1_OCTET_STRING_free(v);
    ASN1_OBJECT_free(o);
}

static void set_name(X509_NAME *n, const char *cn)
{
    assert_int_equal(X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const uint8_t *)cn, -1, -1, 0), 1);
}

/* signer NULL: self-signed. */
static struct made make(const struct profile *p, const struct made *signer)
{
    struct made m = {.key = p->md == NULL ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048), .x509 = X509_new()};
    X509_set_version(m.x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(m.x509), 1);
    ASN1_TIME_set(X509_getm_notBefore(m.x509), NOW - 1000);
    ASN1_TIME_set(X509_getm_notAfter(m.x509), NOW + 1000);
    set_name(X509_get_subject_name(m.x509), p->subject);
    set_name(X509_get_issuer_name(m.x509), p->issuer);
    X509_set_pubkey(m.x509, m.key);
    add_ext(m.x509, NID_basic_constraints, p->basic);
    add_ext(m.x509, NID_key_usage, p->usage);
    add_critical(m.x509, p->extra_oid);
    X509_sign(m.x509, signer == NULL ? m.key : signer->key, p->md == NULL ? EVP_sha256() : p->md);
    uint8_t *out = m.der;
    m.len = (size_t)i2d_X509(m.x509, NULL);
    assert_true(m.len < sizeof(m.der));
    i2d_X509(m.x509, &out);
    return m;
}

static void drop(struct made *m)
{
    EVP_PKEY_free(m->key);
    X509_free(m->x509);
}

static struct lk_bytes der(const struct made *m) { return lk_bytes(m->der, m->len); }

static const struct profile ca_profile = {"ca", "ca", "critical,CA:TRUE,pathlen:0", "critical,keyCertSign", NULL, NULL};
static const struct profile leaf_profile = {"leaf", "ca", NULL, NULL, NULL, NULL};

static void a_certificate_is_parsed_once(void **state)
{
    (void)state;
    struct made ca = make(&ca_profile, NULL);
    struct lk_cert_cache *c = lk_cert_cache_new(4);
    const struct lk_cert *a, *b;
    assert_int_equal(CODE(lk_cert_get(c, der(&ca), &a)), LK_R_OK);
    assert_int_equal(CODE(lk_cert_get(c, der(&ca), &b)), LK_R_OK);
    assert_ptr_equal(a, b);
    assert_int_equal(a->not_before, NOW - 1000);
    assert_int_equal(a->not_after, NOW + 1000);
    lk_cert_cache_free(c);
    drop(&ca);
}

static void bytes_that_are_no_certificate_are_malformed(void **state)
{
    (void)state;
    struct made ca = make(&ca_profile, NULL);
    struct lk_cert_cache *c = lk_cert_cache_new(4);
    const struct lk_cert *a;
    ca.der[ca.len] = 0;
    assert_int_equal(CODE(lk_cert_get(c, lk_bytes(ca.der, ca.len + 1), &a)), LK_R_CERT_MALFORMED);
    assert_int_equal(CODE(lk_cert_get(c, lk_bytes(ca.der, ca.len - 1), &a)), LK_R_CERT_MALFORMED);
    assert_int_equal(CODE(lk_cert_get(c, LK_BYTES_NONE, &a)), LK_R_CERT_MALFORMED);
    static const uint8_t large[LK_CERT_MAX + 1] = {0x30};
    assert_int_equal(CODE(lk_cert_get(c, LK_BYTES(large), &a)), LK_R_CERT_TOO_LARGE);
    lk_cert_cache_free(c);
    drop(&ca);
}

static void the_cache_keeps_what_a_request_holds(void **state)
{
    (void)state;
    struct made one = make(&ca_profile, NULL), two = make(&ca_profile, NULL);
    struct lk_cert_cache *c = lk_cert_cache_new(1);
    const struct lk_cert *a, *b;
    assert_int_equal(CODE(lk_cert_get(c, der(&one), &a)), LK_R_OK);
    assert_int_equal(CODE(lk_cert_get(c, der(&two), &b)), LK_R_MEMORY);
    lk_cert_cache_release(c);
    assert_int_equal(CODE(lk_cert_get(c, der(&two), &b)), LK_R_OK);
    lk_cert_cache_free(c);
    drop(&one);
    drop(&two);
}

static void signatures_and_names_must_agree(void **state)
{
    (void)state;
    static const struct profile other = {"leaf", "another", NULL, NULL, NULL, NULL};
    struct made ca = make(&ca_profile, NULL), impostor = make(&ca_profile, NULL);
    struct made leaf = make(&leaf_profile, &ca), forged = make(&leaf_profile, &impostor), named = make(&other, &ca);
    struct lk_cert_cache *c = lk_cert_cache_new(8);
    const struct lk_cert *issuer, *child;
    assert_int_equal(CODE(lk_cert_get(c, der(&ca), &issuer)), LK_R_OK);
    assert_int_equal(CODE(lk_cert_get(c, der(&leaf), &child)), LK_R_OK);
    assert_int_equal(CODE(lk_cert_signed_by(c, child, issuer)), LK_R_OK);
    assert_int_equal(CODE(lk_cert_signed_by(c, child, issuer)), LK_R_OK);
    assert_int_equal(CODE(lk_cert_signed_by(c, issuer, issuer)), LK_R_OK);
    assert_int_equal(CODE(lk_cert_get(c, der(&forged), &child)), LK_R_OK);
    assert_int_equal(CODE(lk_cert_signed_by(c, child, issuer)), LK_R_CERT_SIGNATURE);
    assert_int_equal(CODE(lk_cert_get(c, der(&named), &child)), LK_R_OK);
    assert_int_equal(CODE(lk_cert_signed_by(c, child, issuer)), LK_R_CERT_ISSUER_NAME);
    lk_cert_cache_free(c);
    drop(&ca), drop(&impostor), drop(&leaf), drop(&forged), drop(&named);
}

static void md5_is_refused_and_sha1_told(void **state)
{
    (void)state;
    struct profile root = ca_profile, md5 = leaf_profile, sha1 = leaf_profile;
    root.md = EVP_sha256();
    md5.md = EVP_md5();
    sha1.md = EVP_sha1();
    struct made ca = make(&root, NULL), a = make(&md5, &ca), b = make(&sha1, &ca);
    struct lk_cert_cache *c = lk_cert_cache_new(8);
    const struct lk_cert *issuer, *child;
    assert_int_equal(CODE(lk_cert_get(c, der(&ca), &issuer)), LK_R_OK);
    assert_false(lk_cert_weak_digest(issuer));
    assert_int_equal(CODE(lk_cert_get(c, der(&b), &child)), LK_R_OK);
    assert_true(lk_cert_weak_digest(child));
    assert_int_equal(CODE(lk_cert_signed_by(c, child, issuer)), LK_R_OK);
    assert_int_equal(CODE(lk_cert_get(c, der(&a), &child)), LK_R_OK);
    assert_int_equal(CODE(lk_cert_signed_by(c, child, issuer)), LK_R_CERT_SIGNATURE);
    lk_cert_cache_free(c);
    drop(&ca), drop(&a), drop(&b);
}

static void dates_are_inclusive(void **state)
{
    (void)state;
    struct lk_cert cert = {.not_before = 10, .not_after = 20};
    assert_int_equal(CODE(lk_cert_valid_at(&cert, 9)), LK_R_CERT_NOT_YET_VALID);
    assert_int_equal(CODE(lk_cert_valid_at(&cert, 10)), LK_R_OK);
    assert_int_equal(CODE(lk_cert_valid_at(&cert, 20)), LK_R_OK);
    assert_int_equal(CODE(lk_cert_valid_at(&cert, 21)), LK_R_CERT_EXPIRED);
}

static int may_issue(const struct profile *p, int below)
{
    struct made m = make(p, NULL);
    struct lk_cert_cache *c = lk_cert_cache_new(1);
    const struct lk_cert *cert;
    assert_int_equal(CODE(lk_cert_get(c, der(&m), &cert)), LK_R_OK);
    int code = CODE(lk_cert_may_issue(cert, below));
    lk_cert_cache_free(c);
    drop(&m);
    return code;
}

static void only_a_ca_may_issue(void **state)
{
    (void)state;
    static const struct {
        struct profile p;
        int below, code;
    } rows[] = {
        {{"c", "c", "critical,CA:TRUE,pathlen:0", "critical,keyCertSign", NULL, NULL}, 0, LK_R_OK},
        {{"c", "c", "critical,CA:TRUE,pathlen:0", "critical,keyCertSign", NULL, NULL}, 1, LK_R_CERT_PATH_LENGTH},
        {{"c", "c", "critical,CA:TRUE", "critical,keyCertSign", NULL, NULL}, 5, LK_R_OK},
        {{"c", "c", "critical,CA:FALSE", "critical,keyCertSign", NULL, NULL}, 0, LK_R_CERT_NOT_CA},
        {{"c", "c", NULL, "critical,keyCertSign", NULL, NULL}, 0, LK_R_CERT_NOT_CA},
        {{"c", "c", "critical,CA:TRUE", "critical,cRLSign", NULL, NULL}, 0, LK_R_CERT_NOT_CA},
        {{"c", "c", "critical,CA:TRUE", NULL, NULL, NULL}, 0, LK_R_CERT_NOT_CA},
        {{"c", "c", "critical,CA:TRUE", "critical,keyCertSign", "1.2.3.4", NULL}, 0, LK_R_CERT_NOT_CA},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(may_issue(&rows[i].p, rows[i].below), rows[i].code);
}

static size_t pem(const struct made *m, char *out, size_t size)
{
    BIO *b = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(b, m->x509);
    int n = BIO_read(b, out, (int)size - 1);
    BIO_free(b);
    out[n] = '\0';
    return (size_t)n;
}

static int split(const void *data, size_t len, struct lk_bytes out[4], size_t *n)
{
    static struct lk_arena *arena;
    if (arena == NULL)
        arena = lk_arena_new(1 << 20);
    lk_arena_reset(arena);
    *n = 4;
    int code = CODE(lk_certs_split(lk_bytes(data, len), arena, out, n));
    if (code != LK_R_OK || *n == 0) { /* nothing that the caller looks at lives on */
        lk_arena_free(arena);
        arena = NULL;
    }
    return code;
}

static void pem_and_der_split_alike(void **state)
{
    (void)state;
    struct made ca = make(&ca_profile, NULL), leaf = make(&leaf_profile, &ca);
    char text[8192], one[4096];
    snprintf(text, sizeof(text), "  \r\n");
    pem(&leaf, one, sizeof(one));
    strcat(text, one);
    strcat(text, "\n");
    pem(&ca, one, sizeof(one));
    one[strlen(one) - 1] = '\0'; /* a last line without its end */
    strcat(text, one);
    uint8_t both[4096];
    memcpy(both, leaf.der, leaf.len);
    memcpy(both + leaf.len, ca.der, ca.len);

    struct lk_bytes out[4];
    size_t n;
    assert_int_equal(split(text, strlen(text), out, &n), LK_R_OK);
    assert_int_equal(n, 2);
    assert_true(lk_bytes_eq(out[0], der(&leaf)) && lk_bytes_eq(out[1], der(&ca)));
    assert_int_equal(split(both, leaf.len + ca.len, out, &n), LK_R_OK);
    assert_int_equal(n, 2);
    assert_true(lk_bytes_eq(out[0], der(&leaf)) && lk_bytes_eq(out[1], der(&ca)));
    assert_int_equal(split(both, leaf.len + ca.len - 1, out, &n), LK_R_CERT_MALFORMED);
    drop(&ca), drop(&leaf);
}

static void other_text_is_malformed(void **state)
{
    (void)state;
    struct lk_bytes out[4];
    size_t n;
    static const char *const texts[] = {
        "", " ", "hello", "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAA=A\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nA===\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAA!A\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\njunk",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "\x30\x80", "\x30\x84\x7f\xff\xff\xff", "\x30",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_int_equal(split(texts[i], strlen(texts[i]), out, &n), LK_R_CERT_MALFORMED);
    static const uint8_t five[] = {0x30, 0, 0x30, 0, 0x30, 0, 0x30, 0, 0x30, 0};
    assert_int_equal(split(five, sizeof(five), out, &n), LK_R_CERT_TOO_MANY);
}

static void padding_is_cut_only_when_it_is_padding(void **state)
{
    (void)state;
    static const uint8_t ff[] = {0x30, 1, 7, 0xff, 0xff}, zero[] = {0x30, 1, 7, 0}, junk[] = {0x30, 1, 7, 0xff, 0};
    assert_int_equal(lk_cert_unpad(LK_BYTES(ff)).len, 3);
    assert_int_equal(lk_cert_unpad(LK_BYTES(zero)).len, 3);
    assert_int_equal(lk_cert_unpad(LK_BYTES(junk)).len, 5);
    assert_int_equal(lk_cert_unpad(lk_bytes(ff, 2)).len, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_is_parsed_once),
        cmocka_unit_test(bytes_that_are_no_certificate_are_malformed),
        cmocka_unit_test(the_cache_keeps_what_a_request_holds),
        cmocka_unit_test(signatures_and_names_must_agree),
        cmocka_unit_test(md5_is_refused_and_sha1_told),
        cmocka_unit_test(dates_are_inclusive),
        cmocka_unit_test(only_a_ca_may_issue),
        cmocka_unit_test(pem_and_der_split_alike),
        cmocka_unit_test(other_text_is_malformed),
        cmocka_unit_test(padding_is_cut_only_when_it_is_padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
