/* SPDX-License-Identifier: Apache-2.0 */
/* broker/collateral/keep: files that are there whole or not at all. */
#include "broker/collateral/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static int fd = -1;

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/lk-keep-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    return lk_ok(lk_keep_folder(folder, &fd)) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    unlinkat(fd, "a", 0);
    unlinkat(fd, "d", AT_REMOVEDIR);
    close(fd);
    return rmdir(folder); /* fails when anything is left */
}

static void file_is(const char *name, const char *text)
{
    char got[64] = "";
    int f = openat(fd, name, O_RDONLY);
    assert_true(f >= 0);
    assert_int_equal(read(f, got, sizeof(got)), strlen(text));
    assert_string_equal(got, text);
    close(f);
}

static void a_file_is_replaced_whole(void **state)
{
    (void)state;
    bool changed = false;
    assert_int_equal(lk_keep(fd, "a", lk_bytes_str("one"), &changed).code, LK_R_OK);
    assert_true(changed);
    file_is("a", "one");
    assert_int_equal(lk_keep(fd, "a", lk_bytes_str("one"), &changed).code, LK_R_OK);
    assert_false(changed);
    assert_int_equal(lk_keep(fd, "a", lk_bytes_str("on"), &changed).code, LK_R_OK);
    assert_true(changed);
    file_is("a", "on");
}

/* The bytes of what a link points to are not the file's, and are left alone. */
static void a_link_is_not_followed(void **state)
{
    (void)state;
    bool changed = false;
    assert_int_equal(symlinkat("/dev/null", fd, "a"), 0);
    assert_int_equal(lk_keep(fd, "a", lk_bytes_str("one"), &changed).code, LK_R_OK);
    struct stat st;
    assert_int_equal(fstatat(fd, "a", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISREG(st.st_mode));
}

static void what_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    bool changed = false;
    assert_int_equal(mkdirat(fd, "d", 0700), 0);
    assert_int_equal(lk_keep(fd, "d", lk_bytes_str("one"), &changed).code, LK_R_IO);
    assert_int_equal(errno, EISDIR);
}

static void a_folder_needs_its_parent(void **state)
{
    (void)state;
    int other = -1;
    assert_int_equal(lk_keep_folder("/nowhere/at/all", &other).code, LK_R_FILE);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(lk_keep_folder("/dev/null", &other).code, LK_R_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_replaced_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_link_is_not_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_written_leaves_nothing, set_up, tear_down),
        cmocka_unit_test(a_folder_needs_its_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
