/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/luks_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/json.h"
#include "proto/seal/hash.h"

#define BINARY_LEN 4096u /* 2.1: the binary header; JSON follows */
#define MAGIC_LEN 6
#define ARENA_MAX (256u << 10)
#define KEYSLOTS_MAX 32
#define SEGMENTS_MAX 8
#define CIPHER "aes-xts-plain64"

/* Offsets in the binary header (2.1). */
enum { AT_VERSION = 6, AT_SIZE = 8, AT_CHECKSUM_ALG = 72, AT_UUID = 168, AT_OFFSET = 256, AT_CHECKSUM = 448 };
#define ALG_LEN 32
#define UUID_LEN 40
#define CHECKSUM_LEN 64
#define SHA256_LEN 32

static const uint8_t primary_magic[MAGIC_LEN] = {'L', 'U', 'K', 'S', 0xba, 0xbe};
static const uint8_t secondary_magic[MAGIC_LEN] = {'S', 'K', 'U', 'L', 0xba, 0xbe};

static lk_result flawed(struct lk_luks_header *h, lk_result r, const char *what)
{
    if (h->flaw[0] == '\0')
        snprintf(h->flaw, sizeof(h->flaw), "%s", what);
    return r;
}
#define FLAW(h, REASON, what) return flawed(h, LK_FAIL(REASON), what)

/* 2.1: 16 KiB to 4 MiB, powers of two; 0 for anything else. */
static size_t header_size(const uint8_t *binary, const uint8_t magic[static MAGIC_LEN])
{
    struct lk_cursor c = lk_cursor(lk_bytes(binary, BINARY_LEN));
    bool is_magic = lk_bytes_eq(lk_take(&c, MAGIC_LEN), lk_bytes(magic, MAGIC_LEN));
    uint16_t version = lk_u16be(&c);
    uint64_t size = lk_u64be(&c);
    bool fits = size >= 0x4000 && size <= LK_LUKS_SECONDARY_MAX && (size & (size - 1)) == 0;
    return is_magic && version == 2 && fits ? (size_t)size : 0;
}

/* 2.2: over header and JSON, with zeros in the checksum's place. Left there: a header under another hash is not read. */
static lk_result checksum(uint8_t *header, size_t len, uint8_t out[static SHA256_LEN])
{
    memset(header + AT_CHECKSUM, 0, CHECKSUM_LEN);
    struct lk_bytes all = lk_bytes(header, len);
    return lk_sha256(&all, 1, out);
}

static bool checksum_is_right(uint8_t *header, size_t len)
{
    uint8_t stored[CHECKSUM_LEN], actual[CHECKSUM_LEN] = {0};
    memcpy(stored, header + AT_CHECKSUM, sizeof(stored));
    bool ok = memcmp(header + AT_CHECKSUM_ALG, "sha256", 7) == 0 && lk_ok(checksum(header, len, actual)) &&
              memcmp(stored, actual, sizeof(stored)) == 0;
    memcpy(header + AT_CHECKSUM, stored, sizeof(stored));
    return ok;
}

/* Makes the judged header the primary, and leaves no secondary. */
static lk_result promote(uint8_t *area, size_t from, size_t len)
{
    if (from != 0) {
        memmove(area, area + from, len);
        memcpy(area, primary_magic, MAGIC_LEN);
        memset(area + AT_OFFSET, 0, sizeof(uint64_t));
        LK_TRY(checksum(area, len, area + AT_CHECKSUM));
    }
    memset(area + len, 0, BINARY_LEN);
    return LK_OK;
}

/* A damaged first header: the second one says by its place how long both are. */
static size_t secondary_place(const uint8_t *area, size_t area_len)
{
    for (size_t size = 0x4000; size <= LK_LUKS_SECONDARY_MAX && 2 * size <= area_len; size *= 2)
        if (header_size(area + size, secondary_magic) == size)
            return size;
    return 0;
}

static lk_result pick(uint8_t *area, size_t len, struct lk_luks_header *h)
{
    size_t size = header_size(area, primary_magic);
    if (size != 0 && 2 * size <= len && checksum_is_right(area, size)) {
        h->header_len = size;
        return promote(area, 0, size);
    }
    size = secondary_place(area, len);
    if (size == 0 || !checksum_is_right(area + size, size))
        FLAW(h, LUKS_HEADER, "no header with a right checksum");
    h->header_len = size;
    return promote(area, size, size);
}

struct area {
    struct lk_bytes type, offset, size, encryption;
    uint32_t key_size;
};
struct kdf {
    struct lk_bytes type, hash, salt;
    uint32_t time, memory, cpus, iterations;
};
struct keyslot {
    struct lk_bytes type, af;
    uint32_t key_size, priority;
    struct area area;
    struct kdf kdf;
};
struct segment {
    struct lk_bytes type, offset, size, iv_tweak, encryption;
    uint32_t sector_size;
};
struct config {
    struct lk_bytes json_size, keyslots_size, flags;
};
struct metadata {
    struct lk_json_array keyslots, segments, digests;
    struct lk_bytes tokens;
    struct config config;
};

#define N(table) (sizeof(table) / sizeof((table)[0]))

/* 3.2 to 3.4. What is not in these tables is unknown, and fails. */
static void read_area(struct lk_json *j, void *field, size_t size)
{
    static const struct lk_json_member table[] = {
        LK_JSON_MEMBER("type", lk_json_text, struct area, type),     LK_JSON_MEMBER("offset", lk_json_text, struct area, offset),
        LK_JSON_MEMBER("size", lk_json_text, struct area, size),     LK_JSON_MEMBER("encryption", lk_json_text, struct area, encryption),
        LK_JSON_MEMBER("key_size", lk_json_uint, struct area, key_size),
    };
    (void)size;
    lk_json_object(j, table, N(table), field);
}

static void read_kdf(struct lk_json *j, void *field, size_t size)
{
    static const struct lk_json_member table[] = {
        LK_JSON_MEMBER("type", lk_json_text, struct kdf, type),       LK_JSON_MEMBER("salt", lk_json_text, struct kdf, salt),
        LK_JSON_OPTIONAL("hash", lk_json_text, struct kdf, hash),     LK_JSON_OPTIONAL("time", lk_json_uint, struct kdf, time),
        LK_JSON_OPTIONAL("memory", lk_json_uint, struct kdf, memory), LK_JSON_OPTIONAL("cpus", lk_json_uint, struct kdf, cpus),
        LK_JSON_OPTIONAL("iterations", lk_json_uint, struct kdf, iterations),
    };
    (void)size;
    lk_json_object(j, table, N(table), field);
}

static void read_keyslot(struct lk_json *j, void *field, size_t size)
{
    static const struct lk_json_member table[] = {
        LK_JSON_MEMBER("type", lk_json_text, struct keyslot, type),
        LK_JSON_MEMBER("key_size", lk_json_uint, struct keyslot, key_size),
        LK_JSON_MEMBER("af", lk_json_raw, struct keyslot, af),
        LK_JSON_MEMBER("area", read_area, struct keyslot, area),
        LK_JSON_MEMBER("kdf", read_kdf, struct keyslot, kdf),
        LK_JSON_OPTIONAL("priority", lk_json_uint, struct keyslot, priority),
    };
    (void)size;
    lk_json_object(j, table, N(table), field);
}

static void read_segment(struct lk_json *j, void *field, size_t size)
{
    static const struct lk_json_member table[] = {
        LK_JSON_MEMBER("type", lk_json_text, struct segment, type),
        LK_JSON_MEMBER("offset", lk_json_text, struct segment, offset),
        LK_JSON_MEMBER("size", lk_json_text, struct segment, size),
        LK_JSON_MEMBER("iv_tweak", lk_json_text, struct segment, iv_tweak),
        LK_JSON_MEMBER("encryption", lk_json_text, struct segment, encryption),
        LK_JSON_MEMBER("sector_size", lk_json_uint, struct segment, sector_size),
    };
    (void)size;
    lk_json_object(j, table, N(table), field);
}

static void read_config(struct lk_json *j, void *field, size_t size)
{
    static const struct lk_json_member table[] = {
        LK_JSON_MEMBER("json_size", lk_json_text, struct config, json_size),
        LK_JSON_MEMBER("keyslots_size", lk_json_text, struct config, keyslots_size),
        LK_JSON_OPTIONAL("flags", lk_json_raw, struct config, flags),
    };
    (void)size;
    lk_json_object(j, table, N(table), field);
}

static void read_keyslots(struct lk_json *j, void *field, size_t size)
{
    (void)size;
    lk_json_map(j, field, KEYSLOTS_MAX, sizeof(struct keyslot), read_keyslot);
}

static void read_segments(struct lk_json *j, void *field, size_t size)
{
    (void)size;
    lk_json_map(j, field, SEGMENTS_MAX, sizeof(struct segment), read_segment);
}

static void read_digests(struct lk_json *j, void *field, size_t size)
{
    (void)size;
    lk_json_map(j, field, SEGMENTS_MAX, sizeof(struct lk_bytes), lk_json_raw);
}

static const struct lk_json_member metadata_table[] = {
    LK_JSON_MEMBER("keyslots", read_keyslots, struct metadata, keyslots),
    LK_JSON_MEMBER("tokens", lk_json_raw, struct metadata, tokens),
    LK_JSON_MEMBER("segments", read_segments, struct metadata, segments),
    LK_JSON_MEMBER("digests", read_digests, struct metadata, digests),
    LK_JSON_MEMBER("config", read_config, struct metadata, config),
};

static bool is(struct lk_bytes text, const char *want)
{
    return lk_bytes_eq(text, lk_bytes_str(want));
}

/* 3.1: numbers over 32 bits are strings of decimal digits. */
static bool decimal(struct lk_bytes text, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || *out > UINT64_MAX / 10 - 1)
            return false;
        *out = *out * 10 + (uint64_t)(text.data[i] - '0');
    }
    return text.len > 0;
}

static lk_result check_keyslot(const struct keyslot *k, struct lk_luks_header *h)
{
    uint64_t at, size;
    if (!is(k->type, "luks2") || !is(k->area.type, "raw"))
        FLAW(h, LUKS_CIPHER, "a key slot of another type, as reencryption makes them");
    if (!is(k->area.encryption, CIPHER) || (k->area.key_size != 32 && k->area.key_size != 64))
        FLAW(h, LUKS_CIPHER, "a key slot that is not encrypted with " CIPHER);
    if (!is(k->kdf.type, "pbkdf2") && !is(k->kdf.type, "argon2i") && !is(k->kdf.type, "argon2id"))
        FLAW(h, LUKS_CIPHER, "a key slot with an unknown key derivation");
    if (!decimal(k->area.offset, &at) || !decimal(k->area.size, &size) || at < 2 * h->header_len || at > h->area_len ||
        size > h->area_len - at)
        FLAW(h, LUKS_HEADER, "a key slot outside of its area");
    return k->key_size == 32 || k->key_size == 64 ? LK_OK : flawed(h, LK_FAIL(LUKS_CIPHER), "a volume key of another size");
}

static lk_result check_segment(const struct segment *s, struct lk_luks_header *h)
{
    uint64_t at, size;
    bool sector = s->sector_size == 512 || s->sector_size == 1024 || s->sector_size == 2048 || s->sector_size == 4096;
    if (!is(s->type, "crypt") || !is(s->encryption, CIPHER))
        FLAW(h, LUKS_CIPHER, "data that is not encrypted with " CIPHER);
    if (!is(s->iv_tweak, "0") || !sector || !decimal(s->offset, &at) || at < h->area_len || at % 4096 != 0)
        FLAW(h, LUKS_HEADER, "a data segment at no place for one");
    if (!is(s->size, "dynamic") && !decimal(s->size, &size))
        FLAW(h, LUKS_HEADER, "a data segment of no size");
    return LK_OK;
}

static lk_result check_metadata(const struct metadata *m, size_t len, struct lk_luks_header *h)
{
    uint64_t json_size, keyslots_size;
    const struct keyslot *keyslots = m->keyslots.elements;
    if (!decimal(m->config.json_size, &json_size) || json_size != h->header_len - BINARY_LEN ||
        !decimal(m->config.keyslots_size, &keyslots_size) || keyslots_size > len - 2 * h->header_len)
        FLAW(h, LUKS_HEADER, "sizes that do not fit");
    h->area_len = 2 * h->header_len + (size_t)keyslots_size;
    h->keyslots = (unsigned)m->keyslots.n;
    if (m->segments.n != 1)
        FLAW(h, LUKS_CIPHER, "not one data segment");
    LK_TRY(check_segment(m->segments.elements, h));
    for (size_t i = 0; i < m->keyslots.n; i++)
        LK_TRY(check_keyslot(&keyslots[i], h));
    return LK_OK;
}

/* 3: JSON, then zeros to the end of its area. */
static lk_result read_metadata(struct lk_bytes area, struct lk_arena *arena, struct metadata *out, struct lk_luks_header *h)
{
    const uint8_t *end = memchr(area.data, '\0', area.len);
    size_t len = end == NULL ? area.len : (size_t)(end - area.data);
    struct lk_json j = lk_json(lk_bytes(area.data, len), arena);
    j.strict = true;
    if (end == NULL || !lk_bytes_zero(lk_bytes(end, area.len - len)))
        FLAW(h, LUKS_HEADER, "something behind the JSON");
    lk_json_object(&j, metadata_table, N(metadata_table), out);
    return lk_ok(lk_json_end(&j)) ? LK_OK : flawed(h, LK_FAIL(LUKS_HEADER), "JSON that is not known here, as of integrity or reencryption");
}

/* The header at `from`, whose checksum is right. */
static lk_result judge(const uint8_t *area, size_t len, size_t from, struct lk_luks_header *h)
{
    memcpy(h->uuid, area + from + AT_UUID, UUID_LEN);
    struct metadata m = {.tokens = LK_BYTES_NONE};
    struct lk_arena *arena = lk_arena_new(ARENA_MAX);
    LK_REQUIRE(arena != NULL, MEMORY);
    lk_result r = read_metadata(lk_bytes(area + from + BINARY_LEN, h->header_len - BINARY_LEN), arena, &m, h);
    if (lk_ok(r))
        r = check_metadata(&m, len, h);
    lk_arena_free(arena);
    return r;
}

lk_result lk_luks_check(uint8_t *area, size_t len, struct lk_luks_header *out)
{
    *out = (struct lk_luks_header){.header_len = 0};
    if (len < 2 * 0x4000)
        FLAW(out, LUKS_HEADER, "too short");
    LK_TRY(pick(area, len, out));
    return judge(area, len, 0, out);
}

/* What cryptsetup looks for where it takes neither of the two. */
static bool has_another(const uint8_t *area, size_t len, size_t header_len)
{
    for (size_t at = 0x4000; at <= LK_LUKS_SECONDARY_MAX && at + MAGIC_LEN <= len; at *= 2)
        if (at != header_len && memcmp(area + at, secondary_magic, MAGIC_LEN) == 0)
            return true;
    return false;
}

lk_result lk_luks_check_in_place(uint8_t *area, size_t len, struct lk_luks_header *out)
{
    *out = (struct lk_luks_header){.header_len = len < 2 * 0x4000 ? 0 : header_size(area, primary_magic)};
    size_t size = out->header_len;
    bool whole = size != 0 && 2 * size <= len && header_size(area + size, secondary_magic) == size &&
                 checksum_is_right(area, size) && checksum_is_right(area + size, size);
    if (!whole)
        FLAW(out, LUKS_HEADER, "not two headers with right checksums");
    if (has_another(area, len, size))
        FLAW(out, LUKS_HEADER, "a third header");
    if (memcmp(area + AT_UUID, area + size + AT_UUID, UUID_LEN) != 0)
        FLAW(out, LUKS_HEADER, "two headers of different volumes");
    LK_TRY(judge(area, len, size, out));
    return judge(area, len, 0, out);
}
