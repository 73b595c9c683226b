/* SPDX-License-Identifier: Apache-2.0 */
/* Who may vouch for an AK: in each test one thing is wrong. */
#include "tests/unit/policy/evidence/tpm/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include <cmocka.h>

static void expect(struct fixture *f, enum lk_reason_code code)
{
    assert_int_equal(fixture_run(f), code);
    bool finding = code != LK_R_OK && code != LK_R_UNANCHORED;
    assert_int_equal(f->report.n, finding ? 1 : 0);
    fixture_close(f);
}

static void open_with_ak_cert(struct fixture *f)
{
    fixture_open(f, "P-256", "P-256");
    f->send_ek = false;
    f->send_ak_cert = true;
    f->activation = LK_ACTIVATION_NONE;
}

static void an_activated_ek_is_a_root(void **state)
{
    (void)state;
    static const char *const kinds[] = {"RSA2048", "P-256", "P-384"};
    for (size_t i = 0; i < 3; i++) {
        struct fixture f;
        fixture_open(&f, "P-256", kinds[i]);
        assert_int_equal(fixture_run(&f), LK_R_OK);
        assert_true(f.how.rooted && f.how.activated && !f.how.activation_assumed);
        assert_string_equal(f.how.anchor, "soft");
        assert_memory_equal(f.how.context, f.context, 32);
        assert_int_equal(f.how.n_path, 5);
        fixture_close(&f);
    }
}

static void an_ek_certificate_alone_vouches_for_no_ak(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.activation = LK_ACTIVATION_NONE;
    expect(&f, LK_R_UNANCHORED);
}

static void assumed_activation_is_shown(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.activation = LK_ACTIVATION_ASSUMED;
    assert_int_equal(fixture_run(&f), LK_R_OK);
    assert_true(f.how.activated && f.how.activation_assumed);
    fixture_close(&f);
}

static void activation_of_other_keys_does_not_count(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.context[0] = 1;
    expect(&f, LK_R_TPM_ACTIVATION);
}

static void without_an_anchor_nothing_vouches(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.add_anchor = false;
    expect(&f, LK_R_UNANCHORED);
    open_with_ak_cert(&f);
    f.add_anchor = false;
    expect(&f, LK_R_UNANCHORED);
}

static void a_root_in_the_bundle_is_no_anchor(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.add_anchor = false;
    fixture_build(&f);
    soft_cert_put(&f.parts[P_CHAIN], &f.root);
    expect(&f, LK_R_UNANCHORED);
}

static void a_missing_intermediate_breaks_the_path(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    fixture_build(&f);
    f.parts[P_CHAIN].len = 0;
    expect(&f, LK_R_UNANCHORED);
}

static void the_ek_is_the_certificates(void **state)
{
    (void)state;
    struct fixture f;
    EVP_PKEY *other = soft_key("P-256");
    fixture_open(&f, "P-256", "P-256");
    f.ek_cert.key = other;
    expect(&f, LK_R_TPM_EK_MISMATCH);
    open_with_ak_cert(&f);
    f.ak_cert.key = other;
    expect(&f, LK_R_TPM_AK_MISMATCH);
    EVP_PKEY_free(other);
}

static void an_ek_certificate_needs_the_ek(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    fixture_build(&f);
    f.parts[P_EK_PUBLIC].len = 0;
    expect(&f, LK_R_TPM_EK_PUBLIC_MISSING);
}

static void an_ek_is_a_storage_key_of_the_tpm(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.ek.attributes = SOFT_EK & ~(uint32_t)LK_TPM_FIXED_TPM;
    expect(&f, LK_R_TPM_EK_ATTRIBUTES);
}

static void ek_certificates_are_for_eks(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.ek_cert.key_usage = "critical,digitalSignature";
    expect(&f, LK_R_TPM_EK_CERT_USAGE);
    fixture_open(&f, "P-256", "P-256");
    f.ek_cert.eku = "serverAuth";
    expect(&f, LK_R_TPM_EK_CERT_USAGE);
    fixture_open(&f, "P-256", "P-256");
    f.ek_cert.ca = true;
    expect(&f, LK_R_TPM_EK_CERT_USAGE);
    fixture_open(&f, "P-256", "P-256"); /* Google's newer certificates state no usage of this kind */
    f.ek_cert.eku = NULL;
    expect(&f, LK_R_OK);
}

static void an_ak_certificate_vouches_by_itself(void **state)
{
    (void)state;
    struct fixture f;
    open_with_ak_cert(&f);
    assert_int_equal(fixture_run(&f), LK_R_OK);
    assert_true(f.how.rooted && !f.how.activated);
    fixture_close(&f);
}

static void ak_certificates_are_for_aks(void **state)
{
    (void)state;
    static const char *const wrong[] = {NULL, "2.23.133.8.1", "clientAuth"};
    for (size_t i = 0; i < 3; i++) {
        struct fixture f;
        open_with_ak_cert(&f);
        f.ak_cert.eku = wrong[i];
        expect(&f, LK_R_TPM_AK_CERT_USAGE);
    }
    struct fixture f;
    open_with_ak_cert(&f);
    f.ak_cert.key_usage = "critical,keyAgreement";
    expect(&f, LK_R_TPM_AK_CERT_USAGE);
}

static void expired_certificates_cannot_be_judged(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.ek_cert.not_after = FIXTURE_AT - 1;
    expect(&f, LK_R_CERT_EXPIRED);
    fixture_open(&f, "P-256", "P-256");
    f.ca.not_before = FIXTURE_AT + 1;
    expect(&f, LK_R_CERT_NOT_YET_VALID);
    fixture_open(&f, "P-256", "P-256"); /* the anchor's dates count as well */
    f.root.not_after = FIXTURE_AT - 1;
    expect(&f, LK_R_CERT_EXPIRED);
}

static void what_is_out_of_date_tells_its_time(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.ek_cert.not_before = FIXTURE_AT - 86400;
    f.ek_cert.not_after = FIXTURE_AT - 1;
    assert_int_equal(fixture_run(&f), LK_R_CERT_EXPIRED);
    assert_string_equal(f.report.findings[0].rule, "tpm.ek-cert");
    assert_string_equal(f.report.findings[0].expected, "2027-01-14T08:00:00Z..2027-01-15T07:59:59Z");
    assert_string_equal(f.report.findings[0].actual, "2027-01-15T08:00:00Z");
    fixture_close(&f);
}

static void issuers_are_cas(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.ca.ca = false;
    expect(&f, LK_R_CERT_NOT_CA);
}

static void a_false_ca_of_a_true_name_is_found_out(void **state)
{
    (void)state;
    struct fixture f;
    EVP_PKEY *other = soft_key("P-384");
    fixture_open(&f, "P-256", "P-256");
    f.ek_cert.signer = other;
    expect(&f, LK_R_CERT_SIGNATURE);
    EVP_PKEY_free(other);
}

static void padding_of_nv_is_cut(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    fixture_build(&f);
    for (int i = 0; i < 400; i++)
        lk_put_u8(&f.parts[P_EK_CERT], 0xff);
    expect(&f, LK_R_OK);
    fixture_open(&f, "P-256", "P-256");
    fixture_build(&f);
    lk_put_u8(&f.parts[P_EK_CERT], 0x30);
    expect(&f, LK_R_TPM_EK_CERT);
}

static void a_proof_for_the_name_links(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    f.activation = LK_ACTIVATION_NONE;
    fixture_build(&f);
    struct lk_tpm_public ak;
    struct lk_tpm_name name;
    assert_true(lk_ok(lk_tpm_public_parse(lk_buf_bytes(&f.parts[P_PUBLIC]), &ak)) && lk_ok(lk_tpm_name(&ak, &name)));
    f.proof = (struct lk_proof){.kind = LK_PROOF_TPM_NAME, .value = lk_tpm_name_bytes(&name)};
    f.send_proof = true;
    assert_int_equal(fixture_run(&f), LK_R_OK);
    assert_false(f.how.rooted);
    assert_ptr_equal(f.how.by, &f.proof);
    fixture_close(&f);
}

/* A proof for the EK is no proof for an AK: activation must tie them, here as under a certificate. */
static void a_proof_for_the_ek_needs_activation(void **state)
{
    (void)state;
    static const enum lk_activation kinds[] = {LK_ACTIVATION_NONE, LK_ACTIVATION_TICKET};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        fixture_open(&f, "P-256", "P-256");
        f.activation = kinds[i];
        uint8_t spki[32];
        soft_spki_sha256(f.ek_key, spki);
        f.proof = (struct lk_proof){.kind = LK_PROOF_KEY, .value = LK_BYTES(spki)};
        f.send_proof = true;
        assert_int_equal(fixture_run(&f), i == 0 ? LK_R_UNANCHORED : LK_R_OK);
        assert_false(f.how.rooted);
        fixture_close(&f);
    }
}

static void vouched_count(void *to, const struct lk_proof *proof)
{
    unsigned *counts = to;
    counts[proof->kind]++;
}

static void it_vouches_for_registers_binding_and_name(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "P-256", "P-256");
    assert_int_equal(fixture_run(&f), LK_R_OK);
    unsigned counts[LK_PROOF_BINDING + 1] = {0};
    lk_family_tpm.vouch(f.item, vouched_count, counts);
    assert_int_equal(counts[LK_PROOF_REGISTER], 8);
    assert_int_equal(counts[LK_PROOF_BINDING], 1);
    assert_int_equal(counts[LK_PROOF_TPM_NAME], 1);
    fixture_close(&f);

    fixture_open(&f, "P-256", "P-256");
    f.quote.extra_data = lk_bytes_str("too short for a binding");
    assert_int_equal(fixture_run(&f), LK_R_OK);
    memset(counts, 0, sizeof(counts));
    lk_family_tpm.vouch(f.item, vouched_count, counts);
    assert_int_equal(counts[LK_PROOF_BINDING], 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_activated_ek_is_a_root),
        cmocka_unit_test(an_ek_certificate_alone_vouches_for_no_ak),
        cmocka_unit_test(assumed_activation_is_shown),
        cmocka_unit_test(activation_of_other_keys_does_not_count),
        cmocka_unit_test(without_an_anchor_nothing_vouches),
        cmocka_unit_test(a_root_in_the_bundle_is_no_anchor),
        cmocka_unit_test(a_missing_intermediate_breaks_the_path),
        cmocka_unit_test(the_ek_is_the_certificates),
        cmocka_unit_test(an_ek_certificate_needs_the_ek),
        cmocka_unit_test(an_ek_is_a_storage_key_of_the_tpm),
        cmocka_unit_test(ek_certificates_are_for_eks),
        cmocka_unit_test(an_ak_certificate_vouches_by_itself),
        cmocka_unit_test(ak_certificates_are_for_aks),
        cmocka_unit_test(what_is_out_of_date_tells_its_time),
        cmocka_unit_test(expired_certificates_cannot_be_judged),
        cmocka_unit_test(issuers_are_cas),
        cmocka_unit_test(a_false_ca_of_a_true_name_is_found_out),
        cmocka_unit_test(padding_of_nv_is_cut),
        cmocka_unit_test(a_proof_for_the_name_links),
        cmocka_unit_test(a_proof_for_the_ek_needs_activation),
        cmocka_unit_test(it_vouches_for_registers_binding_and_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
