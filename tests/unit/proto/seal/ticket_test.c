/* SPDX-License-Identifier: Apache-2.0 */
/* proto/seal/ticket: minting, the two MACs, the binding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "proto/seal/hash.h"
#include "proto/seal/ticket.h"

#define CODE(r) ((int)(r).code)

static const uint8_t challenge_key[32] = {1}, admission_key[32] = {2}, other_key[32] = {3};

static struct lk_ticket_fields some_fields(void)
{
    struct lk_ticket_fields f = {.activated = true, .expiry = 1790000000, .generation = 7};
    memset(f.start_id, 0x11, 16);
    memset(f.context, 0x22, 32);
    memset(f.s_hash, 0x33, 32);
    memset(f.random, 0x44, 32);
    return f;
}

static struct lk_ticket minted(const struct lk_ticket_fields *f)
{
    struct lk_ticket t;
    assert_int_equal(CODE(lk_ticket_mint(f, challenge_key, admission_key, &t)), LK_R_OK);
    return t;
}

static void fields_come_back(void **state)
{
    (void)state;
    struct lk_ticket_fields f = some_fields(), g = {0};
    struct lk_ticket t = minted(&f);
    assert_int_equal(CODE(lk_ticket_parse(&t, &g)), LK_R_OK);
    assert_true(g.activated);
    assert_int_equal(g.expiry, f.expiry);
    assert_int_equal(g.generation, f.generation);
    assert_memory_equal(g.start_id, f.start_id, 16);
    assert_memory_equal(g.context, f.context, 32);
    assert_memory_equal(g.s_hash, f.s_hash, 32);
    assert_memory_equal(g.random, f.random, 32);
}

static void a_ticket_is_admitted_and_checked(void **state)
{
    (void)state;
    struct lk_ticket_fields f = some_fields();
    struct lk_ticket t = minted(&f);
    assert_int_equal(CODE(lk_ticket_admit(&t, f.start_id, admission_key)), LK_R_OK);
    assert_int_equal(CODE(lk_ticket_check(&t, f.start_id, challenge_key)), LK_R_OK);
    assert_int_equal(CODE(lk_ticket_admit(&t, f.start_id, other_key)), LK_R_TICKET_FORGED);
    assert_int_equal(CODE(lk_ticket_check(&t, f.start_id, other_key)), LK_R_TICKET_FORGED);
}

static void another_start_is_stale(void **state)
{
    (void)state;
    struct lk_ticket_fields f = some_fields();
    struct lk_ticket t = minted(&f);
    const uint8_t other[16] = {9};
    assert_int_equal(CODE(lk_ticket_admit(&t, other, admission_key)), LK_R_TICKET_STALE);
    assert_int_equal(CODE(lk_ticket_check(&t, other, challenge_key)), LK_R_TICKET_STALE);
}

/* Every bit counts: outside the start id each flipped bit is a forgery, inside it another start. */
static void every_flipped_bit_shows(void **state)
{
    (void)state;
    struct lk_ticket_fields f = some_fields();
    struct lk_ticket good = minted(&f);
    for (size_t bit = 0; bit < 8 * LK_TICKET_LEN; bit++) {
        struct lk_ticket t = good;
        t.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        bool in_start_id = bit / 8 >= 4 && bit / 8 < 20;
        assert_int_equal(CODE(lk_ticket_admit(&t, f.start_id, admission_key)),
                         in_start_id ? LK_R_TICKET_STALE : LK_R_TICKET_FORGED);
        if (bit / 8 < 164)
            assert_int_equal(CODE(lk_ticket_check(&t, f.start_id, challenge_key)),
                             in_start_id ? LK_R_TICKET_STALE : LK_R_TICKET_FORGED);
    }
}

/* The admission key is in every snapshot: who has it still cannot mint what the keeper takes. */
static void the_admission_key_mints_nothing(void **state)
{
    (void)state;
    struct lk_ticket_fields f = some_fields();
    struct lk_ticket t;
    assert_int_equal(CODE(lk_ticket_mint(&f, admission_key, admission_key, &t)), LK_R_OK);
    assert_int_equal(CODE(lk_ticket_admit(&t, f.start_id, admission_key)), LK_R_OK);
    assert_int_equal(CODE(lk_ticket_check(&t, f.start_id, challenge_key)), LK_R_TICKET_FORGED);
}

static void odd_layouts_are_malformed(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        uint8_t value;
    } rows[] = {{0, 0}, {0, 2}, {1, 0}, {1, 2}, {2, 2}, {3, 1}, {20, 0x80}};
    struct lk_ticket_fields f = some_fields(), g;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lk_ticket t = minted(&f);
        t.bytes[rows[i].offset] = rows[i].value;
        assert_int_equal(CODE(lk_ticket_parse(&t, &g)), LK_R_TICKET_MALFORMED);
    }
}

static void a_plain_ticket_has_no_context(void **state)
{
    (void)state;
    struct lk_ticket_fields f = some_fields(), g;
    f.activated = false;
    struct lk_ticket t = minted(&f);
    assert_int_equal(CODE(lk_ticket_parse(&t, &g)), LK_R_TICKET_MALFORMED);
    memset(f.context, 0, 32);
    t = minted(&f);
    assert_int_equal(CODE(lk_ticket_parse(&t, &g)), LK_R_OK);
    assert_false(g.activated);
}

/* The formula of DESIGN 4, written out a second time. */
static void the_binding_is_the_formula(void **state)
{
    (void)state;
    uint8_t joined[20 + 32 + 64] = "latchkey-binding-v1", expected[64], out[64];
    struct lk_bytes ticket = lk_bytes_str("ticket"), s = lk_bytes_str("s"), statement = lk_bytes_str("statement");
    assert_int_equal(CODE(lk_sha256(LK_PARTS(lk_bytes_str("tickets")), joined + 20)), LK_R_OK);
    assert_int_equal(CODE(lk_sha512(LK_PARTS(statement), joined + 52)), LK_R_OK);
    assert_int_equal(CODE(lk_sha512(LK_PARTS(LK_BYTES(joined)), expected)), LK_R_OK);
    assert_int_equal(CODE(lk_binding(ticket, s, statement, out)), LK_R_OK);
    assert_memory_equal(out, expected, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_come_back),
        cmocka_unit_test(a_ticket_is_admitted_and_checked),
        cmocka_unit_test(another_start_is_stale),
        cmocka_unit_test(every_flipped_bit_shows),
        cmocka_unit_test(the_admission_key_mints_nothing),
        cmocka_unit_test(odd_layouts_are_malformed),
        cmocka_unit_test(a_plain_ticket_has_no_context),
        cmocka_unit_test(the_binding_is_the_formula),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
