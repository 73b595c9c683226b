/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SUPERVISOR_CONFIG_READ_H
#define LK_SUPERVISOR_CONFIG_READ_H
/*
 * Reading YAML by a table: one row a key. The first error is kept with line and
 * column; after it nothing more is read.
 */
#include "broker/supervisor/config.h"

#include <libfyaml.h>

struct lk_reader {
    struct fy_diag *diag;
    const char *folder; /* relative paths are taken from it */
    bool failed;
};

struct lk_key;
typedef void (*lk_key_fn)(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out);

struct lk_key {
    const char *name;
    bool required;
    lk_key_fn read;
    size_t offset;            /* of the member within the struct that the table fills */
    uint64_t min, max;        /* numbers: range; text: max is the size of the array */
    const struct lk_key *sub; /* mappings: their own table, filling the same struct at `offset` */
};

/* Notes an error at the node; fmt without a newline. */
void lk_reader_error(struct lk_reader *r, struct fy_node *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A mapping of the keys of the table (ended by a row without name). */
void lk_read_mapping(struct lk_reader *r, struct fy_node *node, const struct lk_key *keys, void *out);
void lk_read_sub(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out);

/* Scalars. Sizes take KiB, MiB, GiB; durations ms, s, m, h, and are kept in milliseconds. */
void lk_read_text(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out);
void lk_read_path(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out);
void lk_read_u64(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out);
void lk_read_unsigned(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out);
void lk_read_size(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out);
void lk_read_ms(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out);       /* uint64_t */
void lk_read_ms_unsigned(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out);
void lk_read_seconds(struct lk_reader *r, struct fy_node *node, const struct lk_key *key, void *out);  /* unsigned */

/* The node's text, NUL-terminated, into out; false (and an error) when it is no scalar or does not fit. */
bool lk_node_text(struct lk_reader *r, struct fy_node *node, char *out, size_t size);
/* Makes a path absolute, by the file's folder. */
bool lk_node_path(struct lk_reader *r, struct fy_node *node, const char *path, char *out, size_t size);

#endif
