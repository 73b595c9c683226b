/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/seal/recipient.h"

#include "proto/seal/key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

struct suite_row {
    enum lk_suite suite;
    enum lk_key_type key;
    const char *name;
};

static const struct suite_row suites[] = {
    {LK_SUITE_HPKE_X25519, LK_KEY_X25519, "hpke-x25519-sha256-aes256gcm"},
    {LK_SUITE_HPKE_P256, LK_KEY_P256, "hpke-p256-sha256-aes256gcm"},
    {LK_SUITE_RSA_SHA1, LK_KEY_RSA, "rsa-oaep-sha1-aes256-kwp"},
    {LK_SUITE_RSA_SHA256, LK_KEY_RSA, "rsa-oaep-sha256-aes256-kwp"},
};

static const struct suite_row *row_of(enum lk_suite s)
{
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
        if (suites[i].suite == s)
            return &suites[i];
    return NULL;
}

static enum lk_key_type key_of(enum lk_suite s)
{
    const struct suite_row *row = row_of(s);
    return row == NULL ? LK_KEY_UNKNOWN : row->key;
}

const char *lk_suite_name(enum lk_suite s)
{
    const struct suite_row *row = row_of(s);
    return row == NULL ? "" : row->name;
}

enum lk_suite lk_suite_by_name(struct lk_bytes name)
{
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
        if (lk_bytes_eq(name, lk_bytes_str(suites[i].name)))
            return suites[i].suite;
    return LK_SUITE_NONE;
}

/*
 * RFC 7748, 6.1: the shared secret must not be zero, as it is with a point of small order: these, as 255-bit numbers
 * (0, 1, the two of order 8, p - 1, and the other spellings p and p + 1). lk_hpke_seal asks OpenSSL again.
 */
static const uint8_t small_order[][32] = {
    {0},
    {1},
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
     0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
     0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

static bool x25519_usable(const uint8_t point[static 32])
{
    uint8_t number[32];
    memcpy(number, point, 32);
    number[31] &= 0x7f; /* RFC 7748, 5: the top bit is not looked at */
    for (size_t i = 0; i < sizeof(small_order) / sizeof(small_order[0]); i++)
        if (memcmp(number, small_order[i], 32) == 0)
            return false;
    return true;
}

static bool p256_on_curve(struct lk_bytes point)
{
    EVP_PKEY *key = point.len == LK_P256_POINT ? lk_key_ec("P-256", point) : NULL;
    EVP_PKEY_free(key);
    return key != NULL;
}

static bool rsa_usable(const struct lk_recipient *r)
{
    bool size = r->n_len == 256 || r->n_len == 384 || r->n_len == 512;
    return size && (r->n[0] & 0x80) != 0 && (r->n[r->n_len - 1] & 1) != 0 && r->e == 65537;
}

lk_result lk_recipient_check(const struct lk_recipient *r)
{
    bool ok = false;
    switch (key_of(r->suite)) {
    case LK_KEY_X25519:
        ok = r->point_len == 32 && x25519_usable(r->point);
        break;
    case LK_KEY_P256:
        ok = r->point_len == LK_P256_POINT && p256_on_curve(lk_bytes(r->point, LK_P256_POINT));
        break;
    case LK_KEY_RSA:
        ok = rsa_usable(r);
        break;
    case LK_KEY_UNKNOWN:
        break;
    }
    return ok ? LK_OK : LK_FAIL(RECIPIENT_KEY);
}

static void set_raw(struct lk_recipient *r, enum lk_key_type type, struct lk_bytes raw)
{
    if (type == LK_KEY_RSA) {
        memcpy(r->n, raw.data, raw.len);
        r->n_len = raw.len;
        r->e = 65537;
        return;
    }
    memcpy(r->point, raw.data, raw.len);
    r->point_len = raw.len;
}

lk_result lk_recipient_from_spki(struct lk_bytes spki, struct lk_bytes suite, struct lk_recipient *out)
{
    *out = (struct lk_recipient){.suite = lk_suite_by_name(suite)};
    LK_REQUIRE(out->suite != LK_SUITE_NONE, RECIPIENT_SUITE);
    LK_REQUIRE(spki.len <= LK_SPKI_MAX, RECIPIENT_KEY);
    struct lk_bytes raw;
    enum lk_key_type type = lk_spki_split(spki, &raw);
    LK_REQUIRE(type != LK_KEY_UNKNOWN && type == key_of(out->suite), RECIPIENT_KEY);
    set_raw(out, type, raw);
    return lk_recipient_check(out);
}

void lk_recipient_put(struct lk_buf *out, const struct lk_recipient *r)
{
    lk_put_u8(out, (uint8_t)r->suite);
    if (r->suite == LK_SUITE_NONE)
        return;
    if (key_of(r->suite) != LK_KEY_RSA) {
        lk_put_sized_u16be(out, lk_bytes(r->point, r->point_len));
        return;
    }
    lk_put_sized_u16be(out, lk_bytes(r->n, r->n_len));
    lk_put_u32be(out, r->e);
}

/* The length must be one that the suite's key has: a frame has one spelling. */
static bool length_fits(enum lk_key_type type, size_t len)
{
    return (type == LK_KEY_X25519 && len == 32) || (type == LK_KEY_P256 && len == LK_P256_POINT) ||
           (type == LK_KEY_RSA && (len == 256 || len == 384 || len == 512));
}

void lk_recipient_get(struct lk_cursor *c, struct lk_recipient *r)
{
    *r = (struct lk_recipient){.suite = (enum lk_suite)lk_u8(c)};
    if (r->suite == LK_SUITE_NONE)
        return;
    enum lk_key_type type = key_of(r->suite);
    struct lk_bytes raw = lk_take_u16be(c, sizeof(r->n));
    if (!length_fits(type, raw.len)) {
        lk_cursor_fail(c);
        r->suite = LK_SUITE_NONE;
        return;
    }
    set_raw(r, type, raw);
    if (type == LK_KEY_RSA)
        r->e = lk_u32be(c);
}
