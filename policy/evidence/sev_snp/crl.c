/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/sev_snp/crl.h"

#include "policy/evidence/sev_snp/profile.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define ITEM "sev-snp"
#define RULE "crl"

/* A delta list, or one for some of the certificates only, says so in a critical extension (RFC 5280, 5.2). */
static bool has_critical(const X509_CRL *crl)
{
    for (int i = 0; i < X509_CRL_get_ext_count(crl); i++)
        if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, i)))
            return true;
    return false;
}

static bool of_ark(X509_CRL *crl, const struct lk_cert *ark)
{
    const X509_ALGOR *algorithm;
    X509_CRL_get0_signature(crl, NULL, &algorithm);
    uint32_t usage = X509_get_key_usage(ark->x509); /* all ones without the extension */
    return X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ark->x509)) == 0 && !has_critical(crl) &&
           (usage & KU_CRL_SIGN) != 0 && lk_snp_pss_exact(algorithm) && X509_CRL_verify(crl, ark->key) == 1;
}

static bool names(X509_CRL *crl, const struct lk_cert *cert)
{
    X509_REVOKED *entry;
    return X509_CRL_get0_by_serial(crl, &entry, X509_get0_serialNumber(cert->x509)) != 0;
}

static lk_result fail(struct lk_report *report, enum lk_reason_code code)
{
    return lk_report_add(report, code, ITEM, RULE, "", "");
}

static lk_result judge(X509_CRL *crl, const struct lk_cert *ark, const struct lk_cert *intermediate, int64_t at,
                       struct lk_report *report)
{
    int64_t from, until;
    if (!of_ark(crl, ark))
        return fail(report, LK_R_CRL_INVALID);
    if (!lk_asn1_time(X509_CRL_get0_lastUpdate(crl), &from) || !lk_asn1_time(X509_CRL_get0_nextUpdate(crl), &until))
        return fail(report, LK_R_CRL_MALFORMED);
    if (at < from || at >= until)
        return lk_report_add_time(report, at < from ? LK_R_CRL_NOT_YET_VALID : LK_R_CRL_STALE, ITEM, RULE, from, until, at);
    return names(crl, ark) || names(crl, intermediate) ? fail(report, LK_R_CERT_REVOKED) : LK_OK;
}

lk_result lk_snp_crl_check(struct lk_bytes der, const struct lk_cert *ark, const struct lk_cert *intermediate,
                           int64_t at, struct lk_report *report)
{
    const uint8_t *p = der.data;
    X509_CRL *crl = der.len > LK_SNP_CRL_MAX ? NULL : d2i_X509_CRL(NULL, &p, (long)der.len);
    bool whole = crl != NULL && p == der.data + der.len;
    lk_result r = whole ? judge(crl, ark, intermediate, at, report) : fail(report, LK_R_CRL_MALFORMED);
    X509_CRL_free(crl);
    ERR_clear_error();
    return r;
}
