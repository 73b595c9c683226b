/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of EFI applications: what counts, what does not, and files that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "broker/cli/authenticode.h"

/*
 * A PE32+ file of 0x900 bytes: headers 0x000-0x200, section b 0x200-0x500, section a 0x500-0x700 (the table names them
 * in the other order), 0x100 bytes that no section has, certificate table 0x800-0x900.
 */
#define AT 0x80
#define OPTIONAL (AT + 24)
#define OPTIONAL_SIZE 240
#define CERTIFICATE (OPTIONAL + 112 + 4 * 8)
#define TABLE (OPTIONAL + OPTIONAL_SIZE)
#define SIZE 0x900

struct file {
    uint8_t bytes[SIZE];
};

static void put(struct file *f, size_t at, size_t n, uint64_t value)
{
    for (size_t i = 0; i < n; i++)
        f->bytes[at + i] = (uint8_t)(value >> (8 * i));
}

static struct file make(void)
{
    struct file f;
    for (size_t i = 0; i < SIZE; i++)
        f.bytes[i] = (uint8_t)(i * 7 + i / 256);
    put(&f, 0x3c, 4, AT);
    put(&f, AT, 4, 0x4550);
    put(&f, AT + 6, 2, 3);
    put(&f, AT + 20, 2, OPTIONAL_SIZE);
    put(&f, OPTIONAL, 2, 0x20b);
    put(&f, OPTIONAL + 60, 4, 0x200);
    put(&f, OPTIONAL + 108, 4, 16);
    put(&f, CERTIFICATE, 4, 0x800);
    put(&f, CERTIFICATE + 4, 4, 0x100);
    static const uint32_t sections[3][2] = {{0x200, 0x500}, {0x300, 0x200}, {0, 0}};
    for (size_t i = 0; i < 3; i++) {
        put(&f, TABLE + 40 * i + 16, 4, sections[i][0]);
        put(&f, TABLE + 40 * i + 20, 4, sections[i][1]);
    }
    return f;
}

static lk_result digest(const struct file *f, uint8_t out[static LK_TPM_DIGEST_MAX])
{
    return lk_authenticode(lk_bytes(f->bytes, SIZE), lk_tpm_hash(LK_TPM_SHA256), out);
}

static void assert_code(const struct file *f, unsigned code)
{
    uint8_t out[LK_TPM_DIGEST_MAX];
    assert_int_equal(digest(f, out).code, code);
}

static void all_but_checksum_and_signatures(void **state)
{
    (void)state;
    struct file f = make();
    struct lk_bytes parts[] = {
        lk_bytes(f.bytes, OPTIONAL + 64),
        lk_bytes(f.bytes + OPTIONAL + 68, CERTIFICATE - (OPTIONAL + 68)),
        lk_bytes(f.bytes + CERTIFICATE + 8, 0x800 - (CERTIFICATE + 8)),
    };
    uint8_t expected[LK_TPM_DIGEST_MAX], got[LK_TPM_DIGEST_MAX];
    assert_true(lk_ok(lk_tpm_digest(lk_tpm_hash(LK_TPM_SHA256), parts, 3, expected)));
    assert_true(lk_ok(digest(&f, got)));
    assert_memory_equal(expected, got, 32);
}

/* One byte changed at a time: digests differ exactly where the byte counts. */
static void which_bytes_count(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        bool counts;
    } rows[] = {{0, true},     {OPTIONAL + 59, true}, {OPTIONAL + 64, false}, {OPTIONAL + 67, false}, {OPTIONAL + 68, true},
                {0x1ff, true}, {0x200, true},         {0x500, true},          {0x6ff, true},          {0x700, true},
                {0x7ff, true}, {0x800, false},        {0x8ff, false}};
    struct file f = make();
    uint8_t before[LK_TPM_DIGEST_MAX], after[LK_TPM_DIGEST_MAX];
    assert_true(lk_ok(digest(&f, before)));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        f = make();
        f.bytes[rows[i].at] ^= 1;
        assert_true(lk_ok(digest(&f, after)));
        assert_int_equal(memcmp(before, after, 32) != 0, rows[i].counts);
    }
}

static void an_unsigned_file_has_the_digest_of_the_signed_one(void **state)
{
    (void)state;
    struct file f = make();
    uint8_t with[LK_TPM_DIGEST_MAX], without[LK_TPM_DIGEST_MAX];
    assert_true(lk_ok(digest(&f, with)));
    put(&f, CERTIFICATE, 8, 0);
    assert_true(lk_ok(lk_authenticode(lk_bytes(f.bytes, 0x800), lk_tpm_hash(LK_TPM_SHA256), without)));
    assert_memory_equal(with, without, 32);
}

static void sections_count_in_the_order_of_the_file(void **state)
{
    (void)state;
    struct file f = make(), swapped = make();
    uint8_t a[LK_TPM_DIGEST_MAX], b[LK_TPM_DIGEST_MAX];
    memset(f.bytes + TABLE, 0, 80);
    memcpy(swapped.bytes + TABLE, f.bytes + TABLE, 80);
    put(&f, TABLE + 16, 8, 0x50000000200);
    put(&f, TABLE + 56, 8, 0x20000000300);
    put(&swapped, TABLE + 16, 8, 0x20000000300);
    put(&swapped, TABLE + 56, 8, 0x50000000200);
    /* The tables differ, so do the digests; with the tables' bytes made equal nothing else may differ. */
    assert_true(lk_ok(digest(&f, a)));
    assert_true(lk_ok(digest(&swapped, b)));
    assert_memory_not_equal(a, b, 32);
    struct lk_bytes parts[] = {
        lk_bytes(swapped.bytes, OPTIONAL + 64),
        lk_bytes(swapped.bytes + OPTIONAL + 68, CERTIFICATE - (OPTIONAL + 68)),
        lk_bytes(swapped.bytes + CERTIFICATE + 8, 0x800 - (CERTIFICATE + 8)),
    };
    assert_true(lk_ok(lk_tpm_digest(lk_tpm_hash(LK_TPM_SHA256), parts, 3, a)));
    assert_memory_equal(a, b, 32);
}

static void files_that_are_no_applications(void **state)
{
    (void)state;
    static const struct {
        size_t at, n;
        uint64_t value;
    } rows[] = {
        {0x3c, 4, SIZE},                /* the signature is outside */
        {0x3c, 4, 0xffffffff},
        {AT, 4, 0x4551},                /* or another */
        {AT + 6, 2, LK_PE_SECTIONS_MAX + 1},
        {AT + 6, 2, 0x37},              /* the section table is outside */
        {AT + 20, 2, 100},              /* an optional header without directories */
        {OPTIONAL, 2, 0x20c},
        {OPTIONAL + 60, 4, SIZE + 1},   /* headers outside, or shorter than what they hold */
        {OPTIONAL + 60, 4, 0x10},
        {OPTIONAL + 108, 4, 4},         /* no certificate entry */
        {CERTIFICATE, 4, 0x7ff},        /* a certificate table that is not the end of the file */
        {CERTIFICATE + 4, 4, 0xffffffff},
        {TABLE + 16, 4, SIZE},          /* a section that runs out of the file */
        {TABLE + 20, 4, 0xffffff00},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct file f = make();
        put(&f, rows[i].at, rows[i].n, rows[i].value);
        assert_code(&f, LK_R_BOOT_IMAGE);
    }
    uint8_t out[LK_TPM_DIGEST_MAX];
    assert_int_equal(lk_authenticode(LK_BYTES_NONE, lk_tpm_hash(LK_TPM_SHA256), out).code, LK_R_BOOT_IMAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_but_checksum_and_signatures),
        cmocka_unit_test(which_bytes_count),
        cmocka_unit_test(an_unsigned_file_has_the_digest_of_the_signed_one),
        cmocka_unit_test(sections_count_in_the_order_of_the_file),
        cmocka_unit_test(files_that_are_no_applications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
