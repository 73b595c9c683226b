/* SPDX-License-Identifier: Apache-2.0 */
/* The derivations against their definitions, and the refusals. tests/system has real TPMs open the credentials. */
#include "proto/tpm/credential.h"
#include "proto/tpm/kdf.h"
#include "tests/emulators/tpm/softtpm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include <cmocka.h>

static const uint8_t s32[32] = {1, 2, 3};

/* KDFa(hash, key, label, contextU, contextV, bits), Part 1 section 11.4.10.2: HMAC(key, i || label || 00 || context || bits). */
static void kdfa_is_hmac_in_counter_mode(void **state)
{
    (void)state;
    static const uint8_t key[32] = {9, 8, 7}, context[34] = {0, 0x0b, 5};
    uint8_t text[4 + 8 + 34 + 4], mac[32];
    size_t len = 0;
    memcpy(text, "\0\0\0\1STORAGE\0", 12);
    memcpy(text + 12, context, 34);
    memcpy(text + 46, "\0\0\0\x80", 4);
    assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, 32, text, sizeof(text), mac, 32, &len));
    LK_SECRET_AUTO got = {0};
    assert_true(lk_ok(lk_tpm_kdfa(lk_tpm_hash(LK_TPM_SHA256), LK_BYTES(key), "STORAGE", LK_BYTES(context), 16, &got)));
    assert_int_equal(got.len, 16);
    assert_memory_equal(got.data, mac, 16);
}

/* KDFe(hash, Z, use, PartyU, PartyV, bits), section 11.4.10.3: H(i || Z || use || 00 || U || V). */
static void kdfe_is_a_hash_with_a_counter(void **state)
{
    (void)state;
    static const uint8_t z[32] = {1}, u[32] = {2}, v[32] = {3};
    uint8_t text[4 + 32 + 9 + 64], digest[32];
    memcpy(text, "\0\0\0\1", 4);
    memcpy(text + 4, z, 32);
    memcpy(text + 36, "IDENTITY\0", 9);
    memcpy(text + 45, u, 32);
    memcpy(text + 77, v, 32);
    assert_int_equal(EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha256(), NULL), 1);
    LK_SECRET_AUTO got = {0};
    assert_true(lk_ok(lk_tpm_kdfe(lk_tpm_hash(LK_TPM_SHA256), LK_BYTES(z), "IDENTITY", LK_BYTES(u), LK_BYTES(v), &got)));
    assert_memory_equal(got.data, digest, 32);
}

static enum lk_reason_code challenge(const char *ek_kind, uint32_t ek_attributes, uint32_t ak_attributes,
                                     struct lk_bytes s, size_t *blob_len, size_t *encrypted_len)
{
    EVP_PKEY *ek = soft_key(ek_kind), *ak = soft_key("P-256");
    LK_BUF_AUTO ek_area = lk_buf(1024);
    LK_BUF_AUTO ak_area = lk_buf(1024);
    LK_BUF_AUTO blob = lk_buf(LK_TPM_CREDENTIAL_MAX);
    LK_BUF_AUTO encrypted = lk_buf(LK_TPM_ENCRYPTED_SECRET_MAX);
    struct soft_public ekp = {.key = ek, .attributes = ek_attributes, .storage = true};
    struct soft_public akp = {.key = ak, .attributes = ak_attributes};
    soft_public_put(&ek_area, &ekp);
    soft_public_put(&ak_area, &akp);
    uint8_t context[32];
    lk_result r = lk_tpm_challenge(lk_buf_bytes(&ek_area), lk_buf_bytes(&ak_area), s, &blob, &encrypted, context);
    *blob_len = blob.len;
    *encrypted_len = encrypted.len;
    EVP_PKEY_free(ek);
    EVP_PKEY_free(ak);
    return r.code;
}

static void sizes_are_those_of_the_structures(void **state)
{
    (void)state;
    size_t blob, encrypted;
    assert_int_equal(challenge("RSA2048", SOFT_EK, SOFT_AK, LK_BYTES(s32), &blob, &encrypted), LK_R_OK);
    assert_int_equal(blob, 2 + 2 + 32 + 2 + 32);
    assert_int_equal(encrypted, 2 + 256);
    assert_int_equal(challenge("P-256", SOFT_EK, SOFT_AK, LK_BYTES(s32), &blob, &encrypted), LK_R_OK);
    assert_int_equal(encrypted, 2 + 2 + 32 + 2 + 32);
    assert_int_equal(challenge("P-384", SOFT_EK, SOFT_AK, LK_BYTES(s32), &blob, &encrypted), LK_R_OK);
    assert_int_equal(encrypted, 2 + 2 + 48 + 2 + 48);
}

static void only_sane_keys_get_a_credential(void **state)
{
    (void)state;
    size_t a, b;
    assert_int_equal(challenge("P-256", SOFT_EK & ~(uint32_t)LK_TPM_RESTRICTED, SOFT_AK, LK_BYTES(s32), &a, &b),
                     LK_R_TPM_EK_ATTRIBUTES);
    assert_int_equal(challenge("P-256", SOFT_EK, SOFT_AK & ~(uint32_t)LK_TPM_RESTRICTED, LK_BYTES(s32), &a, &b),
                     LK_R_TPM_AK_ATTRIBUTES);
    assert_int_equal(challenge("RSA1024", SOFT_EK, SOFT_AK, LK_BYTES(s32), &a, &b), LK_R_TPM_KEY_WEAK);
}

static void the_secret_fits_the_name_hash(void **state)
{
    (void)state;
    static const uint8_t s33[33];
    size_t a, b;
    assert_int_equal(challenge("P-256", SOFT_EK, SOFT_AK, LK_BYTES(s33), &a, &b), LK_R_TPM_CREDENTIAL_SIZE);
    assert_int_equal(challenge("P-256", SOFT_EK, SOFT_AK, LK_BYTES_NONE, &a, &b), LK_R_TPM_CREDENTIAL_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kdfa_is_hmac_in_counter_mode),
        cmocka_unit_test(kdfe_is_a_hash_with_a_counter),
        cmocka_unit_test(sizes_are_those_of_the_structures),
        cmocka_unit_test(only_sane_keys_get_a_credential),
        cmocka_unit_test(the_secret_fits_the_name_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
