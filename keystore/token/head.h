/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TOKEN_HEAD_H
#define LK_TOKEN_HEAD_H
/*
 * Two data objects in the token: the genesis (the installation's id) and the head of the change list.
 *
 *   genesis   CKA_LABEL "latchkey-genesis", value "LKGEN001" | 32 installation id
 *   head      CKA_LABEL "latchkey-head",    value "LKHEAD01" | u64be index | 32 hash
 *
 * PKCS#11 has no way to change an object in one step that survives a crash, so a new head is a new object, and the
 * old one goes when the new one is there. The head in force is the one with the highest index; an object whose value is
 * not whole was never answered for and counts for nothing.
 */
#include "keystore/token/token.h"

/* TOKEN_CONFIG when there is none, or two of the highest index that differ. Removes what is left of older ones. */
LK_MUST_USE lk_result lk_head_read(struct lk_session *s, struct lk_head *out);

/* Compare-and-set; *out is the head in force afterwards. */
LK_MUST_USE lk_result lk_head_set(struct lk_session *s, const struct lk_head *expected, const struct lk_head *next,
                                  struct lk_head *out);

/* For init: writes the first head. */
LK_MUST_USE lk_result lk_head_create(struct lk_session *s, const struct lk_head *head);

LK_MUST_USE lk_result lk_genesis_read(struct lk_session *s, uint8_t installation_id[static 32]);
LK_MUST_USE lk_result lk_genesis_create(struct lk_session *s, const uint8_t installation_id[static 32]);
/* How many data objects of ours there are, whole or not. */
LK_MUST_USE lk_result lk_data_count(struct lk_session *s, size_t *n);

#endif
