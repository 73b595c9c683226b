/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CHAIN_PATH_H
#define LK_CHAIN_PATH_H
/*
 * A path from a certificate to an anchor of a family (RFC 5280, section 6, without names and policies):
 * for families whose issuers are many and not known beforehand (TPM makers).
 */
#include "policy/chain/cert.h"
#include "policy/chain/trust.h"

struct lk_path {
    const struct lk_cert *certs[LK_CERT_CHAIN_MAX]; /* leaf first, anchor last */
    size_t n;
    const char *anchor; /* its name in trust; lives as long as the trust */
    bool pinned;        /* the anchor is a pin, which no admin added */
    bool weak;          /* a certificate below the anchor is signed over SHA-1 */
    const struct lk_cert *outdated; /* the certificate of CERT_EXPIRED or CERT_NOT_YET_VALID; NULL otherwise */
};

/* An anchor that a family knows by itself: the certificate must be among the DER runs. */
struct lk_pin {
    const char *name; /* lives for ever */
    uint8_t sha256[32]; /* of the certificate's DER */
};

/*
 * Finds the path from leaf (which must be issued by a CA: a leaf that is itself an anchor does not count) to an
 * anchor of the family. Candidates are the family's anchors and intermediates and the DER runs of extra, which
 * vouch for nothing by themselves. Every certificate of the path is valid at the time, every issuer may issue.
 *
 * UNANCHORED when no path ends in an anchor. When one does, but something on it is wrong: CERT_EXPIRED,
 * CERT_NOT_YET_VALID, CERT_NOT_CA, CERT_PATH_LENGTH. CERT_SIGNATURE when all that was found is an issuer of that name
 * with another key. CERT_MALFORMED for an extra that is no certificate. MEMORY, CRYPTO.
 */
LK_MUST_USE lk_result lk_path_find(const struct lk_trust *trust, const char *family, const struct lk_cert *leaf,
                                   const struct lk_bytes *extra, size_t n_extra, int64_t at, struct lk_path *out);

/* The same, where a certificate of extra that is one of the pins is an anchor too. */
LK_MUST_USE lk_result lk_path_find_pinned(const struct lk_trust *trust, const char *family, const struct lk_pin *pins,
                                          size_t n_pins, const struct lk_cert *leaf, const struct lk_bytes *extra,
                                          size_t n_extra, int64_t at, struct lk_path *out);

#endif
