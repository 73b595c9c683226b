/* SPDX-License-Identifier: Apache-2.0 */
/* LUKS2 headers as cryptsetup makes them, and each thing that a disk's owner may write instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/guest/fetch/luks_header.h"
#include "proto/seal/hash.h"

#define HEADER 0x4000u
#define AREA (2 * HEADER + 0x50000u)
#define KEYSLOT(at, type, cipher, kdf)                                                                                   \
    "\"0\":{\"type\":\"" type "\",\"key_size\":64,\"af\":{\"type\":\"luks1\",\"stripes\":4000,\"hash\":\"sha256\"},"     \
    "\"area\":{\"type\":\"raw\",\"offset\":\"" at "\",\"size\":\"258048\",\"encryption\":\"" cipher "\",\"key_size\":64}," \
    "\"kdf\":{\"type\":\"" kdf "\",\"hash\":\"sha256\",\"iterations\":1000,\"salt\":\"2OqmZZ3voVU=\"}}"
#define SEGMENT(type, at, size, tweak, cipher, sector, more)                                                             \
    "\"0\":{\"type\":\"" type "\",\"offset\":\"" at "\",\"size\":\"" size "\",\"iv_tweak\":\"" tweak "\",\"encryption\":\"" \
    cipher "\",\"sector_size\":" sector more "}"
#define JSON(keyslots, segments, config)                                                                                 \
    "{\"keyslots\":{" keyslots "},\"tokens\":{\"0\":{\"type\":\"x\",\"keyslots\":[]}},\"segments\":{" segments "},"     \
    "\"digests\":{\"0\":{\"type\":\"pbkdf2\",\"keyslots\":[\"0\"],\"segments\":[\"0\"]}},\"config\":{" config "}}"
#define XTS "aes-xts-plain64"
#define SLOT KEYSLOT("32768", "luks2", XTS, "pbkdf2")
#define DATA SEGMENT("crypt", "16777216", "dynamic", "0", XTS, "4096", "")
#define SIZES "\"json_size\":\"12288\",\"keyslots_size\":\"327680\""
#define GOOD JSON(SLOT, DATA, SIZES)

static uint8_t area[AREA];

static void put_header(size_t at, const char *magic, const char *json)
{
    uint8_t *h = area + at;
    memset(h, 0, HEADER);
    memcpy(h, magic, 8);
    h[8 + 6] = HEADER >> 8;
    memcpy(h + 72, "sha256", 6);
    memcpy(h + 168, "6b7ab5d1-1111-2222-3333-444455556666", 36);
    h[256 + 6] = (uint8_t)(at >> 8);
    memcpy(h + 4096, json, strlen(json));
    struct lk_bytes all = lk_bytes(h, HEADER);
    uint8_t digest[32];
    assert_true(lk_ok(lk_sha256(&all, 1, digest)));
    memcpy(h + 448, digest, sizeof(digest));
}

static void put_both(const char *json)
{
    memset(area, 0, sizeof(area));
    put_header(0, "LUKS\xba\xbe\0\2", json);
    put_header(HEADER, "SKUL\xba\xbe\0\2", json);
}

static enum lk_reason_code check(struct lk_luks_header *h)
{
    uint8_t *exact = malloc(AREA); /* so that a sanitizer sees what reads beyond it */
    assert_non_null(exact);
    memcpy(exact, area, AREA);
    lk_result r = lk_luks_check(exact, AREA, h);
    memcpy(area, exact, AREA);
    free(exact);
    assert_int_equal(lk_ok(r), h->flaw[0] == '\0');
    return r.code;
}

static void what_cryptsetup_makes_is_good(void **state)
{
    (void)state;
    static const char *const good[] = {
        GOOD,
        JSON("", DATA, SIZES),
        JSON(KEYSLOT("32768", "luks2", XTS, "argon2id"), SEGMENT("crypt", "16777216", "4096", "0", XTS, "512", ""), SIZES),
        JSON(SLOT, DATA, SIZES ",\"flags\":[\"allow-discards\"]"),
    };
    struct lk_luks_header h;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        put_both(good[i]);
        assert_int_equal(check(&h), LK_R_OK);
        assert_string_equal(h.uuid, "6b7ab5d1-1111-2222-3333-444455556666");
        assert_int_equal(h.area_len, AREA);
        assert_int_equal(h.keyslots, i == 1 ? 0 : 1);
    }
}

static void what_an_attacker_writes_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum lk_reason_code code;
    } rows[] = {
        {JSON(KEYSLOT("32768", "luks2", "cipher_null-ecb", "pbkdf2"), DATA, SIZES), LK_R_LUKS_CIPHER},
        {JSON(SLOT, SEGMENT("crypt", "16777216", "dynamic", "0", "cipher_null-ecb", "4096", ""), SIZES), LK_R_LUKS_CIPHER},
        {JSON(SLOT, SEGMENT("crypt", "16777216", "dynamic", "0", "aes-ecb", "4096", ""), SIZES), LK_R_LUKS_CIPHER},
        {JSON(SLOT, SEGMENT("linear", "16777216", "dynamic", "0", XTS, "4096", ""), SIZES), LK_R_LUKS_CIPHER},
        {JSON(SLOT, DATA "," SEGMENT("crypt", "33554432", "dynamic", "0", XTS, "4096", ""), SIZES), LK_R_LUKS_CIPHER},
        {JSON(SLOT, "", SIZES), LK_R_LUKS_CIPHER},
        {JSON(KEYSLOT("32768", "reencrypt", XTS, "pbkdf2"), DATA, SIZES), LK_R_LUKS_CIPHER},
        {JSON(KEYSLOT("32768", "luks2", XTS, "none"), DATA, SIZES), LK_R_LUKS_CIPHER},
        {JSON(KEYSLOT("0", "luks2", XTS, "pbkdf2"), DATA, SIZES), LK_R_LUKS_HEADER},
        {JSON(KEYSLOT("300000", "luks2", XTS, "pbkdf2"), DATA, SIZES), LK_R_LUKS_HEADER},
        {JSON(KEYSLOT("18446744073709551615", "luks2", XTS, "pbkdf2"), DATA, SIZES), LK_R_LUKS_HEADER},
        {JSON(SLOT, SEGMENT("crypt", "0", "dynamic", "0", XTS, "4096", ""), SIZES), LK_R_LUKS_HEADER},
        {JSON(SLOT, SEGMENT("crypt", "16777216", "dynamic", "1", XTS, "4096", ""), SIZES), LK_R_LUKS_HEADER},
        {JSON(SLOT, SEGMENT("crypt", "16777216", "x", "0", XTS, "4096", ""), SIZES), LK_R_LUKS_HEADER},
        {JSON(SLOT, SEGMENT("crypt", "16777216", "dynamic", "0", XTS, "77", ""), SIZES), LK_R_LUKS_HEADER},
        {JSON(SLOT, SEGMENT("crypt", "16777216", "dynamic", "0", XTS, "4096", ",\"integrity\":{}"), SIZES), LK_R_LUKS_HEADER},
        {JSON(SLOT, SEGMENT("crypt", "16777216", "dynamic", "0", XTS, "4096", ",\"encrypt\\u0069on\":\"cipher_null\""), SIZES),
         LK_R_LUKS_HEADER},
        {JSON(SLOT, SEGMENT("crypt", "16777216", "dynamic", "0", XTS, "4096", ",\"encryption\":\"cipher_null\""), SIZES),
         LK_R_LUKS_HEADER},
        {JSON(SLOT, DATA, SIZES ",\"requirements\":{\"mandatory\":[\"online-reencrypt\"]}"), LK_R_LUKS_HEADER},
        {JSON(SLOT, DATA, "\"json_size\":\"4096\",\"keyslots_size\":\"327680\""), LK_R_LUKS_HEADER},
        {JSON(SLOT, DATA, "\"json_size\":\"12288\",\"keyslots_size\":\"327681\""), LK_R_LUKS_HEADER},
        {GOOD ",", LK_R_LUKS_HEADER},
        {"{}", LK_R_LUKS_HEADER},
        {"", LK_R_LUKS_HEADER},
    };
    struct lk_luks_header h;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        put_both(rows[i].json);
        enum lk_reason_code code = check(&h);
        if (code != rows[i].code)
            fail_msg("row %zu: %s %s", i, lk_reason(code)->name, h.flaw);
    }
}

static void the_header_that_is_judged_is_the_only_one_left(void **state)
{
    (void)state;
    struct lk_luks_header h;
    put_both(GOOD);
    put_header(HEADER, "SKUL\xba\xbe\0\2", JSON(SLOT, SEGMENT("crypt", "16777216", "dynamic", "0", "cipher_null", "4096", ""), SIZES));
    assert_int_equal(check(&h), LK_R_OK);
    assert_true(lk_bytes_zero(lk_bytes(area + HEADER, 4096)));
    put_both(GOOD);
    area[5000] ^= 1; /* the first is torn */
    assert_int_equal(check(&h), LK_R_OK);
    assert_memory_equal(area, "LUKS\xba\xbe\0\2", 8);
    assert_int_equal(check(&h), LK_R_OK); /* with a checksum of its own */
    put_both(JSON(SLOT, SEGMENT("crypt", "16777216", "dynamic", "0", "cipher_null", "4096", ""), SIZES));
    area[5000] ^= 1;
    assert_int_equal(check(&h), LK_R_LUKS_CIPHER);
}

#define NULL_DATA JSON(SLOT, SEGMENT("crypt", "16777216", "dynamic", "0", "cipher_null", "4096", ""), SIZES)
#define FIRST "LUKS\xba\xbe\0\2"
#define SECOND "SKUL\xba\xbe\0\2"

static enum lk_reason_code check_in_place(void)
{
    static uint8_t before[AREA];
    struct lk_luks_header h;
    memcpy(before, area, AREA);
    lk_result r = lk_luks_check_in_place(area, AREA, &h);
    assert_memory_equal(before, area, AREA);
    assert_int_equal(lk_ok(r), h.flaw[0] == '\0');
    return r.code;
}

/* Which of them cryptsetup takes is not ours to say. */
static void where_it_lies_no_header_may_be_bad(void **state)
{
    (void)state;
    put_both(GOOD);
    assert_int_equal(check_in_place(), LK_R_OK);
    put_header(HEADER, SECOND, NULL_DATA);
    assert_int_equal(check_in_place(), LK_R_LUKS_CIPHER);
    put_both(GOOD);
    put_header(0, FIRST, NULL_DATA);
    assert_int_equal(check_in_place(), LK_R_LUKS_CIPHER);
    for (size_t at = 0; at <= HEADER; at += HEADER) { /* torn; or under a hash that is not read here */
        put_both(GOOD);
        area[at + 5000] ^= 1;
        assert_int_equal(check_in_place(), LK_R_LUKS_HEADER);
        put_both(GOOD);
        memcpy(area + at + 72, "sha512", 6);
        assert_int_equal(check_in_place(), LK_R_LUKS_HEADER);
    }
    put_both(GOOD);
    put_header(2 * HEADER, SECOND, NULL_DATA);
    assert_int_equal(check_in_place(), LK_R_LUKS_HEADER);
    put_both(GOOD);
    area[HEADER + 168] ^= 1; /* another UUID, with its checksum */
    memset(area + HEADER + 448, 0, 64);
    struct lk_bytes all = lk_bytes(area + HEADER, HEADER);
    assert_true(lk_ok(lk_sha256(&all, 1, area + HEADER + 448)));
    assert_int_equal(check_in_place(), LK_R_LUKS_HEADER);
    struct lk_luks_header h;
    assert_int_equal(lk_luks_check_in_place(area, 100, &h).code, LK_R_LUKS_HEADER);
}

static void without_a_good_checksum_there_is_no_header(void **state)
{
    (void)state;
    struct lk_luks_header h;
    put_both(GOOD);
    area[5000] ^= 1;
    area[HEADER + 5000] ^= 1;
    assert_int_equal(check(&h), LK_R_LUKS_HEADER);
    put_both(GOOD);
    memset(area, 0, 8);
    memset(area + HEADER, 0, 8);
    assert_int_equal(check(&h), LK_R_LUKS_HEADER);
    put_both(GOOD);
    area[4096 + 12000] = '}'; /* behind the JSON */
    struct lk_bytes all = lk_bytes(area, HEADER);
    memset(area + 448, 0, 64);
    assert_true(lk_ok(lk_sha256(&all, 1, area + 448)));
    assert_int_equal(check(&h), LK_R_LUKS_HEADER);
    assert_int_equal(lk_luks_check(area, 100, &h).code, LK_R_LUKS_HEADER);
    put_both(GOOD);
    assert_int_equal(lk_luks_check(area, 0x8000, &h).code, LK_R_LUKS_HEADER); /* no room for key slots */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cryptsetup_makes_is_good),
        cmocka_unit_test(what_an_attacker_writes_is_not),
        cmocka_unit_test(the_header_that_is_judged_is_the_only_one_left),
        cmocka_unit_test(where_it_lies_no_header_may_be_bad),
        cmocka_unit_test(without_a_good_checksum_there_is_no_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
