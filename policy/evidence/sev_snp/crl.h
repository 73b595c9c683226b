/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEV_SNP_CRL_H
#define LK_SEV_SNP_CRL_H
/*
 * AMD's revocation list, checked by hand: the ARK signs it and it names only
 * certificates that the ARK issued, so OpenSSL's own walk (which wants a list of
 * the ASK for the leaf) cannot use it.
 */
#include "policy/chain/cert.h"
#include "proto/base/report.h"

#define LK_SNP_CRL_MAX 65536

/*
 * The list (DER) is the ARK's, in force at `at`, and names neither the ARK nor the intermediate. A VCEK's or VLEK's
 * serial, 0 on all of them, is never looked up. CRL_MALFORMED, CRL_INVALID, CRL_NOT_YET_VALID, CRL_STALE,
 * CERT_REVOKED.
 */
LK_MUST_USE lk_result lk_snp_crl_check(struct lk_bytes der, const struct lk_cert *ark,
                                       const struct lk_cert *intermediate, int64_t at, struct lk_report *report);

#endif
