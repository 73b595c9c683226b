/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TOKEN_CREATE_H
#define LK_TOKEN_CREATE_H
/* Making the keys and data objects of an installation, once (docs/token.md has the table). */
#include "keystore/token/token.h"

/*
 * An AES-256 key, not extractable, for wrapping and unwrapping only, with the unwrap template of its kind. kwp: the one
 * mechanism that it allows; 0: any (session stand-ins of the trial).
 */
LK_MUST_USE lk_result lk_create_kek(struct lk_session *s, enum lk_kek kek, bool in_token_storage,
                                    CK_MECHANISM_TYPE kwp, CK_OBJECT_HANDLE *out);

/*
 * Everything: the trial, both KEKs, installation and import key, genesis with a random id, head 0, and the trial
 * again on the real keys. What was made is removed when a step fails. TOKEN_EXISTS when any object of ours is
 * there already: then nothing was touched.
 */
LK_MUST_USE lk_result lk_create_all(struct lk_session *s, bool allow_unenforced);

#endif
