/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_FETCH_OUTPUT_H
#define LK_FETCH_OUTPUT_H
#include "proto/base/bytes.h"
#include "proto/base/result.h"

/*
 * Writes a secret, exactly its bytes, to a target: "-" is standard output, "fd:N" an open descriptor; anything
 * else a file, which appears whole or not at all, with mode 0600. OUTPUT, with the system's error on
 * standard error.
 */
LK_MUST_USE lk_result lk_fetch_write(const char *target, struct lk_bytes secret);

#endif
