/* SPDX-License-Identifier: Apache-2.0 */
/* What the signed list must show of a change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "broker/cli/confirm.h"
#include "proto/seal/hash.h"

#define NAME(text) ((char *)(uintptr_t)(text))

static Latchkey__V1__ObjectInfo row(const char *kind, const char *name, uint64_t revision, uint8_t digest[static 32])
{
    Latchkey__V1__ObjectInfo o = LATCHKEY__V1__OBJECT_INFO__INIT;
    o.kind = NAME(kind);
    o.name = NAME(name);
    o.revision = revision;
    o.digest = (ProtobufCBinaryData){.len = 32, .data = digest};
    return o;
}

struct set {
    struct lk_change_item item;
    uint64_t told;
    uint8_t digest[32];
    struct lk_confirm c;
};

/* "prod" goes from revision 2 to 3. */
static void begin_set(struct set *s)
{
    *s = (struct set){.item = {LK_CHANGE_POLICY_SET, "prod", 2, lk_bytes_str("new")}, .told = 3};
    assert_true(lk_ok(lk_sha256(&s->item.payload, 1, s->digest)));
    assert_true(lk_ok(lk_confirm_begin(&s->c, &s->item, 1, &s->told)));
}

static void a_set_that_is_shown_is_in_force(void **state)
{
    (void)state;
    struct set s;
    begin_set(&s);
    Latchkey__V1__ObjectInfo o = row("policy", "prod", 3, s.digest);
    assert_true(lk_ok(lk_confirm_row(&s.c, &o)));
    assert_true(lk_ok(lk_confirm_end(&s.c)));
}

static void a_set_that_is_not_shown_is_not(void **state)
{
    (void)state;
    struct set s;
    begin_set(&s);
    assert_int_equal(lk_confirm_end(&s.c).code, LK_R_CHANGE_NOT_IN_FORCE);
    Latchkey__V1__ObjectInfo longer = row("policy", "prod-2", 3, s.digest), other = row("secret", "prod", 3, s.digest);
    assert_true(lk_ok(lk_confirm_row(&s.c, &longer)));
    assert_true(lk_ok(lk_confirm_row(&s.c, &other)));
    assert_int_equal(lk_confirm_end(&s.c).code, LK_R_CHANGE_NOT_IN_FORCE);
}

static void other_bytes_are_not_the_change(void **state)
{
    (void)state;
    struct set s;
    begin_set(&s);
    Latchkey__V1__ObjectInfo o = row("policy", "prod", 3, s.digest);
    s.digest[31] ^= 1;
    assert_int_equal(lk_confirm_row(&s.c, &o).code, LK_R_CHANGE_NOT_IN_FORCE);
    s.digest[31] ^= 1;
    o.digest.len = 31;
    assert_int_equal(lk_confirm_row(&s.c, &o).code, LK_R_CHANGE_NOT_IN_FORCE);
}

static void another_revision_than_the_one_told_is_not_the_change(void **state)
{
    (void)state;
    struct set s;
    begin_set(&s);
    Latchkey__V1__ObjectInfo o = row("policy", "prod", 4, s.digest);
    assert_int_equal(lk_confirm_row(&s.c, &o).code, LK_R_CHANGE_NOT_IN_FORCE);
}

/* The same bytes put again, dropped on the way, and "revision 2" told. */
static void the_revision_that_was_there_before_is_not_the_change(void **state)
{
    (void)state;
    struct set s;
    begin_set(&s);
    s.told = 2;
    Latchkey__V1__ObjectInfo o = row("policy", "prod", 2, s.digest);
    assert_int_equal(lk_confirm_row(&s.c, &o).code, LK_R_CHANGE_NOT_IN_FORCE);
}

static void a_delete_is_in_force_when_nothing_is_shown(void **state)
{
    (void)state;
    uint8_t digest[32] = {0};
    uint64_t told = 7;
    struct lk_confirm c;
    struct lk_change_item item = {LK_CHANGE_REFERENCE_DELETE, "fw", 7, LK_BYTES_NONE};
    assert_true(lk_ok(lk_confirm_begin(&c, &item, 1, &told)));
    Latchkey__V1__ObjectInfo longer = row("reference", "fw-2", 1, digest), same = row("reference", "fw", 7, digest);
    assert_true(lk_ok(lk_confirm_row(&c, &longer)));
    assert_true(lk_ok(lk_confirm_end(&c)));
    assert_int_equal(lk_confirm_row(&c, &same).code, LK_R_CHANGE_NOT_IN_FORCE);
}

static void several_items_are_asked_for_by_what_their_names_share(void **state)
{
    (void)state;
    char prefix[256];
    uint64_t told[3] = {1, 1, 1};
    struct lk_confirm c;
    struct lk_change_item items[] = {
        {LK_CHANGE_REFERENCE_SET, "fw-2026.1", 0, lk_bytes_str("a")},
        {LK_CHANGE_REFERENCE_SET, "fw-2025.9", 0, lk_bytes_str("b")},
        {LK_CHANGE_ANCHOR_SET, "lab", 0, lk_bytes_str("c")},
    };
    assert_true(lk_ok(lk_confirm_begin(&c, items, 3, told)));
    lk_confirm_prefix(&c, "reference", prefix);
    assert_string_equal(prefix, "fw-202");
    lk_confirm_prefix(&c, "anchor", prefix);
    assert_string_equal(prefix, "lab");
    for (size_t i = 0; i < 3; i++) {
        uint8_t digest[32];
        assert_int_equal(lk_confirm_end(&c).code, LK_R_CHANGE_NOT_IN_FORCE); /* each must be shown */
        assert_true(lk_ok(lk_sha256(&items[i].payload, 1, digest)));
        Latchkey__V1__ObjectInfo o = row(lk_confirm_list(items[i].kind), items[i].object, 1, digest);
        assert_true(lk_ok(lk_confirm_row(&c, &o)));
    }
    assert_true(lk_ok(lk_confirm_end(&c)));
}

static void queries_are_no_changes(void **state)
{
    (void)state;
    uint64_t told = 1;
    struct lk_confirm c;
    struct lk_change_item item = {LK_QUERY_LIST, "policy", 0, LK_BYTES_NONE};
    assert_int_equal(lk_confirm_begin(&c, &item, 1, &told).code, LK_R_CHANGE_MALFORMED);
    assert_int_equal(lk_confirm_begin(&c, &item, 0, &told).code, LK_R_CHANGE_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_that_is_shown_is_in_force),
        cmocka_unit_test(a_set_that_is_not_shown_is_not),
        cmocka_unit_test(other_bytes_are_not_the_change),
        cmocka_unit_test(another_revision_than_the_one_told_is_not_the_change),
        cmocka_unit_test(the_revision_that_was_there_before_is_not_the_change),
        cmocka_unit_test(a_delete_is_in_force_when_nothing_is_shown),
        cmocka_unit_test(several_items_are_asked_for_by_what_their_names_share),
        cmocka_unit_test(queries_are_no_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
