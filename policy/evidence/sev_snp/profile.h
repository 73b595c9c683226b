/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEV_SNP_PROFILE_H
#define LK_SEV_SNP_PROFILE_H
/*
 * What AMD's certificates and lists look like (AMD publication 57230, VCEK
 * Certificate and KDS Interface Specification, chapter 2).
 */
#include "policy/chain/cert.h"

#include <openssl/types.h>

/* Exactly RSASSA-PSS, SHA-384, MGF1 with SHA-384, salt of 48 bytes, trailer 1. */
bool lk_snp_pss_exact(const X509_ALGOR *algorithm);

/* The certificate is signed so. */
bool lk_snp_cert_pss(const struct lk_cert *cert);

/* The key of an ARK, ASK or ASVK: RSA-4096, exponent 65537. */
bool lk_snp_ca_key(const struct lk_cert *cert);

/* The key of a VCEK or VLEK: the named curve P-384. */
bool lk_snp_vek_key(const struct lk_cert *cert);

/* The one common name; absent when there is none, or more than one. Borrowed from name. */
struct lk_bytes lk_snp_common_name(const X509_NAME *name);

#endif
