/* SPDX-License-Identifier: Apache-2.0 */
/* proto/link/collateral.h: each frame has one form, and each rule of it refuses alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "proto/link/collateral.h"

static struct lk_collateral_piece pieces[3], got[LK_COLLATERAL_PIECES_MAX];
static struct lk_collateral_frame f, g;

/* A piece that is kept, an issuer, a refusal. */
static int fresh(void **state)
{
    (void)state;
    memset(pieces, 0, sizeof(pieces));
    strcpy(pieces[0].name, "tdx/qe-identity");
    pieces[0].facts = (struct lk_collateral_facts){LK_COLLATERAL_DOCUMENT, 17, 100, 200};
    pieces[0].bytes = lk_bytes_str("{}");
    pieces[2].why = (struct lk_finding){.code = LK_R_COLLATERAL_ISSUER};
    strcpy(pieces[2].why.item, "tdx");
    strcpy(pieces[2].why.rule, "issuer");
    f = (struct lk_collateral_frame){.deadline_mono_ms = 5, .roles = LK_ROLE_COLLATERAL, .time = 150, .generation = 4,
                                     .pieces = pieces, .n = 3};
    memset(f.caller, 9, sizeof(f.caller));
    return 0;
}

static void encode(struct lk_buf *b)
{
    lk_collateral_frame_put(b, &f);
    assert_int_equal(lk_buf_ok(b).code, LK_R_OK);
}

static int round_trip(void)
{
    LK_BUF_AUTO b = lk_buf(LK_COLLATERAL_FRAME_MAX);
    encode(&b);
    return lk_collateral_frame_get(lk_buf_bytes(&b), got, &g).code;
}

static void what_is_put_is_got(void **state)
{
    LK_BUF_AUTO b = lk_buf(LK_COLLATERAL_FRAME_MAX);
    (void)state;
    encode(&b);
    assert_int_equal(lk_collateral_frame_get(lk_buf_bytes(&b), got, &g).code, LK_R_OK);
    assert_int_equal(g.n, 3);
    assert_int_equal(g.time, 150);
    assert_memory_equal(g.caller, f.caller, 32);
    assert_string_equal(got[0].name, "tdx/qe-identity");
    assert_int_equal(got[0].facts.number, 17);
    assert_int_equal(got[0].facts.until, 200);
    assert_true(lk_bytes_eq(got[0].bytes, lk_bytes_str("{}")));
    assert_string_equal(got[1].name, "");
    assert_int_equal(got[2].why.code, LK_R_COLLATERAL_ISSUER);
    assert_string_equal(got[2].why.rule, "issuer");
}

static void cut_anywhere_it_is_none(void **state)
{
    LK_BUF_AUTO b = lk_buf(LK_COLLATERAL_FRAME_MAX);
    (void)state;
    encode(&b);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(lk_collateral_frame_get(lk_bytes(b.data, n), got, &g).code, LK_R_FRAME_FORBIDDEN);
    lk_put_u8(&b, 0);
    assert_int_equal(lk_collateral_frame_get(lk_buf_bytes(&b), got, &g).code, LK_R_FRAME_FORBIDDEN);
}

static void failed_and_pieces_exclude_each_other(void **state)
{
    (void)state;
    f.failed = LK_R_CALLER_NOT_NAMED;
    assert_int_equal(round_trip(), LK_R_FRAME_FORBIDDEN);
    f.n = 0;
    assert_int_equal(round_trip(), LK_R_OK);
    assert_int_equal(g.failed, LK_R_CALLER_NOT_NAMED);
    f.failed = LK_R_OK;
    assert_int_equal(round_trip(), LK_R_FRAME_FORBIDDEN);
}

static void heads_are_checked(void **state)
{
    (void)state;
    f.roles = 1u << 31;
    assert_int_equal(round_trip(), LK_R_FRAME_FORBIDDEN);
    fresh(NULL);
    f.time = -1;
    assert_int_equal(round_trip(), LK_R_FRAME_FORBIDDEN);
}

static void too_many_pieces(void **state)
{
    static struct lk_collateral_piece many[LK_COLLATERAL_PIECES_MAX + 1]; /* all issuers */
    (void)state;
    f.pieces = many;
    f.n = LK_COLLATERAL_PIECES_MAX;
    assert_int_equal(round_trip(), LK_R_OK);
    f.n++;
    assert_int_equal(round_trip(), LK_R_FRAME_FORBIDDEN);
}

static void facts_are_checked(void **state)
{
    (void)state;
    pieces[0].facts.kind = (enum lk_collateral_kind)0;
    assert_int_equal(round_trip(), LK_R_FRAME_FORBIDDEN);
    pieces[0].facts.kind = (enum lk_collateral_kind)(LK_COLLATERAL_DOCUMENT + 1);
    assert_int_equal(round_trip(), LK_R_FRAME_FORBIDDEN);
    fresh(NULL);
    pieces[0].facts.issued = -1;
    assert_int_equal(round_trip(), LK_R_FRAME_FORBIDDEN);
    fresh(NULL);
    pieces[0].facts.until = pieces[0].facts.issued - 1;
    assert_int_equal(round_trip(), LK_R_FRAME_FORBIDDEN);
}

static void names_are_names(void **state)
{
    static const char *const none[] = {"one", "Tdx/qe-identity", "tdx//x", "/tdx/x", "tdx/x/", "tdx/\x7f"};
    (void)state;
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        strcpy(pieces[0].name, none[i]);
        assert_int_equal(round_trip(), LK_R_FRAME_FORBIDDEN);
    }
}

static void kept_pieces_have_bytes_and_no_finding(void **state)
{
    (void)state;
    pieces[0].bytes = LK_BYTES_NONE;
    assert_int_equal(round_trip(), LK_R_FRAME_FORBIDDEN);
    fresh(NULL);
    strcpy(pieces[0].why.actual, "x");
    assert_int_equal(round_trip(), LK_R_FRAME_FORBIDDEN);
}

static void pieces_have_a_largest_size(void **state)
{
    static uint8_t large[LK_COLLATERAL_PIECE_MAX + 1];
    (void)state;
    pieces[0].bytes = lk_bytes(large, LK_COLLATERAL_PIECE_MAX);
    assert_int_equal(round_trip(), LK_R_OK);
    pieces[0].bytes.len++;
    assert_int_equal(round_trip(), LK_R_FRAME_FORBIDDEN);
}

/* ---- asking for the list ---- */

static int ask_round_trip(const struct lk_collateral_ask *a, struct lk_collateral_ask *out)
{
    LK_BUF_AUTO b = lk_buf(512);
    lk_collateral_ask_put(&b, a);
    assert_int_equal(lk_buf_ok(&b).code, LK_R_OK);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(lk_collateral_ask_get(lk_bytes(b.data, n), out).code, LK_R_FRAME_FORBIDDEN);
    return lk_collateral_ask_get(lk_buf_bytes(&b), out).code;
}

static void asks(void **state)
{
    struct lk_collateral_ask a = {.deadline_mono_ms = 5, .roles = LK_ROLE_COLLATERAL, .generation = 4, .limit = 7}, out;
    (void)state;
    assert_int_equal(ask_round_trip(&a, &out), LK_R_OK);
    strcpy(a.after, "tdx/qe-identity");
    assert_int_equal(ask_round_trip(&a, &out), LK_R_OK);
    assert_string_equal(out.after, a.after);
    assert_int_equal(out.limit, 7);
    strcpy(a.after, "no name");
    assert_int_equal(ask_round_trip(&a, &out), LK_R_FRAME_FORBIDDEN);
    a.after[0] = '\0';
    a.roles = 1u << 31;
    assert_int_equal(ask_round_trip(&a, &out), LK_R_FRAME_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_put_is_got, fresh),
        cmocka_unit_test_setup(cut_anywhere_it_is_none, fresh),
        cmocka_unit_test_setup(failed_and_pieces_exclude_each_other, fresh),
        cmocka_unit_test_setup(heads_are_checked, fresh),
        cmocka_unit_test_setup(too_many_pieces, fresh),
        cmocka_unit_test_setup(facts_are_checked, fresh),
        cmocka_unit_test_setup(names_are_names, fresh),
        cmocka_unit_test_setup(kept_pieces_have_bytes_and_no_finding, fresh),
        cmocka_unit_test_setup(pieces_have_a_largest_size, fresh),
        cmocka_unit_test(asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
