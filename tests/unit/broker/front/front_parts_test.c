/* SPDX-License-Identifier: Apache-2.0 */
/* Callers' roles and the TLS files that arrive in descriptors. The rest of the front: tests/system/front. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "broker/front/callers.h"
#include "broker/front/tls_files.h"

static void roles_are_of_the_certificate(void **state)
{
    (void)state;
    LK_BUF_AUTO b = lk_buf(1024);
    const struct lk_front_caller one = {.certificate = {1}, .roles = 1}, two = {.certificate = {2}, .roles = 3};
    lk_front_caller_put(&b, &one);
    lk_front_caller_put(&b, &two);
    struct lk_callers c = {0};
    assert_int_equal(lk_callers_set(&c, lk_buf_bytes(&b)).code, LK_R_OK);
    const uint8_t stranger[32] = {3};
    assert_int_equal(lk_callers_roles(&c, one.certificate), 1);
    assert_int_equal(lk_callers_roles(&c, two.certificate), 3);
    assert_int_equal(lk_callers_roles(&c, stranger), 0);
    assert_int_equal(lk_callers_set(&c, lk_bytes(b.data, 35)).code, LK_R_FRAME_FORBIDDEN);
    assert_int_equal(c.n, 2); /* a broken table changes nothing */
    assert_int_equal(lk_callers_set(&c, lk_bytes("", 0)).code, LK_R_OK);
    assert_int_equal(lk_callers_roles(&c, one.certificate), 0);
    lk_callers_free(&c);
}

static void a_file_is_read_to_its_end_and_closed(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "pem", 3), 3);
    close(fds[1]);
    LK_BUF_AUTO b = lk_buf(8);
    assert_int_equal(lk_tls_file_read(fds[0], &b).code, LK_R_OK);
    assert_true(lk_bytes_eq(lk_buf_bytes(&b), lk_bytes_str("pem")));
    assert_int_equal(fcntl(fds[0], F_GETFD), -1);
}

static void a_file_without_end_is_too_large(void **state)
{
    (void)state;
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    LK_BUF_AUTO b = lk_buf(8);
    assert_int_equal(lk_tls_file_read(fd, &b).code, LK_R_TOO_LARGE);
}

static void what_cannot_be_read_is_io(void **state)
{
    (void)state;
    int fd = open("/", O_RDONLY | O_CLOEXEC);
    LK_BUF_AUTO b = lk_buf(8);
    assert_int_equal(lk_tls_file_read(fd, &b).code, LK_R_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_are_of_the_certificate),
        cmocka_unit_test(a_file_is_read_to_its_end_and_closed),
        cmocka_unit_test(a_file_without_end_is_too_large),
        cmocka_unit_test(what_cannot_be_read_is_io),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
