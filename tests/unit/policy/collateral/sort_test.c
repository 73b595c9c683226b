/* SPDX-License-Identifier: Apache-2.0 */
/* policy/collateral/sort.h: names, issuers among the pieces, and each reason alone. AMD's pieces are in tests/system/collateral. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "policy/collateral/sort.h"
#include "tests/emulators/intel_qe/intel_qe.h"

#define PIECES 8

struct run {
    struct qe_settings settings;
    struct qe_output made;
    struct lk_trust *trust;
    struct lk_arena *arena;
    int64_t at;
    struct lk_bytes raw[PIECES];
    size_t n;
    struct lk_collateral_piece out[PIECES];
};

static struct lk_bytes bytes(const struct qe_blob *b)
{
    return lk_bytes(b->data, b->len);
}

static void make(struct run *r)
{
    qe_make(&r->settings, &r->made);
    assert_int_equal(lk_trust_add_anchor(r->trust, "tdx", "root", bytes(&r->made.root)).code, LK_R_OK);
}

static int setup(void **state)
{
    static struct run r;
    memset(&r, 0, sizeof(r));
    qe_settings_init(&r.settings, true, 2);
    r.trust = lk_trust_new();
    r.arena = lk_arena_new(16u << 20);
    assert_true(r.trust != NULL && r.arena != NULL);
    r.at = QE_NOW;
    *state = &r;
    return 0;
}

static int teardown(void **state)
{
    struct run *r = *state;
    lk_arena_free(r->arena);
    lk_trust_free(r->trust);
    return 0;
}

static void add(struct run *r, struct lk_bytes piece)
{
    r->raw[r->n++] = piece;
}

static void sort(struct run *r)
{
    struct lk_collateral_sorting in = {r->trust, r->at, r->arena, r->raw, r->n};
    assert_int_equal(lk_collateral_sort(&in, r->out).code, LK_R_OK);
}

/* A piece alone. */
static int code_of(struct run *r, struct lk_bytes piece)
{
    r->n = 0;
    add(r, piece);
    sort(r);
    assert_string_equal(r->out[0].name, "");
    assert_int_equal(r->out[0].bytes.len, 0);
    return (int)r->out[0].why.code;
}

/* The document beside its signers. */
static int document_code(struct run *r)
{
    make(r);
    r->n = 0;
    add(r, bytes(&r->made.tcb_chain));
    add(r, bytes(&r->made.tcb_info));
    sort(r);
    return (int)r->out[1].why.code;
}

static void documents_and_lists_have_names(void **state)
{
    struct run *r = *state;
    make(r);
    add(r, bytes(&r->made.tcb_info)); /* before its issuer: the order does not count */
    add(r, bytes(&r->made.qe_identity));
    add(r, bytes(&r->made.root_crl));
    add(r, bytes(&r->made.tcb_chain));
    sort(r);
    assert_string_equal(r->out[0].name, "tdx/tcb-info/00806f050000");
    assert_int_equal(r->out[0].facts.kind, LK_COLLATERAL_DOCUMENT);
    assert_true(lk_bytes_eq(r->out[0].bytes, bytes(&r->made.tcb_info)));
    assert_string_equal(r->out[1].name, "tdx/qe-identity");
    assert_string_equal(r->out[2].name, "sgx/root-crl");
    assert_int_equal(r->out[2].facts.kind, LK_COLLATERAL_CRL);
    assert_string_equal(r->out[3].name, "sgx/tcb-chain");
    assert_int_equal(r->out[3].facts.kind, LK_COLLATERAL_CHAIN);
}

static void a_root_is_an_issuer_only(void **state)
{
    struct run *r = *state;
    make(r);
    assert_int_equal(code_of(r, bytes(&r->made.root)), LK_R_OK);
}

static void one_bad_piece_does_not_hurt_the_others(void **state)
{
    struct run *r = *state;
    make(r);
    add(r, lk_bytes_str("x"));
    add(r, bytes(&r->made.tcb_chain));
    sort(r);
    assert_int_equal(r->out[0].why.code, LK_R_COLLATERAL_UNKNOWN);
    assert_string_equal(r->out[1].name, "sgx/tcb-chain");
}

static void what_is_no_collateral(void **state)
{
    static const uint8_t zeros[100], large[LK_COLLATERAL_PIECE_MAX + 1] = {'{'};
    static const char *const texts[] = {"x", "{}", "{", "0", "-----BEGIN X509 CRL-----\nAAAA\n", "-----BEGIN CERTIFICATE-----\n"};
    struct run *r = *state;
    make(r);
    assert_int_equal(code_of(r, LK_BYTES_NONE), LK_R_COLLATERAL_UNKNOWN);
    assert_int_equal(code_of(r, LK_BYTES(zeros)), LK_R_COLLATERAL_UNKNOWN);
    assert_int_equal(code_of(r, LK_BYTES(large)), LK_R_COLLATERAL_UNKNOWN);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(code_of(r, lk_bytes_str(texts[i])), LK_R_COLLATERAL_UNKNOWN);
}

static void cut_anywhere_a_list_is_none(void **state)
{
    struct run *r = *state;
    make(r);
    for (size_t n = 0; n < r->made.root_crl.len; n++) {
        lk_arena_reset(r->arena);
        assert_int_equal(code_of(r, lk_bytes(r->made.root_crl.data, n)), LK_R_COLLATERAL_UNKNOWN);
    }
}

static void cut_anywhere_a_document_is_none(void **state)
{
    struct run *r = *state;
    size_t n = 0;
    make(r);
    add(r, bytes(&r->made.tcb_chain));
    add(r, LK_BYTES_NONE);
    for (; n < r->made.qe_identity.len; n++) {
        lk_arena_reset(r->arena);
        r->raw[1] = lk_bytes(r->made.qe_identity.data, n);
        sort(r);
        assert_int_equal(r->out[1].why.code, LK_R_COLLATERAL_UNKNOWN);
    }
    r->raw[1] = lk_bytes(r->made.qe_identity.data, n);
    sort(r);
    assert_int_equal(r->out[1].why.code, LK_R_OK);
}

static void a_list_without_its_issuer(void **state)
{
    struct run *r = *state;
    make(r);
    assert_int_equal(code_of(r, bytes(&r->made.pck_crl)), LK_R_COLLATERAL_ISSUER);
}

static void a_document_of_another_key(void **state)
{
    struct run *r = *state;
    r->settings.document_signer = QE_STRANGER;
    assert_int_equal(document_code(r), LK_R_DCAP_COLLATERAL_SIGNATURE);
}

static void a_document_out_of_date(void **state)
{
    struct run *r = *state;
    r->at = QE_NOW + 40 * 86400;
    assert_int_equal(document_code(r), LK_R_DCAP_COLLATERAL_EXPIRED);
}

static void a_document_of_tomorrow(void **state)
{
    struct run *r = *state;
    r->at = QE_NOW - 40 * 86400;
    assert_int_equal(document_code(r), LK_R_DCAP_COLLATERAL_NOT_YET_VALID);
}

static void another_root(void **state)
{
    struct run *r = *state;
    qe_make(&r->settings, &r->made); /* and no anchor */
    assert_int_equal(code_of(r, bytes(&r->made.tcb_chain)), LK_R_DCAP_ROOT_UNTRUSTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(documents_and_lists_have_names, setup, teardown),
        cmocka_unit_test_setup_teardown(a_root_is_an_issuer_only, setup, teardown),
        cmocka_unit_test_setup_teardown(one_bad_piece_does_not_hurt_the_others, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_collateral, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_anywhere_a_list_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_anywhere_a_document_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_without_its_issuer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_document_of_another_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_document_out_of_date, setup, teardown),
        cmocka_unit_test_setup_teardown(a_document_of_tomorrow, setup, teardown),
        cmocka_unit_test_setup_teardown(another_root, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
