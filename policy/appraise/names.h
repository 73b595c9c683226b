/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_APPRAISE_NAMES_H
#define LK_APPRAISE_NAMES_H
/*
 * Names of secrets and the release patterns that cover them, segment by segment
 * (segments are what stands between slashes). A segment of a pattern holds at most
 * one variable: a placeholder {family.claim}, or "*" at the pattern's end; so that
 * matching never has to try twice. policyset.h has the two functions that the
 * keeper calls as well.
 */
#include "policy/appraise/policyset.h"

#define LK_NAME_MAX 255

/*
 * As lk_release_pattern_match, for a name as it is asked for: a placeholder of the name
 * matches the same placeholder of the pattern.
 */
bool lk_release_pattern_covers(struct lk_bytes pattern, struct lk_bytes asked);

/* Some name might match both. Errs on the side of true. */
bool lk_release_patterns_overlap(struct lk_bytes a, struct lk_bytes b);

/* True when the pattern ends in "*". */
bool lk_release_pattern_open(struct lk_bytes pattern);

/* The n-th placeholder's inside ("tpm.ek-sha256"), absent when there are fewer. */
struct lk_bytes lk_release_placeholder(struct lk_bytes text, size_t n);

/* Text of a placeholder for expansion, [0-9a-z._-]+; absent when it is not known. */
typedef struct lk_bytes lk_placeholder_fn(void *context, struct lk_bytes placeholder);

/*
 * text with each placeholder replaced, NUL-terminated, into out. False when a placeholder is
 * not known, its value may not stand in a name, or the result is longer than LK_NAME_MAX.
 */
bool lk_release_expand(struct lk_bytes text, lk_placeholder_fn *value, void *context, char out[static LK_NAME_MAX + 1]);

#endif
