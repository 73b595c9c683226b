/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CHANGE_PAYLOAD_H
#define LK_CHANGE_PAYLOAD_H
/* What is inside the payloads of changes. Called after the signature over their digests was checked, never before. */
#include "keystore/change/state.h"

/* Of a serialized latchkey.v1.Policy; the caller frees *out. CHANGE_PAYLOAD, MEMORY. */
LK_MUST_USE lk_result lk_policy_rules_parse(struct lk_bytes payload, struct lk_bytes name, struct lk_policy_rules **out);
void lk_policy_rules_free(struct lk_policy_rules *r);
/* True when one of its patterns covers the name. */
bool lk_policy_rules_cover(const struct lk_policy_rules *r, struct lk_bytes name);

/* True when the secret of this name may be made on first use: one of its patterns is bound to a machine and covers it. */
bool lk_policy_rules_make(const struct lk_policy_rules *r, struct lk_bytes name);

/* A ReferenceRecord or Anchor whose own name is this one. CHANGE_PAYLOAD. */
LK_MUST_USE lk_result lk_payload_reference(struct lk_bytes payload, struct lk_bytes name);
LK_MUST_USE lk_result lk_payload_anchor(struct lk_bytes payload, struct lk_bytes name);

/* A ReferenceSet whose name, version and part are this object's. Its members are not looked at. CHANGE_PAYLOAD. */
LK_MUST_USE lk_result lk_payload_set(struct lk_bytes payload, struct lk_bytes name);

/* AdminKey: the SSH key is appended to key. CHANGE_PAYLOAD. */
LK_MUST_USE lk_result lk_payload_admin(struct lk_bytes payload, struct lk_bytes name, struct lk_buf *key);

/* SecretPut: the KEK, and what was sealed to the import key appended to sealed. CHANGE_PAYLOAD. */
LK_MUST_USE lk_result lk_payload_secret(struct lk_bytes payload, struct lk_bytes name, enum lk_kek *kek,
                                        struct lk_buf *sealed);

#endif
