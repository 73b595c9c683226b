/* SPDX-License-Identifier: Apache-2.0 */
/* The store on LMDB. Default durability; no flag that trades it away is ever set. */
#include "keystore/store/record.h"
#include "proto/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const table_names[LK_TABLE_COUNT] = {
    [LK_TABLE_META] = "meta",   [LK_TABLE_CHANGES] = "changes",     [LK_TABLE_BLOBS] = "blobs",
    [LK_TABLE_AUDIT] = "audit", [LK_TABLE_DECISIONS] = "decisions", [LK_TABLE_COUNTS] = "counts",
    [LK_TABLE_COLLATERAL] = "collateral",
};
static const char header_key[] = "header";

struct lk_store {
    MDB_env *env;
    MDB_dbi dbi[LK_TABLE_COUNT];
    struct lk_secret mac_key;
    uint64_t max_pages;
};

struct lk_txn {
    struct lk_store *store;
    MDB_txn *txn;
};

static MDB_val val_of(struct lk_bytes b)
{
    return (MDB_val){b.len, (void *)(uintptr_t)b.data};
}

static struct lk_bytes bytes_of(MDB_val v)
{
    return lk_bytes(v.mv_data, v.mv_size);
}

/* A failed write that leaves LMDB in doubt may not be followed by another. */
static lk_result from_mdb(int rc, const char *doing)
{
    if (rc == MDB_SUCCESS)
        return LK_OK;
    if (rc == MDB_NOTFOUND)
        return LK_FAIL(NOT_FOUND);
    if (rc == MDB_KEYEXIST)
        return LK_FAIL(STORE_EXISTS);
    lk_log(LK_LOG_ERROR, "store.error", "doing=%s error=%s", doing, lk_log_text(mdb_strerror(rc)));
    if (rc == MDB_PANIC)
        abort();
    if (rc == MDB_MAP_FULL || rc == MDB_TXN_FULL || rc == ENOSPC)
        return LK_FAIL(STORE_FULL);
    if (rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH ||
        rc == MDB_INCOMPATIBLE || rc == MDB_BAD_VALSIZE)
        return LK_FAIL(STORE_DAMAGED);
    return LK_FAIL(STORE_IO);
}

static void on_assert(MDB_env *env, const char *message)
{
    (void)env;
    lk_log(LK_LOG_ERROR, "store.damaged", "code=STORE_DAMAGED detail=%s", lk_log_text(message));
    _exit(70); /* a broken page: nothing read past it can be trusted */
}

static lk_result env_open(const char *folder, uint64_t max_size, struct lk_store *s)
{
    long page = sysconf(_SC_PAGESIZE);
    LK_REQUIRE(max_size >= 1u << 20, CONFIG);
    s->max_pages = max_size / (uint64_t)page;
    LK_TRY(from_mdb(mdb_env_create(&s->env), "create"));
    LK_TRY(from_mdb(mdb_env_set_assert(s->env, on_assert), "assert"));
    LK_TRY(from_mdb(mdb_env_set_maxdbs(s->env, LK_TABLE_COUNT), "tables"));
    LK_TRY(from_mdb(mdb_env_set_mapsize(s->env, (size_t)(s->max_pages * (uint64_t)page)), "size"));
    return from_mdb(mdb_env_open(s->env, folder, MDB_NOTLS, 0600), "open");
}

/* LMDB maps the file and would meet a missing tail as a bus error: ask the file's length first. */
static lk_result check_length(struct lk_store *s)
{
    MDB_envinfo info;
    struct stat st;
    int fd = -1;
    LK_TRY(from_mdb(mdb_env_info(s->env, &info), "info"));
    LK_TRY(from_mdb(mdb_env_get_fd(s->env, &fd), "descriptor"));
    LK_REQUIRE(fstat(fd, &st) == 0, STORE_IO);
    uint64_t need = ((uint64_t)info.me_last_pgno + 1) * (uint64_t)sysconf(_SC_PAGESIZE);
    LK_REQUIRE((uint64_t)st.st_size >= need, STORE_DAMAGED);
    return LK_OK;
}

static lk_result open_tables(struct lk_store *s, unsigned flags)
{
    MDB_txn *txn = NULL;
    LK_TRY(from_mdb(mdb_txn_begin(s->env, NULL, 0, &txn), "begin"));
    for (int t = 0; t < LK_TABLE_COUNT; t++) {
        bool later = t == LK_TABLE_COLLATERAL; /* a store of before lacks it, and nothing else */
        int rc = mdb_dbi_open(txn, table_names[t], later ? MDB_CREATE : flags, &s->dbi[t]);
        if (rc != MDB_SUCCESS) {
            mdb_txn_abort(txn);
            return rc == MDB_NOTFOUND ? LK_FAIL(STORE_DAMAGED) : from_mdb(rc, "table");
        }
    }
    return from_mdb(mdb_txn_commit(txn), "commit");
}

static lk_result write_header(struct lk_store *s, const struct lk_store_header *h)
{
    LK_BUF_AUTO raw = lk_buf(1024);
    MDB_txn *txn = NULL;
    LK_TRY(lk_header_put(&raw, h));
    LK_TRY(from_mdb(mdb_txn_begin(s->env, NULL, 0, &txn), "begin"));
    MDB_val k = val_of(lk_bytes_str(header_key)), v = val_of(lk_buf_bytes(&raw));
    int rc = mdb_put(txn, s->dbi[LK_TABLE_META], &k, &v, 0);
    if (rc != MDB_SUCCESS) {
        mdb_txn_abort(txn);
        return from_mdb(rc, "header");
    }
    return from_mdb(mdb_txn_commit(txn), "commit");
}

static bool data_path(const char *folder, char *out, size_t size)
{
    int n = snprintf(out, size, "%s/data.mdb", folder);
    return n > 0 && (size_t)n < size;
}

static lk_result sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    LK_REQUIRE(fd >= 0, STORE_IO);
    int rc = fsync(fd);
    close(fd);
    return rc == 0 ? LK_OK : LK_FAIL(STORE_IO);
}

lk_result lk_store_create(const char *folder, uint64_t max_size, const struct lk_store_header *header)
{
    char path[4096];
    LK_REQUIRE(data_path(folder, path, sizeof(path)), STORE_IO);
    LK_REQUIRE(mkdir(folder, 0700) == 0 || errno == EEXIST, STORE_IO);
    LK_REQUIRE(access(path, F_OK) != 0, STORE_EXISTS);
    struct lk_store s = {0};
    lk_result r = env_open(folder, max_size, &s);
    if (lk_ok(r))
        r = open_tables(&s, MDB_CREATE);
    if (lk_ok(r))
        r = write_header(&s, header);
    if (s.env != NULL)
        mdb_env_close(s.env);
    return lk_ok(r) ? sync_folder(folder) : r;
}

static lk_result read_header(struct lk_store *s, struct lk_store_header *h)
{
    MDB_txn *txn = NULL;
    LK_TRY(from_mdb(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn), "begin"));
    MDB_val k = val_of(lk_bytes_str(header_key)), v;
    int rc = mdb_get(txn, s->dbi[LK_TABLE_META], &k, &v);
    lk_result r = rc == MDB_SUCCESS ? lk_header_get(bytes_of(v), h) : LK_FAIL(STORE_DAMAGED);
    mdb_txn_abort(txn);
    return r;
}

lk_result lk_store_open(const char *folder, uint64_t max_size, struct lk_store **out, struct lk_store_header *header)
{
    char path[4096];
    *out = NULL;
    LK_REQUIRE(data_path(folder, path, sizeof(path)), STORE_IO);
    LK_REQUIRE(access(path, F_OK) == 0, STORE_MISSING);
    struct lk_store *s = calloc(1, sizeof(*s));
    LK_REQUIRE(s != NULL, MEMORY);
    lk_result r = env_open(folder, max_size, s);
    if (lk_ok(r))
        r = check_length(s);
    if (lk_ok(r))
        r = open_tables(s, 0);
    if (lk_ok(r))
        r = read_header(s, header);
    if (!lk_ok(r)) {
        lk_store_close(s);
        return r;
    }
    *out = s;
    return LK_OK;
}

lk_result lk_store_unlock(struct lk_store *s, struct lk_bytes mac_key)
{
    LK_REQUIRE(mac_key.len == LK_STORE_MAC_KEY, STORE_DAMAGED);
    lk_secret_free(&s->mac_key);
    return lk_secret_copy(&s->mac_key, mac_key);
}

void lk_store_close(struct lk_store *s)
{
    if (s == NULL)
        return;
    if (s->env != NULL)
        mdb_env_close(s->env);
    lk_secret_free(&s->mac_key);
    free(s);
}

static lk_result get_in(struct lk_store *s, MDB_txn *txn, enum lk_table table, struct lk_bytes key, uint64_t *version,
                        struct lk_buf *out)
{
    MDB_val k = val_of(key), v;
    uint64_t ver;
    struct lk_bytes value;
    LK_TRY(from_mdb(mdb_get(txn, s->dbi[table], &k, &v), "get"));
    LK_TRY(lk_record_open(&s->mac_key, table, key, bytes_of(v), &ver, &value));
    if (version != NULL)
        *version = ver;
    lk_put(out, value);
    return lk_buf_ok(out);
}

lk_result lk_store_get(struct lk_store *s, enum lk_table table, struct lk_bytes key, uint64_t *version,
                       struct lk_buf *out)
{
    MDB_txn *txn = NULL;
    LK_REQUIRE(key.len > 0 && key.len <= LK_STORE_KEY_MAX, NOT_FOUND);
    LK_TRY(from_mdb(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn), "begin"));
    lk_result r = get_in(s, txn, table, key, version, out);
    mdb_txn_abort(txn);
    return r;
}

static lk_result each_in(struct lk_store *s, MDB_cursor *cur, enum lk_table table, struct lk_bytes first,
                         lk_store_fn fn, void *arg)
{
    MDB_val k = val_of(first), v;
    bool stop = false;
    int rc = mdb_cursor_get(cur, &k, &v, first.len == 0 ? MDB_FIRST : MDB_SET_RANGE);
    for (; rc == MDB_SUCCESS && !stop; rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        uint64_t version;
        struct lk_bytes value;
        if (table == LK_TABLE_META && lk_bytes_eq(bytes_of(k), lk_bytes_str(header_key)))
            continue;
        LK_TRY(lk_record_open(&s->mac_key, table, bytes_of(k), bytes_of(v), &version, &value));
        LK_TRY(fn(arg, bytes_of(k), version, value, &stop));
        if (stop)
            return LK_OK;
    }
    return rc == MDB_NOTFOUND ? LK_OK : from_mdb(rc, "walk");
}

struct lk_view {
    struct lk_store *store;
    MDB_txn *txn;
};

lk_result lk_view_begin(struct lk_store *s, struct lk_view **out)
{
    struct lk_view *v = calloc(1, sizeof(*v));
    LK_REQUIRE(v != NULL, MEMORY);
    v->store = s;
    lk_result r = from_mdb(mdb_txn_begin(s->env, NULL, MDB_RDONLY, &v->txn), "begin");
    *out = lk_ok(r) ? v : NULL;
    if (!lk_ok(r))
        free(v);
    return r;
}

lk_result lk_view_each(struct lk_view *v, enum lk_table table, struct lk_bytes first, lk_store_fn fn, void *arg)
{
    MDB_cursor *cur = NULL;
    LK_TRY(from_mdb(mdb_cursor_open(v->txn, v->store->dbi[table], &cur), "cursor"));
    lk_result r = each_in(v->store, cur, table, first, fn, arg);
    mdb_cursor_close(cur);
    return r;
}

void lk_view_end(struct lk_view *v)
{
    if (v == NULL)
        return;
    mdb_txn_abort(v->txn);
    free(v);
}

lk_result lk_store_each(struct lk_store *s, enum lk_table table, struct lk_bytes first, lk_store_fn fn, void *arg)
{
    struct lk_view *v;
    LK_TRY(lk_view_begin(s, &v));
    lk_result r = lk_view_each(v, table, first, fn, arg);
    lk_view_end(v);
    return r;
}

lk_result lk_store_begin(struct lk_store *s, struct lk_txn **out)
{
    *out = NULL;
    struct lk_txn *t = calloc(1, sizeof(*t));
    LK_REQUIRE(t != NULL, MEMORY);
    t->store = s;
    lk_result r = from_mdb(mdb_txn_begin(s->env, NULL, 0, &t->txn), "begin");
    if (!lk_ok(r)) {
        free(t);
        return r;
    }
    *out = t;
    return LK_OK;
}

static lk_result put_with(struct lk_txn *t, enum lk_table table, struct lk_bytes key, uint64_t version,
                          struct lk_bytes value, unsigned flags)
{
    LK_REQUIRE(key.len > 0 && key.len <= LK_STORE_KEY_MAX, INTERNAL);
    LK_BUF_AUTO raw = lk_buf(value.len + LK_RECORD_OVERHEAD);
    LK_TRY(lk_record_seal(&t->store->mac_key, table, key, version, value, &raw));
    MDB_val k = val_of(key), v = val_of(lk_buf_bytes(&raw));
    return from_mdb(mdb_put(t->txn, t->store->dbi[table], &k, &v, flags), "put");
}

lk_result lk_txn_put(struct lk_txn *t, enum lk_table table, struct lk_bytes key, uint64_t version,
                     struct lk_bytes value)
{
    return put_with(t, table, key, version, value, 0);
}

lk_result lk_txn_insert(struct lk_txn *t, enum lk_table table, struct lk_bytes key, uint64_t version,
                        struct lk_bytes value)
{
    return put_with(t, table, key, version, value, MDB_NOOVERWRITE);
}

lk_result lk_txn_get(struct lk_txn *t, enum lk_table table, struct lk_bytes key, uint64_t *version, struct lk_buf *out)
{
    return get_in(t->store, t->txn, table, key, version, out);
}

static bool begins(MDB_val k, struct lk_bytes prefix)
{
    return k.mv_size >= prefix.len && memcmp(k.mv_data, prefix.data, prefix.len) == 0;
}

lk_result lk_txn_remove(struct lk_txn *t, enum lk_table table, struct lk_bytes key)
{
    MDB_val k = val_of(key);
    int rc = mdb_del(t->txn, t->store->dbi[table], &k, NULL);
    return rc == MDB_NOTFOUND ? LK_FAIL(NOT_FOUND) : from_mdb(rc, "delete");
}

lk_result lk_txn_delete(struct lk_txn *t, enum lk_table table, struct lk_bytes prefix)
{
    MDB_cursor *cur = NULL;
    LK_TRY(from_mdb(mdb_cursor_open(t->txn, t->store->dbi[table], &cur), "cursor"));
    MDB_val k, v;
    int rc;
    do { /* found anew each time: simpler than LMDB's rules for a cursor after a delete */
        k = val_of(prefix);
        rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
        if (rc == MDB_SUCCESS && !begins(k, prefix))
            rc = MDB_NOTFOUND;
        if (rc == MDB_SUCCESS)
            rc = mdb_cursor_del(cur, 0);
    } while (rc == MDB_SUCCESS);
    mdb_cursor_close(cur);
    return rc == MDB_NOTFOUND ? LK_OK : from_mdb(rc, "delete");
}

lk_result lk_txn_commit(struct lk_txn *t)
{
    lk_result r = from_mdb(mdb_txn_commit(t->txn), "commit");
    free(t);
    return r;
}

void lk_txn_abort(struct lk_txn *t)
{
    mdb_txn_abort(t->txn);
    free(t);
}

/* Pages that deletes gave back: LMDB's table 0, whose values are lists {count, page numbers}. */
static uint64_t free_pages(struct lk_store *s)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cur = NULL;
    uint64_t n = 0;
    if (mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn) != MDB_SUCCESS)
        return 0;
    if (mdb_cursor_open(txn, 0, &cur) == MDB_SUCCESS) {
        MDB_val k, v;
        while (mdb_cursor_get(cur, &k, &v, MDB_NEXT) == MDB_SUCCESS) {
            size_t count = 0;
            memcpy(&count, v.mv_data, v.mv_size < sizeof(count) ? v.mv_size : sizeof(count));
            n += count;
        }
        mdb_cursor_close(cur);
    }
    mdb_txn_abort(txn);
    return n;
}

bool lk_store_room(struct lk_store *s)
{
    MDB_envinfo info;
    uint64_t mark = s->max_pages - s->max_pages / 16;
    if (mdb_env_info(s->env, &info) != MDB_SUCCESS)
        return false;
    uint64_t used = (uint64_t)info.me_last_pgno + 1;
    return used < mark || used - free_pages(s) < mark;
}
