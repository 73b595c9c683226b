/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/collateral/sort.h"

#include "policy/chain/cert.h"
#include "policy/evidence/collateral.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

static lk_collateral_fn *const vendors[] = {lk_snp_collateral, lk_dcap_collateral};

struct sorting {
    const struct lk_collateral_sorting *in;
    struct lk_bytes issuers[LK_COLLATERAL_ISSUERS_MAX];
    size_t n_issuers;
    struct lk_report *report;
};

/* What a piece looks like, before anything in it is believed. */
struct look {
    enum lk_collateral_form form;
    struct lk_bytes bytes;
    struct lk_bytes certs[LK_CERT_CHAIN_MAX];
    size_t n_certs;
};

static bool begins(struct lk_bytes b, const char *text)
{
    size_t n = strlen(text);
    return b.len >= n && memcmp(b.data, text, n) == 0;
}

static struct lk_bytes without_space(struct lk_bytes b)
{
    while (b.len > 0 && strchr(" \t\r\n", b.data[0]) != NULL && b.data[0] != 0)
        b = lk_bytes(b.data + 1, b.len - 1);
    return b;
}

/* One list in PEM and white space. */
static bool pem_list(const struct sorting *s, struct lk_bytes text, struct lk_bytes *der)
{
    char *label = NULL, *header = NULL;
    unsigned char *data = NULL;
    long n = 0;
    bool ok = false;
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
    if (bio != NULL && PEM_read_bio(bio, &label, &header, &data, &n) == 1 && strcmp(label, "X509 CRL") == 0) {
        char *copy = lk_arena_str(s->in->arena, data, (size_t)n);
        *der = lk_bytes(copy, (size_t)n);
        ok = copy != NULL;
    }
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_free(data);
    BIO_free(bio);
    ERR_clear_error();
    return ok;
}

/* A DER list is told from a certificate by what parses. */
static bool look_at(const struct sorting *s, struct lk_bytes raw, struct look *out)
{
    struct lk_bytes text = without_space(raw);
    *out = (struct look){.bytes = raw, .n_certs = LK_CERT_CHAIN_MAX};
    if (raw.len == 0 || raw.len > LK_COLLATERAL_PIECE_MAX)
        return false;
    if (begins(text, "{")) {
        out->form = LK_FORM_JSON;
        return true;
    }
    out->form = LK_FORM_CRL;
    if (begins(text, "-----BEGIN X509 CRL-----"))
        return pem_list(s, text, &out->bytes);
    const struct lk_cert *cert;
    lk_result r = lk_certs_split(raw, s->in->arena, out->certs, &out->n_certs);
    for (size_t i = 0; lk_ok(r) && i < out->n_certs; i++)
        r = lk_cert_get(lk_trust_cache(s->in->trust), out->certs[i], &cert);
    if (lk_ok(r) && out->n_certs > 0)
        out->form = LK_FORM_CERTIFICATES;
    return out->form == LK_FORM_CERTIFICATES || raw.data[0] == 0x30;
}

/* CAs, and Intel's TCB signing certificate, which is none. */
static bool may_issue(const struct sorting *s, struct lk_bytes der)
{
    static const char signer[] = "Intel SGX TCB Signing";
    const struct lk_cert *cert;
    char cn[64] = "";
    if (!lk_ok(lk_cert_get(lk_trust_cache(s->in->trust), der, &cert)))
        return false;
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert->x509), NID_commonName, cn, sizeof(cn));
    return X509_check_ca(cert->x509) > 0 || strcmp(cn, signer) == 0;
}

static void add_issuer(struct sorting *s, struct lk_bytes der)
{
    for (size_t i = 0; i < s->n_issuers; i++)
        if (lk_bytes_eq(s->issuers[i], der))
            return;
    if (s->n_issuers < LK_COLLATERAL_ISSUERS_MAX && may_issue(s, der))
        s->issuers[s->n_issuers++] = der;
}

static void gather(struct sorting *s)
{
    struct look look;
    for (size_t i = 0; i < s->in->n; i++) {
        if (look_at(s, s->in->raw[i], &look) && look.form == LK_FORM_CERTIFICATES)
            for (size_t k = 0; k < look.n_certs; k++)
                add_issuer(s, look.certs[k]);
        lk_cert_cache_release(lk_trust_cache(s->in->trust));
    }
}

/* The first vendor that knows it decides. */
static lk_result ask_vendors(struct sorting *s, struct lk_bytes raw, struct lk_collateral_piece *out)
{
    struct look look;
    struct lk_family_input in = {.arena = s->in->arena, .at = s->in->at, .trust = s->in->trust, .report = s->report};
    LK_REQUIRE(look_at(s, raw, &look), COLLATERAL_UNKNOWN);
    const struct lk_collateral_try try = {look.form, look.bytes, look.certs, look.n_certs, s->issuers, s->n_issuers, &in};
    for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
        lk_result r = vendors[i](&try, out);
        if (r.code != LK_R_COLLATERAL_UNKNOWN)
            return r;
    }
    return LK_FAIL(COLLATERAL_UNKNOWN);
}

static void sort_one(struct sorting *s, struct lk_bytes raw, struct lk_collateral_piece *out)
{
    *out = (struct lk_collateral_piece){0};
    s->report->n = 0;
    s->report->truncated = false;
    lk_result r = ask_vendors(s, raw, out);
    lk_cert_cache_release(lk_trust_cache(s->in->trust));
    if (lk_ok(r) && (out->name[0] == '\0' || out->bytes.len <= LK_COLLATERAL_PIECE_MAX))
        return;
    if (lk_ok(r))
        r = LK_FAIL(TOO_LARGE);
    const struct lk_finding *f = lk_report_first(s->report);
    *out = (struct lk_collateral_piece){0};
    if (f != NULL)
        out->why = *f;
    out->why.code = r.code;
}

lk_result lk_collateral_sort(const struct lk_collateral_sorting *in, struct lk_collateral_piece *out)
{
    struct sorting *s = LK_ARENA_NEW(in->arena, struct sorting);
    LK_REQUIRE(s != NULL, MEMORY);
    s->in = in;
    s->report = LK_ARENA_NEW(in->arena, struct lk_report);
    LK_REQUIRE(s->report != NULL, MEMORY);
    gather(s);
    for (size_t i = 0; i < in->n; i++)
        sort_one(s, in->raw[i], &out[i]);
    return LK_OK;
}
