/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TOKEN_OBJECT_H
#define LK_TOKEN_OBJECT_H
/* Objects in the token: templates, finding, session objects that go when the call does. */
#include "keystore/token/token.h"

/* Attributes borrow; PKCS#11 takes a template's values without const, and does not write to them. */
#define LK_ATTR(type, variable) {(type), (void *)(uintptr_t)&(variable), sizeof(variable)}
#define LK_ATTR_TEXT(type, text) {(type), (void *)(uintptr_t)(text), strlen(text)}
#define LK_ATTR_BYTES(type, bytes) {(type), (void *)(uintptr_t)(bytes).data, (bytes).len}

/* A buffer over a secret's memory: it never grows, and is not to be freed or wiped but with the secret. */
struct lk_buf lk_locked_buf(struct lk_secret *room);

extern const CK_BBOOL lk_true, lk_false;

/* At most max handles; *n counts those (a result of max may mean more). */
LK_MUST_USE lk_result lk_object_find(struct lk_session *s, const CK_ATTRIBUTE *match, size_t n_match,
                                     CK_OBJECT_HANDLE *out, size_t max, size_t *n);

/* Appends one attribute's value of at most max bytes. TOKEN_CONFIG when it is absent, larger or sensitive. */
LK_MUST_USE lk_result lk_object_get(struct lk_session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, size_t max,
                                    struct lk_buf *out);

/* A session object that one call needs; destroyed when it goes out of scope. */
struct lk_temporary {
    struct lk_session *session;
    CK_OBJECT_HANDLE handle;
};
void lk_temporary_end(struct lk_temporary *t);
#define LK_TEMPORARY(name, s) \
    __attribute__((cleanup(lk_temporary_end))) struct lk_temporary name = {(s), CK_INVALID_HANDLE}

LK_MUST_USE lk_result lk_temporary_create(struct lk_temporary *t, const CK_ATTRIBUTE *template, size_t n);
/* C_UnwrapKey; TOKEN_BLOB when it does not. */
LK_MUST_USE lk_result lk_temporary_unwrap(struct lk_temporary *t, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                                          struct lk_bytes wrapped, const CK_ATTRIBUTE *template, size_t n);
/* C_WrapKey, appended to out; at most max bytes. */
LK_MUST_USE lk_result lk_object_wrap(struct lk_session *s, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping,
                                     CK_OBJECT_HANDLE key, size_t max, struct lk_buf *out);

#endif
