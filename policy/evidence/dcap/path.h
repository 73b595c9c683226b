/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_DCAP_PATH_H
#define LK_DCAP_PATH_H
/*
 * Intel's certificates: SGX Root CA -> PCK Platform or Processor CA -> PCK certificate, and SGX Root CA -> TCB
 * signing certificate ("Intel SGX PCK Certificate and Certificate Revocation List Profile Specification"). The root
 * is known by its key, whose SHA-256 is compiled in, or is an admin's anchor. Certificates that were issued again share key and
 * serial: among several that fit, the one that is valid at the time is taken; none is ever known by its serial.
 */
#include "policy/chain/cert.h"
#include "policy/evidence/dcap/say.h"
#include "policy/evidence/family.h"

#define LK_DCAP_CRL_MAX 131072
#define LK_DCAP_CERTS_MAX 16

struct lk_dcap_pool {
    struct lk_bytes certs[LK_DCAP_CERTS_MAX]; /* DER; hints, whoever sent them */
    size_t n;
};

struct lk_dcap_path {
    const struct lk_cert *root, *ca, *leaf;
    const char *anchor; /* an admin's name for the root; NULL when its key is the pinned one */
    bool platform;      /* the CA is the Platform CA, else the Processor CA */
};

/*
 * From the PCK certificate among the first n_quote certificates of the pool to the root; signatures, names, keys and
 * who may issue, but no dates. DCAP_CHAIN, DCAP_CERT_PROFILE, DCAP_ROOT_UNTRUSTED, CERT_*.
 */
LK_MUST_USE lk_result lk_dcap_pck_path(const struct lk_family_input *in, const struct lk_dcap_say *say,
                                       const struct lk_dcap_pool *pool, size_t n_quote, struct lk_dcap_path *out);

/* From the TCB signing certificate of the pool to the root, dates included; ca is the root. As above, and CERT_EXPIRED. */
LK_MUST_USE lk_result lk_dcap_signer_path(const struct lk_family_input *in, const struct lk_dcap_say *say,
                                          const struct lk_dcap_pool *pool, struct lk_dcap_path *out);

/* What a certificate is called; it is known to be so only when its path has been checked. */
enum lk_dcap_cert { LK_DCAP_CERT_OTHER, LK_DCAP_CERT_ROOT, LK_DCAP_CERT_PLATFORM, LK_DCAP_CERT_PROCESSOR, LK_DCAP_CERT_SIGNER };
enum lk_dcap_cert lk_dcap_cert_named(struct lk_bytes common_name);

/* The one common name of a certificate's subject; absent when there is none, or more than one. */
struct lk_bytes lk_dcap_common_name(const struct lk_cert *cert);

/* A PCK CA alone, to the root, dates included; ca is leaf. Errors as above. */
LK_MUST_USE lk_result lk_dcap_ca_path(const struct lk_family_input *in, const struct lk_dcap_say *say,
                                      const struct lk_dcap_pool *pool, const struct lk_cert *ca, struct lk_dcap_path *out);

/* A root alone, dates included; all three are it. Errors as above. */
LK_MUST_USE lk_result lk_dcap_root_path(const struct lk_family_input *in, const struct lk_dcap_say *say,
                                        const struct lk_cert *root, struct lk_dcap_path *out);

/* All certificates of the path are valid at in->at. CERT_EXPIRED, CERT_NOT_YET_VALID. */
LK_MUST_USE lk_result lk_dcap_path_dates(const struct lk_family_input *in, const struct lk_dcap_say *say,
                                         const struct lk_dcap_path *path);

/*
 * The list (DER) is the issuer's, with CRL number and authority key identifier, in force at `at` (until and with
 * nextUpdate), and does not name the certificate. `what` names the list in findings. CRL_MALFORMED, CRL_INVALID,
 * CRL_NOT_YET_VALID and CRL_STALE (with both dates), CERT_REVOKED.
 */
LK_MUST_USE lk_result lk_dcap_crl_check(struct lk_cert_cache *cache, struct lk_bytes der, const struct lk_cert *issuer,
                                        const struct lk_cert *cert, int64_t at, const struct lk_dcap_say *say,
                                        const char *what);

/* The content of the certificate's one SGX extension; absent when there is none, or more than one. */
struct lk_bytes lk_dcap_sgx_extension(const struct lk_cert *cert);

#endif
