/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets and what is policed with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <string.h>

#include "proto/grpc/policing.h"

static void a_bucket_empties_and_fills(void **state)
{
    (void)state;
    struct lk_grpc_bucket b = {0};
    for (int i = 0; i < 3; i++)
        assert_true(lk_grpc_bucket_take(&b, 2, 3, 1000));
    assert_false(lk_grpc_bucket_take(&b, 2, 3, 1000));
    assert_false(lk_grpc_bucket_take(&b, 2, 3, 1499));
    assert_true(lk_grpc_bucket_take(&b, 2, 3, 1500));
    assert_false(lk_grpc_bucket_take(&b, 2, 3, 1500));
    for (int i = 0; i < 3; i++) /* never more than the burst */
        assert_true(lk_grpc_bucket_take(&b, 2, 3, 1000000));
    assert_false(lk_grpc_bucket_take(&b, 2, 3, 1000000));
}

static void keys_do_not_share_a_bucket(void **state)
{
    (void)state;
    struct lk_grpc_buckets *t = lk_grpc_buckets_new();
    assert_non_null(t);
    for (uint32_t key = 0; key < 2000; key++)
        assert_true(lk_grpc_buckets_take(t, lk_bytes(&key, sizeof(key)), 1, 1, 5000));
    uint32_t last = 1999;
    assert_false(lk_grpc_buckets_take(t, lk_bytes(&last, sizeof(last)), 1, 1, 5000));
    lk_grpc_buckets_free(t);
}

static struct lk_bytes key_of(int family, const char *text, uint8_t out[static LK_GRPC_PREFIX_KEY])
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (family == AF_INET) {
        assert_int_equal(inet_pton(family, text, &in.sin_addr), 1);
        return lk_grpc_prefix_key((struct sockaddr *)&in, out);
    }
    assert_int_equal(inet_pton(family, text, &in6.sin6_addr), 1);
    return lk_grpc_prefix_key((struct sockaddr *)&in6, out);
}

static bool same(int fa, const char *a, int fb, const char *b)
{
    uint8_t ka[LK_GRPC_PREFIX_KEY], kb[LK_GRPC_PREFIX_KEY];
    return lk_bytes_eq(key_of(fa, a, ka), key_of(fb, b, kb));
}

static void a_source_is_an_address_or_a_64_bit_prefix(void **state)
{
    (void)state;
    assert_false(same(AF_INET, "192.0.2.1", AF_INET, "192.0.2.2"));
    assert_true(same(AF_INET, "192.0.2.1", AF_INET6, "::ffff:192.0.2.1"));
    assert_true(same(AF_INET6, "2001:db8::1", AF_INET6, "2001:db8::ffff:1"));
    assert_false(same(AF_INET6, "2001:db8::1", AF_INET6, "2001:db8:0:1::1"));
}

/* Proposal A8: two strikes, then the third PING that comes too soon ends it. */
static void pings_have_two_strikes(void **state)
{
    (void)state;
    struct lk_grpc_limits l = lk_grpc_limits_default();
    struct lk_grpc_policing p = {0};
    assert_true(lk_grpc_policing_ping(&p, &l, 1000));
    assert_true(lk_grpc_policing_ping(&p, &l, 2000));
    assert_true(lk_grpc_policing_ping(&p, &l, 3000));
    assert_false(lk_grpc_policing_ping(&p, &l, 4000));
}

static void pings_at_leisure_are_no_strikes(void **state)
{
    (void)state;
    struct lk_grpc_limits l = lk_grpc_limits_default();
    struct lk_grpc_policing p = {0};
    for (uint64_t t = 1; t < 10; t++)
        assert_true(lk_grpc_policing_ping(&p, &l, t * l.ping_interval_ms));
}

static void what_is_sent_forgives(void **state)
{
    (void)state;
    struct lk_grpc_limits l = lk_grpc_limits_default();
    struct lk_grpc_policing p = {0};
    for (int i = 0; i < 10; i++) {
        assert_true(lk_grpc_policing_ping(&p, &l, 1000));
        assert_true(lk_grpc_policing_ping(&p, &l, 1000));
        lk_grpc_policing_sent(&p);
    }
}

static void resets_have_a_budget(void **state)
{
    (void)state;
    struct lk_grpc_limits l = {.reset_rate = 1, .reset_burst = 2};
    struct lk_grpc_policing p = {0};
    assert_true(lk_grpc_policing_reset(&p, &l, 1000));
    assert_true(lk_grpc_policing_reset(&p, &l, 1000));
    assert_false(lk_grpc_policing_reset(&p, &l, 1000));
    assert_true(lk_grpc_policing_reset(&p, &l, 2000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_empties_and_fills),
        cmocka_unit_test(keys_do_not_share_a_bucket),
        cmocka_unit_test(a_source_is_an_address_or_a_64_bit_prefix),
        cmocka_unit_test(pings_have_two_strikes),
        cmocka_unit_test(pings_at_leisure_are_no_strikes),
        cmocka_unit_test(what_is_sent_forgives),
        cmocka_unit_test(resets_have_a_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
