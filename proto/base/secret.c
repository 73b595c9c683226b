/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/secret.h"

#include <openssl/crypto.h>
#include <string.h>

lk_result lk_secret_setup(size_t bytes)
{
    if (CRYPTO_secure_malloc_initialized())
        return LK_OK;
    return CRYPTO_secure_malloc_init(bytes, 64) != 0 ? LK_OK : LK_FAIL(MEMORY);
}

lk_result lk_secret_new(struct lk_secret *s, size_t len)
{
    s->data = OPENSSL_secure_zalloc(len == 0 ? 1 : len);
    s->len = s->data == NULL ? 0 : len;
    return s->data == NULL ? LK_FAIL(MEMORY) : LK_OK;
}

lk_result lk_secret_copy(struct lk_secret *s, struct lk_bytes from)
{
    LK_TRY(lk_secret_new(s, from.len));
    if (from.len > 0)
        memcpy(s->data, from.data, from.len);
    return LK_OK;
}

void lk_secret_free(struct lk_secret *s)
{
    OPENSSL_secure_clear_free(s->data, s->len == 0 ? 1 : s->len);
    *s = (struct lk_secret){0};
}

struct lk_bytes lk_secret_bytes(const struct lk_secret *s)
{
    return lk_bytes(s->data, s->len);
}
