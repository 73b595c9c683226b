/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/tpm/item.h"
#include "proto/base/cursor.h"

static const struct lk_part parts[LK_TPM_PARTS] = {
    [LK_TPM_PART_ATTEST] = {"attest", LK_TPM_ATTEST_MAX, true, "TPMS_ATTEST of a quote, as tpm2_quote -m writes it"},
    [LK_TPM_PART_SIGNATURE] = {"signature", LK_TPM_SIGNATURE_MAX, true, "TPMT_SIGNATURE, as tpm2_quote -s writes it"},
    [LK_TPM_PART_PUBLIC] = {"public", LK_TPM_PUBLIC_MAX, true, "TPMT_PUBLIC or TPM2B_PUBLIC of the AK; or its SubjectPublicKeyInfo, DER, RSA, where an item vouches for the key"},
    [LK_TPM_PART_PCRS] = {"pcrs", LK_TPM_BANKS_MAX * LK_TPM_PCRS * LK_TPM_DIGEST_MAX, true,
                          "the PCR values one after another, as tpm2_quote -o -F values writes them"},
    [LK_TPM_PART_EK_CERT] = {"ek-cert", LK_CERT_MAX, false, "EK certificate, DER; padding of an NV index may follow"},
    [LK_TPM_PART_EK_PUBLIC] = {"ek-public", LK_TPM_PUBLIC_MAX, false, "TPMT_PUBLIC or TPM2B_PUBLIC of the EK"},
    [LK_TPM_PART_AK_CERT] = {"ak-cert", LK_CERT_MAX, false, "AK certificate, DER; padding may follow"},
    [LK_TPM_PART_CHAIN] = {"chain", LK_CERT_CHAIN_MAX * LK_CERT_MAX, false,
                           "certificates between it and the anchor, PEM or DER, in any order"},
};

static bool has(const struct lk_family_input *in, enum lk_tpm_part part)
{
    return in->parts[part].data != NULL;
}

/* DER begins with 0x30 0x82; a TPMT_PUBLIC with a type below 0x0026, a TPM2B_PUBLIC with a length below that. */
static bool is_spki(struct lk_bytes b)
{
    struct lk_cursor c = lk_cursor(b);
    return lk_u16be(&c) == 0x3082;
}

static lk_result read_ak(struct lk_bytes b, struct lk_item *item)
{
    item->bare_ak = is_spki(b);
    if (item->bare_ak)
        return lk_tpm_public_from_spki(b, &item->ak);
    LK_TRY(lk_tpm_public_parse(b, &item->ak));
    return lk_tpm_name(&item->ak, &item->ak_name);
}

static lk_result read_keys(const struct lk_family_input *in, struct lk_item *item)
{
    LK_TRY(read_ak(in->parts[LK_TPM_PART_PUBLIC], item));
    item->has_ek = has(in, LK_TPM_PART_EK_PUBLIC);
    if (!item->has_ek)
        return LK_OK;
    LK_TRY(lk_tpm_public_parse(in->parts[LK_TPM_PART_EK_PUBLIC], &item->ek));
    return lk_tpm_name(&item->ek, &item->ek_name);
}

static lk_result read_parts(const struct lk_family_input *in, struct lk_item *item)
{
    LK_TRY(read_keys(in, item));
    LK_TRY(lk_tpm_attest_parse(in->parts[LK_TPM_PART_ATTEST], &item->attest));
    LK_TRY(lk_tpm_signature_parse(in->parts[LK_TPM_PART_SIGNATURE], &item->signature));
    LK_REQUIRE(!has(in, LK_TPM_PART_EK_CERT) || item->has_ek, TPM_EK_PUBLIC_MISSING);
    return LK_OK;
}

static lk_result parse(const struct lk_family_input *in, struct lk_item **out)
{
    *out = LK_ARENA_NEW(in->arena, struct lk_item);
    LK_REQUIRE(*out != NULL, MEMORY);
    lk_result r = read_parts(in, *out);
    return lk_ok(r) ? r : lk_report_add(in->report, r.code, "tpm", "", "", "");
}

static void vouch(const struct lk_item *item, void (*put)(void *to, const struct lk_proof *proof), void *to)
{
    struct lk_proof name = {.kind = LK_PROOF_TPM_NAME, .value = lk_tpm_name_bytes(&item->ak_name)};
    put(to, &name);
    if (item->attest.extra_data.len == 32) {
        struct lk_proof binding = {.kind = LK_PROOF_BINDING, .value = item->attest.extra_data};
        put(to, &binding);
    }
    for (size_t i = 0; i < item->n_registers; i++) {
        const struct lk_register *r = &item->registers[i];
        struct lk_proof pcr = {.kind = LK_PROOF_REGISTER, .alg = r->alg, .index = r->index, .value = r->digest};
        put(to, &pcr);
    }
}

const struct lk_family lk_family_tpm = {
    .name = "tpm",
    .doc = "TPM 2.0 quote: PCR values signed by an attestation key that an EK, an AK certificate or another item vouches for",
    .parts = parts,
    .n_parts = LK_TPM_PARTS,
    .claims = lk_tpm_claims,
    .n_claims = LK_TPM_CLAIMS,
    .carries_binding = true,
    .parse = parse,
    .authenticate = lk_tpm_authenticate,
    .claim = lk_tpm_claim,
    .vouch = vouch,
};
