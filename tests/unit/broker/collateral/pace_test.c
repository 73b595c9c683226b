/* SPDX-License-Identifier: Apache-2.0 */
/* broker/collateral/pace: how soon again; options in seconds. */
#include "broker/collateral/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "broker/collateral/options.h"

static void backoff_doubles_to_its_end(void **state)
{
    (void)state;
    struct lk_pace p = {.backoff = 1000};
    assert_int_equal(lk_pace_backoff(&p, 1, 0), 500);
    assert_int_equal(lk_pace_backoff(&p, 1, UINT32_MAX), 1000);
    assert_int_equal(lk_pace_backoff(&p, 4, UINT32_MAX), 8000);
    assert_int_equal(lk_pace_backoff(&p, 9, UINT32_MAX), 256000);
    assert_int_equal(lk_pace_backoff(&p, 10, UINT32_MAX), LK_PACE_BACKOFF_MAX);
    assert_int_equal(lk_pace_backoff(&p, UINT32_MAX, 0), LK_PACE_BACKOFF_MAX / 2);
    p.backoff = 0;
    assert_int_equal(lk_pace_backoff(&p, 3, UINT32_MAX), 0);
}

static void a_server_is_not_asked_sooner_than_it_says(void **state)
{
    (void)state;
    assert_int_equal(lk_pace_after(10, 0), 10000);
    assert_int_equal(lk_pace_after(10, UINT32_MAX), 11000);
    assert_int_equal(lk_pace_after(-5, UINT32_MAX), 0);
    assert_int_equal(lk_pace_after(INT64_MAX, 0), 86400000);
}

static void seconds_are_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "-1", "1s", "1e3", "0x10", " 1", "nan", "61"};
    uint32_t ms = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(lk_seconds(bad[i], 60000, &ms));
    assert_int_equal(ms, 7);
    assert_true(lk_seconds("0.25", 60000, &ms));
    assert_int_equal(ms, 250);
    assert_true(lk_seconds("60", 60000, &ms));
    assert_int_equal(ms, 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(backoff_doubles_to_its_end),
                                       cmocka_unit_test(a_server_is_not_asked_sooner_than_it_says), cmocka_unit_test(seconds_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
