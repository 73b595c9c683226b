/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded JSON reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "proto/base/json.h"

struct record {
    uint8_t small;
    uint32_t big;
    uint8_t key[2];
    int64_t when;
    struct lk_bytes name, raw;
};

static const struct lk_json_member table[] = {
    LK_JSON_MEMBER("small", lk_json_uint, struct record, small),
    LK_JSON_OPTIONAL("big", lk_json_uint, struct record, big),
    LK_JSON_OPTIONAL("key", lk_json_hex, struct record, key),
    LK_JSON_OPTIONAL("when", lk_json_time, struct record, when),
    LK_JSON_OPTIONAL("name", lk_json_text, struct record, name),
    LK_JSON_OPTIONAL("raw", lk_json_raw, struct record, raw),
};

static lk_result read_text(const char *text, struct record *out)
{
    struct lk_json j = lk_json(lk_bytes_str(text), NULL);
    memset(out, 0, sizeof(*out));
    lk_json_object(&j, table, sizeof(table) / sizeof(table[0]), out);
    return lk_json_end(&j);
}

static void values_are_read(void **state)
{
    struct record r;
    (void)state;
    assert_true(lk_ok(read_text(" {\"big\":4294967295 , \"small\" : 255,\"key\":\"aBcD\",\"name\":\"\",\n"
                                "\"when\":\"1970-01-01T00:00:07Z\",\"raw\":[{\"a\":null} , 1.5e3,\"\\\"]\"],\"other\":{\"x\":[]}} ",
                                &r)));
    assert_int_equal(r.small, 255);
    assert_int_equal(r.big, UINT32_MAX);
    assert_memory_equal(r.key, "\xab\xcd", 2);
    assert_int_equal(r.when, 7);
    assert_non_null(r.name.data);
    assert_int_equal(r.name.len, 0);
    assert_true(lk_bytes_eq(r.raw, lk_bytes_str("[{\"a\":null} , 1.5e3,\"\\\"]\"]")));
}

static void what_is_wrong_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "{", "{}", "[]", "{\"small\":1", "{\"small\":1}}", "{\"small\":1,}", "{\"small\":1 \"big\":1}", "{small:1}",
        "{\"small\":256}", "{\"small\":-1}", "{\"small\":01}", "{\"small\":1.0}", "{\"small\":1e1}", "{\"small\":\"1\"}",
        "{\"small\":}", "{\"small\":1,\"small\":1}", "{\"small\":1,\"big\":4294967296}", "{\"small\":1,\"key\":\"abc\"}",
        "{\"small\":1,\"key\":\"abcdef\"}", "{\"small\":1,\"key\":\"abzz\"}", "{\"small\":1,\"key\":7}",
        "{\"small\":1,\"when\":\"1970-01-01\"}", "{\"small\":1,\"name\":\"a\\u0041\"}", "{\"small\":1,\"name\":\"\t\"}",
        "{\"small\":1,\"name\":\"\xc3\xa4\"}", "{\"small\":1,\"x\":tru\"}", "{\"small\":1,\"x\":[1,]}", "{\"small\":1,\"x\":[1}",
        "{\"small\":1,\"x\":\"\\", "{\"sm\\u0061ll\":1}",
        "{\"small\":1,\"x\":[[[[[[[[[[[[1]]]]]]]]]]]]}",
    };
    struct record r;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (lk_ok(read_text(bad[i], &r)))
            fail_msg("read: %s", bad[i]);
    assert_true(lk_ok(read_text("{\"small\":1,\"x\":[[[[[[[[[[[1]]]]]]]]]]]}", &r)));
}

static void arrays_have_a_maximum(void **state)
{
    struct lk_arena *arena = lk_arena_new(4096);
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        bool ok;
    } cases[] = {{"[]", 0, true}, {"[1,2]", 2, true}, {"[1,2,3]", 2, false}, {"[1", 1, false}, {"[1,]", 2, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lk_json j = lk_json(lk_bytes_str(cases[i].text), arena);
        struct lk_json_array list;
        lk_json_array(&j, &list, 2, sizeof(uint16_t), lk_json_uint);
        assert_int_equal(lk_ok(lk_json_end(&j)), cases[i].ok);
        assert_int_equal(list.n, cases[i].n);
    }
    lk_arena_free(arena);
}

static void names_may_be_data(void **state)
{
    (void)state;
    uint8_t *v;
    struct lk_arena *arena = lk_arena_new(256);
    struct lk_json_array out;
    struct lk_json j = lk_json(lk_bytes_str("{\"0\": 7, \"x\\u0030\":8}"), arena);
    lk_json_map(&j, &out, 2, 1, lk_json_uint);
    assert_true(lk_ok(lk_json_end(&j)));
    v = out.elements;
    assert_int_equal(out.n * 100 + v[0] * 10 + v[1], 278);
    static const char *const bad[] = {"{\"0\":1,\"1\":2,\"2\":3}", "{\"0\" 1}", "[1]", "{\"0\":1", "{0:1}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        j = lk_json(lk_bytes_str(bad[i]), arena);
        lk_json_map(&j, &out, 2, 1, lk_json_uint);
        assert_false(lk_ok(lk_json_end(&j)));
    }
    lk_arena_free(arena);
}

static void flags_are_true_false_or_not_there(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint8_t value;
    } cases[] = {{"true", true, LK_JSON_TRUE}, {"false", true, LK_JSON_FALSE}, {"null", false, 0}, {"1", false, 0}, {"\"true\"", false, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lk_json j = lk_json(lk_bytes_str(cases[i].text), NULL);
        uint8_t flag = LK_JSON_ABSENT;
        lk_json_flag(&j, &flag, sizeof(flag));
        assert_int_equal(lk_ok(lk_json_end(&j)), cases[i].ok);
        assert_int_equal(flag, cases[i].value);
    }
}

/* RFC 4648, section 10, and what has a second encoding. */
static void base64url_has_one_encoding(void **state)
{
    static const struct {
        const char *text, *bytes; /* NULL: refused */
    } cases[] = {{"\"\"", ""}, {"\"Zg\"", "f"}, {"\"Zm8\"", "fo"}, {"\"Zm9v\"", "foo"}, {"\"Zm9vYmE\"", "fooba"}, {"\"-_-_\"", "\xfb\xff\xbf"},
                 {"\"Zg==\"", NULL}, {"\"Zh\"", NULL}, {"\"Zm9\"", NULL}, {"\"Z\"", NULL}, {"\"Zm9vY\"", NULL}, {"\"+/+/\"", NULL}, {"\"Zg \"", NULL},
                 {"7", NULL}, {"\"Z\\u0067\"", NULL}};
    struct lk_arena *arena = lk_arena_new(4096);
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lk_json j = lk_json(lk_bytes_str(cases[i].text), arena);
        struct lk_bytes out = LK_BYTES_NONE;
        lk_json_base64url(&j, &out, sizeof(out));
        assert_int_equal(lk_ok(lk_json_end(&j)), cases[i].bytes != NULL);
        if (cases[i].bytes != NULL)
            assert_true(lk_bytes_eq(out, lk_bytes_str(cases[i].bytes)));
    }
    lk_arena_free(arena);
}

static void a_strict_reader_knows_every_member(void **state)
{
    (void)state;
    struct record r;
    for (int strict = 0; strict < 2; strict++) {
        struct lk_json j = lk_json(lk_bytes_str("{\"small\":1,\"other\":2}"), NULL);
        j.strict = strict == 1;
        lk_json_object(&j, table, sizeof(table) / sizeof(table[0]), &r);
        assert_int_equal(lk_ok(lk_json_end(&j)), !j.strict);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values_are_read), cmocka_unit_test(what_is_wrong_is_refused),
                                       cmocka_unit_test(arrays_have_a_maximum), cmocka_unit_test(names_may_be_data),
                                       cmocka_unit_test(a_strict_reader_knows_every_member),
                                       cmocka_unit_test(flags_are_true_false_or_not_there),
                                       cmocka_unit_test(base64url_has_one_encoding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
