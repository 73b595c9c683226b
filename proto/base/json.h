/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_JSON_H
#define LK_BASE_JSON_H
/*
 * A bounded JSON reader (RFC 8259, ASCII) for Intel's collateral, Azure's runtime data and LUKS2 headers: each object is read by a table of its members, arrays
 * have a maximum, nesting ends at LK_JSON_DEPTH. Unknown members are skipped, or a failure with `strict`; a known member twice, or one missing, is
 * a failure. Nothing is decoded but what a table asks for, and strings with escapes are read by no table.
 *
 * The reader is a cursor: its first failure sticks, and is asked for at the end.
 */
#include "proto/base/arena.h"
#include "proto/base/cursor.h"

#define LK_JSON_DEPTH 12
#define LK_JSON_MEMBERS 32 /* rows of one table */

struct lk_json {
    struct lk_cursor c;
    struct lk_arena *arena; /* for arrays */
    unsigned depth;
    bool strict; /* the caller may set it */
};

struct lk_json lk_json(struct lk_bytes text, struct lk_arena *arena);

/* Reads the value at the cursor into a field of `size` bytes. */
typedef void lk_json_read(struct lk_json *j, void *field, size_t size);

struct lk_json_member {
    const char *name;
    lk_json_read *read;
    size_t offset, size; /* of the field in the struct */
    bool optional;
};

#define LK_JSON_MEMBER(name, read, type, field) {name, read, offsetof(type, field), sizeof(((type *)0)->field), false}
#define LK_JSON_OPTIONAL(name, read, type, field) {name, read, offsetof(type, field), sizeof(((type *)0)->field), true}

/* An object, by its table (at most LK_JSON_MEMBERS rows). */
void lk_json_object(struct lk_json *j, const struct lk_json_member *table, size_t n, void *to);

/* Readers of single values. */
lk_json_read lk_json_uint; /* field: uint8_t, uint16_t or uint32_t; no sign, fraction, exponent or leading zero */
lk_json_read lk_json_hex;  /* field: an array of bytes; exactly so many, either case */
lk_json_read lk_json_time; /* field: int64_t; "2026-11-21T10:00:00Z" */
lk_json_read lk_json_text; /* field: struct lk_bytes, borrowed; printable ASCII without escapes */
lk_json_read lk_json_raw;  /* field: struct lk_bytes, borrowed; the exact bytes of any value */
lk_json_read lk_json_flag; /* field: uint8_t, an enum lk_json_flag */
lk_json_read lk_json_base64url; /* field: struct lk_bytes, decoded into the arena; RFC 4648, section 5, without padding */

/* So that a member that is not there is told from one that is false. */
enum lk_json_flag { LK_JSON_ABSENT, LK_JSON_FALSE, LK_JSON_TRUE };

/* An array: its elements, each of `element` bytes, in the arena. */
struct lk_json_array {
    void *elements;
    size_t n;
};
void lk_json_array(struct lk_json *j, struct lk_json_array *out, size_t max, size_t element, lk_json_read *read);

/* The same for an object whose names are data: its values. */
void lk_json_map(struct lk_json *j, struct lk_json_array *out, size_t max, size_t element, lk_json_read *read);

/* OK when nothing failed and only white space is left. SHORT_INPUT or TRAILING_BYTES. */
LK_MUST_USE lk_result lk_json_end(struct lk_json *j);

#endif
