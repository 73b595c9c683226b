/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_APPRAISE_SETS_H
#define LK_APPRAISE_SETS_H
/*
 * Reference sets: large plain sets of files, in parts (latchkey.v1.ReferenceSet). The members of a part are searched
 * where they lie, in the mapped snapshot. docs/reference-sets.md
 */
#include "policy/appraise/policy.h"

#define LK_SET_PARTS_MAX 512   /* of one version */
#define LK_SET_FILE_LEN 32u    /* bytes of a member of kind FILES */
#define LK_SETS_PARTS_MAX 1024 /* in a policy set */

struct lk_set_part {
    const char *set, *version;
    uint32_t part, parts;
    bool files;        /* members stand for path and digest, not for a digest alone */
    uint16_t alg;      /* digests */
    size_t width, n;   /* bytes of a member, members */
    const uint8_t *members;
};

/*
 * SHA-256("latchkey-file-v1" 00 | u16be algorithm | u16be length of the digest | digest | path): the member of kind FILES
 * that stands for a file. The path is last, and what stands before it says its own length. CRYPTO.
 */
LK_MUST_USE lk_result lk_set_file_member(const struct lk_member *file, uint8_t out[static LK_SET_FILE_LEN]);

/*
 * Reads a part and checks its members: sorted, strictly ascending. *out is in the arena, but for the members, which stay
 * where they are in the message. SET_MALFORMED with a finding, REQUEST_*, MEMORY.
 */
LK_MUST_USE lk_result lk_set_part_read(struct lk_arena *arena, struct lk_bytes message, struct lk_report *report,
                                       struct lk_set_part *out);

/* The parts of complete versions of the named sets, to look files up in. */
struct lk_set_view {
    const struct lk_set_part *parts[LK_SETS_PARTS_MAX];
    size_t n;
};

/* Adds a set to the view. REFERENCE_SET_MISSING, REFERENCE_SET_PART: no version of it is complete. */
LK_MUST_USE lk_result lk_set_view_add(struct lk_set_view *view, const struct lk_policyset *set, const char *name);

/* *found: the file is in one of the parts. CRYPTO. */
LK_MUST_USE lk_result lk_set_view_find(const struct lk_set_view *view, const struct lk_member *file, bool *found);

#endif
