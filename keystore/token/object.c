/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/token/object.h"

const CK_BBOOL lk_true = CK_TRUE, lk_false = CK_FALSE;

#define TEMPLATE(t) ((CK_ATTRIBUTE *)(uintptr_t)(t))

struct lk_buf lk_locked_buf(struct lk_secret *room)
{
    return (struct lk_buf){.data = room->data, .cap = room->len, .max = room->len};
}

lk_result lk_object_find(struct lk_session *s, const CK_ATTRIBUTE *match, size_t n_match, CK_OBJECT_HANDLE *out,
                         size_t max, size_t *n)
{
    CK_FUNCTION_LIST *f = s->token->module.f;
    CK_ULONG found = 0;
    LK_TRY(lk_session_rv(s, f->C_FindObjectsInit(s->handle, TEMPLATE(match), n_match), "C_FindObjectsInit"));
    CK_RV rv = f->C_FindObjects(s->handle, out, max, &found);
    f->C_FindObjectsFinal(s->handle);
    *n = found;
    return lk_session_rv(s, rv, "C_FindObjects");
}

lk_result lk_object_get(struct lk_session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, size_t max,
                        struct lk_buf *out)
{
    CK_FUNCTION_LIST *f = s->token->module.f;
    CK_ATTRIBUTE a = {type, NULL, 0};
    LK_TRY(lk_session_rv(s, f->C_GetAttributeValue(s->handle, h, &a, 1), "C_GetAttributeValue"));
    LK_REQUIRE(a.ulValueLen != CK_UNAVAILABLE_INFORMATION && a.ulValueLen <= max, TOKEN_CONFIG);
    uint8_t *room = lk_put_room(out, a.ulValueLen);
    LK_REQUIRE(room != NULL || a.ulValueLen == 0, MEMORY);
    size_t len = a.ulValueLen;
    a.pValue = room;
    LK_TRY(lk_session_rv(s, f->C_GetAttributeValue(s->handle, h, &a, 1), "C_GetAttributeValue"));
    return a.ulValueLen == len ? LK_OK : LK_FAIL(TOKEN_CONFIG);
}

void lk_temporary_end(struct lk_temporary *t)
{
    if (t->handle != CK_INVALID_HANDLE)
        t->session->token->module.f->C_DestroyObject(t->session->handle, t->handle);
    t->handle = CK_INVALID_HANDLE;
}

lk_result lk_temporary_create(struct lk_temporary *t, const CK_ATTRIBUTE *template, size_t n)
{
    struct lk_session *s = t->session;
    return lk_session_rv(s, s->token->module.f->C_CreateObject(s->handle, TEMPLATE(template), n, &t->handle), "C_CreateObject");
}

/* Whatever else a token says about bytes that do not unwrap means that they are not its own. */
static lk_result as_blob(lk_result r)
{
    return r.code == LK_R_TOKEN_CONFIG ? LK_FAIL(TOKEN_BLOB) : r;
}

lk_result lk_temporary_unwrap(struct lk_temporary *t, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                              struct lk_bytes wrapped, const CK_ATTRIBUTE *template, size_t n)
{
    struct lk_session *s = t->session;
    CK_RV rv = s->token->module.f->C_UnwrapKey(s->handle, mechanism, key, (CK_BYTE *)(uintptr_t)wrapped.data,
                                               wrapped.len, TEMPLATE(template), n, &t->handle);
    if (rv != CKR_OK)
        t->handle = CK_INVALID_HANDLE; /* some modules leave a number behind */
    return as_blob(lk_session_rv(s, rv, "C_UnwrapKey"));
}

lk_result lk_object_wrap(struct lk_session *s, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping,
                         CK_OBJECT_HANDLE key, size_t max, struct lk_buf *out)
{
    size_t before = out->len;
    CK_ULONG len = max;
    uint8_t *room = lk_put_room(out, max);
    LK_REQUIRE(room != NULL, MEMORY);
    CK_RV rv = s->token->module.f->C_WrapKey(s->handle, mechanism, wrapping, key, room, &len);
    out->len = before + (rv == CKR_OK && len <= max ? len : 0);
    return lk_session_rv(s, rv, "C_WrapKey");
}
