/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/client/metadata.h"

#include <stdio.h>

static bool escape_at(struct lk_bytes t, size_t i, uint8_t *byte)
{
    return t.data[i] == '%' && t.len - i >= 3 && lk_unhex((const char *)t.data + i + 1, 2, byte, 1) == 1;
}

void lk_grpc_message_decode(struct lk_bytes text, char *out, size_t out_size)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len && n + 1 < out_size; i++) {
        uint8_t byte = text.data[i];
        if (escape_at(text, i, &byte))
            i += 2;
        out[n++] = byte < 0x20 || byte == 0x7f ? '?' : (char)byte;
    }
    out[n] = '\0';
}

/* RFC 4648, 4. */
static int sextet(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool lk_grpc_bin_decode(struct lk_bytes text, struct lk_buf *out)
{
    size_t len = text.len;
    for (int pad = 0; pad < 2 && len > 0 && text.len % 4 == 0 && text.data[len - 1] == '='; pad++)
        len--;
    if (len % 4 == 1)
        return false;
    uint32_t bits = 0;
    for (size_t i = 0; i < len; i++) {
        int v = sextet(text.data[i]);
        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
        if (i % 4 != 0) /* the second to fourth of each four complete a byte */
            lk_put_u8(out, (uint8_t)(bits >> (6 - 2 * (i % 4))));
    }
    return lk_ok(lk_buf_ok(out));
}

void lk_grpc_timeout_format(uint64_t ms, char out[static 10])
{
    const uint64_t most = 99999999; /* eight digits */
    if (ms <= most)
        snprintf(out, 10, "%um", (unsigned)ms);
    else
        snprintf(out, 10, "%uS", (unsigned)(ms / 1000 < most ? ms / 1000 : most));
}

int lk_grpc_status_parse(struct lk_bytes text)
{
    if (text.len < 1 || text.len > 2)
        return -1;
    int v = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return -1;
        v = v * 10 + (text.data[i] - '0');
    }
    return v;
}
