/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tpm/attest.h"

#include "proto/base/cursor.h"

#include <string.h>

static bool bank_listed(const struct lk_tpm_attest *a, const struct lk_tpm_hash *hash)
{
    for (size_t i = 0; i < a->n_banks; i++)
        if (a->banks[i].hash == hash)
            return true;
    return false;
}

/* TPMS_PCR_SELECTION, Part 2 section 10.6.2: bit i % 8 of byte i / 8 is PCR i. */
static bool take_bank(struct lk_cursor *c, struct lk_tpm_attest *out)
{
    const struct lk_tpm_hash *hash = lk_tpm_hash(lk_u16be(c));
    size_t size = lk_u8(c);
    if (hash == NULL || size == 0 || size > LK_TPM_PCRS / 8 || bank_listed(out, hash))
        return false;
    struct lk_bytes bitmap = lk_take(c, size);
    uint32_t pcrs = 0;
    for (size_t i = 0; i < bitmap.len; i++)
        pcrs |= (uint32_t)bitmap.data[i] << (8 * i);
    out->banks[out->n_banks++] = (struct lk_tpm_bank){hash, pcrs};
    return true;
}

/* TPMS_QUOTE_INFO: TPML_PCR_SELECTION, TPM2B_DIGEST. */
static lk_result take_quote(struct lk_cursor *c, struct lk_tpm_attest *out)
{
    uint32_t count = lk_u32be(c);
    LK_REQUIRE(count <= LK_TPM_BANKS_MAX, TPM_PCR_SELECTION);
    for (uint32_t i = 0; i < count; i++)
        LK_REQUIRE(take_bank(c, out), TPM_PCR_SELECTION);
    out->pcr_digest = lk_take_u16be(c, LK_TPM_DIGEST_MAX);
    LK_REQUIRE(lk_ok(lk_cursor_end(c)), TPM_ATTEST);
    return LK_OK;
}

lk_result lk_tpm_attest_parse(struct lk_bytes input, struct lk_tpm_attest *out)
{
    *out = (struct lk_tpm_attest){0};
    LK_REQUIRE(input.len <= LK_TPM_ATTEST_MAX, TPM_ATTEST);
    struct lk_cursor c = lk_cursor(input);
    out->magic = lk_u32be(&c);
    out->type = lk_u16be(&c);
    out->qualified_signer = lk_take_u16be(&c, LK_TPM_NAME_MAX);
    out->extra_data = lk_take_u16be(&c, LK_TPM_NAME_MAX);
    out->clock = lk_u64be(&c);
    out->reset_count = lk_u32be(&c);
    out->restart_count = lk_u32be(&c);
    uint8_t safe = lk_u8(&c);
    out->firmware_version = lk_u64be(&c);
    out->safe = safe == 1;
    LK_REQUIRE(lk_ok(lk_cursor_ok(&c)) && safe <= 1, TPM_ATTEST);
    if (out->magic != LK_TPM_MAGIC || out->type != LK_TPM_TYPE_QUOTE)
        return LK_OK;
    return take_quote(&c, out);
}

static void add_length(void *arg, const struct lk_tpm_hash *bank, uint32_t index, size_t offset)
{
    (void)index;
    *(size_t *)arg = offset + bank->size;
}

size_t lk_tpm_values_len(const struct lk_tpm_attest *a)
{
    size_t len = 0;
    lk_tpm_each_pcr(a, add_length, &len);
    return len;
}

void lk_tpm_each_pcr(const struct lk_tpm_attest *a, lk_tpm_pcr_fn fn, void *arg)
{
    size_t offset = 0;
    for (size_t b = 0; b < a->n_banks; b++)
        for (uint32_t i = 0; i < LK_TPM_PCRS; i++)
            if ((a->banks[b].pcrs >> i & 1) != 0) {
                fn(arg, a->banks[b].hash, i, offset);
                offset += a->banks[b].hash->size;
            }
}

lk_result lk_tpm_signature_parse(struct lk_bytes input, struct lk_tpm_signature *out)
{
    *out = (struct lk_tpm_signature){0};
    struct lk_cursor c = lk_cursor(input);
    out->scheme = lk_u16be(&c);
    out->hash = lk_u16be(&c);
    LK_REQUIRE(lk_ok(lk_cursor_ok(&c)) && input.len <= LK_TPM_SIGNATURE_MAX, TPM_SIGNATURE_FORMAT);
    if (out->scheme == LK_TPM_ECDSA) {
        out->r = lk_take_u16be(&c, 66);
        out->s = lk_take_u16be(&c, 66);
    } else if (out->scheme == LK_TPM_RSASSA || out->scheme == LK_TPM_RSAPSS) {
        out->rsa = lk_take_u16be(&c, 512);
    } else {
        return LK_FAIL(TPM_SCHEME);
    }
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)), TPM_SIGNATURE_FORMAT);
    return LK_OK;
}

/* v as exactly field bytes: leading zeros added or cut. */
static bool put_number(struct lk_bytes v, size_t field, uint8_t *out)
{
    while (v.len > field && v.data[0] == 0)
        v = lk_bytes(v.data + 1, v.len - 1);
    if (v.len > field || v.len == 0)
        return false;
    memset(out, 0, field);
    memcpy(out + field - v.len, v.data, v.len);
    return true;
}

lk_result lk_tpm_signature_pair(const struct lk_tpm_signature *sig, size_t field, uint8_t out[static 132])
{
    LK_REQUIRE(field <= 66, TPM_SIGNATURE_FORMAT);
    LK_REQUIRE(put_number(sig->r, field, out) && put_number(sig->s, field, out + field), TPM_SIGNATURE_FORMAT);
    return LK_OK;
}
