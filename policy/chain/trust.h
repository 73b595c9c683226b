/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CHAIN_TRUST_H
#define LK_CHAIN_TRUST_H
/*
 * What is trusted, besides the anchors that a family pins in its own code:
 * anchors that an admin added, each limited to a family, and collateral
 * (certificates and CRLs at hand, each verified when it is used). Built once per
 * process from a snapshot or from the command line's --trust and --collateral;
 * read-only afterwards, apart from the certificate cache inside. One thread.
 * Every add may also return MEMORY.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

struct lk_trust;
struct lk_cert_cache; /* policy/chain/cert.h */

struct lk_trust *lk_trust_new(void);
void lk_trust_free(struct lk_trust *t);

/* Adds an anchor for the family; the DER and the name are copied. CERT_MALFORMED when it is no certificate. */
LK_MUST_USE lk_result lk_trust_add_anchor(struct lk_trust *t, const char *family, const char *name,
                                          struct lk_bytes der);

/* Adds an intermediate that may help to build a path for the family: a hint, never trusted by itself. */
LK_MUST_USE lk_result lk_trust_add_intermediate(struct lk_trust *t, const char *family, struct lk_bytes der);

/*
 * Adds collateral under a name of the family's page ("sev-snp/crl/milan", "sev-snp/vek/<chip id>/<tcb>");
 * the bytes are copied; a later one of the same name replaces an earlier one.
 */
LK_MUST_USE lk_result lk_trust_add_collateral(struct lk_trust *t, const char *name, struct lk_bytes bytes);

/* As above, but name and bytes are borrowed for the life of t: a fleet's certificates stay where the snapshot has them. */
LK_MUST_USE lk_result lk_trust_lend_collateral(struct lk_trust *t, struct lk_bytes name, struct lk_bytes bytes);

struct lk_trust_cert {
    const char *name; /* "" for intermediates */
    struct lk_bytes der;
    bool anchor;
};

/* Anchors and intermediates of the family. The array lives until the next add or the end of t. */
const struct lk_trust_cert *lk_trust_certs(const struct lk_trust *t, const char *family, size_t *n);

/* Absent when there is none of that name. */
struct lk_bytes lk_trust_collateral(const struct lk_trust *t, const char *name);

/* The cache of parsed and verified certificates that belongs to t. */
struct lk_cert_cache *lk_trust_cache(const struct lk_trust *t);

#endif
