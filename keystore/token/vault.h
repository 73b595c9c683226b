/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TOKEN_VAULT_H
#define LK_TOKEN_VAULT_H
/*
 * The calls themselves, on one session (keystore/token/calls.h has their shapes). Secrets of KEK in-token never come
 * into this process: they exist as sensitive session objects and leave under the recipient's key. All session objects
 * of a call are destroyed before it returns. Every function: TOKEN_AWAY, TOKEN_CONFIG, MEMORY.
 */
#include "keystore/token/token.h"

LK_MUST_USE lk_result lk_vault_wrap(struct lk_session *s, enum lk_kek kek, struct lk_bytes plaintext,
                                    struct lk_buf *out);
/* KEK sealed only. TOKEN_BLOB: damaged, foreign, of the other KEK. */
LK_MUST_USE lk_result lk_vault_unwrap(struct lk_session *s, struct lk_bytes blob, struct lk_secret *out);
/* KEK in-token only. TOKEN_BLOB; RECIPIENT_SUITE: a hash that this token has no OAEP with. */
LK_MUST_USE lk_result lk_vault_rewrap(struct lk_session *s, struct lk_bytes blob, const struct lk_recipient *r,
                                      struct lk_buf *out);
/* CHANGE_PAYLOAD when what was sealed does not unwrap. */
LK_MUST_USE lk_result lk_vault_import(struct lk_session *s, enum lk_kek kek, struct lk_bytes sealed,
                                      struct lk_buf *out);
LK_MUST_USE lk_result lk_vault_sign(struct lk_session *s, enum lk_sign_domain domain, struct lk_bytes message,
                                    struct lk_buf *out);

/* SPKI DER of the two public keys, appended. */
LK_MUST_USE lk_result lk_vault_installation_key(struct lk_session *s, struct lk_buf *out);
LK_MUST_USE lk_result lk_vault_import_key(struct lk_session *s, struct lk_buf *out);

/* ---- pieces that the trial tries one by one ---- */

/* Wraps a generic secret under any AES key with any mechanism: bare bytes, no header. */
LK_MUST_USE lk_result lk_vault_wrap_under(struct lk_session *s, CK_MECHANISM_TYPE kwp, CK_OBJECT_HANDLE kek,
                                          struct lk_bytes framed, bool sensitive, struct lk_buf *out);
struct lk_temporary;
LK_MUST_USE lk_result lk_vault_unwrap_under(struct lk_temporary *t, CK_MECHANISM_TYPE kwp, CK_OBJECT_HANDLE kek,
                                            struct lk_bytes wrapped, bool sensitive);
/* The unframed value of a session object that is not sensitive. TOKEN_BLOB when it holds no frame. */
LK_MUST_USE lk_result lk_vault_read(struct lk_session *s, CK_OBJECT_HANDLE h, struct lk_secret *out);
/* By the installation key; the caller has put the domain string under the hash. */
LK_MUST_USE lk_result lk_vault_sign_hash(struct lk_session *s, const uint8_t hash[static 32], struct lk_buf *out);
/* RSA-AES wrap of a session object to a recipient. */
LK_MUST_USE lk_result lk_vault_to_recipient(struct lk_session *s, CK_MECHANISM_TYPE kwp, CK_OBJECT_HANDLE secret,
                                            const struct lk_recipient *r, struct lk_buf *out);

#endif
