/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of a quote: in each test one of them fails, all others hold. */
#include "tests/unit/policy/evidence/tpm/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include <cmocka.h>

/* Runs, closes, and expects this code both as the result and as the one finding. */
static void expect(struct fixture *f, enum lk_reason_code code)
{
    assert_int_equal(fixture_run(f), code);
    assert_int_equal(f->report.n, code == LK_R_OK ? 0 : 1);
    if (code != LK_R_OK)
        assert_int_equal(f->report.findings[0].code, code);
    fixture_close(f);
}

static void every_scheme_is_verified(void **state)
{
    (void)state;
    static const char *const kinds[] = {"RSA2048", "P-256", "P-384"};
    for (size_t i = 0; i < 3; i++) {
        struct fixture f;
        fixture_open(&f, kinds[i], "P-256");
        expect(&f, LK_R_OK);
    }
    struct fixture f;
    fixture_open(&f, "RSA2048", "P-256");
    f.ak.scheme = f.quote.scheme = LK_TPM_RSAPSS;
    expect(&f, LK_R_OK);
    fixture_open(&f, "P-521", "P-256");
    f.ak.scheme_hash = f.quote.hash = LK_TPM_SHA512;
    expect(&f, LK_R_OK);
    fixture_open(&f, "P-384", "P-256");
    f.ak.scheme_hash = f.quote.hash = LK_TPM_SHA256;
    expect(&f, LK_R_OK);
}

static void sha1_signatures_are_not_accepted(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "RSA2048", "P-256");
    f.ak.scheme_hash = f.quote.hash = LK_TPM_SHA1;
    expect(&f, LK_R_TPM_SCHEME);
}

static void the_signature_has_the_scheme_of_the_key(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "RSA2048", "P-256");
    f.quote.scheme = LK_TPM_RSAPSS;
    expect(&f, LK_R_TPM_SCHEME);
    fixture_open(&f, "P-256", "P-256");
    f.quote.hash = LK_TPM_SHA384;
    expect(&f, LK_R_TPM_SCHEME);
}

static void a_weak_key_is_not_accepted(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "RSA1024", "P-256");
    expect(&f, LK_R_TPM_KEY_WEAK);
}

static void another_ak_does_not_verify(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.signer = soft_key("P-256");
    expect(&f, LK_R_TPM_SIGNATURE);
}

static void every_bit_of_the_quote_counts(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    fixture_build(&f);
    struct lk_buf *attest = &f.parts[P_ATTEST];
    for (size_t bit = 0; bit < attest->len * 8; bit++) {
        attest->data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        f.report.n = 0;
        enum lk_class cls = lk_class_of((lk_result){fixture_run(&f)});
        assert_true(cls == LK_CLASS_MALFORMED || cls == LK_CLASS_NOT_AUTHENTIC);
        attest->data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        lk_arena_reset(f.arena);
    }
    fixture_close(&f);
}

static void the_magic_is_checked_although_it_is_signed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.quote.magic = 0xff544348;
    expect(&f, LK_R_TPM_MAGIC);
}

static void other_attestations_are_no_quotes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.quote.type = 0x8017;
    expect(&f, LK_R_TPM_NOT_A_QUOTE);
}

static void an_unrestricted_key_vouches_for_nothing(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.ak.attributes = SOFT_AK & ~(uint32_t)LK_TPM_RESTRICTED;
    expect(&f, LK_R_TPM_AK_ATTRIBUTES);
}

static void a_changed_value_is_not_what_was_signed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    fixture_build(&f);
    f.parts[P_PCRS].data[100] ^= 1;
    expect(&f, LK_R_TPM_PCR_DIGEST);
}

static void values_are_as_many_as_the_selection_names(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    fixture_build(&f);
    lk_put_u8(&f.parts[P_PCRS], 0);
    expect(&f, LK_R_TPM_PCR_VALUES);
    fixture_open(&f, "P-256", "P-256");
    f.quote.banks[0].pcrs = 0x7f; /* seven of the eight that are sent */
    expect(&f, LK_R_TPM_PCR_VALUES);
}

/* The value of a resettable PCR gets the name that the TPM signed, whatever the guest would like to call it. */
static void the_signed_selection_names_the_values(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.quote.banks[0].pcrs = 1U << 23;
    f.quote.values = lk_bytes(f.values, 32);
    assert_int_equal(fixture_run(&f), LK_R_OK);
    const struct lk_value *pcr = fixture_claim(&f, "pcr");
    assert_int_equal(pcr->registers.n, 1);
    assert_int_equal(pcr->registers.r[0].index, 23);
    assert_int_equal(pcr->registers.r[0].alg, LK_TPM_SHA256);
    fixture_close(&f);
}

static void the_digest_has_the_hash_of_the_signature(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-384", "P-256"); /* SHA-384 over a sha256 bank */
    assert_int_equal(f.quote.hash, LK_TPM_SHA384);
    assert_int_equal(f.quote.banks[0].alg, LK_TPM_SHA256);
    expect(&f, LK_R_OK);
}

static void parts_that_do_not_parse_are_malformed(void **state)
{
    (void)state;
    static const struct {
        int part;
        enum lk_reason_code code;
    } cuts[] = {{P_ATTEST, LK_R_TPM_ATTEST}, {P_SIGNATURE, LK_R_TPM_SIGNATURE_FORMAT}, {P_PUBLIC, LK_R_TPM_PUBLIC},
                {P_EK_PUBLIC, LK_R_TPM_PUBLIC}, {P_EK_CERT, LK_R_TPM_EK_CERT}};
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        struct fixture f;
        fixture_open(&f, "P-256", "P-256");
        fixture_build(&f);
        f.parts[cuts[i].part].len--;
        expect(&f, cuts[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scheme_is_verified),
        cmocka_unit_test(sha1_signatures_are_not_accepted),
        cmocka_unit_test(the_signature_has_the_scheme_of_the_key),
        cmocka_unit_test(a_weak_key_is_not_accepted),
        cmocka_unit_test(another_ak_does_not_verify),
        cmocka_unit_test(every_bit_of_the_quote_counts),
        cmocka_unit_test(the_magic_is_checked_although_it_is_signed),
        cmocka_unit_test(other_attestations_are_no_quotes),
        cmocka_unit_test(an_unrestricted_key_vouches_for_nothing),
        cmocka_unit_test(a_changed_value_is_not_what_was_signed),
        cmocka_unit_test(values_are_as_many_as_the_selection_names),
        cmocka_unit_test(the_signed_selection_names_the_values),
        cmocka_unit_test(the_digest_has_the_hash_of_the_signature),
        cmocka_unit_test(parts_that_do_not_parse_are_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
