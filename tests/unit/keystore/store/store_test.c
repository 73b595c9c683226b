/* SPDX-License-Identifier: Apache-2.0 */
/* keystore/store: records, transactions, damage, room, group commit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keystore/store/record.h"
#include "keystore/store/writer.h"

#define CODE(r) ((int)(r).code)
#define TEXT(s) lk_bytes_str(s)

static const uint8_t mac_key[32] = {7};

struct fixture {
    char folder[64], file[96];
    struct lk_store *store;
    struct lk_store_header header;
};

static void reopen(struct fixture *f, uint64_t size)
{
    lk_store_close(f->store);
    assert_int_equal(CODE(lk_store_open(f->folder, size, &f->store, &f->header)), LK_R_OK);
    assert_int_equal(CODE(lk_store_unlock(f->store, LK_BYTES(mac_key))), LK_R_OK);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    strcpy(f->folder, "/tmp/lk-store-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->file, sizeof(f->file), "%s/data.mdb", f->folder);
    struct lk_store_header h = {.schema = LK_STORE_SCHEMA, .wrapped_key_len = 40};
    memset(h.installation_id, 0xa5, 32);
    assert_int_equal(CODE(lk_store_create(f->folder, 4u << 20, &h)), LK_R_OK);
    reopen(f, 4u << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char lock[96];
    lk_store_close(f->store);
    snprintf(lock, sizeof(lock), "%s/lock.mdb", f->folder);
    unlink(lock);
    unlink(f->file);
    rmdir(f->folder);
    free(f);
    return 0;
}

static void put(struct lk_store *s, enum lk_table t, const char *key, uint64_t version, struct lk_bytes value)
{
    struct lk_txn *txn;
    assert_int_equal(CODE(lk_store_begin(s, &txn)), LK_R_OK);
    assert_int_equal(CODE(lk_txn_put(txn, t, TEXT(key), version, value)), LK_R_OK);
    assert_int_equal(CODE(lk_txn_commit(txn)), LK_R_OK);
}

static int get_code(struct lk_store *s, enum lk_table t, const char *key)
{
    LK_BUF_AUTO out = lk_buf(1 << 20);
    return CODE(lk_store_get(s, t, TEXT(key), NULL, &out));
}

static void what_was_put_comes_back(void **state)
{
    struct fixture *f = *state;
    LK_BUF_AUTO out = lk_buf(100);
    uint64_t version;
    put(f->store, LK_TABLE_BLOBS, "a/b", 3, TEXT("value"));
    reopen(f, 4u << 20);
    assert_int_equal(f->header.installation_id[31], 0xa5);
    assert_int_equal(CODE(lk_store_get(f->store, LK_TABLE_BLOBS, TEXT("a/b"), &version, &out)), LK_R_OK);
    assert_int_equal(version, 3);
    assert_true(lk_bytes_eq(lk_buf_bytes(&out), TEXT("value")));
    assert_int_equal(get_code(f->store, LK_TABLE_CHANGES, "a/b"), LK_R_NOT_FOUND);
}

static void aborted_writes_are_not_there(void **state)
{
    struct fixture *f = *state;
    struct lk_txn *txn;
    assert_int_equal(CODE(lk_store_begin(f->store, &txn)), LK_R_OK);
    assert_int_equal(CODE(lk_txn_put(txn, LK_TABLE_META, TEXT("k"), 1, TEXT("v"))), LK_R_OK);
    lk_txn_abort(txn);
    assert_int_equal(get_code(f->store, LK_TABLE_META, "k"), LK_R_NOT_FOUND);
}

static void insert_does_not_overwrite(void **state)
{
    struct fixture *f = *state;
    struct lk_txn *txn;
    put(f->store, LK_TABLE_DECISIONS, "id", 1, TEXT("first"));
    assert_int_equal(CODE(lk_store_begin(f->store, &txn)), LK_R_OK);
    assert_int_equal(CODE(lk_txn_insert(txn, LK_TABLE_DECISIONS, TEXT("id"), 1, TEXT("x"))), LK_R_STORE_EXISTS);
    lk_txn_abort(txn);
}

struct seen {
    char keys[64];
    int n;
};

static lk_result see(void *arg, struct lk_bytes key, uint64_t version, struct lk_bytes value, bool *stop)
{
    struct seen *seen = arg;
    (void)version;
    (void)value;
    (void)stop;
    seen->keys[seen->n++] = (char)key.data[key.len - 1];
    return LK_OK;
}

static void deletes_take_exactly_the_prefix(void **state)
{
    struct fixture *f = *state;
    struct lk_txn *txn;
    struct seen seen = {{0}, 0};
    put(f->store, LK_TABLE_BLOBS, "n/1", 1, TEXT("v"));
    put(f->store, LK_TABLE_BLOBS, "n/2", 1, TEXT("v"));
    put(f->store, LK_TABLE_BLOBS, "m/3", 1, TEXT("v"));
    put(f->store, LK_TABLE_BLOBS, "o/4", 1, TEXT("v"));
    assert_int_equal(CODE(lk_store_begin(f->store, &txn)), LK_R_OK);
    assert_int_equal(CODE(lk_txn_delete(txn, LK_TABLE_BLOBS, TEXT("n/"))), LK_R_OK);
    assert_int_equal(CODE(lk_txn_commit(txn)), LK_R_OK);
    assert_int_equal(CODE(lk_store_each(f->store, LK_TABLE_BLOBS, LK_BYTES_NONE, see, &seen)), LK_R_OK);
    assert_string_equal(seen.keys, "34");
}

/* A record may be moved or altered only by someone with the MAC key. */
static void a_record_is_bound_to_table_key_version_and_value(void **state)
{
    (void)state;
    LK_SECRET_AUTO key = {0};
    LK_BUF_AUTO raw = lk_buf(200);
    uint64_t version;
    struct lk_bytes value;
    assert_int_equal(CODE(lk_secret_copy(&key, LK_BYTES(mac_key))), LK_R_OK);
    assert_int_equal(CODE(lk_record_seal(&key, LK_TABLE_BLOBS, TEXT("k"), 1, TEXT("value"), &raw)), LK_R_OK);
    struct lk_bytes sealed = lk_buf_bytes(&raw);
    assert_int_equal(CODE(lk_record_open(&key, LK_TABLE_BLOBS, TEXT("k"), sealed, &version, &value)), LK_R_OK);
    assert_int_equal(CODE(lk_record_open(&key, LK_TABLE_AUDIT, TEXT("k"), sealed, &version, &value)), LK_R_STORE_DAMAGED);
    assert_int_equal(CODE(lk_record_open(&key, LK_TABLE_BLOBS, TEXT("K"), sealed, &version, &value)), LK_R_STORE_DAMAGED);
    assert_int_equal(CODE(lk_record_open(&key, LK_TABLE_BLOBS, TEXT("k"), lk_bytes(sealed.data, 39), &version, &value)),
                     LK_R_STORE_DAMAGED);
    for (size_t i = 0; i < raw.len; i++) {
        raw.data[i] ^= 1;
        assert_int_equal(CODE(lk_record_open(&key, LK_TABLE_BLOBS, TEXT("k"), sealed, &version, &value)),
                         LK_R_STORE_DAMAGED);
        raw.data[i] ^= 1;
    }
}

static void another_mac_key_reads_nothing(void **state)
{
    struct fixture *f = *state;
    const uint8_t other[32] = {8};
    put(f->store, LK_TABLE_BLOBS, "k", 1, TEXT("v"));
    assert_int_equal(CODE(lk_store_unlock(f->store, LK_BYTES(other))), LK_R_OK);
    assert_int_equal(get_code(f->store, LK_TABLE_BLOBS, "k"), LK_R_STORE_DAMAGED);
}

/* LMDB has no page checksum: 16 bytes overwritten inside a value reopen without an error of its own. */
static void bytes_damaged_on_disk_are_told(void **state)
{
    struct fixture *f = *state;
    uint8_t *big = malloc(3000);
    memset(big, 0x5a, 3000);
    put(f->store, LK_TABLE_BLOBS, "k", 1, lk_bytes(big, 3000));
    lk_store_close(f->store);
    f->store = NULL;
    int fd = open(f->file, O_RDWR);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    uint8_t *all = malloc((size_t)st.st_size);
    assert_int_equal(pread(fd, all, (size_t)st.st_size, 0), st.st_size);
    uint8_t *hit = memmem(all, (size_t)st.st_size, big, 1000);
    assert_non_null(hit);
    assert_int_equal(pwrite(fd, "0123456789abcdef", 16, hit - all + 100), 16);
    close(fd);
    free(all);
    free(big);
    reopen(f, 4u << 20);
    assert_int_equal(get_code(f->store, LK_TABLE_BLOBS, "k"), LK_R_STORE_DAMAGED);
}

static void a_store_cut_short_is_damaged(void **state)
{
    struct fixture *f = *state;
    lk_store_close(f->store);
    f->store = NULL;
    struct stat st;
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(truncate(f->file, st.st_size / 2), 0);
    assert_int_equal(CODE(lk_store_open(f->folder, 4u << 20, &f->store, &f->header)), LK_R_STORE_DAMAGED);
    assert_int_equal(truncate(f->file, 100), 0);
    assert_int_equal(CODE(lk_store_open(f->folder, 4u << 20, &f->store, &f->header)), LK_R_STORE_DAMAGED);
}

static void missing_and_existing_stores_are_told(void **state)
{
    struct fixture *f = *state;
    struct lk_store *none;
    struct stat st;
    assert_int_equal(CODE(lk_store_open("/tmp/lk-no-such-folder", 4u << 20, &none, &f->header)), LK_R_STORE_MISSING);
    char longest[5000];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(CODE(lk_store_open(longest, 4u << 20, &none, &f->header)), LK_R_STORE_IO); /* no path is as long */
    assert_int_equal(CODE(lk_store_create(f->folder, 4u << 20, &f->header)), LK_R_STORE_EXISTS);
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void headers_are_checked(void **state)
{
    (void)state;
    struct lk_store_header h = {.schema = LK_STORE_SCHEMA, .wrapped_key_len = 8}, back;
    LK_BUF_AUTO raw = lk_buf(1024);
    LK_BUF_AUTO newer = lk_buf(1024);
    assert_int_equal(CODE(lk_header_put(&raw, &h)), LK_R_OK);
    assert_int_equal(CODE(lk_header_get(lk_buf_bytes(&raw), &back)), LK_R_OK);
    raw.data[20] ^= 1;
    assert_int_equal(CODE(lk_header_get(lk_buf_bytes(&raw), &back)), LK_R_STORE_DAMAGED);
    h.schema = LK_STORE_SCHEMA + 1;
    assert_int_equal(CODE(lk_header_put(&newer, &h)), LK_R_OK);
    assert_int_equal(CODE(lk_header_get(lk_buf_bytes(&newer), &back)), LK_R_STORE_SCHEMA);
}

struct job {
    struct lk_job job;
    char key[16];
    lk_result fails, got;
    int runs, done;
    size_t value_len;
};

static lk_result job_apply(void *arg, struct lk_txn *t)
{
    struct job *j = arg;
    uint8_t *value = calloc(1, j->value_len + 1);
    j->runs++;
    lk_result r = lk_ok(j->fails) ? lk_txn_put(t, LK_TABLE_AUDIT, TEXT(j->key), 1, lk_bytes(value, j->value_len))
                                  : j->fails;
    free(value);
    return r;
}

static void job_done(void *arg, lk_result r)
{
    struct job *j = arg;
    j->got = r;
    j->done++;
}

static void job_init(struct job *j, int n, size_t len)
{
    *j = (struct job){.fails = LK_OK, .value_len = len};
    j->job = (struct lk_job){.apply = job_apply, .done = job_done, .arg = j};
    snprintf(j->key, sizeof(j->key), "job-%04d", n);
}

static void wait_idle(struct lk_writer *w)
{
    struct pollfd p = {.fd = lk_writer_fd(w), .events = POLLIN};
    while (!lk_writer_idle(w)) {
        assert_true(poll(&p, 1, 10000) > 0);
        lk_writer_reap(w);
    }
}

static void one_failing_job_does_not_take_others_along(void **state)
{
    struct fixture *f = *state;
    struct lk_writer *w = lk_writer_start(f->store);
    struct job jobs[40];
    assert_non_null(w);
    for (int i = 0; i < 40; i++) {
        job_init(&jobs[i], i, 10);
        if (i == 17)
            jobs[i].fails = LK_FAIL(CHANGE_CONFLICT);
        lk_writer_submit(w, &jobs[i].job);
    }
    wait_idle(w);
    lk_writer_stop(w);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(jobs[i].done, 1);
        assert_int_equal(CODE(jobs[i].got), i == 17 ? LK_R_CHANGE_CONFLICT : LK_R_OK);
        assert_int_equal(get_code(f->store, LK_TABLE_AUDIT, jobs[i].key), i == 17 ? LK_R_NOT_FOUND : LK_R_OK);
    }
}

static void past_the_watermark_only_admins_write(void **state)
{
    struct fixture *f = *state;
    struct lk_writer *w = lk_writer_start(f->store);
    struct job j;
    int i = 0;
    do {
        job_init(&j, i++, 60000);
        lk_writer_submit(w, &j.job);
        wait_idle(w);
    } while (lk_ok(j.got) && i < 1000);
    assert_int_equal(CODE(j.got), LK_R_STORE_FULL);
    assert_false(lk_store_room(f->store));
    job_init(&j, i++, 5000);
    j.job.admin = true;
    lk_writer_submit(w, &j.job);
    wait_idle(w);
    assert_int_equal(CODE(j.got), LK_R_OK);
    lk_writer_stop(w);
    reopen(f, 16u << 20); /* a raised limit gives room at once */
    assert_true(lk_store_room(f->store));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_was_put_comes_back),
        T(aborted_writes_are_not_there),
        T(insert_does_not_overwrite),
        T(deletes_take_exactly_the_prefix),
        T(a_record_is_bound_to_table_key_version_and_value),
        T(another_mac_key_reads_nothing),
        T(bytes_damaged_on_disk_are_told),
        T(a_store_cut_short_is_damaged),
        T(missing_and_existing_stores_are_told),
        T(headers_are_checked),
        T(one_failing_job_does_not_take_others_along),
        T(past_the_watermark_only_admins_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
