/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of a quote in the order of docs/evidence-tpm.md: what it is signed with, by what, then what it says. */
#include "policy/chain/verify.h"
#include "policy/evidence/tpm/item.h"

#include <openssl/evp.h>

static lk_result fail(const struct lk_family_input *in, lk_result r, const char *rule)
{
    return lk_report_add(in->report, r.code, "tpm", rule, "", "");
}

struct scheme_row {
    uint16_t scheme, hash, curve; /* curve 0: RSA */
    enum lk_scheme verify;
};

/* What is not here (SHA-1, ECDAA, SM2, HMAC) is not accepted. */
static const struct scheme_row schemes[] = {
    {LK_TPM_RSASSA, LK_TPM_SHA256, 0, LK_SCHEME_RSASSA_SHA256},
    {LK_TPM_RSASSA, LK_TPM_SHA384, 0, LK_SCHEME_RSASSA_SHA384},
    {LK_TPM_RSASSA, LK_TPM_SHA512, 0, LK_SCHEME_RSASSA_SHA512},
    {LK_TPM_RSAPSS, LK_TPM_SHA256, 0, LK_SCHEME_RSAPSS_SHA256},
    {LK_TPM_RSAPSS, LK_TPM_SHA384, 0, LK_SCHEME_RSAPSS_SHA384},
    {LK_TPM_RSAPSS, LK_TPM_SHA512, 0, LK_SCHEME_RSAPSS_SHA512},
    {LK_TPM_ECDSA, LK_TPM_SHA256, 3, LK_SCHEME_ECDSA_P256_SHA256},
    {LK_TPM_ECDSA, LK_TPM_SHA384, 3, LK_SCHEME_ECDSA_P256_SHA384},
    {LK_TPM_ECDSA, LK_TPM_SHA256, 4, LK_SCHEME_ECDSA_P384_SHA256},
    {LK_TPM_ECDSA, LK_TPM_SHA384, 4, LK_SCHEME_ECDSA_P384_SHA384},
    {LK_TPM_ECDSA, LK_TPM_SHA512, 5, LK_SCHEME_ECDSA_P521_SHA512},
};

/* A restricted key signs with its own scheme only, so another one in the signature is made up. A bare key states none. */
static const struct scheme_row *scheme_of(const struct lk_item *item)
{
    const struct lk_tpm_signature *s = &item->signature;
    uint16_t curve = item->ak.type == LK_TPM_ECC ? item->ak.curve : 0;
    if (!item->bare_ak && (item->ak.scheme != s->scheme || item->ak.scheme_hash != s->hash))
        return NULL;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (schemes[i].scheme == s->scheme && schemes[i].hash == s->hash && schemes[i].curve == curve)
            return &schemes[i];
    return NULL;
}

static lk_result verify_with(EVP_PKEY *key, const struct lk_family_input *in, struct lk_item *item,
                             const struct scheme_row *scheme)
{
    uint8_t pair[132];
    struct lk_bytes sig = item->signature.rsa;
    if (scheme->curve != 0) {
        size_t field = lk_tpm_curve(scheme->curve)->field;
        LK_TRY(lk_tpm_signature_pair(&item->signature, field, pair));
        sig = lk_bytes(pair, 2 * field);
    }
    LK_TRY(lk_tpm_spki_sha256(&item->ak, item->ak_spki));
    lk_result r = lk_verify(key, scheme->verify, in->parts[LK_TPM_PART_ATTEST], sig);
    return r.code == LK_R_SIGNATURE_INVALID ? LK_FAIL(TPM_SIGNATURE) : r;
}

static lk_result verify_signature(const struct lk_family_input *in, struct lk_item *item)
{
    const struct scheme_row *scheme = scheme_of(item);
    LK_REQUIRE(scheme != NULL, TPM_SCHEME);
    LK_TRY(lk_tpm_public_strong(&item->ak));
    EVP_PKEY *key = NULL;
    LK_TRY(lk_tpm_public_key(&item->ak, &key));
    lk_result r = verify_with(key, in, item, scheme);
    EVP_PKEY_free(key);
    return r;
}

struct naming {
    struct lk_item *item;
    struct lk_bytes values;
};

static void name_register(void *arg, const struct lk_tpm_hash *bank, uint32_t index, size_t offset)
{
    struct naming *n = arg;
    n->item->registers[n->item->n_registers++] =
        (struct lk_register){bank->alg, index, lk_bytes(n->values.data + offset, bank->size)};
}

/* The digest is over the values in the order of the signed selection, with the hash of the signature. */
static lk_result check_values(const struct lk_family_input *in, struct lk_item *item)
{
    struct lk_bytes values = in->parts[LK_TPM_PART_PCRS];
    const struct lk_tpm_hash *hash = lk_tpm_hash(item->signature.hash);
    uint8_t digest[LK_TPM_DIGEST_MAX];
    size_t wanted = lk_tpm_values_len(&item->attest);
    if (values.len != wanted)
        return lk_report_add_uint(in->report, LK_R_TPM_PCR_VALUES, "tpm", "tpm.pcrs", wanted, values.len);
    LK_TRY(lk_tpm_digest(hash, &values, 1, digest));
    struct lk_bytes actual = lk_bytes(digest, hash->size);
    if (!lk_bytes_ct_eq(actual, item->attest.pcr_digest))
        return lk_report_add_hex(in->report, LK_R_TPM_PCR_DIGEST, "tpm", "tpm.pcrs", item->attest.pcr_digest, actual);
    return LK_OK;
}

static lk_result name_registers(const struct lk_family_input *in, struct lk_item *item)
{
    struct naming n = {item, in->parts[LK_TPM_PART_PCRS]};
    item->registers = lk_arena_array(in->arena, (size_t)LK_TPM_BANKS_MAX * LK_TPM_PCRS, sizeof(*item->registers));
    LK_REQUIRE(item->registers != NULL, MEMORY);
    lk_tpm_each_pcr(&item->attest, name_register, &n);
    return LK_OK;
}

lk_result lk_tpm_check_quote(const struct lk_family_input *in, struct lk_item *item)
{
    if (item->quote_checked)
        return LK_OK;
    lk_result r = verify_signature(in, item);
    if (!lk_ok(r))
        return fail(in, r, "tpm.signature");
    if (item->attest.magic != LK_TPM_MAGIC)
        return lk_report_add_uint(in->report, LK_R_TPM_MAGIC, "tpm", "tpm.attest", LK_TPM_MAGIC, item->attest.magic);
    if (item->attest.type != LK_TPM_TYPE_QUOTE)
        return lk_report_add_uint(in->report, LK_R_TPM_NOT_A_QUOTE, "tpm", "tpm.attest", LK_TPM_TYPE_QUOTE,
                                  item->attest.type);
    if (item->attest.extra_data.len == 0) /* of any time and for anyone, whatever the caller asks of the binding */
        return lk_report_add_absent(in->report, LK_R_BINDING_MISSING, "tpm", "tpm.attest", "extraData");
    r = item->bare_ak ? LK_OK : lk_tpm_ak_attributes(&item->ak);
    if (!lk_ok(r))
        return lk_report_add_uint(in->report, r.code, "tpm", "tpm.public", 0x50072, item->ak.attributes);
    LK_TRY(check_values(in, item));
    LK_TRY(name_registers(in, item));
    item->quote_checked = true;
    return LK_OK;
}
