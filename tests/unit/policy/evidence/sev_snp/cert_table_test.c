/* SPDX-License-Identifier: Apache-2.0 */
/* policy/evidence/sev_snp/cert_table: the host's table, and every way to make it lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "policy/evidence/sev_snp/cert_table.h"
#include "tests/emulators/amd_sp/amd_sp.h"

#define TABLE 512

static int read_code(const uint8_t *table, size_t n, struct lk_bytes out[static LK_SNP_ENTRIES])
{
    static struct lk_report report;
    memset(&report, 0, sizeof(report));
    memset(out, 0, LK_SNP_ENTRIES * sizeof(*out));
    return (int)lk_snp_cert_table_read(lk_bytes(table, n), &report, out).code;
}

/* VCEK "vcek", ASK "ask", an unknown entry: blobs at 96. */
static size_t good(uint8_t out[static TABLE])
{
    const struct amd_sp_blob blobs[] = {
        {AMD_SP_GUID_VCEK, (const uint8_t *)"vcek", 4},
        {AMD_SP_GUID_ASK, (const uint8_t *)"ask", 3},
        {"ecae0c0f-9502-43b1-afa2-0ae2e0d565b6", (const uint8_t *)"\x08\0\0\0\0\0\0\0", 8},
    };
    return amd_sp_cert_table(blobs, 3, out, TABLE);
}

static void entries_are_found_by_guid(void **state)
{
    (void)state;
    uint8_t t[TABLE];
    struct lk_bytes out[LK_SNP_ENTRIES];
    assert_int_equal(read_code(t, good(t), out), LK_R_OK);
    assert_true(lk_bytes_eq(out[LK_SNP_ENTRY_VCEK], lk_bytes_str("vcek")));
    assert_true(lk_bytes_eq(out[LK_SNP_ENTRY_ASK], lk_bytes_str("ask")));
    assert_null(out[LK_SNP_ENTRY_ARK].data);
    assert_null(out[LK_SNP_ENTRY_VLEK].data);
    assert_memory_equal(t, lk_snp_entry_guid(LK_SNP_ENTRY_VCEK), 16);
}

static void put_u32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> 8 * i);
}

static void places_are_bounded(void **state)
{
    (void)state;
    static const struct {
        uint32_t offset, length;
        enum lk_reason_code code;
    } rows[] = {
        {0, 4, LK_R_SNP_TABLE_ENTRY},           {95, 4, LK_R_SNP_TABLE_ENTRY},
        {96, 0, LK_R_SNP_TABLE_ENTRY},          {96, 500, LK_R_SNP_TABLE_ENTRY},
        {0xfffffff0, 0x20, LK_R_SNP_TABLE_ENTRY}, {96, 0xffffffff, LK_R_SNP_TABLE_ENTRY},
        {111, 1, LK_R_SNP_TABLE_ENTRY},         {110, 1, LK_R_SNP_TABLE_OVERLAP},
        {96, 5, LK_R_SNP_TABLE_OVERLAP},        {96, 4, LK_R_OK},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint8_t t[TABLE];
        struct lk_bytes out[LK_SNP_ENTRIES];
        size_t n = good(t);
        put_u32(t + 16, rows[i].offset);
        put_u32(t + 20, rows[i].length);
        assert_int_equal(read_code(t, n, out), rows[i].code);
    }
}

static void a_guid_comes_once(void **state)
{
    (void)state;
    uint8_t t[TABLE];
    struct lk_bytes out[LK_SNP_ENTRIES];
    size_t n = good(t);
    memcpy(t + 24, t, 16);
    assert_int_equal(read_code(t, n, out), LK_R_SNP_TABLE_DUPLICATE);
}

static void the_end_entry_is_needed(void **state)
{
    (void)state;
    uint8_t t[TABLE];
    struct lk_bytes out[LK_SNP_ENTRIES];
    good(t);
    assert_int_equal(read_code(t, 0, out), LK_R_SNP_TABLE_END);
    assert_int_equal(read_code(t, 23, out), LK_R_SNP_TABLE_END);
    assert_int_equal(read_code(t, 95, out), LK_R_SNP_TABLE_END);
    memset(t, 0, 24);
    assert_int_equal(read_code(t, 24, out), LK_R_OK);
}

static void ten_thousand_entries_are_too_many(void **state)
{
    (void)state;
    size_t n = 24 * 10001;
    uint8_t *t = calloc(1, n);
    struct lk_bytes out[LK_SNP_ENTRIES];
    for (uint32_t i = 0; i < 10000; i++)
        put_u32(t + 24 * i, i + 1);
    assert_int_equal(read_code(t, n, out), LK_R_SNP_TABLE_LENGTH);
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_by_guid),
        cmocka_unit_test(places_are_bounded),
        cmocka_unit_test(a_guid_comes_once),
        cmocka_unit_test(the_end_entry_is_needed),
        cmocka_unit_test(ten_thousand_entries_are_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
