/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/store/record.h"

#include "proto/base/cursor.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

static const char record_domain[] = "latchkey-store-record-v1"; /* the NUL is part of what is MACed */
static const char header_magic[8] = {'L', 'K', 'S', 'T', 'O', 'R', 'E', '1'};

static bool mac_feed(EVP_MAC_CTX *ctx, struct lk_bytes part)
{
    return part.len == 0 || EVP_MAC_update(ctx, part.data, part.len) == 1;
}

static lk_result record_mac(const struct lk_secret *mac_key, struct lk_bytes head, struct lk_bytes key,
                            struct lk_bytes tail, struct lk_bytes value, uint8_t out[static 32])
{
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    size_t n = 0;
    bool ok = ctx != NULL && EVP_MAC_init(ctx, mac_key->data, mac_key->len, params) == 1 &&
              mac_feed(ctx, LK_BYTES(record_domain)) && mac_feed(ctx, head) && mac_feed(ctx, key) &&
              mac_feed(ctx, tail) && mac_feed(ctx, value) && EVP_MAC_final(ctx, out, &n, 32) == 1 && n == 32;
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    return ok ? LK_OK : LK_FAIL(CRYPTO);
}

static lk_result mac_of(const struct lk_secret *mac_key, enum lk_table table, struct lk_bytes key, uint64_t version,
                        struct lk_bytes value, uint8_t out[static 32])
{
    LK_BUF_AUTO head = lk_buf(16);
    LK_BUF_AUTO tail = lk_buf(16);
    lk_put_u8(&head, (uint8_t)table);
    lk_put_u32le(&head, (uint32_t)key.len);
    lk_put_u64le(&tail, version);
    LK_TRY(lk_buf_ok(&head));
    LK_TRY(lk_buf_ok(&tail));
    return record_mac(mac_key, lk_buf_bytes(&head), key, lk_buf_bytes(&tail), value, out);
}

lk_result lk_record_seal(const struct lk_secret *mac_key, enum lk_table table, struct lk_bytes key, uint64_t version,
                         struct lk_bytes value, struct lk_buf *out)
{
    uint8_t mac[32];
    LK_REQUIRE(mac_key->len == LK_STORE_MAC_KEY, INTERNAL);
    LK_TRY(mac_of(mac_key, table, key, version, value, mac));
    lk_put(out, LK_BYTES(mac));
    lk_put_u64le(out, version);
    lk_put(out, value);
    return lk_buf_ok(out);
}

lk_result lk_record_open(const struct lk_secret *mac_key, enum lk_table table, struct lk_bytes key,
                         struct lk_bytes stored, uint64_t *version, struct lk_bytes *value)
{
    uint8_t mac[32];
    LK_REQUIRE(mac_key->len == LK_STORE_MAC_KEY, INTERNAL);
    struct lk_cursor c = lk_cursor(stored);
    struct lk_bytes claimed = lk_take(&c, 32);
    uint64_t v = lk_u64le(&c);
    struct lk_bytes body = lk_take(&c, lk_left(&c));
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)), STORE_DAMAGED);
    LK_TRY(mac_of(mac_key, table, key, v, body, mac));
    LK_REQUIRE(lk_bytes_ct_eq(claimed, LK_BYTES(mac)), STORE_DAMAGED);
    *version = v;
    *value = body;
    return LK_OK;
}

lk_result lk_header_put(struct lk_buf *out, const struct lk_store_header *h)
{
    uint8_t sum[32];
    LK_REQUIRE(h->wrapped_key_len <= sizeof(h->wrapped_key), TOO_LARGE);
    lk_put(out, LK_BYTES(header_magic));
    lk_put_u32le(out, h->schema);
    lk_put(out, LK_BYTES(h->installation_id));
    lk_put_sized_u32le(out, lk_bytes(h->wrapped_key, h->wrapped_key_len));
    LK_TRY(lk_buf_ok(out));
    LK_REQUIRE(EVP_Digest(out->data, out->len, sum, NULL, EVP_sha256(), NULL) == 1, CRYPTO);
    lk_put(out, LK_BYTES(sum));
    return lk_buf_ok(out);
}

lk_result lk_header_get(struct lk_bytes stored, struct lk_store_header *h)
{
    uint8_t sum[32];
    *h = (struct lk_store_header){0};
    struct lk_cursor c = lk_cursor(stored);
    struct lk_bytes magic = lk_take(&c, sizeof(header_magic));
    h->schema = lk_u32le(&c);
    LK_REQUIRE(lk_ok(lk_cursor_ok(&c)) && lk_bytes_eq(magic, LK_BYTES(header_magic)), STORE_DAMAGED);
    LK_REQUIRE(h->schema <= LK_STORE_SCHEMA, STORE_SCHEMA);
    lk_copy(&c, h->installation_id, 32);
    struct lk_bytes wrapped = lk_take_u32le(&c, sizeof(h->wrapped_key));
    size_t covered = c.pos;
    struct lk_bytes claimed = lk_take(&c, 32);
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)) && wrapped.len > 0, STORE_DAMAGED);
    LK_REQUIRE(EVP_Digest(stored.data, covered, sum, NULL, EVP_sha256(), NULL) == 1, CRYPTO);
    LK_REQUIRE(lk_bytes_eq(claimed, LK_BYTES(sum)), STORE_DAMAGED);
    memcpy(h->wrapped_key, wrapped.data, wrapped.len);
    h->wrapped_key_len = wrapped.len;
    return LK_OK;
}
