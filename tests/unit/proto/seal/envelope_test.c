/* SPDX-License-Identifier: Apache-2.0 */
/* proto/seal/envelope: the layout of signed changes and queries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proto/seal/envelope.h"

#define CODE(r) ((int)(r).code)

static const uint8_t id[32] = {1}, nonce[32] = {2}, digest[32] = {3};

static struct lk_envelope sample(void)
{
    struct lk_envelope e = {
        .installation_id = LK_BYTES(id), .nonce = LK_BYTES(nonce), .not_after = 1790000000,
        .scope = lk_bytes_str("tenant-a"), .n_items = 2};
    e.items[0] = (struct lk_envelope_item){LK_CHANGE_POLICY_SET, lk_bytes_str("prod"), 3, 100, LK_BYTES(digest)};
    e.items[1] =
        (struct lk_envelope_item){LK_CHANGE_SECRET_PUT, lk_bytes_str("disk/1"), 0, 64, LK_BYTES(digest)};
    return e;
}

/* A new exact copy, so that a sanitizer sees a read past it. */
static uint8_t *built(const struct lk_envelope *e, size_t *len)
{
    struct lk_buf s = lk_buf(LK_ENVELOPE_MAX), all = lk_buf(LK_ENVELOPE_MAX);
    const struct lk_bytes signatures[] = {lk_bytes_str("SSHSIG one"), lk_bytes_str("SSHSIG two")};
    lk_envelope_put_signed(&s, e);
    lk_envelope_put(&all, lk_buf_bytes(&s), signatures, 2);
    assert_int_equal(CODE(lk_buf_ok(&all)), LK_R_OK);
    uint8_t *copy = malloc(all.len);
    assert_non_null(copy);
    memcpy(copy, all.data, all.len);
    *len = all.len;
    lk_buf_free(&s);
    lk_buf_free(&all);
    return copy;
}

static int parse_code(const struct lk_envelope *e)
{
    size_t len;
    uint8_t *raw = built(e, &len);
    struct lk_envelope out;
    int code = CODE(lk_envelope_parse(lk_bytes(raw, len), &out));
    free(raw);
    return code;
}

static void fields_come_back(void **state)
{
    (void)state;
    struct lk_envelope in = sample(), out;
    size_t len;
    uint8_t *raw = built(&in, &len);
    assert_int_equal(CODE(lk_envelope_parse(lk_bytes(raw, len), &out)), LK_R_OK);
    assert_false(out.query);
    assert_true(lk_bytes_eq(out.installation_id, in.installation_id));
    assert_true(lk_bytes_eq(out.nonce, in.nonce));
    assert_true(lk_bytes_eq(out.scope, in.scope));
    assert_int_equal(out.not_after, in.not_after);
    assert_int_equal(out.n_items, 2);
    assert_int_equal(out.items[1].kind, LK_CHANGE_SECRET_PUT);
    assert_true(lk_bytes_eq(out.items[1].object, in.items[1].object));
    assert_int_equal(out.items[0].revision, 3);
    assert_int_equal(out.items[0].payload_len, 100);
    assert_int_equal(out.n_signatures, 2);
    assert_true(lk_bytes_eq(out.signatures[1], lk_bytes_str("SSHSIG two")));
    assert_ptr_equal(out.signed_part.data, raw);
    assert_int_equal(out.signed_part.len, len - 1 - 2 * 12);
    free(raw);
}

static void no_prefix_and_no_longer_one_parses(void **state)
{
    (void)state;
    struct lk_envelope in = sample(), out;
    size_t len;
    uint8_t *raw = built(&in, &len);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(CODE(lk_envelope_parse(lk_bytes(raw, cut), &out)), LK_R_CHANGE_MALFORMED);
    uint8_t *longer = calloc(1, len + 1);
    assert_non_null(longer);
    memcpy(longer, raw, len);
    assert_int_equal(CODE(lk_envelope_parse(lk_bytes(longer, len + 1), &out)), LK_R_CHANGE_MALFORMED);
    free(longer);
    free(raw);
}

static void a_query_asks_one_thing(void **state)
{
    (void)state;
    struct lk_envelope e = sample();
    e.query = true;
    e.items[0].kind = LK_QUERY_LIST;
    e.items[1].kind = LK_QUERY_GET;
    assert_int_equal(parse_code(&e), LK_R_CHANGE_MALFORMED);
    e.n_items = 1;
    assert_int_equal(parse_code(&e), LK_R_OK);
}

static void kinds_keep_to_their_domain(void **state)
{
    (void)state;
    struct lk_envelope e = sample();
    e.items[0].kind = LK_QUERY_LIST;
    assert_int_equal(parse_code(&e), LK_R_CHANGE_MALFORMED);
    e = sample();
    e.query = true;
    e.n_items = 1;
    assert_int_equal(parse_code(&e), LK_R_CHANGE_MALFORMED);
    e.query = false;
    e.items[0].kind = (enum lk_change_kind)(LK_CHANGE_COLLATERAL_DROP + 1);
    assert_int_equal(parse_code(&e), LK_R_CHANGE_MALFORMED);
    e.items[0].kind = (enum lk_change_kind)0;
    assert_int_equal(parse_code(&e), LK_R_CHANGE_MALFORMED);
}

static void counts_have_limits(void **state)
{
    (void)state;
    struct lk_envelope e = sample();
    e.n_items = 0;
    assert_int_equal(parse_code(&e), LK_R_CHANGE_MALFORMED);
    e.n_items = LK_ENVELOPE_ITEMS_MAX;
    for (size_t i = 0; i < LK_ENVELOPE_ITEMS_MAX; i++)
        e.items[i] = e.items[i % 2];
    assert_int_equal(parse_code(&e), LK_R_OK);
    size_t len;
    uint8_t *raw = built(&e, &len);
    raw[sizeof("latchkey-change-v1") + 32 + 32 + 8 + 1 + 8 + 1] = LK_ENVELOPE_ITEMS_MAX + 1;
    struct lk_envelope out;
    assert_int_equal(CODE(lk_envelope_parse(lk_bytes(raw, len), &out)), LK_R_CHANGE_MALFORMED);
    free(raw);
}

static void names_are_printable_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
    } rows[] = {
        {"d\xc3\xbc" "sseldorf", LK_R_OK},         {"\xf0\x9f\x94\x91", LK_R_OK},
        {"", LK_R_CHANGE_MALFORMED},               {"a\nb", LK_R_CHANGE_MALFORMED},
        {"a\x7f", LK_R_CHANGE_MALFORMED},          {"\xc0\xaf", LK_R_CHANGE_MALFORMED},
        {"\xed\xa0\x80", LK_R_CHANGE_MALFORMED},   {"\xe2\x82", LK_R_CHANGE_MALFORMED},
        {"\xc2\x85", LK_R_CHANGE_MALFORMED},       {"\xf4\x90\x80\x80", LK_R_CHANGE_MALFORMED},
        {"a\xe2\x80\xae" "b", LK_R_CHANGE_MALFORMED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lk_envelope e = sample();
        e.items[1].object = lk_bytes_str(rows[i].text);
        assert_int_equal(parse_code(&e), rows[i].code);
    }
}

static void the_scope_is_short(void **state)
{
    (void)state;
    char scope[65];
    memset(scope, 'a', sizeof(scope));
    struct lk_envelope e = sample();
    e.scope = lk_bytes(scope, 64);
    assert_int_equal(parse_code(&e), LK_R_OK);
    e.scope = lk_bytes(scope, 65);
    assert_int_equal(parse_code(&e), LK_R_CHANGE_MALFORMED);
    e.scope = lk_bytes_str("");
    assert_int_equal(parse_code(&e), LK_R_OK);
}

static void signatures_are_one_to_eight(void **state)
{
    (void)state;
    struct lk_envelope in = sample(), out;
    LK_BUF_AUTO s = lk_buf(4096);
    lk_envelope_put_signed(&s, &in);
    struct lk_bytes signatures[9];
    for (size_t i = 0; i < 9; i++)
        signatures[i] = lk_bytes_str("x");
    for (size_t n = 0; n <= 9; n++) {
        LK_BUF_AUTO all = lk_buf(8192);
        lk_envelope_put(&all, lk_buf_bytes(&s), signatures, n);
        assert_int_equal(CODE(lk_envelope_parse(lk_buf_bytes(&all), &out)),
                         n >= 1 && n <= 8 ? LK_R_OK : LK_R_CHANGE_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_come_back),
        cmocka_unit_test(no_prefix_and_no_longer_one_parses),
        cmocka_unit_test(a_query_asks_one_thing),
        cmocka_unit_test(kinds_keep_to_their_domain),
        cmocka_unit_test(counts_have_limits),
        cmocka_unit_test(names_are_printable_utf8),
        cmocka_unit_test(the_scope_is_short),
        cmocka_unit_test(signatures_are_one_to_eight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
