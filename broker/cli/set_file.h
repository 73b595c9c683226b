/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_SET_FILE_H
#define LK_CLI_SET_FILE_H
/*
 * Reference sets as files on an administrator's machine: the parts that `latchkey reference set put` sends.
 *
 *   "latchkey-set/1\n" | parts: u32le length, latchkey.v1.ReferenceSet
 */
#include "policy/appraise/sets.h"
#include "proto/base/buffer.h"

#define LK_SET_PART_BYTES (960u << 10) /* members of one part, at most: queries show a part as a whole */
#define LK_SET_FILE_MAX (512u << 20)

/* Members on their way into a set: any number, in any order, as often as they like. */
struct lk_set_making;

struct lk_set_making *lk_set_making_new(void); /* NULL without memory */
void lk_set_making_free(struct lk_set_making *m);

/* Adds a file, or its digest alone. POLICY_OPERAND: an algorithm that is not known, or another length. MEMORY, CRYPTO. */
LK_MUST_USE lk_result lk_set_making_add(struct lk_set_making *m, const struct lk_member *file, bool digest_only);

/* How many different members; sorts them. */
size_t lk_set_making_count(struct lk_set_making *m);

struct lk_set_head {
    const char *name, *from, *approved_by;
};

/* Appends the whole file. POLICY_NAME, POLICY_LIMIT (too large, or without a member), MEMORY, CRYPTO. */
LK_MUST_USE lk_result lk_set_making_put(struct lk_set_making *m, const struct lk_set_head *head, struct lk_buf *out);

/* A set that was read: from a file, or from a broker part by part. */
struct lk_set_parts {
    struct lk_buf bytes; /* all messages */
    struct lk_arena *arena;
    struct lk_bytes messages[LK_SET_PARTS_MAX];
    struct lk_set_part parts[LK_SET_PARTS_MAX];
    size_t n;
};

/*
 * Reads the file's bytes, which s->bytes holds. Every part must load, and all must be of one version of one set, in order and
 * none missing. SET_MALFORMED, MEMORY. Free in either case.
 */
LK_MUST_USE lk_result lk_set_parts_read(struct lk_set_parts *s);
void lk_set_parts_free(struct lk_set_parts *s);

#endif
