/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_CURSOR_H
#define LK_BASE_CURSOR_H
/*
 * The one way in which bytes are read. A cursor remembers its first failure:
 * after it every read gives zero or an absent run, so that a parser reads like
 * the schema of its message and asks once, at the end.
 *
 *     struct lk_cursor c = lk_cursor(input);
 *     uint32_t version = lk_u32le(&c);
 *     struct lk_bytes data = lk_take(&c, 64);
 *     return lk_cursor_end(&c);
 *
 * A length that is read must be checked against a limit of its own before
 * anything is allocated for it.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

struct lk_cursor {
    const uint8_t *data;
    size_t len, pos;
    bool failed;
};

struct lk_cursor lk_cursor(struct lk_bytes input);

uint8_t lk_u8(struct lk_cursor *c);
uint16_t lk_u16le(struct lk_cursor *c);
uint32_t lk_u32le(struct lk_cursor *c);
uint64_t lk_u64le(struct lk_cursor *c);
uint16_t lk_u16be(struct lk_cursor *c);
uint32_t lk_u32be(struct lk_cursor *c);
uint64_t lk_u64be(struct lk_cursor *c);

/* Borrowed bytes of the input; absent when fewer than n are left. n may be 0. */
struct lk_bytes lk_take(struct lk_cursor *c, size_t n);

/* A u16 big-endian length, at most max, and as many bytes: a TPM2B. */
struct lk_bytes lk_take_u16be(struct lk_cursor *c, size_t max);

/* A u32 little-endian length, at most max, and as many bytes: our own frames. */
struct lk_bytes lk_take_u32le(struct lk_cursor *c, size_t max);

/* Copies n bytes into out; zeroes out when fewer are left. */
void lk_copy(struct lk_cursor *c, uint8_t *out, size_t n);

size_t lk_left(const struct lk_cursor *c);

/* Marks the cursor failed: a value made the rest meaningless. */
void lk_cursor_fail(struct lk_cursor *c);

/* OK when nothing failed and nothing is left; else SHORT_INPUT or TRAILING_BYTES. */
LK_MUST_USE lk_result lk_cursor_end(const struct lk_cursor *c);

/* OK when nothing failed; SHORT_INPUT otherwise. For looking before the end. */
LK_MUST_USE lk_result lk_cursor_ok(const struct lk_cursor *c);

#endif
