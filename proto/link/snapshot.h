/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_LINK_SNAPSHOT_H
#define LK_LINK_SNAPSHOT_H
/*
 * A snapshot: everything that a verifier judges by, in one sealed memfd that the
 * keeper writes and workers map read-only. Layout, little-endian:
 *
 *   "LKSNAP01" | u64 total length | u64 generation | 16 start id | 32 admission key | 32 broker id |
 *   u32 entries | entries: u16 kind, u16 name length, u64 revision, u64 offset, u64 length, name
 *   padded to 8 | bodies, each at an offset from the start, inside the total length, in order, not overlapping
 *
 * There is one form only: each body begins at the next multiple of 8 after what precedes it, padding is zero, and the
 * last body ends the file. Names have at most 512 bytes.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#define LK_SNAPSHOT_MAX (UINT64_C(512) << 20) /* bytes */
#define LK_SNAPSHOT_ENTRIES_MAX (1u << 20)
#define LK_SNAPSHOT_NAME_MAX 512

enum lk_snapshot_kind {
    LK_SNAP_POLICY = 1,     /* serialized latchkey.v1.Policy */
    LK_SNAP_REFERENCE = 2,  /* serialized latchkey.v1.ReferenceRecord */
    LK_SNAP_ANCHOR = 3,     /* serialized latchkey.v1.Anchor */
    LK_SNAP_COLLATERAL = 4, /* bytes under a collateral name */
    LK_SNAP_SUITES = 5,     /* suites that the token can serve: names, NUL-separated */
    LK_SNAP_SET = 6,        /* serialized latchkey.v1.ReferenceSet: one part of a set */
};

struct lk_snapshot_entry {
    enum lk_snapshot_kind kind;
    uint64_t revision;
    struct lk_bytes name; /* not NUL-terminated */
    struct lk_bytes body;
};

struct lk_snapshot_head {
    uint64_t generation;
    uint8_t start_id[16];
    uint8_t admission_key[32];
    uint8_t broker_id[32];
};

/* Keeper: writes head and entries to a new memfd, seals it (WRITE, SHRINK, GROW, SEAL). The caller owns *fd. IO, MEMORY. */
LK_MUST_USE lk_result lk_snapshot_write(const struct lk_snapshot_head *head, const struct lk_snapshot_entry *entries,
                                        size_t n, int *fd, uint64_t *length, uint8_t digest[static 32]);

/*
 * Worker: checks seals and layout of the mapped bytes. The map stays valid until the process ends.
 * SNAPSHOT_INVALID.
 */
struct lk_snapshot {
    struct lk_snapshot_head head;
    struct lk_bytes map;
    uint32_t n;
    size_t table; /* offset of the first entry */
};
LK_MUST_USE lk_result lk_snapshot_map(int fd, struct lk_snapshot *s);
LK_MUST_USE lk_result lk_snapshot_parse(struct lk_bytes map, struct lk_snapshot *s);

/* The entry at *at (start with s->table), and *at moved to the next; for walking all of them. SNAPSHOT_INVALID. */
LK_MUST_USE lk_result lk_snapshot_next(const struct lk_snapshot *s, size_t *at, struct lk_snapshot_entry *out);

/* Entry i, 0 <= i < s->n, found by walking. */
LK_MUST_USE lk_result lk_snapshot_entry_at(const struct lk_snapshot *s, uint32_t i, struct lk_snapshot_entry *out);

#endif
