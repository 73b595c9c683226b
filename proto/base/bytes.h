/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_BYTES_H
#define LK_BASE_BYTES_H
/*
 * A borrowed run of bytes. It never owns: whoever made the memory keeps it
 * alive for as long as the lk_bytes is used. {NULL, 0} means "absent"; an empty
 * but present run has a non-NULL pointer.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lk_bytes {
    const uint8_t *data;
    size_t len;
};

#define LK_BYTES_NONE ((struct lk_bytes){NULL, 0})
#define LK_BYTES(array) ((struct lk_bytes){(const uint8_t *)(array), sizeof(array)})

static inline struct lk_bytes lk_bytes(const void *data, size_t len)
{
    return (struct lk_bytes){(const uint8_t *)data, len};
}

/* The characters of a C string, without its NUL. */
struct lk_bytes lk_bytes_str(const char *s);

/* Equal length and content. For public values only. */
bool lk_bytes_eq(struct lk_bytes a, struct lk_bytes b);

/* As lk_bytes_eq, in time that depends on the lengths only. For nonces and MACs. */
bool lk_bytes_ct_eq(struct lk_bytes a, struct lk_bytes b);

/* True when every byte is zero (an empty run is). */
bool lk_bytes_zero(struct lk_bytes a);

/*
 * Lower-case hex of a, always NUL-terminated. out_size must be at least 2 * len + 1,
 * else the text is cut to the whole bytes that fit and ends in "~".
 */
void lk_hex(struct lk_bytes a, char *out, size_t out_size);

/*
 * Decodes hex (either case, even length, nothing else) into out.
 * Returns the number of bytes, or -1 when the text is not hex or does not fit.
 */
ptrdiff_t lk_unhex(const char *text, size_t text_len, uint8_t *out, size_t out_size);

#endif
