/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_BUFFER_H
#define LK_BASE_BUFFER_H
/*
 * The one way in which bytes are written: a growing buffer with a hard maximum.
 * Like the cursor it remembers its first failure, and after it ignores writes;
 * ask lk_buf_ok() once, at the end. The buffer owns its memory.
 */
#include "proto/base/bytes.h"
#include "proto/base/result.h"

struct lk_buf {
    uint8_t *data;
    size_t len, cap, max;
    bool failed;
};

/* An empty buffer that may grow to max bytes. Nothing is allocated yet. */
struct lk_buf lk_buf(size_t max);
/* Frees and empties. Safe on a zeroed struct and twice. */
void lk_buf_free(struct lk_buf *b);
/* As lk_buf_free, and the bytes are wiped first. */
void lk_buf_wipe(struct lk_buf *b);
#define LK_BUF_AUTO __attribute__((cleanup(lk_buf_free))) struct lk_buf

void lk_put_u8(struct lk_buf *b, uint8_t v);
void lk_put_u16le(struct lk_buf *b, uint16_t v);
void lk_put_u32le(struct lk_buf *b, uint32_t v);
void lk_put_u64le(struct lk_buf *b, uint64_t v);
void lk_put_u16be(struct lk_buf *b, uint16_t v);
void lk_put_u32be(struct lk_buf *b, uint32_t v);
void lk_put_u64be(struct lk_buf *b, uint64_t v);
void lk_put(struct lk_buf *b, struct lk_bytes v);
/* Length as u16 big-endian (u32 little-endian), then the bytes. */
void lk_put_sized_u16be(struct lk_buf *b, struct lk_bytes v);
void lk_put_sized_u32le(struct lk_buf *b, struct lk_bytes v);
/* n bytes of uninitialised room inside the buffer, valid until the next put; NULL on failure. */
uint8_t *lk_put_room(struct lk_buf *b, size_t n);
/* Formatted text, without a NUL. */
void lk_put_fmt(struct lk_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What was written; valid until the next put. */
struct lk_bytes lk_buf_bytes(const struct lk_buf *b);

/* OK, or TOO_LARGE when a write went past max (or the memory for it was not there). */
LK_MUST_USE lk_result lk_buf_ok(const struct lk_buf *b);

#endif
