/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/release/blob.h"

static lk_result key_of(struct lk_buf *key, struct lk_bytes name)
{
    lk_put(key, name);
    lk_put_u8(key, 0);
    return lk_buf_ok(key);
}

lk_result lk_blob_get(struct lk_store *s, struct lk_bytes name, uint64_t version, enum lk_kek *kek, struct lk_buf *blob)
{
    LK_BUF_AUTO key = lk_buf(LK_STORE_KEY_MAX);
    LK_BUF_AUTO value = lk_buf(LK_BLOB_MAX + 1);
    uint64_t stored = 0;
    LK_TRY(key_of(&key, name));
    lk_put_u64be(&key, version);
    LK_TRY(lk_buf_ok(&key));
    lk_result r = lk_store_get(s, LK_TABLE_BLOBS, lk_buf_bytes(&key), &stored, &value);
    if (r.code == LK_R_NOT_FOUND)
        return LK_FAIL(SECRET_UNKNOWN);
    LK_TRY(r);
    struct lk_cursor c = lk_cursor(lk_buf_bytes(&value));
    uint8_t k = lk_u8(&c);
    LK_REQUIRE(stored == version && (k == LK_KEK_SEALED || k == LK_KEK_IN_TOKEN), STORE_DAMAGED);
    *kek = (enum lk_kek)k;
    lk_put(blob, lk_take(&c, lk_left(&c)));
    return lk_buf_ok(blob);
}

lk_result lk_blob_put(struct lk_txn *t, struct lk_bytes name, uint64_t version, enum lk_kek kek, struct lk_bytes blob)
{
    LK_BUF_AUTO key = lk_buf(LK_STORE_KEY_MAX);
    LK_BUF_AUTO value = lk_buf(LK_BLOB_MAX + 1);
    LK_TRY(key_of(&key, name));
    lk_put_u64be(&key, version);
    LK_TRY(lk_buf_ok(&key));
    lk_put_u8(&value, (uint8_t)kek);
    lk_put(&value, blob);
    LK_TRY(lk_buf_ok(&value));
    return lk_txn_put(t, LK_TABLE_BLOBS, lk_buf_bytes(&key), version, lk_buf_bytes(&value));
}

lk_result lk_blob_delete(struct lk_txn *t, struct lk_bytes name)
{
    LK_BUF_AUTO key = lk_buf(LK_STORE_KEY_MAX);
    LK_TRY(key_of(&key, name));
    return lk_txn_delete(t, LK_TABLE_BLOBS, lk_buf_bytes(&key));
}
