/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tpm/public.h"
#include "tests/emulators/tpm/softtpm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include <cmocka.h>

static enum lk_reason_code parse(struct lk_bytes area)
{
    struct lk_tpm_public p;
    return lk_tpm_public_parse(area, &p).code;
}

static struct lk_buf area_of(const char *kind, uint32_t attributes, bool storage)
{
    struct lk_buf out = lk_buf(LK_TPM_PUBLIC_MAX + 16);
    EVP_PKEY *key = soft_key(kind);
    struct soft_public p = {.key = key, .attributes = attributes, .storage = storage};
    soft_public_put(&out, &p);
    EVP_PKEY_free(key);
    return out;
}

static void both_encodings_have_one_name(void **state)
{
    (void)state;
    LK_BUF_AUTO tpmt = area_of("P-256", SOFT_AK, false);
    LK_BUF_AUTO tpm2b = lk_buf(LK_TPM_PUBLIC_MAX);
    lk_put_sized_u16be(&tpm2b, lk_buf_bytes(&tpmt));
    struct lk_tpm_public a, b;
    struct lk_tpm_name name_a, name_b;
    assert_true(lk_ok(lk_tpm_public_parse(lk_buf_bytes(&tpmt), &a)));
    assert_true(lk_ok(lk_tpm_public_parse(lk_buf_bytes(&tpm2b), &b)));
    assert_true(lk_ok(lk_tpm_name(&a, &name_a)) && lk_ok(lk_tpm_name(&b, &name_b)));
    assert_true(lk_bytes_eq(a.tpmt, b.tpmt));
    assert_true(lk_bytes_eq(lk_tpm_name_bytes(&name_a), lk_tpm_name_bytes(&name_b)));
    assert_int_equal(name_a.len, 34);
    assert_memory_equal(name_a.bytes, "\x00\x0b", 2);
}

static void the_key_comes_back(void **state)
{
    (void)state;
    static const char *const kinds[] = {"RSA2048", "P-256", "P-384", "P-521"};
    static const char *const words[] = {"rsa-2048", "p256", "p384", "p521"};
    for (size_t i = 0; i < 4; i++) {
        EVP_PKEY *key = soft_key(kinds[i]), *back = NULL;
        LK_BUF_AUTO area = lk_buf(LK_TPM_PUBLIC_MAX);
        struct soft_public sp = {.key = key, .attributes = SOFT_AK};
        soft_public_put(&area, &sp);
        struct lk_tpm_public p;
        assert_true(lk_ok(lk_tpm_public_parse(lk_buf_bytes(&area), &p)));
        assert_true(lk_ok(lk_tpm_public_key(&p, &back)));
        assert_int_equal(EVP_PKEY_eq(key, back), 1);
        assert_true(lk_ok(lk_tpm_public_strong(&p)));
        assert_string_equal(lk_tpm_public_word(&p), words[i]);
        uint8_t ours[32], openssls[32];
        assert_true(lk_ok(lk_tpm_spki_sha256(&p, ours)));
        soft_spki_sha256(key, openssls);
        assert_memory_equal(ours, openssls, 32);
        EVP_PKEY_free(key);
        EVP_PKEY_free(back);
    }
}

/* Offset of x's length in an ECC area with an empty policy. */
#define X_AT 18

/* A TPM may leave out zero bytes in front of a coordinate; the key is the same. */
static void a_short_coordinate_is_padded(void **state)
{
    (void)state;
    EVP_PKEY *key = NULL, *back = NULL;
    LK_BUF_AUTO area = lk_buf(LK_TPM_PUBLIC_MAX);
    do { /* one key in 256 has such an x */
        EVP_PKEY_free(key);
        key = soft_key("P-256");
        area.len = 0;
        struct soft_public sp = {.key = key, .attributes = SOFT_AK};
        soft_public_put(&area, &sp);
    } while (area.data[X_AT + 2] != 0);
    area.data[X_AT + 1] = 31;
    memmove(area.data + X_AT + 2, area.data + X_AT + 3, area.len - X_AT - 3);
    area.len--;
    struct lk_tpm_public p;
    assert_true(lk_ok(lk_tpm_public_parse(lk_buf_bytes(&area), &p)));
    assert_int_equal(p.x.len, 31);
    assert_true(lk_ok(lk_tpm_public_key(&p, &back)));
    assert_int_equal(EVP_PKEY_eq(key, back), 1);
    EVP_PKEY_free(key);
    EVP_PKEY_free(back);
}

static void every_cut_and_a_byte_more_are_refused(void **state)
{
    (void)state;
    LK_BUF_AUTO area = area_of("RSA2048", SOFT_AK, false);
    for (size_t n = 0; n < area.len; n++)
        assert_int_not_equal(parse(lk_bytes(area.data, n)), LK_R_OK);
    lk_put_u8(&area, 0);
    assert_int_equal(parse(lk_buf_bytes(&area)), LK_R_TPM_PUBLIC);
}

static void set_u16(struct lk_buf *b, size_t at, uint16_t v)
{
    b->data[at] = (uint8_t)(v >> 8);
    b->data[at + 1] = (uint8_t)v;
}

/* Offset of the policy's length: type 0, nameAlg 2, attributes 4. */
#define POLICY_AT 8

static void a_policy_is_empty_or_a_digest_of_the_name_algorithm(void **state)
{
    static const size_t lengths[] = {0, 32, 14, 31, 33, 48, 64};
    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        static const uint8_t policy[64] = {1};
        LK_BUF_AUTO area = area_of("RSA2048", SOFT_AK, false);
        LK_BUF_AUTO longer = lk_buf(LK_TPM_PUBLIC_MAX);
        lk_put(&longer, lk_bytes(area.data, POLICY_AT));
        lk_put_sized_u16be(&longer, lk_bytes(policy, lengths[i]));
        lk_put(&longer, lk_bytes(area.data + POLICY_AT + 2, area.len - POLICY_AT - 2));
        assert_int_equal(parse(lk_buf_bytes(&longer)), i < 2 ? LK_R_OK : LK_R_TPM_PUBLIC);
    }
}

static void unknown_algorithms_are_named(void **state)
{
    (void)state;
    /* Offsets of an ECC area with an empty policy: type 0, nameAlg 2, attributes 4, policy 8, sym 10, scheme 12, curve 14. */
    static const struct {
        size_t at;
        uint16_t value;
    } wrong[] = {{0, 0x0008}, {2, 0x0012}, {10, 0x0026}, {12, 0x001a}, {14, 0x0010}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        LK_BUF_AUTO area = area_of("P-256", SOFT_AK, false);
        set_u16(&area, wrong[i].at, wrong[i].value);
        if (wrong[i].at == 10) /* another cipher has bits and a mode */
            lk_put_u32be(&area, 0);
        assert_int_equal(parse(lk_buf_bytes(&area)), LK_R_TPM_PUBLIC_ALGORITHM);
    }
}

static void a_point_off_the_curve_is_no_key(void **state)
{
    (void)state;
    LK_BUF_AUTO area = area_of("P-256", SOFT_AK, false);
    area.data[area.len - 1] ^= 1;
    struct lk_tpm_public p;
    EVP_PKEY *key;
    assert_true(lk_ok(lk_tpm_public_parse(lk_buf_bytes(&area), &p)));
    assert_int_equal(lk_tpm_public_key(&p, &key).code, LK_R_TPM_PUBLIC);
}

static void small_rsa_and_odd_exponents_are_weak(void **state)
{
    (void)state;
    LK_BUF_AUTO area = area_of("RSA1024", SOFT_AK, false);
    struct lk_tpm_public p;
    assert_true(lk_ok(lk_tpm_public_parse(lk_buf_bytes(&area), &p)));
    assert_int_equal(lk_tpm_public_strong(&p).code, LK_R_TPM_KEY_WEAK);
    p.rsa_bits = 2048;
    assert_int_equal(lk_tpm_public_strong(&p).code, LK_R_OK);
    p.rsa_exponent = 3;
    assert_int_equal(lk_tpm_public_strong(&p).code, LK_R_TPM_KEY_WEAK);
}

static void each_attribute_of_an_ak_counts(void **state)
{
    (void)state;
    static const uint32_t flips[] = {LK_TPM_FIXED_TPM, LK_TPM_FIXED_PARENT, LK_TPM_SENSITIVE_DATA_ORIGIN,
                                     LK_TPM_RESTRICTED, LK_TPM_SIGN, LK_TPM_DECRYPT, LK_TPM_ST_CLEAR};
    struct lk_tpm_public p = {.attributes = SOFT_AK};
    assert_int_equal(lk_tpm_ak_attributes(&p).code, LK_R_OK);
    p.attributes = SOFT_AK | LK_TPM_NO_DA;
    assert_int_equal(lk_tpm_ak_attributes(&p).code, LK_R_OK);
    for (size_t i = 0; i < sizeof(flips) / sizeof(flips[0]); i++) {
        p.attributes = SOFT_AK ^ flips[i];
        assert_int_equal(lk_tpm_ak_attributes(&p).code, LK_R_TPM_AK_ATTRIBUTES);
    }
}

static void each_attribute_of_an_ek_counts(void **state)
{
    (void)state;
    static const uint32_t flips[] = {LK_TPM_FIXED_TPM, LK_TPM_FIXED_PARENT, LK_TPM_SENSITIVE_DATA_ORIGIN,
                                     LK_TPM_RESTRICTED, LK_TPM_SIGN, LK_TPM_DECRYPT, LK_TPM_ST_CLEAR};
    LK_BUF_AUTO area = area_of("P-256", SOFT_EK, true);
    struct lk_tpm_public good;
    assert_true(lk_ok(lk_tpm_public_parse(lk_buf_bytes(&area), &good)));
    assert_int_equal(lk_tpm_ek_attributes(&good).code, LK_R_OK);
    struct lk_tpm_public p = good;
    for (size_t i = 0; i < sizeof(flips) / sizeof(flips[0]); i++) {
        p.attributes = SOFT_EK ^ flips[i];
        assert_int_equal(lk_tpm_ek_attributes(&p).code, LK_R_TPM_EK_ATTRIBUTES);
    }
    p = good;
    p.sym_bits = 192;
    assert_int_equal(lk_tpm_ek_attributes(&p).code, LK_R_TPM_EK_ATTRIBUTES);
    p = good;
    p.name_alg = LK_TPM_SHA1;
    assert_int_equal(lk_tpm_ek_attributes(&p).code, LK_R_TPM_EK_ATTRIBUTES);
    p = good;
    p.scheme = LK_TPM_OAEP;
    assert_int_equal(lk_tpm_ek_attributes(&p).code, LK_R_TPM_EK_ATTRIBUTES);
}

static void qualified_names_follow_the_hierarchy(void **state)
{
    (void)state;
    LK_BUF_AUTO area = area_of("P-256", SOFT_AK, false);
    struct lk_tpm_public p;
    struct lk_tpm_name name, primary, child;
    assert_true(lk_ok(lk_tpm_public_parse(lk_buf_bytes(&area), &p)));
    assert_true(lk_ok(lk_tpm_name(&p, &name)));
    assert_true(lk_ok(lk_tpm_qualified_primary(&p, LK_TPM_ENDORSEMENT, &primary)));
    assert_true(lk_ok(lk_tpm_qualified_child(&p, &primary, &child)));

    uint8_t hashed[4 + 34], digest[32];
    memcpy(hashed, "\x40\x00\x00\x0b", 4);
    memcpy(hashed + 4, name.bytes, 34);
    assert_int_equal(EVP_Digest(hashed, sizeof(hashed), digest, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(primary.bytes + 2, digest, 32);

    uint8_t below[34 + 34];
    memcpy(below, primary.bytes, 34);
    memcpy(below + 34, name.bytes, 34);
    assert_int_equal(EVP_Digest(below, sizeof(below), digest, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(child.bytes + 2, digest, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_encodings_have_one_name),
        cmocka_unit_test(the_key_comes_back),
        cmocka_unit_test(a_short_coordinate_is_padded),
        cmocka_unit_test(every_cut_and_a_byte_more_are_refused),
        cmocka_unit_test(a_policy_is_empty_or_a_digest_of_the_name_algorithm),
        cmocka_unit_test(unknown_algorithms_are_named),
        cmocka_unit_test(a_point_off_the_curve_is_no_key),
        cmocka_unit_test(small_rsa_and_odd_exponents_are_weak),
        cmocka_unit_test(each_attribute_of_an_ak_counts),
        cmocka_unit_test(each_attribute_of_an_ek_counts),
        cmocka_unit_test(qualified_names_follow_the_hierarchy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
