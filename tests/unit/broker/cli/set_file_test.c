/* SPDX-License-Identifier: Apache-2.0 */
/* Sets as files: what is made is read again; what was changed is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "broker/cli/set_file.h"

static const struct lk_set_head head = {.name = "list", .from = "a test", .approved_by = "nobody"};

static struct lk_set_making *filled(size_t files, size_t digests)
{
    struct lk_set_making *m = lk_set_making_new();
    uint8_t digest[32] = {0};
    assert_non_null(m);
    for (size_t i = files + digests; i-- > 0;) {
        memcpy(digest, &i, sizeof(i));
        struct lk_member file = {.name = lk_bytes_str("/usr/bin/x"), .alg = 0x000b, .digest = LK_BYTES(digest)};
        assert_int_equal(lk_set_making_add(m, &file, i >= files).code, LK_R_OK);
        assert_int_equal(lk_set_making_add(m, &file, i >= files).code, LK_R_OK); /* twice is once */
    }
    return m;
}

static struct lk_set_parts *read_back(struct lk_set_making *m, enum lk_reason_code code)
{
    struct lk_set_parts *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->bytes = lk_buf(LK_SET_FILE_MAX);
    assert_int_equal(lk_set_making_put(m, &head, &s->bytes).code, LK_R_OK);
    assert_int_equal(lk_set_parts_read(s).code, code);
    return s;
}

static void drop(struct lk_set_making *m, struct lk_set_parts *s)
{
    lk_set_parts_free(s);
    free(s);
    lk_set_making_free(m);
}

static void both_kinds_in_one_set(void **state)
{
    (void)state;
    struct lk_set_making *m = filled(3, 2);
    struct lk_set_parts *s = read_back(m, LK_R_OK);
    assert_int_equal(lk_set_making_count(m), 5);
    assert_int_equal(s->n, 2);
    assert_true(s->parts[0].files && s->parts[0].n == 3);
    assert_true(!s->parts[1].files && s->parts[1].n == 2 && s->parts[1].alg == 0x000b);
    drop(m, s);
}

static void a_part_has_so_many_members_and_no_more(void **state)
{
    (void)state;
    size_t per = LK_SET_PART_BYTES / 32;
    struct lk_set_making *m = filled(0, 2 * per + 1);
    struct lk_set_parts *s = read_back(m, LK_R_OK);
    assert_int_equal(s->n, 3);
    assert_int_equal(s->parts[0].n, per);
    assert_int_equal(s->parts[2].n, 1);
    assert_true(memcmp(s->parts[0].members + (per - 1) * 32, s->parts[1].members, 32) < 0);
    drop(m, s);
}

/* The version is the contents': not of how they came, nor of who says so. */
static void the_version_is_of_the_contents(void **state)
{
    (void)state;
    char first[17];
    struct lk_set_making *m = filled(3, 2), *other = filled(2, 3);
    struct lk_set_parts *s = read_back(m, LK_R_OK), *again = read_back(m, LK_R_OK), *differs = read_back(other, LK_R_OK);
    memcpy(first, s->parts[0].version, 17);
    assert_string_equal(first, again->parts[1].version);
    assert_string_not_equal(first, differs->parts[0].version);
    lk_set_parts_free(again);
    free(again);
    drop(m, s);
    drop(other, differs);
}

static void members_that_are_none(void **state)
{
    (void)state;
    struct lk_set_making *m = lk_set_making_new();
    LK_BUF_AUTO out = lk_buf(1 << 20);
    uint8_t digest[32] = {1};
    struct lk_member file = {.name = lk_bytes_str("/x"), .alg = 0, .digest = LK_BYTES(digest)};
    assert_int_equal(lk_set_making_put(m, &head, &out).code, LK_R_POLICY_LIMIT); /* a set of nothing */
    assert_int_equal(lk_set_making_add(m, &file, false).code, LK_R_POLICY_OPERAND);
    file.alg = 0x000c;
    assert_int_equal(lk_set_making_add(m, &file, false).code, LK_R_POLICY_OPERAND);
    file.alg = 0x800b;
    assert_int_equal(lk_set_making_add(m, &file, true).code, LK_R_OK);
    struct lk_set_head bad = {.name = "List", .from = "", .approved_by = ""};
    assert_int_equal(lk_set_making_put(m, &bad, &out).code, LK_R_POLICY_NAME);
    lk_set_making_free(m);
}

static enum lk_reason_code read_bytes(const uint8_t *bytes, size_t n)
{
    struct lk_set_parts *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->bytes = lk_buf(1 << 20);
    lk_put(&s->bytes, lk_bytes(bytes, n));
    enum lk_reason_code code = lk_set_parts_read(s).code;
    lk_set_parts_free(s);
    free(s);
    return code;
}

static void changed_files_do_not_load(void **state)
{
    (void)state;
    struct lk_set_making *m = filled(2, 1);
    struct lk_set_parts *s = read_back(m, LK_R_OK);
    size_t first = 15 + 4 + s->messages[0].len; /* where the second part begins */
    for (size_t n = 0; n < s->bytes.len; n++)
        assert_int_not_equal(read_bytes(s->bytes.data, n), LK_R_OK);
    assert_int_equal(read_bytes(s->bytes.data, first), LK_R_SET_MALFORMED); /* a part is missing */
    s->bytes.data[0] ^= 1;
    assert_int_equal(read_bytes(s->bytes.data, s->bytes.len), LK_R_SET_MALFORMED);
    drop(m, s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_kinds_in_one_set),          cmocka_unit_test(a_part_has_so_many_members_and_no_more),
        cmocka_unit_test(the_version_is_of_the_contents), cmocka_unit_test(members_that_are_none),
        cmocka_unit_test(changed_files_do_not_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
