/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates in files: PEM or DER, one after another (RFC 7468, X.690). */
#include "policy/chain/cert.h"
#include "proto/base/arena.h"
#include "proto/base/cursor.h"

#include <openssl/evp.h>
#include <string.h>

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END "-----END CERTIFICATE-----"
#define PEM_BODY_MAX (2 * LK_CERT_MAX) /* base64 with line ends of one certificate */

/* Length of the outer SEQUENCE, header included; 0 when there is no whole one (X.690 8.1.3, definite form). */
static size_t der_outer(struct lk_bytes in)
{
    struct lk_cursor c = lk_cursor(in);
    if (lk_u8(&c) != 0x30)
        return 0;
    size_t len = lk_u8(&c);
    if (len > 0x80) {
        size_t octets = len - 0x80;
        if (octets > 3)
            return 0;
        for (len = 0; octets > 0; octets--)
            len = len << 8 | lk_u8(&c);
    } else if (len == 0x80) {
        return 0;
    }
    lk_take(&c, len);
    return lk_ok(lk_cursor_ok(&c)) ? c.pos : 0;
}

static bool all(struct lk_bytes b, uint8_t value)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.data[i] != value)
            return false;
    return true;
}

struct lk_bytes lk_cert_unpad(struct lk_bytes der)
{
    size_t n = der_outer(der);
    if (n == 0 || n == der.len)
        return der;
    struct lk_bytes rest = lk_bytes(der.data + n, der.len - n);
    return all(rest, 0xff) || all(rest, 0) ? lk_bytes(der.data, n) : der;
}

static bool white(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_white(struct lk_cursor *c)
{
    while (c->pos < c->len && white(c->data[c->pos]))
        c->pos++;
}

static bool skip_text(struct lk_cursor *c, const char *text)
{
    struct lk_bytes got = lk_take(c, strlen(text));
    return got.data != NULL && memcmp(got.data, text, got.len) == 0;
}

static bool base64_char(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* Copies the base64 characters up to the '-' of the end line; false on any other character or a misplaced '='. */
static bool gather(struct lk_cursor *c, uint8_t *out, size_t *n, size_t *pad)
{
    for (*n = *pad = 0; c->pos < c->len && c->data[c->pos] != '-'; c->pos++) {
        uint8_t ch = c->data[c->pos];
        if (white(ch))
            continue;
        if (ch == '=' ? ++*pad > 2 : *pad > 0 || !base64_char(ch))
            return false;
        if (*n == PEM_BODY_MAX)
            return false;
        out[(*n)++] = ch;
    }
    return *n > 0 && *n % 4 == 0;
}

static lk_result take_pem(struct lk_cursor *c, struct lk_arena *arena, struct lk_bytes *out)
{
    uint8_t text[PEM_BODY_MAX];
    size_t n, pad;
    LK_REQUIRE(skip_text(c, PEM_BEGIN) && gather(c, text, &n, &pad) && skip_text(c, PEM_END), CERT_MALFORMED);
    uint8_t *der = lk_arena_alloc(arena, n / 4 * 3);
    LK_REQUIRE(der != NULL, MEMORY);
    int len = EVP_DecodeBlock(der, text, (int)n);
    LK_REQUIRE(len > (int)pad, CERT_MALFORMED);
    *out = lk_bytes(der, (size_t)len - pad);
    return LK_OK;
}

static lk_result take_der(struct lk_cursor *c, struct lk_bytes *out)
{
    size_t n = der_outer(lk_bytes(c->data + c->pos, c->len - c->pos));
    LK_REQUIRE(n > 0, CERT_MALFORMED);
    *out = lk_take(c, n);
    return LK_OK;
}

lk_result lk_certs_split(struct lk_bytes part, struct lk_arena *arena, struct lk_bytes *out, size_t *n)
{
    struct lk_cursor c = lk_cursor(part);
    size_t max = *n;
    bool der = part.len > 0 && part.data[0] == 0x30;
    for (*n = 0;; (*n)++) {
        if (!der)
            skip_white(&c);
        if (lk_left(&c) == 0)
            return *n > 0 ? LK_OK : LK_FAIL(CERT_MALFORMED);
        LK_REQUIRE(*n < max, CERT_TOO_MANY);
        LK_TRY(der ? take_der(&c, &out[*n]) : take_pem(&c, arena, &out[*n]));
    }
}
