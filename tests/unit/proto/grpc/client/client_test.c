/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses. Whole calls: tests/interop/client, against a server that is not ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/base/clock.h"
#include "proto/grpc/client/client.h"

static void addresses_are_host_and_port(void **state)
{
    (void)state;
    char host[256], port[6];
    assert_true(lk_ok(lk_address_split("broker.example:7443", host, port)));
    assert_string_equal(host, "broker.example");
    assert_string_equal(port, "7443");
    assert_true(lk_ok(lk_address_split("[::1]:1", host, port)));
    assert_string_equal(host, "::1");
    static const char *const bad[] = {"", "host", ":1", "host:", "host:http", "host:123456", "::1:7443", "[::1:7443", "[]:1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(lk_address_split(bad[i], host, port).code, LK_R_BROKER_ADDRESS);
}

static void nobody_listening_is_unreachable(void **state)
{
    (void)state;
    struct lk_grpc_client *c = NULL;
    struct lk_dial dial = {.address = "127.0.0.1:1"};
    assert_int_equal(lk_grpc_open(&dial, lk_clock_mono_ms() + 2000, &c).code, LK_R_BROKER_UNREACHABLE);
    assert_null(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_host_and_port),
        cmocka_unit_test(nobody_listening_is_unreachable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
