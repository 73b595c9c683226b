/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "proto/grpc/inbox.h"

static const uint8_t two[] = {0, 0, 0, 0, 3, 'a', 'b', 'c', 1, 0, 0, 0, 0};

static void one_byte_at_a_time(void **state)
{
    (void)state;
    struct lk_grpc_inbox box = {0};
    int prefixes = 0, messages = 0;
    for (size_t i = 0; i < sizeof(two); i++) {
        struct lk_bytes in = lk_bytes(two + i, 1);
        enum lk_grpc_inbox_step step;
        while ((step = lk_grpc_inbox_feed(&box, &in)) != LK_GRPC_INBOX_MORE) {
            if (step == LK_GRPC_INBOX_PREFIX) {
                assert_int_equal(box.length, prefixes == 0 ? 3 : 0);
                assert_int_equal(box.flag, prefixes);
                prefixes++;
                assert_int_equal(lk_grpc_inbox_admit(&box).code, LK_R_OK);
                continue;
            }
            struct lk_bytes m = lk_grpc_inbox_message(&box);
            assert_true(lk_bytes_eq(m, lk_bytes(messages == 0 ? "abc" : "", messages == 0 ? 3 : 0)));
            messages++;
            lk_grpc_inbox_next(&box);
            if (in.len == 0)
                break;
        }
    }
    assert_int_equal(prefixes, 2);
    assert_int_equal(messages, 2);
    assert_true(lk_grpc_inbox_empty(&box));
}

static void nothing_is_taken_before_admission(void **state)
{
    (void)state;
    struct lk_grpc_inbox box = {0};
    struct lk_bytes in = LK_BYTES(two);
    assert_int_equal(lk_grpc_inbox_feed(&box, &in), LK_GRPC_INBOX_PREFIX);
    assert_int_equal(in.len, sizeof(two) - 5);
    assert_int_equal(lk_grpc_inbox_feed(&box, &in), LK_GRPC_INBOX_PREFIX);
    assert_int_equal(in.len, sizeof(two) - 5);
    assert_null(box.data);
    assert_false(lk_grpc_inbox_empty(&box));
    lk_grpc_inbox_next(&box);
}

static void a_prefix_reads_back(void **state)
{
    (void)state;
    uint8_t p[LK_GRPC_PREFIX];
    lk_grpc_prefix(p, 0x01020304);
    assert_memory_equal(p, "\0\1\2\3\4", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_byte_at_a_time),
        cmocka_unit_test(nothing_is_taken_before_admission),
        cmocka_unit_test(a_prefix_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
