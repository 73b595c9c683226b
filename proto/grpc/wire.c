/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/wire.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

static const char *const status_names[LK_GRPC_STATUS_COUNT] = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

const char *lk_grpc_status_name(unsigned status)
{
    return status_names[status < LK_GRPC_STATUS_COUNT ? status : LK_GRPC_UNKNOWN];
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* All of text as digits, 1 to max of them. */
static bool parse_digits(struct lk_bytes text, size_t max, uint64_t *out)
{
    if (text.len == 0 || text.len > max)
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i]))
            return false;
        v = v * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out = v;
    return true;
}

bool lk_grpc_status_parse(struct lk_bytes text, unsigned *out)
{
    uint64_t v;
    if (!parse_digits(text, 2, &v))
        return false;
    *out = (unsigned)v;
    return true;
}

enum lk_grpc_status lk_grpc_status_of_reset(uint32_t http2_error)
{
    static const struct {
        uint32_t error;
        enum lk_grpc_status status;
    } map[] = {
        {NGHTTP2_REFUSED_STREAM, LK_GRPC_UNAVAILABLE},
        {NGHTTP2_CANCEL, LK_GRPC_CANCELLED},
        {NGHTTP2_ENHANCE_YOUR_CALM, LK_GRPC_RESOURCE_EXHAUSTED},
        {NGHTTP2_INADEQUATE_SECURITY, LK_GRPC_PERMISSION_DENIED},
    };
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
        if (map[i].error == http2_error)
            return map[i].status;
    return LK_GRPC_INTERNAL;
}

enum lk_grpc_status lk_grpc_status_of_http(unsigned http_status)
{
    static const struct {
        unsigned http;
        enum lk_grpc_status status;
    } map[] = {
        {400, LK_GRPC_INTERNAL},      {401, LK_GRPC_UNAUTHENTICATED}, {403, LK_GRPC_PERMISSION_DENIED},
        {404, LK_GRPC_UNIMPLEMENTED}, {429, LK_GRPC_UNAVAILABLE},     {502, LK_GRPC_UNAVAILABLE},
        {503, LK_GRPC_UNAVAILABLE},   {504, LK_GRPC_UNAVAILABLE},
    };
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
        if (map[i].http == http_status)
            return map[i].status;
    return LK_GRPC_UNKNOWN;
}

/* Nanoseconds of each unit, finest first. */
static const struct {
    char unit;
    uint64_t ns;
} units[] = {
    {'n', 1}, {'u', 1000}, {'m', 1000000}, {'S', 1000000000}, {'M', 60000000000}, {'H', 3600000000000},
};
#define UNITS (sizeof(units) / sizeof(units[0]))
#define NS_PER_MS 1000000u
#define TIMEOUT_DIGITS 8

bool lk_grpc_timeout_parse(struct lk_bytes text, uint64_t *ms)
{
    uint64_t v;
    if (text.len < 2 || !parse_digits(lk_bytes(text.data, text.len - 1), TIMEOUT_DIGITS, &v))
        return false;
    for (size_t i = 0; i < UNITS; i++) {
        if (text.data[text.len - 1] != (uint8_t)units[i].unit)
            continue;
        /* 8 digits of hours are 3.6e20 ns: too many for 64 bits, so coarse units are counted in ms */
        *ms = units[i].ns >= NS_PER_MS ? v * (units[i].ns / NS_PER_MS) : (v * units[i].ns + NS_PER_MS - 1) / NS_PER_MS;
        return true;
    }
    return false;
}

void lk_grpc_timeout_format(uint64_t ms, char *out, size_t out_size)
{
    static const struct {
        char unit;
        uint64_t ms;
    } coarse[] = {{'m', 1}, {'S', 1000}, {'M', 60000}, {'H', 3600000}};
    for (size_t i = 0; i < 4; i++) {
        uint64_t v = ms / coarse[i].ms;
        if (v > 99999999)
            continue;
        snprintf(out, out_size, "%u%c", (unsigned)v, coarse[i].unit);
        return;
    }
    snprintf(out, out_size, "99999999H");
}

void lk_grpc_percent_encode(struct lk_buf *out, struct lk_bytes text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c >= 0x20 && c <= 0x7e && c != '%') {
            lk_put_u8(out, c);
            continue;
        }
        lk_put_u8(out, '%');
        lk_put_u8(out, (uint8_t)hex[c >> 4]);
        lk_put_u8(out, (uint8_t)hex[c & 15]);
    }
}

void lk_grpc_percent_decode(struct lk_buf *out, struct lk_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i], v;
        bool escaped = c == '%' && text.len - i > 2 && lk_unhex((const char *)text.data + i + 1, 2, &v, 1) == 1;
        lk_put_u8(out, escaped ? v : c);
        if (escaped)
            i += 2;
    }
}

static const char alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void lk_grpc_bin_encode(struct lk_buf *out, struct lk_bytes bytes)
{
    uint32_t bits = 0;
    unsigned n = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | bytes.data[i];
        for (n += 8; n >= 6; n -= 6)
            lk_put_u8(out, (uint8_t)alphabet[bits >> (n - 6) & 63]);
    }
    if (n > 0)
        lk_put_u8(out, (uint8_t)alphabet[bits << (6 - n) & 63]);
}

static int value_of(uint8_t c)
{
    const char *p = c == 0 ? NULL : memchr(alphabet, c, 64);
    return p == NULL ? -1 : (int)(p - alphabet);
}

/* Takes one or two '=' off text whose padded length is right. */
static struct lk_bytes strip_padding(struct lk_bytes text)
{
    if (text.len == 0 || text.len % 4 != 0)
        return text;
    for (int i = 0; i < 2 && text.data[text.len - 1] == '='; i++)
        text.len--;
    return text;
}

lk_result lk_grpc_bin_decode(struct lk_buf *out, struct lk_bytes text)
{
    text = strip_padding(text);
    LK_REQUIRE(text.len % 4 != 1, BAD_TEXT);
    uint32_t bits = 0;
    unsigned n = 0;
    for (size_t i = 0; i < text.len; i++) {
        int v = value_of(text.data[i]);
        LK_REQUIRE(v >= 0, BAD_TEXT);
        bits = bits << 6 | (uint32_t)v;
        n += 6;
        if (n >= 8) {
            n -= 8;
            lk_put_u8(out, (uint8_t)(bits >> n & 255));
        }
    }
    LK_REQUIRE((bits & ((1u << n) - 1)) == 0, BAD_TEXT);
    return lk_buf_ok(out);
}

bool lk_grpc_bin_next(struct lk_bytes *rest, struct lk_bytes *one)
{
    if (rest->data == NULL)
        return false;
    const uint8_t *comma = rest->len == 0 ? NULL : memchr(rest->data, ',', rest->len);
    size_t n = comma == NULL ? rest->len : (size_t)(comma - rest->data);
    *one = lk_bytes(rest->data, n);
    *rest = comma == NULL ? LK_BYTES_NONE : lk_bytes(comma + 1, rest->len - n - 1);
    return true;
}
