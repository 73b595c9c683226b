/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/sev_snp/profile.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

static int algorithm_nid(const X509_ALGOR *a)
{
    const ASN1_OBJECT *oid;
    X509_ALGOR_get0(&oid, NULL, NULL, a);
    return OBJ_obj2nid(oid);
}

/* The hash inside mgf1's parameter. */
static bool mgf1_sha384(const X509_ALGOR *mgf)
{
    int type;
    const void *value;
    const ASN1_OBJECT *oid;
    X509_ALGOR_get0(&oid, &type, &value, mgf);
    if (OBJ_obj2nid(oid) != NID_mgf1 || type != V_ASN1_SEQUENCE)
        return false;
    const ASN1_STRING *s = value;
    const uint8_t *p = ASN1_STRING_get0_data(s);
    X509_ALGOR *hash = d2i_X509_ALGOR(NULL, &p, ASN1_STRING_length(s));
    bool ok = hash != NULL && algorithm_nid(hash) == NID_sha384;
    X509_ALGOR_free(hash);
    return ok;
}

static bool params_exact(const RSA_PSS_PARAMS *p)
{
    return p->hashAlgorithm != NULL && algorithm_nid(p->hashAlgorithm) == NID_sha384 && p->maskGenAlgorithm != NULL &&
           mgf1_sha384(p->maskGenAlgorithm) && p->saltLength != NULL && ASN1_INTEGER_get(p->saltLength) == 48 &&
           (p->trailerField == NULL || ASN1_INTEGER_get(p->trailerField) == 1);
}

bool lk_snp_pss_exact(const X509_ALGOR *algorithm)
{
    int type;
    const void *value;
    const ASN1_OBJECT *oid;
    X509_ALGOR_get0(&oid, &type, &value, algorithm);
    if (OBJ_obj2nid(oid) != NID_rsassaPss || type != V_ASN1_SEQUENCE)
        return false;
    const ASN1_STRING *s = value;
    const uint8_t *p = ASN1_STRING_get0_data(s), *end = p + ASN1_STRING_length(s);
    RSA_PSS_PARAMS *params = d2i_RSA_PSS_PARAMS(NULL, &p, ASN1_STRING_length(s));
    bool ok = params != NULL && p == end && params_exact(params);
    RSA_PSS_PARAMS_free(params);
    return ok;
}

bool lk_snp_cert_pss(const struct lk_cert *cert)
{
    const X509_ALGOR *algorithm;
    X509_get0_signature(NULL, &algorithm, cert->x509);
    return lk_snp_pss_exact(algorithm);
}

bool lk_snp_ca_key(const struct lk_cert *cert)
{
    BIGNUM *e = NULL;
    bool ok = cert->key != NULL && EVP_PKEY_is_a(cert->key, "RSA") && EVP_PKEY_get_bits(cert->key) == 4096 &&
              EVP_PKEY_get_bn_param(cert->key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_word(e, RSA_F4);
    BN_free(e);
    return ok;
}

bool lk_snp_vek_key(const struct lk_cert *cert)
{
    char group[32] = "";
    return cert->key != NULL && EVP_PKEY_is_a(cert->key, "EC") &&
           EVP_PKEY_get_utf8_string_param(cert->key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "secp384r1") == 0;
}

struct lk_bytes lk_snp_common_name(const X509_NAME *name)
{
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
        return LK_BYTES_NONE;
    const ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    return lk_bytes(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}
