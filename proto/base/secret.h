/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_SECRET_H
#define LK_BASE_SECRET_H
/*
 * The one type that secrets live in: memory that is locked, kept out of core
 * dumps, wiped when freed and never printed.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

struct lk_secret {
    uint8_t *data;
    size_t len;
};

/*
 * Sets up the locked memory of this process: once, before the first secret and
 * before the sandbox. bytes is a power of two. Without it secrets live in
 * ordinary memory that is still wiped (tools on an admin's machine).
 */
LK_MUST_USE lk_result lk_secret_setup(size_t bytes);

/* A zeroed secret of len bytes. MEMORY when the locked memory is used up. */
LK_MUST_USE lk_result lk_secret_new(struct lk_secret *s, size_t len);

/* A secret that copies the bytes. */
LK_MUST_USE lk_result lk_secret_copy(struct lk_secret *s, struct lk_bytes from);

/* Wipes and frees. Safe on a zeroed struct and twice. */
void lk_secret_free(struct lk_secret *s);
#define LK_SECRET_AUTO __attribute__((cleanup(lk_secret_free))) struct lk_secret

/* The secret's bytes, to hand to a cryptographic call. */
struct lk_bytes lk_secret_bytes(const struct lk_secret *s);

#endif
