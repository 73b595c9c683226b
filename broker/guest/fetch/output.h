/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_OUTPUT_H
#define LK_FETCH_OUTPUT_H
#include "broker/guest/fetch/target.h"
#include "proto/base/bytes.h"
#include "proto/base/result.h"

/*
 * Writes a secret, exactly its bytes, to a target of kind STREAM or FILE. A file appears whole or not at all, with its
 * mode and owner; in_memory: OUTPUT on a file system that is not. OUTPUT, with the system's error on standard error.
 * text: the target as it was written, for that message.
 */
LK_MUST_USE lk_result lk_target_write(const struct lk_target *t, const char *text, struct lk_bytes secret);

/* The same for a target of these kinds as text. */
LK_MUST_USE lk_result lk_fetch_write(const char *target, struct lk_bytes secret);

#endif
