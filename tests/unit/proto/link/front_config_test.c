/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "proto/link/front_config.h"

static void limits_come_back(void **state)
{
    (void)state;
    struct lk_front_limits in = lk_front_limits_default(), out;
    in.worker_requests = 0;
    LK_BUF_AUTO b = lk_buf(64);
    lk_front_limits_put(&b, &in);
    assert_int_equal(lk_front_limits_get(lk_buf_bytes(&b), &out).code, LK_R_OK);
    assert_memory_equal(&in, &out, sizeof(in));
}

static void limits_of_another_length_are_forbidden(void **state)
{
    (void)state;
    struct lk_front_limits in = lk_front_limits_default(), out;
    LK_BUF_AUTO b = lk_buf(64);
    lk_front_limits_put(&b, &in);
    struct lk_bytes all = lk_buf_bytes(&b);
    assert_int_equal(lk_front_limits_get(lk_bytes(all.data, all.len - 1), &out).code, LK_R_FRAME_FORBIDDEN);
    lk_put_u8(&b, 0);
    assert_int_equal(lk_front_limits_get(lk_buf_bytes(&b), &out).code, LK_R_FRAME_FORBIDDEN);
}

static void a_limit_of_zero_is_forbidden(void **state)
{
    (void)state;
    struct lk_front_limits in = lk_front_limits_default(), out;
    in.streams = 0;
    LK_BUF_AUTO b = lk_buf(64);
    lk_front_limits_put(&b, &in);
    assert_int_equal(lk_front_limits_get(lk_buf_bytes(&b), &out).code, LK_R_FRAME_FORBIDDEN);
}

static void callers_are_read_one_by_one(void **state)
{
    (void)state;
    struct lk_front_caller in = {.certificate = {1, 2, 3}, .roles = 3}, out;
    LK_BUF_AUTO b = lk_buf(128);
    lk_front_caller_put(&b, &in);
    lk_put_u8(&b, 1);
    struct lk_cursor c = lk_cursor(lk_buf_bytes(&b));
    assert_int_equal(lk_front_caller_get(&c, &out).code, LK_R_OK);
    assert_memory_equal(&in, &out, sizeof(in));
    assert_int_equal(lk_front_caller_get(&c, &out).code, LK_R_FRAME_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_come_back),
        cmocka_unit_test(limits_of_another_length_are_forbidden),
        cmocka_unit_test(a_limit_of_zero_is_forbidden),
        cmocka_unit_test(callers_are_read_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
