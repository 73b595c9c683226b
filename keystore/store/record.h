/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_STORE_RECORD_H
#define LK_STORE_RECORD_H
/*
 * The form of one stored record, whatever the backend:
 *
 *   32 HMAC-SHA-256(MAC key, "latchkey-store-record-v1" 00 | u8 table | u32le key length | key | u64le version | value)
 *    8 version, u64le
 *      value
 *
 * and of the header, the one record without a MAC:
 *
 *   "LKSTORE1" | u32le schema | 32 installation id | u32le length, wrapped MAC key | 32 SHA-256 of all before
 */
#include "keystore/store/store.h"
#include "proto/base/secret.h"

#define LK_RECORD_OVERHEAD 40

/* Seals a record into out. CRYPTO, TOO_LARGE. */
LK_MUST_USE lk_result lk_record_seal(const struct lk_secret *mac_key, enum lk_table table, struct lk_bytes key,
                                     uint64_t version, struct lk_bytes value, struct lk_buf *out);
/* Checks a stored record; *value borrows from stored. STORE_DAMAGED, CRYPTO. */
LK_MUST_USE lk_result lk_record_open(const struct lk_secret *mac_key, enum lk_table table, struct lk_bytes key,
                                     struct lk_bytes stored, uint64_t *version, struct lk_bytes *value);

LK_MUST_USE lk_result lk_header_put(struct lk_buf *out, const struct lk_store_header *h);
/* STORE_DAMAGED, STORE_SCHEMA. A newer schema is told before the rest is looked at. */
LK_MUST_USE lk_result lk_header_get(struct lk_bytes stored, struct lk_store_header *h);

#endif
