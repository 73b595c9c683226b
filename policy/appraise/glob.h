/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_APPRAISE_GLOB_H
#define LK_APPRAISE_GLOB_H
/*
 * Globs over the names of list members, paths mostly: "?" is one byte and "*" any run of bytes, neither of them "/";
 * "**" is any run of bytes; a backslash takes the next byte as it is. The whole name must match. There are no brackets
 * and no braces. Names are bytes: the kernel does not say in which encoding they are.
 */
#include "proto/base/bytes.h"

#define LK_GLOB_MAX 255

/*
 * 1 to 255 printable ASCII bytes, no backslash at the end, and at least one byte other than "*", "?" and "/": what takes
 * every name is to be written as a skip with its reason.
 */
bool lk_glob_ok(const char *glob);

/* The form alone: "/" followed by "**" may stand where every name is meant. */
bool lk_glob_form_ok(const char *glob);

/* At most (bytes of the glob) * (bytes of the name) steps, and about as many as the name has bytes for usual globs. */
bool lk_glob_match(const char *glob, struct lk_bytes name);

/* Some of the globs matches. */
bool lk_globs_match(const char *const *globs, size_t n, struct lk_bytes name);

#endif
