/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CHANGE_MADE_H
#define LK_CHANGE_MADE_H
/*
 * What the keeper itself may add to the list of changes, and nothing else: secrets that machines had made on first use,
 * each the first version of a name that never was. It stands in an entry where an administrator's envelope stands:
 *
 *   signed part
 *     "latchkey-secrets-made-v1" 00
 *     32  installation id
 *      8  u64be index of the entry | 32 hash of the entry before it | 8 i64be time
 *      1  number of secrets, 1..64
 *         each: 1 enum lk_kek | u16be-sized name | u16be-sized policy | 8 u64be revision of the policy
 *               | u16be-sized decision id
 *   signature
 *      u16be-sized ECDSA P-256 (SHA-256, DER) by the installation key over "latchkey-secrets-made-v1" 00 | SHA-256(signed part)
 *
 * The entry's notes are the KEKs, as of a secret that an administrator puts; its payloads are empty. Index and hash bind the
 * signature to this one place of this one list.
 */
#include "proto/base/buffer.h"
#include "proto/base/cursor.h"
#include "keystore/token/calls.h"

#define LK_MADE_MAX 64 /* secrets in one entry */

struct lk_made_secret {
    enum lk_kek kek;
    struct lk_bytes name, policy;
    uint64_t policy_revision;
    struct lk_bytes decision; /* whose request it was made for */
};

struct lk_made {
    struct lk_bytes signed_part;
    struct lk_bytes installation_id; /* 32 */
    uint64_t index;
    struct lk_bytes prev; /* 32 */
    int64_t time;
    struct lk_made_secret secrets[LK_MADE_MAX];
    size_t n;
    struct lk_bytes signature;
};

/* True when it is one of these and no administrator's envelope. */
bool lk_made_is(struct lk_bytes envelope);

/* What m says, without its signature (signed_part and signature are not looked at). */
void lk_made_put_signed(struct lk_buf *out, const struct lk_made *m);
/* What the token signs, under the domain LK_SIGN_MADE. CRYPTO. */
LK_MUST_USE lk_result lk_made_message(struct lk_bytes signed_part, uint8_t out[static 32]);
/* The whole, to stand in an entry. */
void lk_made_put(struct lk_buf *out, struct lk_bytes signed_part, struct lk_bytes signature);

/* Layout only. Runs borrow. STORE_DAMAGED. */
LK_MUST_USE lk_result lk_made_get(struct lk_bytes raw, struct lk_made *m);
/* By the installation key, SPKI DER. STORE_DAMAGED. */
LK_MUST_USE lk_result lk_made_verify(const struct lk_made *m, struct lk_bytes installation_key);

#endif
