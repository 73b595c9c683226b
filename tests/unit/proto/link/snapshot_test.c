/* SPDX-License-Identifier: Apache-2.0 */
/* proto/link: snapshots and settings, which are both sealed memfds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/link/settings.h"
#include "proto/link/snapshot.h"

static int some_snapshot(uint64_t *length)
{
    static const struct lk_snapshot_entry entries[] = {
        {LK_SNAP_POLICY, 3, {(const uint8_t *)"prod", 4}, {(const uint8_t *)"policy bytes", 12}},
        {LK_SNAP_ANCHOR, 1, {(const uint8_t *)"long-anchor", 11}, {(const uint8_t *)"", 0}},
        {LK_SNAP_SUITES, 0, {(const uint8_t *)"", 0}, {(const uint8_t *)"a\0b", 4}},
    };
    struct lk_snapshot_head head = {.generation = 9};
    memset(head.broker_id, 0xb1, sizeof(head.broker_id));
    uint8_t digest[32];
    int fd;
    assert_int_equal(lk_snapshot_write(&head, entries, 3, &fd, length, digest).code, LK_R_OK);
    return fd;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    uint64_t length;
    int fd = some_snapshot(&length);
    struct lk_snapshot s;
    struct lk_snapshot_entry e;
    assert_int_equal(lk_snapshot_map(fd, &s).code, LK_R_OK);
    close(fd);
    assert_int_equal(s.head.generation, 9);
    assert_int_equal(s.head.broker_id[31], 0xb1);
    assert_int_equal(s.n, 3);
    assert_int_equal(lk_snapshot_entry_at(&s, 0, &e).code, LK_R_OK);
    assert_int_equal(e.kind, LK_SNAP_POLICY);
    assert_int_equal(e.revision, 3);
    assert_true(lk_bytes_eq(e.body, lk_bytes("policy bytes", 12)));
    assert_int_equal(lk_snapshot_entry_at(&s, 2, &e).code, LK_R_OK);
    assert_int_equal(e.body.len, 4);
    assert_int_equal(lk_snapshot_entry_at(&s, 3, &e).code, LK_R_SNAPSHOT_INVALID);
}

static void sealed_means_sealed(void **state)
{
    (void)state;
    uint64_t length;
    int fd = some_snapshot(&length);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    close(fd);
    int open_fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(open_fd, 200), 0);
    struct lk_snapshot s;
    assert_int_equal(lk_snapshot_map(open_fd, &s).code, LK_R_SNAPSHOT_INVALID);
    close(open_fd);
}

/* Any one bit: refused, or another value of a field that layout cannot judge; never read outside. */
static void no_damage_reads_outside(void **state)
{
    (void)state;
    uint64_t length;
    int fd = some_snapshot(&length);
    uint8_t *copy = malloc(length);
    assert_int_equal(pread(fd, copy, length, 0), (ssize_t)length);
    close(fd);
    struct lk_snapshot s;
    struct lk_snapshot_entry e;
    for (size_t bit = 0; bit < length * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (lk_snapshot_parse(lk_bytes(copy, length), &s).code == LK_R_OK)
            for (uint32_t i = 0; i < s.n; i++)
                assert_int_equal(lk_snapshot_entry_at(&s, i, &e).code, LK_R_OK);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t n = 0; n < length; n++)
        assert_int_equal(lk_snapshot_parse(lk_bytes(copy, n), &s).code, LK_R_SNAPSHOT_INVALID);
    copy[108 + 12] ^= 8; /* the first body's offset: eight bytes further than where the table ends */
    assert_int_equal(lk_snapshot_parse(lk_bytes(copy, length), &s).code, LK_R_SNAPSHOT_INVALID);
    free(copy);
}

static void settings_round_trip(void **state)
{
    (void)state;
    int fd;
    assert_int_equal(
        lk_settings_memfd(lk_bytes_str("log-level debug\nsandbox strict\nsessions 4\nread-only /a\nread-only /b c\n"), &fd).code,
        LK_R_OK);
    struct lk_settings s;
    assert_int_equal(lk_settings_read(fd, &s).code, LK_R_OK);
    uint64_t v;
    size_t at = 0;
    assert_true(lk_settings_strict(&s));
    assert_int_equal(lk_settings_log_level(&s), LK_LOG_DEBUG);
    assert_int_equal(lk_settings_uint(&s, "sessions", 1, 8, &v).code, LK_R_OK);
    assert_int_equal(v, 4);
    assert_int_equal(lk_settings_uint(&s, "sessions", 5, 8, &v).code, LK_R_CONFIG);
    assert_int_equal(lk_settings_uint(&s, "sandbox", 0, 8, &v).code, LK_R_CONFIG);
    assert_int_equal(lk_settings_uint(&s, "absent", 0, 8, &v).code, LK_R_CONFIG);
    assert_string_equal(lk_settings_next(&s, "read-only", &at), "/a");
    assert_string_equal(lk_settings_next(&s, "read-only", &at), "/b c");
    assert_null(lk_settings_next(&s, "read-only", &at));
    lk_settings_free(&s);
}

static void settings_take_lines_only(void **state)
{
    (void)state;
    static const char *const bad[] = {"x", "x\n", "x \n", "X y\n", " y\n", "x y", "x y\n\n", "x \ty\n", "x y\nz"};
    struct lk_settings s;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(lk_settings_parse(lk_bytes_str(bad[i]), &s).code, LK_R_CONFIG);
    assert_int_equal(lk_settings_parse(lk_bytes_str(""), &s).code, LK_R_OK);
    assert_false(lk_settings_strict(&s));
    lk_settings_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),   cmocka_unit_test(sealed_means_sealed),
        cmocka_unit_test(no_damage_reads_outside),   cmocka_unit_test(settings_round_trip),
        cmocka_unit_test(settings_take_lines_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
