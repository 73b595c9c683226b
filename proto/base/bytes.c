/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/bytes.h"

#include <openssl/crypto.h>
#include <string.h>

struct lk_bytes lk_bytes_str(const char *s)
{
    return lk_bytes(s, strlen(s));
}

bool lk_bytes_eq(struct lk_bytes a, struct lk_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool lk_bytes_ct_eq(struct lk_bytes a, struct lk_bytes b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}

bool lk_bytes_zero(struct lk_bytes a)
{
    uint8_t any = 0;
    for (size_t i = 0; i < a.len; i++)
        any |= a.data[i];
    return any == 0;
}

void lk_hex(struct lk_bytes a, char *out, size_t out_size)
{
    static const char digits[] = "0123456789abcdef";
    if (out_size == 0)
        return;
    size_t fits = (out_size - 1) / 2;
    bool cut = a.len > fits;
    size_t n = cut ? fits : a.len;
    if (cut && 2 * n + 1 >= out_size && n > 0)
        n--; /* room for the mark */
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[a.data[i] >> 4];
        out[2 * i + 1] = digits[a.data[i] & 15];
    }
    size_t end = 2 * n;
    if (cut && end + 1 < out_size)
        out[end++] = '~';
    out[end] = '\0';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

ptrdiff_t lk_unhex(const char *text, size_t text_len, uint8_t *out, size_t out_size)
{
    if (text_len % 2 != 0 || text_len / 2 > out_size)
        return -1;
    for (size_t i = 0; i < text_len / 2; i++) {
        int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return (ptrdiff_t)(text_len / 2);
}
