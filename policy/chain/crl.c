/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/chain/crl.h"
#include "policy/chain/cert.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

static void read_issuer(X509_CRL *crl, struct lk_crl_head *out)
{
    const X509_NAME *name = X509_CRL_get_issuer(crl);
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
        return;
    const ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    size_t n = (size_t)ASN1_STRING_length(s);
    if (n < sizeof(out->issuer) && memchr(ASN1_STRING_get0_data(s), 0, n) == NULL)
        memcpy(out->issuer, ASN1_STRING_get0_data(s), n);
}

static bool read_number(X509_CRL *crl, uint64_t *out)
{
    int critical = 0;
    ASN1_INTEGER *n = X509_CRL_get_ext_d2i(crl, NID_crl_number, &critical, NULL);
    if (n == NULL)
        return critical == -1; /* there is none */
    bool ok = ASN1_INTEGER_get_uint64(out, n) == 1 && *out <= INT64_MAX;
    ASN1_INTEGER_free(n);
    return ok;
}

lk_result lk_crl_head_read(struct lk_bytes der, size_t max, struct lk_crl_head *out)
{
    const uint8_t *p = der.data;
    *out = (struct lk_crl_head){0};
    X509_CRL *crl = der.len > max ? NULL : d2i_X509_CRL(NULL, &p, (long)der.len);
    bool ok = crl != NULL && p == der.data + der.len && read_number(crl, &out->number) &&
              lk_asn1_time(X509_CRL_get0_lastUpdate(crl), &out->this_update) &&
              lk_asn1_time(X509_CRL_get0_nextUpdate(crl), &out->next_update);
    if (ok)
        read_issuer(crl, out);
    X509_CRL_free(crl);
    ERR_clear_error();
    return ok ? LK_OK : LK_FAIL(CRL_MALFORMED);
}
