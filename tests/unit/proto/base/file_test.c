/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/file.h"

static void what_is_written_is_read_to_its_end(void **state)
{
    (void)state;
    uint8_t text[40000]; /* more than one piece */
    int ends[2];
    LK_BUF_AUTO got = lk_buf(sizeof(text));
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * 7);
    assert_int_equal(pipe(ends), 0);
    assert_true(lk_file_write(ends[1], LK_BYTES(text)));
    close(ends[1]);
    assert_true(lk_file_read(ends[0], &got));
    close(ends[0]);
    assert_int_equal(lk_buf_ok(&got).code, LK_R_OK);
    assert_true(lk_bytes_eq(lk_buf_bytes(&got), LK_BYTES(text)));
}

static void a_file_without_end_is_left_when_there_is_no_more_room(void **state)
{
    (void)state;
    LK_BUF_AUTO got = lk_buf(100000);
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && lk_file_read(fd, &got));
    close(fd);
    assert_int_equal(lk_buf_ok(&got).code, LK_R_TOO_LARGE);
}

static void failures_tell_their_errno(void **state)
{
    (void)state;
    LK_BUF_AUTO got = lk_buf(16);
    int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_false(lk_file_read(fd, &got));
    assert_int_equal(errno, EISDIR);
    assert_false(lk_file_write(fd, LK_BYTES("x")));
    assert_int_equal(errno, EBADF);
    close(fd);
}

static void a_program_is_found_beside_the_running_one(void **state)
{
    (void)state;
    char path[PATH_MAX], self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(n > 0);
    self[n] = '\0';
    assert_true(lk_file_program(strrchr(self, '/') + 1, path));
    assert_string_equal(path, self);
    assert_false(lk_file_program("latchkey-no-such-program", path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_to_its_end),
        cmocka_unit_test(a_file_without_end_is_left_when_there_is_no_more_room),
        cmocka_unit_test(failures_tell_their_errno),
        cmocka_unit_test(a_program_is_found_beside_the_running_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
