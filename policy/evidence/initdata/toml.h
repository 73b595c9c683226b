/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_INITDATA_TOML_H
#define LK_INITDATA_TOML_H
/*
 * The part of TOML 1.0.0 that an initdata document needs: keys that are bare or quoted, values that are strings of any
 * of the four kinds, headers of plain tables, comments. Strict where a guest's reader and ours could differ: no
 * carriage returns, no control characters, no dotted keys, no escapes in keys.
 *
 * The reader is a cursor: its first failure sticks, and is asked for at the end.
 */
#include "proto/base/arena.h"
#include "proto/base/cursor.h"

struct lk_toml {
    struct lk_cursor c;
    uint8_t *room; /* for all strings together, decoded: never longer than what they are read from */
    size_t used;
};

enum lk_toml_line {
    LK_TOML_END,
    LK_TOML_TABLE, /* [name] */
    LK_TOML_VALUE, /* name = text */
};

/* The text must be UTF-8 (lk_utf8_ok). MEMORY. */
LK_MUST_USE lk_result lk_toml_open(struct lk_bytes text, struct lk_arena *arena, struct lk_toml *t);

/*
 * The next line that says something; empty lines and comments are passed over. name borrows from the text, value
 * lies in the arena. LK_TOML_END after a failure too: ask lk_toml_end.
 */
enum lk_toml_line lk_toml_next(struct lk_toml *t, struct lk_bytes *name, struct lk_bytes *value);

/* OK when nothing failed and nothing is left. SHORT_INPUT, TRAILING_BYTES. */
LK_MUST_USE lk_result lk_toml_end(const struct lk_toml *t);

#endif
