/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CHANGE_CHECK_H
#define LK_CHANGE_CHECK_H
/*
 * May this envelope be applied? The order is part of the contract: layout, installation, time, signatures, nonce,
 * revisions, payload digests, and only then what the payloads say. Nothing of a payload is decoded before the
 * signature over its digest has verified.
 */
#include "keystore/change/state.h"

#define LK_CHANGE_THRESHOLD 1 /* signatures that a change needs */

struct lk_signer {
    char fingerprint[51]; /* "SHA256:..." */
};

/*
 * Layout, installation id, not-after, signatures: each must verify and be by a known administrator, and there
 * must be LK_CHANGE_THRESHOLD different ones. The runs of *e borrow from raw. CHANGE_MALFORMED, CHANGE_INSTALLATION,
 * CHANGE_EXPIRED, CHANGE_SIGNATURE, CHANGE_SIGNER.
 */
LK_MUST_USE lk_result lk_envelope_authorise(const struct lk_state *s, struct lk_bytes raw, bool query, int64_t now,
                                            struct lk_envelope *e, struct lk_signer *signer);

/* What a change does, once it is known to be allowed. */
struct lk_change {
    struct lk_envelope e;
    struct lk_bytes payloads[LK_ENVELOPE_ITEMS_MAX];
    uint64_t revisions[LK_ENVELOPE_ITEMS_MAX]; /* after the change */
    bool needs_generation; /* a policy, reference record, set or anchor changes */
    bool drops;            /* collateral goes: a generation follows, as after an upload */
    bool revokes;          /* verdicts by the state before it must not pay out */
    struct lk_signer signer;
};

/*
 * The whole check of a change. payloads are in the order of the items. What lk_envelope_authorise gives, and
 * CHANGE_REPLAYED, CHANGE_CONFLICT, CHANGE_PAYLOAD, CHANGE_LAST_ADMIN, CHANGE_MALFORMED (an object twice, one outside the scope).
 */
LK_MUST_USE lk_result lk_change_check(const struct lk_state *s, struct lk_bytes envelope, const struct lk_bytes *payloads,
                                      size_t n, int64_t now, struct lk_change *out);

/* Whether the objects still have the revisions that it was checked against: the keeper may have made a secret since. CHANGE_CONFLICT. */
LK_MUST_USE lk_result lk_change_still_fits(const struct lk_state *s, const struct lk_change *c);

#endif
