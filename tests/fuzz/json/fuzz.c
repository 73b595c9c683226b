/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON reader: the scan that runs before any signature, and each reader of a value. */
#include "proto/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct record {
    struct lk_bytes raw, text, decoded;
    uint8_t u8, flag, hex[8];
    uint16_t u16;
    uint32_t u32;
    int64_t when;
    struct lk_json_array list;
};

static void numbers(struct lk_json *j, void *field, size_t size)
{
    (void)size;
    lk_json_array(j, field, 16, sizeof(uint16_t), lk_json_uint);
}

static const struct lk_json_member table[] = {
    LK_JSON_OPTIONAL("raw", lk_json_raw, struct record, raw),  LK_JSON_OPTIONAL("text", lk_json_text, struct record, text),
    LK_JSON_OPTIONAL("u8", lk_json_uint, struct record, u8),   LK_JSON_OPTIONAL("u16", lk_json_uint, struct record, u16),
    LK_JSON_OPTIONAL("u32", lk_json_uint, struct record, u32), LK_JSON_OPTIONAL("hex", lk_json_hex, struct record, hex),
    LK_JSON_OPTIONAL("when", lk_json_time, struct record, when), LK_JSON_OPTIONAL("list", numbers, struct record, list),
    LK_JSON_OPTIONAL("flag", lk_json_flag, struct record, flag), LK_JSON_OPTIONAL("decoded", lk_json_base64url, struct record, decoded),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_arena *arena = lk_arena_new(4096);
    struct lk_json j = lk_json(lk_bytes(data, size), arena);
    struct record r = {0};
    if (arena == NULL)
        return 0;
    lk_json_object(&j, table, sizeof(table) / sizeof(table[0]), &r);
    if (lk_ok(lk_json_end(&j)) && r.raw.data != NULL && (r.raw.data < data || r.raw.data + r.raw.len > data + size))
        __builtin_trap();
    lk_arena_free(arena);
    return 0;
}
