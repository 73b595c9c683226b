/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEAL_TICKET_H
#define LK_SEAL_TICKET_H
/*
 * The ticket of a challenge: minted by the keeper, no state kept. Fixed layout, LK_TICKET_LEN bytes:
 *
 *   off len
 *     0   1  version, 1
 *     1   1  purpose: 1 release
 *     2   1  kind: 0 plain, 1 activated
 *     3   1  0
 *     4  16  start id: public, random per keeper start
 *    20   8  expiry, seconds since 1970, u64be
 *    28   8  generation, u64be
 *    36  32  context: SHA-256(EK name || AK name), zero for plain
 *    68  32  SHA-256(s)
 *   100  32  random
 *   132  32  challenge MAC: HMAC-SHA-256(challenge key, "latchkey-challenge-v1" 00 bytes 0..131); the key never leaves the keeper
 *   164  32  admission MAC: HMAC-SHA-256(admission key, "latchkey-admission-v1" 00 bytes 0..163); the key is in snapshots
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#define LK_TICKET_LEN 196
#define LK_TICKET_ADMISSION_LEN 32 /* its last bytes */

struct lk_ticket {
    uint8_t bytes[LK_TICKET_LEN];
};

struct lk_ticket_fields {
    bool activated;
    uint8_t start_id[16];
    int64_t expiry;
    uint64_t generation;
    uint8_t context[32];
    uint8_t s_hash[32];
    uint8_t random[32];
};

LK_MUST_USE lk_result lk_ticket_mint(const struct lk_ticket_fields *f, const uint8_t challenge_key[static 32],
                                     const uint8_t admission_key[static 32], struct lk_ticket *out);

/* Fixed layout only; authenticates nothing. TICKET_MALFORMED. */
LK_MUST_USE lk_result lk_ticket_parse(const struct lk_ticket *t, struct lk_ticket_fields *out);

/* Verifier: TICKET_STALE for another start id, TICKET_FORGED for a bad MAC of ours. Expiry is not looked at. */
LK_MUST_USE lk_result lk_ticket_admit(const struct lk_ticket *t, const uint8_t start_id[static 16],
                                      const uint8_t admission_key[static 32]);

/* Keeper: the same with the challenge MAC. */
LK_MUST_USE lk_result lk_ticket_check(const struct lk_ticket *t, const uint8_t start_id[static 16],
                                      const uint8_t challenge_key[static 32]);

/*
 * binding = SHA-512("latchkey-binding-v1" 00 SHA-256(ticket || s) SHA-512(statement)), 64 bytes;
 * families with 32 bytes of room carry its first 32.
 */
LK_MUST_USE lk_result lk_binding(struct lk_bytes ticket, struct lk_bytes s, struct lk_bytes statement,
                                 uint8_t out[static 64]);

#endif
