/* SPDX-License-Identifier: Apache-2.0 */
/* keystore/audit: the log is append-only and notices what is missing; noise is bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keystore/audit/audit.h"
#include "keystore/audit/noise.h"

#define CODE(r) ((int)(r).code)
#define TEXT(s) lk_bytes_str(s)

static char folder[64];
static struct lk_store *store;

static int setup(void **state)
{
    const uint8_t key[32] = {1};
    struct lk_store_header h = {.schema = LK_STORE_SCHEMA, .wrapped_key_len = 8};
    (void)state;
    strcpy(folder, "/tmp/lk-audit-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(CODE(lk_store_create(folder, 8u << 20, &h)), LK_R_OK);
    assert_int_equal(CODE(lk_store_open(folder, 8u << 20, &store, &h)), LK_R_OK);
    return CODE(lk_store_unlock(store, LK_BYTES(key)));
}

static int teardown(void **state)
{
    char path[96];
    (void)state;
    lk_store_close(store);
    snprintf(path, sizeof(path), "%s/data.mdb", folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/lock.mdb", folder);
    unlink(path);
    return rmdir(folder);
}

static int append(const char *record, const char *decision, uint64_t *index)
{
    struct lk_txn *t;
    assert_int_equal(CODE(lk_store_begin(store, &t)), LK_R_OK);
    lk_result r = lk_audit_append(t, TEXT(record), decision == NULL ? LK_BYTES_NONE : TEXT(decision), index);
    if (lk_ok(r))
        return CODE(lk_txn_commit(t));
    lk_txn_abort(t);
    return CODE(r);
}

/* RFC 9162, 2.1.1: the tree of one leaf is the leaf's hash; of two, H(01 || left || right). */
static void records_get_their_place_in_the_tree(void **state)
{
    struct lk_merkle tree, same = {0};
    uint8_t leaf[32], a[32], b[32];
    uint64_t index;
    (void)state;
    const char *const records[] = {"one", "two", "three"};
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(append(records[i], NULL, &index), LK_R_OK);
        assert_int_equal(index, i);
        assert_int_equal(CODE(lk_merkle_leaf(TEXT(records[i]), leaf)), LK_R_OK);
        assert_int_equal(CODE(lk_merkle_append(&same, leaf)), LK_R_OK);
    }
    assert_int_equal(CODE(lk_audit_tree(store, &tree)), LK_R_OK);
    assert_int_equal(tree.size, 3);
    assert_int_equal(CODE(lk_merkle_root(&tree, a)), LK_R_OK);
    assert_int_equal(CODE(lk_merkle_root(&same, b)), LK_R_OK);
    assert_memory_equal(a, b, 32);
    assert_int_equal(CODE(lk_audit_verify(store)), LK_R_OK);
}

static void a_decision_is_found_and_never_written_twice(void **state)
{
    uint64_t index;
    (void)state;
    assert_int_equal(append("a", NULL, &index), LK_R_OK);
    assert_int_equal(append("b", "AAAA-BBBB-CCCC", &index), LK_R_OK);
    assert_int_equal(append("c", "AAAA-BBBB-CCCC", &index), LK_R_STORE_EXISTS);
    assert_int_equal(CODE(lk_audit_find(store, TEXT("AAAA-BBBB-CCCC"), &index)), LK_R_OK);
    assert_int_equal(index, 1);
    assert_int_equal(CODE(lk_audit_find(store, TEXT("none"), &index)), LK_R_NOT_FOUND);
    assert_int_equal(CODE(lk_audit_verify(store)), LK_R_OK);
}

static void a_record_that_was_taken_out_is_missed(void **state)
{
    uint8_t key[8] = {0, 0, 0, 0, 0, 0, 0, 1};
    uint64_t index;
    struct lk_txn *t;
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(append("r", NULL, &index), LK_R_OK);
    assert_int_equal(CODE(lk_store_begin(store, &t)), LK_R_OK);
    assert_int_equal(CODE(lk_txn_delete(t, LK_TABLE_AUDIT, LK_BYTES(key))), LK_R_OK);
    assert_int_equal(CODE(lk_txn_commit(t)), LK_R_OK);
    assert_int_equal(CODE(lk_audit_verify(store)), LK_R_STORE_DAMAGED);
}

static void the_last_record_is_missed_too(void **state)
{
    uint8_t key[8] = {0, 0, 0, 0, 0, 0, 0, 1};
    uint64_t index;
    struct lk_txn *t;
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(append("r", NULL, &index), LK_R_OK);
    assert_int_equal(CODE(lk_store_begin(store, &t)), LK_R_OK);
    assert_int_equal(CODE(lk_txn_delete(t, LK_TABLE_AUDIT, LK_BYTES(key))), LK_R_OK);
    assert_int_equal(CODE(lk_txn_commit(t)), LK_R_OK);
    assert_int_equal(CODE(lk_audit_verify(store)), LK_R_STORE_DAMAGED);
}

static void noise_is_counted_and_only_the_latest_kept(void **state)
{
    struct lk_noise *n = lk_noise_new();
    enum lk_reason_code code;
    uint64_t count;
    char id[16];
    (void)state;
    assert_non_null(n);
    for (int i = 0; i < LK_NOISE_RECENT + 1; i++) {
        snprintf(id, sizeof(id), "id-%d", i);
        lk_noise_add(n, LK_R_TICKET_FORGED, TEXT(id), TEXT("record"));
    }
    assert_null(lk_noise_find(n, TEXT("id-0")).data);
    assert_int_equal(lk_noise_find(n, TEXT("id-1")).len, 6);
    assert_true(lk_noise_take(n, &code, &count));
    assert_int_equal(code, LK_R_TICKET_FORGED);
    assert_int_equal(count, LK_NOISE_RECENT + 1);
    assert_false(lk_noise_take(n, &code, &count));
    lk_noise_free(n);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(records_get_their_place_in_the_tree),
        T(a_decision_is_found_and_never_written_twice),
        T(a_record_that_was_taken_out_is_missed),
        T(the_last_record_is_missed_too),
        cmocka_unit_test(noise_is_counted_and_only_the_latest_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
