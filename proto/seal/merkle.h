/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEAL_MERKLE_H
#define LK_SEAL_MERKLE_H
/*
 * Merkle trees as RFC 9162, section 2.1, hashes them: SHA-256, a leaf is H(00 || data), a node H(01 || left || right).
 * Appending needs only the frontier (one hash per set bit of the size); proofs ask the caller for leaf hashes.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#define LK_MERKLE_DEPTH 64

/* The frontier of a tree of `size` leaves; zeroed: the empty tree. It may be stored as it is. */
struct lk_merkle {
    uint64_t size;
    uint8_t subtree[LK_MERKLE_DEPTH][32]; /* [k]: the full subtree of 2^k leaves, where bit k of size is set */
};

struct lk_merkle_hash {
    uint8_t bytes[32];
};

/* A proof: hashes in the order of the RFC. */
struct lk_merkle_proof {
    struct lk_merkle_hash path[2 * LK_MERKLE_DEPTH];
    size_t n;
};

/* Gives the hash of leaf i. */
typedef lk_result (*lk_merkle_leaf_fn)(void *arg, uint64_t i, uint8_t out[static 32]);

LK_MUST_USE lk_result lk_merkle_leaf(struct lk_bytes data, uint8_t out[static 32]); /* CRYPTO */
LK_MUST_USE lk_result lk_merkle_append(struct lk_merkle *m, const uint8_t leaf[static 32]);
/* The root; of the empty tree SHA-256 of nothing. */
LK_MUST_USE lk_result lk_merkle_root(const struct lk_merkle *m, uint8_t out[static 32]);

/* 2.1.3.1: that leaf i is in the tree of size leaves, i < size. 2.1.4.1: that the tree of size extends that of first, 0 < first <= size. */
LK_MUST_USE lk_result lk_merkle_prove_inclusion(uint64_t i, uint64_t size, lk_merkle_leaf_fn leaf, void *arg,
                                                struct lk_merkle_proof *out);
LK_MUST_USE lk_result lk_merkle_prove_consistency(uint64_t first, uint64_t size, lk_merkle_leaf_fn leaf, void *arg,
                                                  struct lk_merkle_proof *out);

/* 2.1.3.2 and 2.1.4.2. AUDIT_PROOF when it does not hold. */
LK_MUST_USE lk_result lk_merkle_check_inclusion(const uint8_t leaf[static 32], uint64_t i, uint64_t size,
                                                const struct lk_merkle_proof *p, const uint8_t root[static 32]);
LK_MUST_USE lk_result lk_merkle_check_consistency(uint64_t first, uint64_t size, const uint8_t first_root[static 32],
                                                  const uint8_t root[static 32], const struct lk_merkle_proof *p);

#endif
