/* SPDX-License-Identifier: Apache-2.0 */
/* What is read from the disk: header, sealed records, genesis, change records and their fold. */
#include "keystore/change/state.h"
#include "keystore/store/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_list(struct lk_bytes in)
{
    struct lk_state *s = lk_state_new();
    struct lk_cursor c = lk_cursor(in);
    struct lk_bytes genesis = lk_take_u32le(&c, 1u << 16);
    if (s != NULL && genesis.data != NULL && lk_ok(lk_state_genesis(s, genesis))) {
        lk_result r = LK_OK;
        while (lk_left(&c) > 0 && lk_ok(r) && lk_ok(lk_cursor_ok(&c)))
            r = lk_state_apply(s, lk_take_u32le(&c, 1u << 20));
    }
    lk_state_free(s);
}

static void as_record(struct lk_bytes in)
{
    static uint8_t key[LK_STORE_MAC_KEY];
    const struct lk_secret mac_key = {key, sizeof(key)};
    uint64_t version;
    struct lk_bytes value;
    if (lk_ok(lk_record_open(&mac_key, LK_TABLE_BLOBS, lk_bytes_str("k"), in, &version, &value)) && value.len > in.len)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_store_header header;
    struct lk_change_record record;
    if (size == 0)
        return 0;
    struct lk_bytes in = lk_bytes(data + 1, size - 1);
    switch (data[0] % 4) {
    case 0: as_list(in); break;
    case 1: as_record(in); break;
    case 2: (void)lk_ok(lk_header_get(in, &header)); break;
    default: (void)lk_ok(lk_change_record_get(in, &record)); break;
    }
    return 0;
}
