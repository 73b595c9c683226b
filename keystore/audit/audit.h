/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_AUDIT_AUDIT_H
#define LK_AUDIT_AUDIT_H
/*
 * The audit trail: an append-only Merkle log (RFC 9162, section 2.1). A leaf's data is a serialized
 * latchkey.v1.AuditRecord without index and leaf_hash: its place in the tree is the index. The table AUDIT holds
 * the leaves, META "audit" the tree's frontier, DECISIONS decision id -> index; all three change in one transaction.
 *
 * A checkpoint, as a QueryResult carries it:
 *   u64be size | 32 root | u16be-sized signature by the installation key (domain CHECKPOINT) over size and root
 */
#include "keystore/store/store.h"
#include "proto/seal/merkle.h"

#define LK_AUDIT_RECORD_MAX (128u << 10)
#define LK_CHECKPOINT_SIGNED 40 /* size and root */

/*
 * Appends inside a transaction: the record becomes leaf *index. decision: its id, or absent for records without
 * one. STORE_EXISTS when the id was used before, STORE_DAMAGED, STORE_FULL, STORE_IO.
 */
LK_MUST_USE lk_result lk_audit_append(struct lk_txn *t, struct lk_bytes record, struct lk_bytes decision, uint64_t *index);

/* The tree as it is on the disk. STORE_DAMAGED. */
LK_MUST_USE lk_result lk_audit_tree(struct lk_store *s, struct lk_merkle *out);

/* What a checkpoint signs. */
LK_MUST_USE lk_result lk_audit_checkpoint_message(const struct lk_merkle *m, uint8_t out[static LK_CHECKPOINT_SIGNED]);
void lk_audit_checkpoint_put(struct lk_buf *out, const uint8_t message[static LK_CHECKPOINT_SIGNED],
                             struct lk_bytes signature);

/* Index of a decision's record. NOT_FOUND, STORE_DAMAGED. */
LK_MUST_USE lk_result lk_audit_find(struct lk_store *s, struct lk_bytes decision, uint64_t *index);

/* Calls fn for at most limit records from first on. */
typedef lk_result (*lk_audit_fn)(void *arg, uint64_t index, struct lk_bytes record);
LK_MUST_USE lk_result lk_audit_each(struct lk_store *s, uint64_t first, uint64_t limit, lk_audit_fn fn, void *arg);

/* Reads every leaf and hashes the tree anew: STORE_DAMAGED when it is not the one whose frontier is kept. */
LK_MUST_USE lk_result lk_audit_verify(struct lk_store *s);

#endif
