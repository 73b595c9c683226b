/* SPDX-License-Identifier: Apache-2.0 */
/* keystore/release: spent tickets in bounded memory, budgets, what a reason is told as. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "keystore/release/answer.h"
#include "keystore/release/budget.h"
#include "keystore/release/spent.h"

#define CODE(r) ((int)(r).code)
#define ok(r) assert_int_equal(CODE(r), LK_R_OK)

static const uint8_t statement[64] = {1}, other[64] = {2};

static struct lk_ticket ticket(uint8_t n)
{
    struct lk_ticket t = {{0}};
    t.bytes[0] = n;
    return t;
}

static void a_spent_ticket_repeats_one_statement(void **state)
{
    struct lk_spent *s = lk_spent_new(4, 1000);
    struct lk_ticket t = ticket(1);
    struct lk_use *use;
    struct lk_bytes answer;
    (void)state;
    ok(lk_spent_look(s, &t, statement, &use, &answer));
    assert_null(use);
    ok(lk_spent_take(s, &t, 100, statement, 500, &use));
    assert_int_equal(CODE(lk_spent_look(s, &t, statement, &use, &answer)), LK_R_OVERLOAD); /* being answered */
    assert_int_equal(CODE(lk_spent_look(s, &t, other, &use, &answer)), LK_R_TICKET_SPENT);
    lk_spent_answered(s, use, lk_bytes_str("the answer"));
    ok(lk_spent_look(s, &t, statement, &use, &answer));
    assert_true(lk_bytes_eq(answer, lk_bytes_str("the answer")));
    assert_int_equal(CODE(lk_spent_look(s, &t, other, &use, &answer)), LK_R_TICKET_SPENT);
    lk_spent_free(s);
}

static void four_refusals_and_no_more(void **state)
{
    struct lk_spent *s = lk_spent_new(4, 1000);
    struct lk_ticket t = ticket(1);
    struct lk_use *use;
    struct lk_bytes answer;
    (void)state;
    for (int i = 0; i < LK_TICKET_REFUSALS; i++) {
        ok(lk_spent_look(s, &t, statement, &use, &answer));
        ok(lk_spent_refuse(s, &t, 100));
    }
    assert_int_equal(CODE(lk_spent_look(s, &t, statement, &use, &answer)), LK_R_TICKET_EXHAUSTED);
    lk_spent_free(s);
}

static void a_full_table_is_unavailable_and_forgets_nothing(void **state)
{
    struct lk_spent *s = lk_spent_new(2, 1000);
    struct lk_ticket a = ticket(1), b = ticket(2), c = ticket(3);
    struct lk_use *use;
    struct lk_bytes answer;
    (void)state;
    ok(lk_spent_take(s, &a, 100, statement, 600, &use));
    assert_int_equal(CODE(lk_spent_take(s, &b, 100, statement, 600, &use)), LK_R_OVERLOAD); /* bytes */
    ok(lk_spent_take(s, &b, 200, statement, 100, &use));
    assert_int_equal(CODE(lk_spent_take(s, &c, 100, statement, 10, &use)), LK_R_OVERLOAD); /* tickets */
    assert_int_equal(CODE(lk_spent_refuse(s, &c, 100)), LK_R_OVERLOAD);
    lk_spent_sweep(s, 150);
    assert_int_equal(lk_spent_count(s), 2); /* one has expired, but its answer is under way */
    ok(lk_spent_look(s, &c, statement, &use, &answer));
    lk_spent_free(s);
}

static void the_admission_mac_makes_no_other_ticket(void **state)
{
    struct lk_spent *s = lk_spent_new(4, 1000);
    struct lk_ticket t = ticket(1);
    struct lk_use *use;
    struct lk_bytes answer;
    (void)state;
    ok(lk_spent_take(s, &t, 100, statement, 500, &use));
    t.bytes[LK_TICKET_LEN - 1] ^= 1;
    assert_int_equal(CODE(lk_spent_look(s, &t, other, &use, &answer)), LK_R_TICKET_SPENT);
    t.bytes[LK_TICKET_LEN - LK_TICKET_ADMISSION_LEN - 1] ^= 1;
    ok(lk_spent_look(s, &t, other, &use, &answer));
    lk_spent_free(s);
}

static void refusals_leave_room_for_releases(void **state)
{
    struct lk_spent *s = lk_spent_new(2, 1000);
    struct lk_ticket a = ticket(1), b = ticket(2);
    struct lk_use *use;
    (void)state;
    ok(lk_spent_refuse(s, &a, 100));
    assert_int_equal(CODE(lk_spent_refuse(s, &b, 100)), LK_R_OVERLOAD);
    ok(lk_spent_take(s, &b, 100, statement, 500, &use));
    lk_spent_free(s);
}

static void what_has_expired_makes_room(void **state)
{
    struct lk_spent *s = lk_spent_new(1, 1000);
    struct lk_ticket a = ticket(1), b = ticket(2);
    struct lk_use *use;
    (void)state;
    ok(lk_spent_take(s, &a, 100, statement, 10, &use));
    lk_spent_answered(s, use, lk_bytes_str("x"));
    lk_spent_sweep(s, 100);
    assert_int_equal(lk_spent_count(s), 1);
    lk_spent_sweep(s, 101);
    assert_int_equal(lk_spent_count(s), 0);
    ok(lk_spent_take(s, &b, 200, statement, 1000, &use));
    lk_spent_free(s);
}

static void a_ticket_given_back_may_be_used_again(void **state)
{
    struct lk_spent *s = lk_spent_new(1, 1000);
    struct lk_ticket t = ticket(1);
    struct lk_use *use;
    struct lk_bytes answer;
    (void)state;
    ok(lk_spent_take(s, &t, 100, statement, 10, &use));
    lk_spent_give_back(s, use);
    ok(lk_spent_look(s, &t, other, &use, &answer));
    ok(lk_spent_take(s, &t, 100, other, 1000, &use));
    lk_spent_free(s);
}

static void a_budget_is_a_days(void **state)
{
    struct lk_budget *b = lk_budget_new();
    uint64_t count;
    (void)state;
    ok(lk_budget_take(b, lk_bytes_str("s"), 2, 86400, &count));
    ok(lk_budget_take(b, lk_bytes_str("s"), 2, 86400 + 5, &count));
    assert_int_equal(count, 2);
    assert_int_equal(CODE(lk_budget_take(b, lk_bytes_str("s"), 2, 2 * 86400 - 1, &count)), LK_R_BUDGET_SPENT);
    ok(lk_budget_take(b, lk_bytes_str("other"), 2, 86400, &count));
    lk_budget_give_back(b, lk_bytes_str("s"));
    ok(lk_budget_take(b, lk_bytes_str("s"), 2, 86400, &count));
    ok(lk_budget_take(b, lk_bytes_str("s"), 2, 2 * 86400, &count));
    assert_int_equal(count, 1);
    lk_budget_free(b);
}

/* DESIGN, section 5: each class has its status, and a retry only where one helps. */
static void reasons_are_told_by_class(void **state)
{
    static const struct {
        enum lk_reason_code code;
        uint8_t status;
        bool retry;
    } rows[] = {
        {LK_R_REQUEST_MALFORMED, 3, false}, {LK_R_TOO_LARGE, 8, false},    {LK_R_TICKET_FORGED, 16, false},
        {LK_R_REFUSED, 7, false},           {LK_R_TICKET_SPENT, 10, true}, {LK_R_TICKET_STALE, 14, true},
        {LK_R_OVERLOAD, 8, true},           {LK_R_TOKEN_AWAY, 14, true},   {LK_R_INTERNAL, 13, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(lk_grpc_status_of(rows[i].code), rows[i].status);
        assert_int_equal(lk_retry_after(rows[i].code) != 0, rows[i].retry);
    }
}

static void decision_ids_are_short_and_readable(void **state)
{
    char a[LK_DECISION_ID], b[LK_DECISION_ID];
    (void)state;
    ok(lk_decision_id(a));
    ok(lk_decision_id(b));
    assert_int_equal(strlen(a), 14);
    assert_int_equal(strspn(a, "0123456789ABCDEFGHJKMNPQRSTVWXYZ-"), 14);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spent_ticket_repeats_one_statement),
        cmocka_unit_test(four_refusals_and_no_more),
        cmocka_unit_test(a_full_table_is_unavailable_and_forgets_nothing),
        cmocka_unit_test(the_admission_mac_makes_no_other_ticket),
        cmocka_unit_test(refusals_leave_room_for_releases),
        cmocka_unit_test(what_has_expired_makes_room),
        cmocka_unit_test(a_ticket_given_back_may_be_used_again),
        cmocka_unit_test(a_budget_is_a_days),
        cmocka_unit_test(reasons_are_told_by_class),
        cmocka_unit_test(decision_ids_are_short_and_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
