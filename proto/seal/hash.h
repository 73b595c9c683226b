/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SEAL_HASH_H
#define LK_SEAL_HASH_H
/* Digests and MACs over several runs of bytes, as if they stood in one. An absent run counts as empty. CRYPTO. */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

LK_MUST_USE lk_result lk_sha256(const struct lk_bytes *parts, size_t n, uint8_t out[static 32]);
LK_MUST_USE lk_result lk_sha512(const struct lk_bytes *parts, size_t n, uint8_t out[static 64]);
LK_MUST_USE lk_result lk_hmac_sha256(struct lk_bytes key, const struct lk_bytes *parts, size_t n,
                                     uint8_t out[static 32]);

/* The parts of one call: LK_PARTS(a, b, c) is {pointer, number} as two arguments. */
#define LK_PARTS(...)                       \
    (const struct lk_bytes[]){__VA_ARGS__}, \
        sizeof((const struct lk_bytes[]){__VA_ARGS__}) / sizeof(struct lk_bytes)

/* A domain string with the zero byte that ends it: LK_DOMAIN("latchkey-binding-v1"). */
#define LK_DOMAIN(literal) lk_bytes((literal), sizeof(literal))

#endif
