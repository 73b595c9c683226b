/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SubjectPublicKeyInfo of a public area (public.h), written straight from its numbers: OpenSSL's encoder takes
 * several times as long as the verification that follows.
 */
#include "proto/base/buffer.h"
#include "proto/base/cursor.h"
#include "proto/tpm/public.h"

#include <string.h>

enum { SEQUENCE = 0x30, INTEGER = 0x02, BIT_STRING = 0x03, SPKI_MAX = 1024 };

static const uint8_t rsa_algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};

/* id-ecPublicKey and the named curve, RFC 5480, 2.1.1. */
static const struct {
    uint16_t curve;
    uint8_t len, der[21];
} ecc_algorithms[] = {
    {0x0003, 21, {0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}},
    {0x0004, 18, {0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22}},
    {0x0005, 18, {0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23}},
};

/* X.690, 8.1.3: lengths up to 127 in one byte, longer ones behind 0x81 or 0x82. */
static void put_head(struct lk_buf *out, uint8_t tag, size_t len)
{
    lk_put_u8(out, tag);
    if (len > 0xff)
        lk_put_u8(out, 0x82);
    else if (len > 0x7f)
        lk_put_u8(out, 0x81);
    if (len > 0xff)
        lk_put_u16be(out, (uint16_t)len);
    else
        lk_put_u8(out, (uint8_t)len);
}

/* A positive INTEGER: no leading zero bytes but the one that keeps the sign. */
static void put_integer(struct lk_buf *out, struct lk_bytes v)
{
    while (v.len > 1 && v.data[0] == 0)
        v = lk_bytes(v.data + 1, v.len - 1);
    bool sign = v.len > 0 && (v.data[0] & 0x80) != 0;
    put_head(out, INTEGER, v.len + sign);
    if (sign)
        lk_put_u8(out, 0);
    lk_put(out, v);
}

static void put_spki(struct lk_buf *out, struct lk_bytes algorithm, struct lk_bytes key)
{
    LK_BUF_AUTO body = lk_buf(SPKI_MAX);
    lk_put(&body, algorithm);
    put_head(&body, BIT_STRING, key.len + 1);
    lk_put_u8(&body, 0); /* unused bits */
    lk_put(&body, key);
    put_head(out, SEQUENCE, body.len);
    lk_put(out, lk_buf_bytes(&body));
    out->failed |= body.failed;
}

static void put_rsa(struct lk_buf *out, const struct lk_tpm_public *p)
{
    LK_BUF_AUTO numbers = lk_buf(SPKI_MAX);
    LK_BUF_AUTO key = lk_buf(SPKI_MAX);
    const uint8_t e[] = {(uint8_t)(p->rsa_exponent >> 24), (uint8_t)(p->rsa_exponent >> 16),
                         (uint8_t)(p->rsa_exponent >> 8), (uint8_t)p->rsa_exponent};
    put_integer(&numbers, p->n);
    put_integer(&numbers, LK_BYTES(e));
    put_head(&key, SEQUENCE, numbers.len);
    lk_put(&key, lk_buf_bytes(&numbers));
    put_spki(out, LK_BYTES(rsa_algorithm), lk_buf_bytes(&key));
    out->failed |= numbers.failed || key.failed;
}

static void put_ecc(struct lk_buf *out, const struct lk_tpm_public *p)
{
    uint8_t point[1 + 2 * 66];
    for (size_t i = 0; i < sizeof(ecc_algorithms) / sizeof(*ecc_algorithms); i++) {
        if (ecc_algorithms[i].curve != p->curve)
            continue;
        size_t len = lk_tpm_uncompressed_point(p, lk_tpm_curve(p->curve)->field, point);
        put_spki(out, lk_bytes(ecc_algorithms[i].der, ecc_algorithms[i].len), lk_bytes(point, len));
        return;
    }
    out->failed = true;
}

void lk_tpm_spki_put(const struct lk_tpm_public *p, struct lk_buf *out)
{
    if (p->type == LK_TPM_RSA)
        put_rsa(out, p);
    else
        put_ecc(out, p);
}

/* RSA with exponent 65537: 33 bytes before the modulus, when it has 2048 to 4096 bits, and 5 behind it. */
lk_result lk_tpm_public_from_spki(struct lk_bytes spki, struct lk_tpm_public *out)
{
    struct lk_cursor c = lk_cursor(spki);
    lk_take(&c, 33);
    struct lk_bytes n = lk_take(&c, lk_left(&c) >= 5 ? lk_left(&c) - 5 : 1);
    LK_REQUIRE(lk_ok(lk_cursor_ok(&c)) && n.len > 0 && n.len <= 512, TPM_PUBLIC);
    *out = (struct lk_tpm_public){.type = LK_TPM_RSA, .n = n, .rsa_bits = (uint16_t)(8 * n.len), .rsa_exponent = 65537};
    LK_BUF_AUTO same = lk_buf(SPKI_MAX);
    lk_tpm_spki_put(out, &same);
    bool equal = lk_ok(lk_buf_ok(&same)) && lk_bytes_eq(lk_buf_bytes(&same), spki);
    return equal && lk_tpm_public_word(out) != NULL ? LK_OK : LK_FAIL(TPM_PUBLIC);
}

lk_result lk_tpm_spki_sha256(const struct lk_tpm_public *p, uint8_t out[static 32])
{
    LK_BUF_AUTO der = lk_buf(SPKI_MAX);
    lk_tpm_spki_put(p, &der);
    LK_REQUIRE(lk_ok(lk_buf_ok(&der)), TPM_PUBLIC);
    uint8_t digest[LK_TPM_DIGEST_MAX];
    struct lk_bytes spki = lk_buf_bytes(&der);
    LK_TRY(lk_tpm_digest(lk_tpm_hash(LK_TPM_SHA256), &spki, 1, digest));
    memcpy(out, digest, 32);
    return LK_OK;
}
