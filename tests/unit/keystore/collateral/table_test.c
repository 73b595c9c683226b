/* SPDX-License-Identifier: Apache-2.0 */
/* keystore/collateral/table.h: order, dates, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keystore/collateral/table.h"

#define CODE(r) ((int)(r).code)
#define NOW 1800000000

static const uint8_t mac_key[32] = {7};
static const char *const NAME = "tdx/qe-identity";

struct fixture {
    char folder[64];
    struct lk_store *store;
    struct lk_report why;
    enum lk_collateral_outcome outcome;
    struct lk_collateral_row row;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct lk_store_header h = {.schema = LK_STORE_SCHEMA, .wrapped_key_len = 40};
    strcpy(f->folder, "/tmp/lk-collateral-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(CODE(lk_store_create(f->folder, 16u << 20, &h)), LK_R_OK);
    assert_int_equal(CODE(lk_store_open(f->folder, 16u << 20, &f->store, &h)), LK_R_OK);
    assert_int_equal(CODE(lk_store_unlock(f->store, LK_BYTES(mac_key))), LK_R_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char path[96];
    lk_store_close(f->store);
    snprintf(path, sizeof(path), "%s/data.mdb", f->folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/lock.mdb", f->folder);
    unlink(path);
    rmdir(f->folder);
    free(f);
    return 0;
}

static struct lk_collateral_piece piece(const char *name, uint64_t number, int64_t issued, const char *bytes)
{
    struct lk_collateral_piece p = {.facts = {LK_COLLATERAL_DOCUMENT, number, issued, NOW + 1000}, .bytes = lk_bytes_str(bytes)};
    strcpy(p.name, name);
    return p;
}

static int put(struct fixture *f, struct lk_collateral_piece p)
{
    struct lk_txn *t;
    f->why.n = 0;
    assert_int_equal(CODE(lk_store_begin(f->store, &t)), LK_R_OK);
    lk_result r = lk_collateral_table_put(t, &p, NOW, &f->outcome, &f->row, &f->why);
    assert_int_equal(CODE(lk_txn_commit(t)), LK_R_OK);
    return CODE(r);
}

static void expect_there(struct fixture *f, const char *name, const char *bytes, uint64_t revision)
{
    LK_BUF_AUTO raw = lk_buf(1024);
    struct lk_collateral_row row;
    uint64_t version;
    assert_int_equal(CODE(lk_store_get(f->store, LK_TABLE_COLLATERAL, lk_bytes_str(name), &version, &raw)), LK_R_OK);
    assert_int_equal(CODE(lk_collateral_row_get(lk_buf_bytes(&raw), version, &row)), LK_R_OK);
    assert_true(lk_bytes_eq(row.bytes, lk_bytes_str(bytes)));
    assert_int_equal(row.revision, revision);
}

static void test_number_and_date_rise(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, piece(NAME, 17, NOW - 50, "a")), LK_R_OK);
    assert_int_equal(f->outcome, LK_COLLATERAL_STORED);
    assert_int_equal(put(f, piece(NAME, 17, NOW - 40, "bb")), LK_R_OK);
    assert_int_equal(f->outcome, LK_COLLATERAL_STORED);
    assert_int_equal(put(f, piece(NAME, 18, NOW - 40, "ccc")), LK_R_OK);
    assert_int_equal(f->outcome, LK_COLLATERAL_STORED);
    expect_there(f, NAME, "ccc", 3);
}

static void test_neither_falls(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, piece(NAME, 17, NOW - 50, "a")), LK_R_OK);
    assert_int_equal(put(f, piece(NAME, 16, NOW - 10, "lower number")), LK_R_COLLATERAL_OLDER);
    assert_string_equal(f->why.findings[0].expected, "number 17, 2027-01-15T07:59:10Z");
    assert_string_equal(f->why.findings[0].actual, "number 16, 2027-01-15T07:59:50Z");
    assert_int_equal(put(f, piece(NAME, 18, NOW - 51, "older date")), LK_R_COLLATERAL_OLDER);
    expect_there(f, NAME, "a", 1);
}

static void test_equal_is_unchanged(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put(f, piece(NAME, 17, NOW - 50, "a")), LK_R_OK);
    assert_int_equal(put(f, piece(NAME, 17, NOW - 50, "other bytes")), LK_R_OK);
    assert_int_equal(f->outcome, LK_COLLATERAL_UNCHANGED);
    expect_there(f, NAME, "a", 1);
}

static void test_dates(void **state)
{
    struct fixture *f = *state;
    struct lk_collateral_piece p = piece(NAME, 1, NOW + LK_COLLATERAL_AHEAD_MAX + 1, "a");
    p.facts.until = NOW + 5000;
    assert_int_equal(put(f, p), LK_R_COLLATERAL_ISSUED_AHEAD);
    p.facts.issued = NOW + LK_COLLATERAL_AHEAD_MAX;
    assert_int_equal(put(f, p), LK_R_OK);
    p = piece("tdx/tcb-info/000000000000", 1, NOW - 50, "a");
    p.facts.until = NOW - 1;
    assert_int_equal(put(f, p), LK_R_COLLATERAL_EXPIRED);
    p.facts.until = NOW;
    assert_int_equal(put(f, p), LK_R_OK);
}

static void set_totals(struct fixture *f, uint64_t count, uint64_t bytes)
{
    struct lk_txn *t;
    LK_BUF_AUTO raw = lk_buf(16);
    lk_put_u64le(&raw, count);
    lk_put_u64le(&raw, bytes);
    assert_int_equal(CODE(lk_store_begin(f->store, &t)), LK_R_OK);
    assert_int_equal(CODE(lk_txn_put(t, LK_TABLE_META, lk_bytes_str("collateral"), 1, lk_buf_bytes(&raw))), LK_R_OK);
    assert_int_equal(CODE(lk_txn_commit(t)), LK_R_OK);
}

static void test_limits(void **state)
{
    struct fixture *f = *state;
    struct lk_collateral_totals totals;
    assert_int_equal(put(f, piece(NAME, 1, NOW - 50, "four")), LK_R_OK);
    assert_int_equal(CODE(lk_collateral_totals_get(f->store, &totals)), LK_R_OK);
    assert_int_equal(totals.count, 1);
    assert_int_equal(totals.bytes, 4);
    assert_int_equal(put(f, piece(NAME, 1, NOW - 40, "tw")), LK_R_OK);
    assert_int_equal(CODE(lk_collateral_totals_get(f->store, &totals)), LK_R_OK);
    assert_int_equal(totals.count, 1);
    assert_int_equal(totals.bytes, 2);
    set_totals(f, LK_COLLATERAL_COUNT_MAX, 100);
    assert_int_equal(put(f, piece("sgx/qe-identity", 1, NOW - 50, "a")), LK_R_COLLATERAL_FULL);
    assert_int_equal(put(f, piece(NAME, 2, NOW - 40, "a new one of a name that is there")), LK_R_OK);
    set_totals(f, 10, LK_COLLATERAL_BYTES_MAX - 1);
    assert_int_equal(put(f, piece("sgx/qe-identity", 1, NOW - 50, "ab")), LK_R_COLLATERAL_FULL);
    assert_string_equal(f->why.findings[0].rule, "bytes");
    assert_int_equal(put(f, piece("sgx/qe-identity", 1, NOW - 50, "a")), LK_R_OK);
}

static int drop(struct fixture *f, const char *name)
{
    struct lk_txn *t;
    assert_int_equal(CODE(lk_store_begin(f->store, &t)), LK_R_OK);
    lk_result r = lk_collateral_table_drop(t, lk_bytes_str(name));
    assert_int_equal(CODE(lk_txn_commit(t)), LK_R_OK);
    return CODE(r);
}

static void test_drop_takes_the_order_along(void **state)
{
    struct fixture *f = *state;
    struct lk_collateral_totals totals;
    assert_int_equal(put(f, piece("sev-snp/chain/milan", UINT64_MAX, NOW, "rubbish")), LK_R_OK);
    assert_int_equal(put(f, piece("sev-snp/chain/milan-vlek", 1, NOW - 50, "four")), LK_R_OK);
    assert_int_equal(put(f, piece("sev-snp/chain/milan", 3, NOW - 50, "genuine")), LK_R_COLLATERAL_OLDER);
    assert_int_equal(drop(f, "sev-snp/chain/milan"), LK_R_OK);
    assert_int_equal(drop(f, "sev-snp/chain/milan"), LK_R_NOT_FOUND);
    expect_there(f, "sev-snp/chain/milan-vlek", "four", 1); /* though its name begins alike */
    assert_int_equal(CODE(lk_collateral_totals_get(f->store, &totals)), LK_R_OK);
    assert_int_equal(totals.count, 1);
    assert_int_equal(totals.bytes, 4);
    assert_int_equal(put(f, piece("sev-snp/chain/milan", 3, NOW - 50, "genuine")), LK_R_OK);
    expect_there(f, "sev-snp/chain/milan", "genuine", 1);
}

static void test_damaged_record(void **state)
{
    struct lk_collateral_row row;
    uint8_t raw[65] = {1};
    (void)state;
    assert_int_equal(CODE(lk_collateral_row_get(lk_bytes(raw, 64), 1, &row)), LK_R_STORE_DAMAGED);
    assert_int_equal(CODE(lk_collateral_row_get(lk_bytes(raw, 65), 1, &row)), LK_R_STORE_DAMAGED); /* no bytes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_number_and_date_rise, setup, teardown),
        cmocka_unit_test_setup_teardown(test_neither_falls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_equal_is_unchanged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drop_takes_the_order_along, setup, teardown),
        cmocka_unit_test(test_damaged_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
