/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CHAIN_CRL_H
#define LK_CHAIN_CRL_H
/* The head of a revocation list (RFC 5280, 5.1): who issued it, and which of several it is. Nothing is verified. */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

struct lk_crl_head {
    char issuer[65]; /* the one common name of the issuer; "" when there is none, or more than one, or a longer one */
    uint64_t number; /* CRL number (5.2.3); 0 without one */
    int64_t this_update, next_update;
};

/* Exactly one DER list of at most max bytes. CRL_MALFORMED, also for a number of more than 63 bits or a missing date. */
LK_MUST_USE lk_result lk_crl_head_read(struct lk_bytes der, size_t max, struct lk_crl_head *out);

#endif
