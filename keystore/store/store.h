/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_STORE_STORE_H
#define LK_STORE_STORE_H
/*
 * What the keeper keeps on disk: a few ordered tables of key -> {version, value}. Nothing outside this header
 * knows that it is LMDB. Every record carries HMAC-SHA-256 over (table, key, version, value) under the store MAC
 * key, which only the token can unwrap; a record that fails it is STORE_DAMAGED and its value is not handed out.
 *
 * Threads: one thread writes (keystore/store/writer.h); any other may read. A store is opened once per process and
 * never used across fork. A panic of the backend (a failed write that left it in doubt) aborts the process: the
 * next start reads what was last committed.
 */
#include "proto/base/buffer.h"

#define LK_STORE_SCHEMA 1u
#define LK_STORE_KEY_MAX 480   /* bytes of a key */
#define LK_STORE_MAC_KEY 32

enum lk_table {
    LK_TABLE_META = 0,  /* header, audit state */
    LK_TABLE_CHANGES,   /* u64be index -> change record (keystore/change/record.h); 0 is genesis */
    LK_TABLE_BLOBS,     /* secret name, 00, u64be version -> u8 KEK, wrapped blob */
    LK_TABLE_AUDIT,     /* u64be index -> audit record (keystore/audit/audit.h) */
    LK_TABLE_DECISIONS, /* decision id -> u64be index in the audit log */
    LK_TABLE_COUNTS,    /* secret name -> i64be day, u64be releases of that day; 01 and a policy's name -> secrets made */
    LK_TABLE_COLLATERAL, /* name -> what keystore/collateral/table.h says; younger than the schema: made when it is not there */
    LK_TABLE_COUNT
};

/* What is readable before the MAC key is: one record, protected by a checksum against accidents only. */
struct lk_store_header {
    uint32_t schema;
    uint8_t installation_id[32];
    uint8_t wrapped_key[512]; /* the store MAC key under KEK "sealed" */
    size_t wrapped_key_len;
};

struct lk_store;
struct lk_txn;

/*
 * Makes the folder (0700) if it is not there, and an empty store (0600) in it, with the header. max_size in bytes,
 * at least 1 MiB. STORE_EXISTS, STORE_IO.
 */
LK_MUST_USE lk_result lk_store_create(const char *folder, uint64_t max_size, const struct lk_store_header *header);

/*
 * Opens an existing store and reads its header. Everything the store needs of the file system is open afterwards.
 * STORE_MISSING, STORE_DAMAGED (cut short, no header, header's checksum), STORE_SCHEMA (newer), STORE_IO.
 */
LK_MUST_USE lk_result lk_store_open(const char *folder, uint64_t max_size, struct lk_store **out,
                                    struct lk_store_header *header);

/* Gives the store its MAC key (LK_STORE_MAC_KEY bytes; copied into locked memory). Before it every get and put fails. */
LK_MUST_USE lk_result lk_store_unlock(struct lk_store *s, struct lk_bytes mac_key);

void lk_store_close(struct lk_store *s);

/* Appends the value to out; *version may be NULL. NOT_FOUND, STORE_DAMAGED, STORE_IO, TOO_LARGE. */
LK_MUST_USE lk_result lk_store_get(struct lk_store *s, enum lk_table table, struct lk_bytes key, uint64_t *version,
                                   struct lk_buf *out);

/*
 * Calls fn for each record whose key is not less than first (LK_BYTES_NONE: all), in order of keys, until it fails
 * or sets *stop. Key and value are valid during the call. STORE_DAMAGED, STORE_IO, or what fn gave.
 */
typedef lk_result (*lk_store_fn)(void *arg, struct lk_bytes key, uint64_t version, struct lk_bytes value, bool *stop);
LK_MUST_USE lk_result lk_store_each(struct lk_store *s, enum lk_table table, struct lk_bytes first, lk_store_fn fn,
                                    void *arg);

/*
 * One moment of the store: what a view's walk lends lives until the view ends. Views are short: while one is open no page
 * that it may see is used again. STORE_IO.
 */
struct lk_view;
LK_MUST_USE lk_result lk_view_begin(struct lk_store *s, struct lk_view **out);
/* As lk_store_each. */
LK_MUST_USE lk_result lk_view_each(struct lk_view *v, enum lk_table table, struct lk_bytes first, lk_store_fn fn, void *arg);
void lk_view_end(struct lk_view *v); /* NULL is fine */

/* Writing: everything between begin and commit is durable together or not there. Only the writer's thread. STORE_IO. */
LK_MUST_USE lk_result lk_store_begin(struct lk_store *s, struct lk_txn **out);
/* Writes or overwrites. STORE_FULL, STORE_IO. */
LK_MUST_USE lk_result lk_txn_put(struct lk_txn *t, enum lk_table table, struct lk_bytes key, uint64_t version,
                                 struct lk_bytes value);
/* As put, but STORE_EXISTS when the key is there. */
LK_MUST_USE lk_result lk_txn_insert(struct lk_txn *t, enum lk_table table, struct lk_bytes key, uint64_t version,
                                    struct lk_bytes value);
/* As lk_store_get, within the transaction. */
LK_MUST_USE lk_result lk_txn_get(struct lk_txn *t, enum lk_table table, struct lk_bytes key, uint64_t *version,
                                 struct lk_buf *out);
/* Deletes the record of this very key. NOT_FOUND. */
LK_MUST_USE lk_result lk_txn_remove(struct lk_txn *t, enum lk_table table, struct lk_bytes key);
/* Deletes every record whose key begins with prefix. */
LK_MUST_USE lk_result lk_txn_delete(struct lk_txn *t, enum lk_table table, struct lk_bytes prefix);
/* Ends t either way. When commit gives OK the data is on the disk. STORE_FULL, STORE_IO: nothing was written. */
LK_MUST_USE lk_result lk_txn_commit(struct lk_txn *t);
void lk_txn_abort(struct lk_txn *t);

/*
 * True while releases and their records may be written; false past the watermark (15/16 of max_size in use), where
 * only administrators' changes still are.
 */
bool lk_store_room(struct lk_store *s);

#endif
