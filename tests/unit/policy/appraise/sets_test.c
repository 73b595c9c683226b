/* SPDX-License-Identifier: Apache-2.0 */
/* Reference sets: parts that load and parts that do not, complete and incomplete versions, members of both kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "policy.pb-c.h"
#include "policy/appraise/lists.h"
#include "policy/appraise/sets.h"
#include "tests/unit/policy/families/test_families.h"

#define S(text) ((char *)(uintptr_t)(text))
#define V1 S("00112233aabbccdd")
#define V2 S("ffeeddccbbaa9988")

/* Members and messages live as long as the test: a policy set borrows them. */
static uint8_t wires[16][512];
static size_t n_wires;

static int add_part(struct lk_policyset *set, Latchkey__V1__ReferenceSet m, const void *members, size_t len)
{
    struct lk_report report = {.n = 0};
    uint8_t *wire = wires[n_wires++ % 16];
    m.base.descriptor = &latchkey__v1__reference_set__descriptor;
    m.members = (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)members};
    m.from = m.approved_by = S("");
    assert_true(latchkey__v1__reference_set__get_packed_size(&m) <= sizeof(wires[0]));
    size_t n = latchkey__v1__reference_set__pack(&m, wire);
    lk_result r = lk_policyset_add_set(set, lk_bytes(wire, n), &report);
    if (!lk_ok(r) && r.code == LK_R_SET_MALFORMED)
        assert_int_equal(lk_report_first(&report)->code, r.code);
    return (int)r.code;
}

static Latchkey__V1__ReferenceSet part(char *version, uint32_t at, uint32_t of)
{
    return (Latchkey__V1__ReferenceSet){.schema = 1, .name = S("list"), .version = version, .part = at, .parts = of,
                                        .kind = LATCHKEY__V1__REFERENCE_SET__MEMBERS__DIGESTS, .algorithm = 0x000b};
}

static uint8_t two[64];

static void set_up(void)
{
    n_wires = 0;
    memcpy(two, test_files[0].digest.data, 32);
    memcpy(two + 32, test_files[1].digest.data, 32);
}

#define CHANGE(name, statement)                                  \
    static void name(Latchkey__V1__ReferenceSet *m, size_t *len) \
    {                                                            \
        (void)m;                                                 \
        (void)len;                                               \
        statement;                                               \
    }
CHANGE(nothing, (void)0)
CHANGE(one_member, *len = 32)
CHANGE(verity, m->algorithm = 0x800b)
CHANGE(schema, m->schema = 2)
CHANGE(bad_name, m->name = S("List"))
CHANGE(short_version, m->version = S("0011"))
CHANGE(upper_version, m->version = S("00112233AABBCCDD"))
CHANGE(part_zero, m->part = 0)
CHANGE(part_beyond, m->part = 2)
CHANGE(many_parts, m->parts = 513)
CHANGE(no_kind, m->kind = LATCHKEY__V1__REFERENCE_SET__MEMBERS__UNSPECIFIED)
CHANGE(unknown_algorithm, m->algorithm = 0x0010)
CHANGE(wide_algorithm, m->algorithm = 0x1000b)
CHANGE(files_with_algorithm, m->kind = LATCHKEY__V1__REFERENCE_SET__MEMBERS__FILES)
CHANGE(empty, *len = 0)
CHANGE(half_a_member, *len = 63)
CHANGE(equal_members, memcpy(two + 32, two, 32))
CHANGE(descending, two[0] = 0xff)

static void only_whole_sorted_parts_load(void **state)
{
    static const struct {
        void (*change)(Latchkey__V1__ReferenceSet *, size_t *);
        enum lk_reason_code code;
    } t[] = {
        {nothing, LK_R_OK},
        {one_member, LK_R_OK},
        {verity, LK_R_OK},
        {schema, LK_R_SET_MALFORMED},
        {bad_name, LK_R_SET_MALFORMED},
        {short_version, LK_R_SET_MALFORMED},
        {upper_version, LK_R_SET_MALFORMED},
        {part_zero, LK_R_SET_MALFORMED},
        {part_beyond, LK_R_SET_MALFORMED},
        {many_parts, LK_R_SET_MALFORMED},
        {no_kind, LK_R_SET_MALFORMED},
        {unknown_algorithm, LK_R_SET_MALFORMED},
        {wide_algorithm, LK_R_SET_MALFORMED},
        {files_with_algorithm, LK_R_SET_MALFORMED},
        {empty, LK_R_SET_MALFORMED},
        {half_a_member, LK_R_SET_MALFORMED},
        {equal_members, LK_R_SET_MALFORMED},
        {descending, LK_R_SET_MALFORMED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct lk_policyset *set = lk_policyset_new();
        Latchkey__V1__ReferenceSet m = part(V1, 1, 1);
        size_t len = sizeof(two);
        set_up();
        t[i].change(&m, &len);
        int code = add_part(set, m, two, len);
        if (code != (int)t[i].code)
            fail_msg("row %zu: %s", i, lk_reason((enum lk_reason_code)code)->name);
        lk_policyset_free(set);
    }
}

static void a_part_stands_once(void **state)
{
    (void)state;
    struct lk_policyset *set = lk_policyset_new();
    set_up();
    assert_int_equal(add_part(set, part(V1, 1, 2), two, 64), LK_R_OK);
    assert_int_equal(add_part(set, part(V1, 1, 2), two, 64), LK_R_SET_MALFORMED);
    assert_int_equal(add_part(set, part(V2, 1, 2), two, 64), LK_R_OK);
    lk_policyset_free(set);
}

static bool found(const struct lk_policyset *set, const struct lk_member *file)
{
    struct lk_set_view view;
    bool in = false;
    view.n = 0;
    assert_int_equal(lk_set_view_add(&view, set, "list").code, LK_R_OK);
    assert_int_equal(lk_set_view_find(&view, file, &in).code, LK_R_OK);
    return in;
}

static int state_of(const struct lk_policyset *set)
{
    struct lk_set_view view;
    view.n = 0;
    return (int)lk_set_view_add(&view, set, "list").code;
}

static void only_complete_versions_count(void **state)
{
    (void)state;
    struct lk_policyset *set = lk_policyset_new();
    set_up();
    assert_int_equal(state_of(set), LK_R_REFERENCE_SET_MISSING);
    assert_int_equal(add_part(set, part(V1, 1, 2), two, 32), LK_R_OK);
    assert_int_equal(state_of(set), LK_R_REFERENCE_SET_PART);
    assert_int_equal(add_part(set, part(V2, 1, 1), two + 32, 32), LK_R_OK);
    assert_false(found(set, &test_files[0])); /* its part is of a version that is not complete */
    assert_true(found(set, &test_files[1]));
    assert_int_equal(add_part(set, part(V1, 2, 2), two + 32, 32), LK_R_OK);
    assert_true(found(set, &test_files[0]));
    assert_true(found(set, &test_files[1]));
    assert_false(found(set, &test_files[2]));
    lk_policyset_free(set);
}

/* Two versions that disagree about how many parts there are do not fill each other up. */
static void parts_agree_on_their_number(void **state)
{
    (void)state;
    struct lk_policyset *set = lk_policyset_new();
    set_up();
    assert_int_equal(add_part(set, part(V1, 1, 3), two, 32), LK_R_OK);
    assert_int_equal(add_part(set, part(V1, 2, 2), two + 32, 32), LK_R_OK);
    assert_int_equal(state_of(set), LK_R_REFERENCE_SET_PART);
    lk_policyset_free(set);
}

static void the_algorithm_counts_as_the_bytes_do(void **state)
{
    (void)state;
    struct lk_policyset *set = lk_policyset_new();
    struct lk_member file = test_files[0];
    set_up();
    assert_int_equal(add_part(set, part(V1, 1, 1), two, 64), LK_R_OK);
    assert_true(found(set, &file));
    file.alg = LK_DIGEST_VERITY | 0x000b;
    assert_false(found(set, &file));
    file.alg = 0x000b;
    file.digest.len = 31;
    assert_false(found(set, &file));
    lk_policyset_free(set);
}

static void path_algorithm_and_digest_count(void **state)
{
    (void)state;
    uint8_t member[32];
    struct lk_policyset *set = lk_policyset_new();
    Latchkey__V1__ReferenceSet m = part(V1, 1, 1);
    set_up();
    m.kind = LATCHKEY__V1__REFERENCE_SET__MEMBERS__FILES;
    m.algorithm = 0;
    assert_int_equal(lk_set_file_member(&test_files[0], member).code, LK_R_OK);
    /* printf 'latchkey-file-v1\0\0\x0b\0\x20\x0a<31 zeros>/usr/bin/a' | sha256sum */
    assert_memory_equal(member, "\x87\xa3\xff\xdc\x7e\xce\x30\x49", 8);
    assert_int_equal(add_part(set, m, member, 32), LK_R_OK);
    struct lk_member file = test_files[0];
    assert_true(found(set, &file));
    file.name = lk_bytes_str("/usr/bin/A");
    assert_false(found(set, &file));
    file = test_files[0];
    file.alg = 0x000c;
    assert_false(found(set, &file));
    file = test_files[0];
    file.digest = test_files[1].digest;
    assert_false(found(set, &file));
    lk_policyset_free(set);
}

/* Each end of each part, and what lies beside it. */
static void every_member_is_found_and_no_other(void **state)
{
    (void)state;
    struct lk_policyset *set = lk_policyset_new();
    static uint8_t members[15][32];
    set_up();
    for (uint8_t i = 0; i < 15; i++)
        members[i][31] = (uint8_t)(2 * i + 1);
    assert_int_equal(add_part(set, part(V1, 1, 3), members[0], 7 * 32), LK_R_OK);
    assert_int_equal(add_part(set, part(V1, 2, 3), members[7], 1 * 32), LK_R_OK);
    assert_int_equal(add_part(set, part(V1, 3, 3), members[8], 7 * 32), LK_R_OK);
    for (unsigned i = 0; i < 32; i++) {
        uint8_t digest[32] = {0};
        digest[31] = (uint8_t)i;
        struct lk_member file = {.alg = 0x000b, .digest = LK_BYTES(digest)};
        assert_true(found(set, &file) == (i % 2 == 1 && i < 30));
    }
    lk_policyset_free(set);
}

static struct lk_claim_ref files_ref(void)
{
    const struct lk_family *board = lk_family_by_name(lk_bytes_str("board"));
    struct lk_claim_ref ref = {.family = board};
    while (strcmp(board->claims[ref.claim].name, "files") != 0)
        ref.claim++;
    return ref;
}

/* In the set, signed, excluded, none of it: each member is counted once, in this order. */
static void members_are_counted_once(void **state)
{
    (void)state;
    struct lk_policyset *set = lk_policyset_new();
    static const char *const everything[] = {"/**"}, *const usr[] = {"/usr/**", "/opt/**"};
    struct lk_signed_by vendor = {"vendor", everything, 1};
    struct lk_value name = {.kind = LK_KIND_TEXT, .present = true, .word = "list"};
    struct lk_rule rule = {.name = "files", .ref = files_ref(), .op = LK_OP_IN_SET, .operands = &name, .n = 1};
    struct lk_value files = {.kind = LK_KIND_FILES, .present = true, .list = {test_files, 3}};
    struct lk_list_tally t;
    const char *which;
    set_up();
    assert_int_equal(lk_list_judge(set, &rule, &files, &t, &which).code, LK_R_REFERENCE_SET_MISSING);
    assert_string_equal(which, "list");
    assert_int_equal(add_part(set, part(V1, 1, 1), two, 32), LK_R_OK);
    assert_int_equal(lk_list_judge(set, &rule, &files, &t, &which).code, LK_R_OK);
    assert_true(t.members == 3 && t.listed == 1 && t.refused == 2 && t.first_refused[0] == &test_files[1]);
    rule.exclude = usr;
    rule.n_exclude = 2;
    assert_int_equal(lk_list_judge(set, &rule, &files, &t, &which).code, LK_R_OK);
    assert_true(t.listed == 1 && t.excluded == 1 && t.refused == 1 && t.first_excluded[0] == &test_files[2]);
    rule.signed_by = &vendor;
    rule.n_signed_by = 1;
    assert_int_equal(lk_list_judge(set, &rule, &files, &t, &which).code, LK_R_OK);
    assert_true(t.listed == 1 && t.signed_ == 1 && t.excluded == 0 && t.refused == 1);
    lk_policyset_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_whole_sorted_parts_load),
        cmocka_unit_test(a_part_stands_once),
        cmocka_unit_test(only_complete_versions_count),
        cmocka_unit_test(parts_agree_on_their_number),
        cmocka_unit_test(the_algorithm_counts_as_the_bytes_do),
        cmocka_unit_test(path_algorithm_and_digest_count),
        cmocka_unit_test(every_member_is_found_and_no_other),
        cmocka_unit_test(members_are_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
