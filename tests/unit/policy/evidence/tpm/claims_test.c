/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy/evidence/tpm/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include <cmocka.h>

static const struct lk_value *present(const struct fixture *f, const char *name, enum lk_kind kind)
{
    const struct lk_value *v = fixture_claim(f, name);
    assert_true(v->present);
    assert_int_equal(v->kind, kind);
    return v;
}

static void expect_word(const struct fixture *f, const char *name, const char *word)
{
    assert_string_equal(present(f, name, LK_KIND_WORD)->word, word);
}

static void expect_text(const struct fixture *f, const char *name, const char *text)
{
    assert_string_equal(present(f, name, LK_KIND_TEXT)->word, text);
}

static void expect_flag(const struct fixture *f, const char *name, bool flag)
{
    assert_int_equal(present(f, name, LK_KIND_BOOL)->flag, flag);
}

static void expect_number(const struct fixture *f, const char *name, uint64_t number)
{
    assert_int_equal(present(f, name, LK_KIND_UINT)->number, number);
}

static void every_field_has_a_claim(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-384", "RSA2048");
    assert_int_equal(fixture_run(&f), LK_R_OK);
    uint8_t spki[32];
    soft_spki_sha256(f.ek_key, spki);
    assert_true(lk_bytes_eq(present(&f, "ek", LK_KIND_BYTES)->bytes, LK_BYTES(spki)));
    assert_true(lk_bytes_eq(present(&f, "ek-sha256", LK_KIND_BYTES)->bytes, LK_BYTES(spki)));
    assert_int_equal(present(&f, "ek-name", LK_KIND_BYTES)->bytes.len, 34);
    expect_word(&f, "ek-key", "rsa-2048");
    expect_text(&f, "manufacturer", "id:4C4B4559");
    expect_text(&f, "model", "soft");
    expect_text(&f, "version", "id:00010002");
    soft_spki_sha256(f.ak_key, spki);
    assert_true(lk_bytes_eq(present(&f, "ak-sha256", LK_KIND_BYTES)->bytes, LK_BYTES(spki)));
    expect_word(&f, "ak-key", "p384");
    expect_number(&f, "ak-attributes", SOFT_AK);
    expect_word(&f, "scheme", "ecdsa");
    expect_word(&f, "hash", "sha384");
    expect_word(&f, "rooted-by", "ek");
    expect_text(&f, "anchor", "soft");
    expect_flag(&f, "sha1-certificate", false);
    expect_flag(&f, "sha1-bank", false);
    expect_flag(&f, "reset-firmware-pcrs", false);
    expect_number(&f, "reset-count", 3);
    expect_number(&f, "restart-count", 1);
    expect_number(&f, "clock", 1000);
    expect_flag(&f, "safe", true);
    expect_number(&f, "firmware-version", 0x20191023);
    expect_flag(&f, "gce-test-instance", false);
    assert_false(fixture_claim(&f, "gce-zone")->present);
    assert_int_equal(present(&f, "pcr", LK_KIND_REGISTERS)->registers.n, 8);
    fixture_close(&f);
}

/* An EK that nothing ties to this AK must not show: policies name secrets by it. */
static void an_ek_without_activation_makes_no_claim(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.send_ak_cert = true; /* the AK certificate vouches; the EK parts are only there */
    assert_int_equal(fixture_run(&f), LK_R_OK);
    expect_word(&f, "rooted-by", "ak-certificate");
    assert_false(fixture_claim(&f, "ek")->present);
    assert_false(fixture_claim(&f, "ek-sha256")->present);
    assert_false(fixture_claim(&f, "ek-name")->present);
    fixture_close(&f);
}

static void a_sha1_bank_shows(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.quote.n_banks = 2;
    f.quote.banks[1].alg = LK_TPM_SHA1;
    f.quote.banks[1].pcrs = 1;
    f.quote.values = lk_bytes(f.values, 8 * 32 + 20);
    assert_int_equal(fixture_run(&f), LK_R_OK);
    expect_flag(&f, "sha1-bank", true);
    fixture_close(&f);
}

static void run_with_values(uint32_t pcrs, const uint8_t value[static 32], bool reset)
{
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.quote.banks[0].pcrs = pcrs;
    f.quote.values = lk_bytes(value, 32);
    assert_int_equal(fixture_run(&f), LK_R_OK);
    expect_flag(&f, "reset-firmware-pcrs", reset);
    fixture_close(&f);
}

static void reset_values_of_firmware_pcrs_show(void **state)
{
    (void)state;
    uint8_t value[32] = {0};
    run_with_values(1U << 7, value, true);
    run_with_values(1U << 8, value, false);
    value[31] = 1;
    run_with_values(1U << 0, value, false);
    memset(value, 0xff, sizeof(value));
    run_with_values(1U << 0, value, true);
}

static struct lk_tpm_public area(struct lk_buf *buf, const struct soft_public *p)
{
    struct lk_tpm_public out;
    soft_public_put(buf, p);
    assert_true(lk_ok(lk_tpm_public_parse(lk_buf_bytes(buf), &out)));
    return out;
}

static void the_place_is_recomputed(void **state)
{
    (void)state;
    static const char *const words[] = {"under-ek", "endorsement-primary", "owner-primary", "platform-primary",
                                        "elsewhere"};
    for (int i = 0; i < 5; i++) {
        struct fixture f;
        fixture_open(&f, "P-256", "P-256");
        LK_BUF_AUTO ek_buf = lk_buf(1024);
        LK_BUF_AUTO ak_buf = lk_buf(1024);
        struct lk_tpm_public ek = area(&ek_buf, &f.ek), ak = area(&ak_buf, &f.ak);
        struct lk_tpm_name parent, names[5];
        assert_true(lk_ok(lk_tpm_qualified_primary(&ek, LK_TPM_ENDORSEMENT, &parent)));
        assert_true(lk_ok(lk_tpm_qualified_child(&ak, &parent, &names[0])));
        assert_true(lk_ok(lk_tpm_qualified_primary(&ak, LK_TPM_ENDORSEMENT, &names[1])));
        assert_true(lk_ok(lk_tpm_qualified_primary(&ak, LK_TPM_OWNER, &names[2])));
        assert_true(lk_ok(lk_tpm_qualified_primary(&ak, LK_TPM_PLATFORM, &names[3])));
        names[4] = parent;
        f.quote.qualified_signer = lk_tpm_name_bytes(&names[i]);
        assert_int_equal(fixture_run(&f), LK_R_OK);
        expect_word(&f, "qualified-name", words[i]);
        fixture_close(&f);
    }
}

/* SEQUENCE { "z", 1, "p", 258, "i", [0] SEQUENCE { [1] BOOLEAN } } */
static const uint8_t gce[] = {0x30, 0x19, 0x0c, 1,    'z', 0x02, 1,    1,    0x0c, 1, 'p', 0x02, 2,   1,
                              2,    0x0c, 1,    'i',  0xa0, 7,   0x30, 5,    0xa1, 3, 1,   1,    0xff};

static void run_gce(uint8_t production, const char *eku, enum lk_reason_code code)
{
    struct fixture f;
    uint8_t der[sizeof(gce)];
    memcpy(der, gce, sizeof(der));
    der[sizeof(der) - 1] = production;
    fixture_open(&f, "P-256", "P-256");
    f.send_ek = false;
    f.send_ak_cert = true;
    f.ak_cert.eku = eku;
    f.ak_cert.gce = der;
    f.ak_cert.gce_len = sizeof(der);
    assert_int_equal(fixture_run(&f), code);
    if (code == LK_R_OK) {
        expect_flag(&f, "gce-test-instance", production == 0);
        expect_text(&f, "gce-zone", "z");
        expect_text(&f, "gce-project", "p");
        expect_number(&f, "gce-project-number", 1);
        expect_number(&f, "gce-instance-id", 258);
        expect_text(&f, "gce-instance-name", "i");
    }
    fixture_close(&f);
}

static void gce_instances_are_named(void **state)
{
    (void)state;
    run_gce(0xff, NULL, LK_R_OK);
    run_gce(0xff, "2.23.133.8.1", LK_R_OK);
    run_gce(0x00, NULL, LK_R_OK);
    run_gce(0xff, "serverAuth", LK_R_TPM_AK_CERT_USAGE);
}

static void the_table_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < lk_family_tpm.n_claims; i++) {
        const struct lk_claim *c = &lk_family_tpm.claims[i];
        assert_non_null(c->name);
        assert_non_null(c->doc);
        assert_true((c->kind == LK_KIND_WORD) == (c->words != NULL));
        assert_int_equal(lk_class_of((lk_result){c->refusal}), LK_CLASS_REFUSED);
    }
    assert_int_equal(lk_family_tpm.n_parts, P_COUNT);
    assert_string_equal(lk_family_tpm.parts[P_CHAIN].name, "chain");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_has_a_claim),
        cmocka_unit_test(an_ek_without_activation_makes_no_claim),
        cmocka_unit_test(a_sha1_bank_shows),
        cmocka_unit_test(reset_values_of_firmware_pcrs_show),
        cmocka_unit_test(the_place_is_recomputed),
        cmocka_unit_test(gce_instances_are_named),
        cmocka_unit_test(the_table_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
