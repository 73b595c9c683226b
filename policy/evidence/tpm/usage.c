/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a certificate is meant for. OpenSSL's purposes do not know TPMs, so the extensions are read
 * here: TCG EK Credential Profile 2.6, sections 3.2.10 to 3.2.13, and the quirks of docs/evidence-tpm.md.
 */
#include "policy/evidence/tpm/item.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define EKU_EK "2.23.133.8.1"  /* tcg-kp-EKCertificate */
#define EKU_AIK "2.23.133.8.3" /* tcg-kp-AIKCertificate */

enum eku { EKU_NONE, EKU_OTHER, EKU_HAS };

static enum eku extended_usage(const X509 *x, const char *wanted)
{
    EXTENDED_KEY_USAGE *eku = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
    if (eku == NULL)
        return X509_get_ext_by_NID(x, NID_ext_key_usage, -1) < 0 ? EKU_NONE : EKU_OTHER;
    enum eku found = EKU_OTHER;
    for (int i = 0; i < sk_ASN1_OBJECT_num(eku); i++) {
        char oid[64] = "";
        OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(eku, i), 1);
        if (strcmp(oid, wanted) == 0)
            found = EKU_HAS;
    }
    EXTENDED_KEY_USAGE_free(eku);
    return found;
}

/* A leaf whose key usage, if it states one, includes this bit. */
static bool leaf_for(const struct lk_cert *cert, uint32_t bit)
{
    uint32_t flags = X509_get_extension_flags(cert->x509);
    if ((flags & (EXFLAG_CA | EXFLAG_INVALID)) != 0)
        return false;
    return (flags & EXFLAG_KUSAGE) == 0 || (X509_get_key_usage(cert->x509) & bit) != 0;
}

lk_result lk_tpm_ek_cert_usage(const struct lk_cert *cert)
{
    LK_REQUIRE(cert->key != NULL, TPM_EK_CERT_USAGE);
    bool rsa = EVP_PKEY_is_a(cert->key, "RSA");
    LK_REQUIRE(leaf_for(cert, rsa ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT), TPM_EK_CERT_USAGE);
    LK_REQUIRE(extended_usage(cert->x509, EKU_EK) != EKU_OTHER, TPM_EK_CERT_USAGE);
    return LK_OK;
}

lk_result lk_tpm_ak_cert_usage(const struct lk_cert *cert, const struct lk_tpm_identity *identity)
{
    LK_REQUIRE(leaf_for(cert, KU_DIGITAL_SIGNATURE), TPM_AK_CERT_USAGE);
    if (extended_usage(cert->x509, EKU_AIK) == EKU_HAS)
        return LK_OK;
    /* Without an AIK's usage the key usage must say that the key signs: it is all that tells an AK from an EK. */
    bool states = (X509_get_extension_flags(cert->x509) & EXFLAG_KUSAGE) != 0;
    bool instance = identity->gce.present && extended_usage(cert->x509, EKU_EK) != EKU_OTHER;
    return instance && states ? LK_OK : LK_FAIL(TPM_AK_CERT_USAGE);
}
