/* SPDX-License-Identifier: Apache-2.0 */
/* proto/seal/rsa_aes: sealing to an RSA key in the form of CKM_RSA_AES_KEY_WRAP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "proto/seal/recipient.h"
#include "proto/seal/rsa_aes.h"

#define CODE(r) ((int)(r).code)

static EVP_PKEY *key, *other;

static int make_keys(void **state)
{
    (void)state;
    key = EVP_RSA_gen(2048);
    other = EVP_RSA_gen(2048);
    return key == NULL || other == NULL;
}

static int drop_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    return 0;
}

static void secrets_of_every_size_come_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 4, 5, 7, 8, 9, 16, 31, 32, 4096, 65536};
    uint8_t *secret = calloc(1, 65536);
    assert_non_null(secret);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        LK_BUF_AUTO ct = lk_buf(70000);
        LK_SECRET_AUTO out = {0};
        struct lk_bytes in = lk_bytes(secret, sizes[i]);
        assert_int_equal(CODE(lk_rsa_aes_wrap(key, LK_SUITE_RSA_SHA256, in, &ct)), LK_R_OK);
        assert_int_equal(ct.len, 256 + 8 + (sizes[i] + 4 + 7) / 8 * 8);
        assert_int_equal(CODE(lk_rsa_aes_unwrap(key, LK_SUITE_RSA_SHA256, lk_buf_bytes(&ct), &out)), LK_R_OK);
        assert_int_equal(out.len, sizes[i]);
        assert_memory_equal(out.data, secret, sizes[i]);
    }
    free(secret);
}

static void what_was_altered_does_not_unwrap(void **state)
{
    (void)state;
    LK_BUF_AUTO ct = lk_buf(1024);
    assert_int_equal(CODE(lk_rsa_aes_wrap(key, LK_SUITE_RSA_SHA1, lk_bytes_str("secret"), &ct)), LK_R_OK);
    LK_SECRET_AUTO out = {0};
    assert_int_equal(CODE(lk_rsa_aes_unwrap(other, LK_SUITE_RSA_SHA1, lk_buf_bytes(&ct), &out)), LK_R_RSA_UNWRAP);
    assert_int_equal(CODE(lk_rsa_aes_unwrap(key, LK_SUITE_RSA_SHA256, lk_buf_bytes(&ct), &out)), LK_R_RSA_UNWRAP);
    assert_int_equal(CODE(lk_rsa_aes_unwrap(key, LK_SUITE_HPKE_P256, lk_buf_bytes(&ct), &out)), LK_R_RSA_UNWRAP);
    for (size_t cut = 0; cut < ct.len; cut += 17)
        assert_int_equal(CODE(lk_rsa_aes_unwrap(key, LK_SUITE_RSA_SHA1, lk_bytes(ct.data, cut), &out)),
                         LK_R_RSA_UNWRAP);
    for (size_t at = 0; at < ct.len; at += 13) {
        ct.data[at] ^= 0x10;
        assert_int_equal(CODE(lk_rsa_aes_unwrap(key, LK_SUITE_RSA_SHA1, lk_buf_bytes(&ct), &out)), LK_R_RSA_UNWRAP);
        ct.data[at] ^= 0x10;
    }
    assert_null(out.data);
    assert_int_equal(CODE(lk_rsa_aes_unwrap(key, LK_SUITE_RSA_SHA1, lk_buf_bytes(&ct), &out)), LK_R_OK);
}

/* Tokens that give KWP's padding back as the secret's add at most 7 zero bytes; anything else is no frame. */
static void frames_forgive_padding_only(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[16];
        size_t len;
        int code;
    } rows[] = {
        {{1, 0, 0, 0, 'a'}, 5, LK_R_OK},
        {{1, 0, 0, 0, 'a'}, 12, LK_R_OK},
        {{1, 0, 0, 0, 'a'}, 13, LK_R_RSA_UNWRAP},
        {{1, 0, 0, 0, 'a', 0, 1}, 7, LK_R_RSA_UNWRAP},
        {{2, 0, 0, 0, 'a'}, 5, LK_R_RSA_UNWRAP},
        {{1, 0, 0}, 3, LK_R_RSA_UNWRAP},
        {{0xff, 0xff, 0xff, 0xff, 'a'}, 5, LK_R_RSA_UNWRAP},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lk_bytes secret;
        assert_int_equal(CODE(lk_secret_unframe(lk_bytes(rows[i].bytes, rows[i].len), &secret)), rows[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_of_every_size_come_back),
        cmocka_unit_test(what_was_altered_does_not_unwrap),
        cmocka_unit_test(frames_forgive_padding_only),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
