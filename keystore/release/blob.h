/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_RELEASE_BLOB_H
#define LK_RELEASE_BLOB_H
/* Wrapped secrets in the store: secret name, 00, u64be version -> u8 KEK, blob. */
#include "keystore/store/store.h"
#include "keystore/token/calls.h"


/* Appends the blob. SECRET_UNKNOWN when there is none, STORE_DAMAGED, STORE_IO. */
LK_MUST_USE lk_result lk_blob_get(struct lk_store *s, struct lk_bytes name, uint64_t version, enum lk_kek *kek,
                                  struct lk_buf *blob);
LK_MUST_USE lk_result lk_blob_put(struct lk_txn *t, struct lk_bytes name, uint64_t version, enum lk_kek kek,
                                  struct lk_bytes blob);
/* All versions. */
LK_MUST_USE lk_result lk_blob_delete(struct lk_txn *t, struct lk_bytes name);

#endif
