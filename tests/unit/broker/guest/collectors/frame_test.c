/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/frame.h"
#include "proto/base/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct pipe_pair {
    int in, out;
};

static struct pipe_pair open_pipe(void)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    return (struct pipe_pair){fds[0], fds[1]};
}

static void feed(struct pipe_pair *p, const void *bytes, size_t len)
{
    assert_int_equal(write(p->out, bytes, len), (ssize_t)len);
    close(p->out);
    p->out = -1;
}

static void expect_read(const void *bytes, size_t len, enum lk_reason_code code)
{
    struct pipe_pair p = open_pipe();
    LK_BUF_AUTO got = lk_buf(LK_COLLECTOR_FRAME_MAX);
    feed(&p, bytes, len);
    assert_int_equal(lk_collector_read(p.in, 0, &got).code, code);
    close(p.in);
}

static void a_message_arrives_as_written(void **state)
{
    (void)state;
    struct pipe_pair p = open_pipe();
    assert_true(lk_ok(lk_collector_write(p.out, 0, lk_bytes_str("hello"))));
    assert_true(lk_ok(lk_collector_write(p.out, 0, lk_bytes_str("again"))));
    close(p.out);
    LK_BUF_AUTO got = lk_buf(LK_COLLECTOR_FRAME_MAX);
    assert_true(lk_ok(lk_collector_read(p.in, 0, &got)));
    assert_true(lk_bytes_eq(lk_buf_bytes(&got), lk_bytes_str("hello")));
    assert_true(lk_ok(lk_collector_read(p.in, 0, &got)));
    assert_true(lk_bytes_eq(lk_buf_bytes(&got), lk_bytes_str("again")));
    assert_int_equal(lk_collector_read(p.in, 0, &got).code, LK_R_FRAME_CLOSED);
    close(p.in);
}

static void the_length_is_big_endian(void **state)
{
    (void)state;
    expect_read("\0\0\0\1x", 5, LK_R_OK);
}

static void an_end_between_messages_is_told_from_one_inside(void **state)
{
    (void)state;
    expect_read("", 0, LK_R_FRAME_CLOSED);
    expect_read("\0\0", 2, LK_R_SHORT_INPUT);
    expect_read("\0\0\0\2x", 5, LK_R_SHORT_INPUT);
}

static void empty_and_overlong_messages_are_refused(void **state)
{
    (void)state;
    expect_read("\0\0\0\0", 4, LK_R_TOO_LARGE);
    expect_read("\0\x40\0\1", 4, LK_R_TOO_LARGE);
    assert_int_equal(lk_collector_write(-1, 0, LK_BYTES_NONE).code, LK_R_TOO_LARGE);
}

static void a_silent_peer_meets_the_deadline(void **state)
{
    (void)state;
    struct pipe_pair p = open_pipe();
    LK_BUF_AUTO got = lk_buf(LK_COLLECTOR_FRAME_MAX);
    assert_int_equal(lk_collector_read(p.in, lk_clock_mono_ms() + 20, &got).code, LK_R_DEADLINE);
    close(p.in);
    close(p.out);
}

static void a_peer_that_is_gone_is_an_io_error(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    struct pipe_pair p = open_pipe();
    close(p.in);
    assert_int_equal(lk_collector_write(p.out, 0, lk_bytes_str("x")).code, LK_R_IO);
    close(p.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_arrives_as_written),
        cmocka_unit_test(the_length_is_big_endian),
        cmocka_unit_test(an_end_between_messages_is_told_from_one_inside),
        cmocka_unit_test(empty_and_overlong_messages_are_refused),
        cmocka_unit_test(a_silent_peer_meets_the_deadline),
        cmocka_unit_test(a_peer_that_is_gone_is_an_io_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
