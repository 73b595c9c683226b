/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_KEYLIME_REGEX_H
#define LK_CLI_KEYLIME_REGEX_H
/*
 * Keylime's exclusions are Python regular expressions that must match a path's beginning (re.match); ours are globs that
 * must match all of it. Most that people write can be said as a glob; the others are for a person to decide.
 */
#include "policy/appraise/glob.h"

enum lk_regex_fit {
    LK_REGEX_EXACT, /* the glob takes the same paths; after "$" one less: a path that ends in a line end */
    LK_REGEX_WIDER, /* it also takes paths with a line end where the expression's "." does not */
    LK_REGEX_NONE,  /* there is no glob for it */
};

/* The glob for one expression without "|"; "" with NONE. */
enum lk_regex_fit lk_regex_to_glob(const char *regex, size_t len, char glob[static LK_GLOB_MAX + 1]);

#endif
