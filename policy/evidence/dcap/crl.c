/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/dcap/path.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <time.h>

static bool time_of(const ASN1_TIME *t, int64_t *out)
{
    struct tm tm;
    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
        return false;
    *out = (int64_t)timegm(&tm);
    return true;
}

/* A delta list, or one for some of the certificates only, says so in a critical extension (RFC 5280, 5.2). */
static bool has_critical(const X509_CRL *crl)
{
    for (int i = 0; i < X509_CRL_get_ext_count(crl); i++)
        if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, i)))
            return true;
    return false;
}

static bool of_issuer(struct lk_cert_cache *cache, struct lk_bytes der, X509_CRL *crl, const struct lk_cert *issuer)
{
    return X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer->x509)) == 0 && !has_critical(crl) &&
           X509_CRL_get_ext_by_NID(crl, NID_crl_number, -1) >= 0 &&
           X509_CRL_get_ext_by_NID(crl, NID_authority_key_identifier, -1) >= 0 &&
           (X509_get_key_usage(issuer->x509) & KU_CRL_SIGN) != 0 &&
           X509_CRL_get_signature_nid(crl) == NID_ecdsa_with_SHA256 && lk_cert_signed_list(cache, issuer, der, crl);
}

static lk_result fail(const struct lk_dcap_say *say, enum lk_reason_code code, const char *what)
{
    return lk_dcap_fail(say, code, what, NULL, NULL);
}

static lk_result judge(X509_CRL *crl, const struct lk_cert *cert, int64_t at, const struct lk_dcap_say *say, const char *what)
{
    int64_t from, until;
    X509_REVOKED *entry;
    if (!time_of(X509_CRL_get0_lastUpdate(crl), &from) || !time_of(X509_CRL_get0_nextUpdate(crl), &until))
        return fail(say, LK_R_CRL_MALFORMED, what);
    if (at < from || at > until)
        return lk_report_add_time(say->to, at < from ? LK_R_CRL_NOT_YET_VALID : LK_R_CRL_STALE, say->item, what, from, until, at);
    /* Also an entry "remove from CRL", which has no place in a complete list. */
    bool revoked = X509_CRL_get0_by_serial(crl, &entry, X509_get0_serialNumber(cert->x509)) != 0;
    return revoked ? fail(say, LK_R_CERT_REVOKED, what) : LK_OK;
}

lk_result lk_dcap_crl_check(struct lk_cert_cache *cache, struct lk_bytes der, const struct lk_cert *issuer,
                            const struct lk_cert *cert, int64_t at, const struct lk_dcap_say *say, const char *what)
{
    const uint8_t *p = der.data;
    X509_CRL *crl = der.len > LK_DCAP_CRL_MAX ? NULL : d2i_X509_CRL(NULL, &p, (long)der.len);
    bool whole = crl != NULL && p == der.data + der.len;
    lk_result r;
    if (!whole)
        r = fail(say, LK_R_CRL_MALFORMED, what);
    else
        r = of_issuer(cache, der, crl, issuer) ? judge(crl, cert, at, say, what) : fail(say, LK_R_CRL_INVALID, what);
    X509_CRL_free(crl);
    ERR_clear_error();
    return r;
}
