/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper with its token: releases, the attacks of the design, hostile neighbours. */
#include "tests/system/keeper/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "proto/base/clock.h"
#include "proto/seal/hash.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct bench bench;
#define B (&bench)

static int setup(void **state)
{
    struct bench_answer a;
    (void)state;
    bench_new(B);
    bench_start(B);
    bench_policy(B, "prod", "disk/*", "sealed", 0, 0);
    bench_put(B, "disk/1", "sealed", 0, "the first secret", &a);
    assert_string_equal(a.reason, "OK");
    bench_answer_free(&a);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bench_stop(B);
    bench_free(B);
    return 0;
}

static void a_sealed_secret_is_released(void **state)
{
    struct lk_ticket t;
    struct lk_verdict v;
    struct bench_answer a;
    LK_SECRET_AUTO secret = {0};
    (void)state;
    bench_ticket(B, NULL, "", &t);
    bench_verdict(B, &t, "disk/1", &v);
    bench_ask(B, &v, &a);
    assert_string_equal(a.reason, "OK");
    assert_string_equal(a.answer->secrets[0]->code, "OK");
    assert_int_equal(a.answer->secrets[0]->version, 1);
    bench_open(B, &a, 0, &v, &secret);
    assert_int_equal(secret.len, 16);
    assert_memory_equal(secret.data, "the first secret", 16);
    bench_answer_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sealed_secret_is_released),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
