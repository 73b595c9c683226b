/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tpm/public.h"

#include "proto/base/cursor.h"

#include <string.h>

/* How many hash identifiers follow a scheme's own (TPMT_ASYM_SCHEME); -1: not in the table. */
static int scheme_hashes(uint16_t scheme)
{
    static const struct {
        uint16_t scheme;
        int hashes;
    } table[] = {
        {LK_TPM_NULL, 0},   {LK_TPM_RSAES, 0}, {LK_TPM_RSASSA, 1}, {LK_TPM_RSAPSS, 1},
        {LK_TPM_OAEP, 1}, {LK_TPM_ECDSA, 1}, {LK_TPM_ECDH, 1},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].scheme == scheme)
            return table[i].hashes;
    return -1;
}

/* TPMT_SYM_DEF_OBJECT: 16.2 of Part 2, section 11.1.7. */
static bool take_symmetric(struct lk_cursor *c, struct lk_tpm_public *p)
{
    p->sym = lk_u16be(c);
    if (p->sym == LK_TPM_NULL)
        return true;
    p->sym_bits = lk_u16be(c);
    p->sym_mode = lk_u16be(c);
    return p->sym == LK_TPM_AES;
}

static bool take_scheme(struct lk_cursor *c, struct lk_tpm_public *p)
{
    p->scheme = lk_u16be(c);
    int hashes = scheme_hashes(p->scheme);
    if (hashes > 0)
        p->scheme_hash = lk_u16be(c);
    return hashes >= 0 && (hashes == 0 || lk_tpm_hash(p->scheme_hash) != NULL);
}

/* TPMS_RSA_PARMS and TPM2B_PUBLIC_KEY_RSA. */
static lk_result take_rsa(struct lk_cursor *c, struct lk_tpm_public *p)
{
    p->rsa_bits = lk_u16be(c);
    p->rsa_exponent = lk_u32be(c);
    p->n = lk_take_u16be(c, 512);
    LK_REQUIRE(lk_ok(lk_cursor_end(c)), TPM_PUBLIC);
    if (p->rsa_exponent == 0)
        p->rsa_exponent = 65537;
    LK_REQUIRE(p->rsa_bits % 8 == 0 && p->n.len == p->rsa_bits / 8U && p->n.len > 0, TPM_PUBLIC);
    LK_REQUIRE((p->n.data[0] & 0x80) != 0, TPM_PUBLIC);
    return LK_OK;
}

/* TPMS_ECC_PARMS and TPMS_ECC_POINT. */
static lk_result take_ecc(struct lk_cursor *c, struct lk_tpm_public *p)
{
    p->curve = lk_u16be(c);
    uint16_t kdf = lk_u16be(c);
    if (kdf != LK_TPM_NULL)
        lk_u16be(c); /* the kdf's hash: no use of it here */
    p->x = lk_take_u16be(c, 66);
    p->y = lk_take_u16be(c, 66);
    LK_REQUIRE(lk_ok(lk_cursor_end(c)), TPM_PUBLIC);
    const struct lk_tpm_curve *curve = lk_tpm_curve(p->curve);
    LK_REQUIRE(curve != NULL, TPM_PUBLIC_ALGORITHM);
    LK_REQUIRE(p->x.len > 0 && p->x.len <= curve->field && p->y.len > 0 && p->y.len <= curve->field, TPM_PUBLIC);
    return LK_OK;
}

/* A TPM2B_PUBLIC without its length; anything else unchanged. */
static struct lk_bytes without_length(struct lk_bytes input)
{
    struct lk_cursor c = lk_cursor(input);
    size_t len = lk_u16be(&c);
    bool tpm2b = lk_ok(lk_cursor_ok(&c)) && len == lk_left(&c);
    return tpm2b ? lk_take(&c, len) : input;
}

lk_result lk_tpm_public_parse(struct lk_bytes input, struct lk_tpm_public *out)
{
    LK_REQUIRE(input.len <= LK_TPM_PUBLIC_MAX, TPM_PUBLIC);
    *out = (struct lk_tpm_public){.tpmt = without_length(input)};
    struct lk_cursor c = lk_cursor(out->tpmt);
    out->type = lk_u16be(&c);
    out->name_alg = lk_u16be(&c);
    out->attributes = lk_u32be(&c);
    out->auth_policy = lk_take_u16be(&c, LK_TPM_DIGEST_MAX);
    LK_REQUIRE(lk_ok(lk_cursor_ok(&c)), TPM_PUBLIC);
    LK_REQUIRE(out->type == LK_TPM_RSA || out->type == LK_TPM_ECC, TPM_PUBLIC_ALGORITHM);
    const struct lk_tpm_hash *hash = lk_tpm_hash(out->name_alg);
    LK_REQUIRE(hash != NULL, TPM_PUBLIC_ALGORITHM);
    /* A TPM takes no other; a free length would let other bytes of a digested run pass for an area. */
    LK_REQUIRE(out->auth_policy.len == 0 || out->auth_policy.len == hash->size, TPM_PUBLIC);
    bool known = take_symmetric(&c, out) && take_scheme(&c, out);
    LK_REQUIRE(lk_ok(lk_cursor_ok(&c)), TPM_PUBLIC);
    LK_REQUIRE(known, TPM_PUBLIC_ALGORITHM);
    return out->type == LK_TPM_RSA ? take_rsa(&c, out) : take_ecc(&c, out);
}

lk_result lk_tpm_public_strong(const struct lk_tpm_public *p)
{
    if (p->type == LK_TPM_ECC)
        return lk_tpm_curve(p->curve) != NULL ? LK_OK : LK_FAIL(TPM_KEY_WEAK);
    LK_REQUIRE(p->rsa_bits >= 2048 && p->rsa_bits <= 4096 && p->rsa_exponent == 65537, TPM_KEY_WEAK);
    return LK_OK;
}

const char *lk_tpm_public_word(const struct lk_tpm_public *p)
{
    if (p->type == LK_TPM_ECC)
        return lk_tpm_curve(p->curve) != NULL ? lk_tpm_curve(p->curve)->name : NULL;
    static const struct {
        uint16_t bits;
        const char *word;
    } table[] = {{2048, "rsa-2048"}, {3072, "rsa-3072"}, {4096, "rsa-4096"}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].bits == p->rsa_bits)
            return table[i].word;
    return NULL;
}

#define MADE_BY_THE_TPM (LK_TPM_FIXED_TPM | LK_TPM_FIXED_PARENT | LK_TPM_SENSITIVE_DATA_ORIGIN | LK_TPM_RESTRICTED)

static bool attributes_are(uint32_t attributes, uint32_t set, uint32_t clear)
{
    return (attributes & (set | clear)) == set;
}

lk_result lk_tpm_ak_attributes(const struct lk_tpm_public *p)
{
    bool good = attributes_are(p->attributes, MADE_BY_THE_TPM | LK_TPM_SIGN, LK_TPM_DECRYPT | LK_TPM_ST_CLEAR);
    return good ? LK_OK : LK_FAIL(TPM_AK_ATTRIBUTES);
}

lk_result lk_tpm_ek_attributes(const struct lk_tpm_public *p)
{
    bool good = attributes_are(p->attributes, MADE_BY_THE_TPM | LK_TPM_DECRYPT, LK_TPM_SIGN | LK_TPM_ST_CLEAR);
    LK_REQUIRE(good, TPM_EK_ATTRIBUTES);
    LK_REQUIRE(p->scheme == LK_TPM_NULL && p->name_alg != LK_TPM_SHA1, TPM_EK_ATTRIBUTES);
    bool aes = p->sym == LK_TPM_AES && p->sym_mode == LK_TPM_CFB && (p->sym_bits == 128 || p->sym_bits == 256);
    return aes ? LK_OK : LK_FAIL(TPM_EK_ATTRIBUTES);
}
