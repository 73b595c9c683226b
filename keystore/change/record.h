/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CHANGE_RECORD_H
#define LK_CHANGE_RECORD_H
/*
 * The list of changes as it is stored: entry 0 is genesis, every later one a signed envelope with its payloads,
 * chained by hashes so that the hash of the last entry (the head) stands for the whole history.
 *
 *   genesis  u8 1 | 32 installation id | i64be time | u16be-sized installation key, SPKI DER | u16be-sized import key, SPKI DER
 *            | u8 number of administrators, 1..8 | each: u16be-sized name (1..64) | u16be-sized SSH public key, wire form
 *   hash 0 = SHA-256("latchkey-change-list-v1" 00 | u64be 0 | genesis); the token signs it (domain GENESIS)
 *   entry 0  u32le-sized genesis | u32le-sized signature
 *
 *   entry i  32 hash i-1 | i64be time | u32le-sized envelope | u16be items | each: u8 note | u32le-sized payload
 *   hash i = SHA-256("latchkey-change-list-v1" 00 | u64be i | hash i-1 | i64be time | SHA-256(envelope) | the notes)
 *
 * In the envelope's place may stand what the keeper made by itself (keystore/change/made.h).
 *
 * The payload of a secret is not in the list, so that it can be deleted; its note is the KEK of the stored blob.
 * Every other note is 0 and every other payload is whole: the envelope has its digest.
 */
#include "proto/base/buffer.h"
#include "proto/seal/envelope.h"

#define LK_GENESIS_ADMINS_MAX 8
#define LK_SSH_KEY_MAX 4096
#define LK_CHANGE_RECORD_MAX (6u << 20)

struct lk_genesis {
    uint8_t installation_id[32];
    int64_t time;
    struct lk_bytes installation_key, import_key;
    struct {
        struct lk_bytes name, ssh_key;
    } admins[LK_GENESIS_ADMINS_MAX];
    size_t n_admins;
};

LK_MUST_USE lk_result lk_genesis_put(struct lk_buf *out, const struct lk_genesis *g);
/* Runs borrow. STORE_DAMAGED. */
LK_MUST_USE lk_result lk_genesis_get(struct lk_bytes raw, struct lk_genesis *g);
/* CRYPTO. */
LK_MUST_USE lk_result lk_genesis_hash(struct lk_bytes raw, uint8_t out[static 32]);

struct lk_change_record {
    struct lk_bytes prev; /* 32 */
    int64_t time;
    struct lk_bytes envelope;
    size_t n;
    struct {
        uint8_t note;
        struct lk_bytes payload;
    } items[LK_ENVELOPE_ITEMS_MAX];
};

LK_MUST_USE lk_result lk_change_record_put(struct lk_buf *out, const struct lk_change_record *r);
/* Runs borrow. STORE_DAMAGED. */
LK_MUST_USE lk_result lk_change_record_get(struct lk_bytes raw, struct lk_change_record *r);
LK_MUST_USE lk_result lk_change_record_hash(uint64_t index, const struct lk_change_record *r, uint8_t out[static 32]);

/* A key of the table of changes. */
void lk_change_key(uint64_t index, uint8_t out[static 8]);

#endif
