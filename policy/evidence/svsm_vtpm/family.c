/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/svsm_vtpm/svsm_vtpm.h"

#include "policy/evidence/svsm_vtpm/manifest.h"
#include "proto/tpm/public.h"

#define ITEM "svsm-vtpm"
#define NONCE_LEN 64

enum part { PART_MANIFEST, PART_NONCE, PARTS };

static const struct lk_part parts[PARTS] = {
    [PART_MANIFEST] = {"manifest", LK_SVSM_MANIFEST_MAX, true,
                       "manifest of the vTPM service, version 0, or of all services (manifestblob of configfs-tsm); or the EK's public area that a report has the digest of"},
    [PART_NONCE] = {"nonce", NONCE_LEN, false, "the 64 bytes that the module was given (inblob): the binding; none where the report has the digest of the EK alone"},
};

static const char *const form_words[] = {"vtpm-service", "all-services", "ek", NULL};

enum claim { C_EK_ALONE, C_FORM, C_EK_SHA256, C_EK_KEY, C_COUNT };

static const struct lk_claim claims[C_COUNT] = {
    [C_EK_ALONE] = {"ek-alone", LK_KIND_BOOL, "deny", LK_R_SVSM_EK_ALONE, "REPORT_DATA is the digest of the EK without a nonce: the report may be of any time, and only the quote is fresh", NULL, 0},
    [C_FORM] = {"form", LK_KIND_WORD, "skip", LK_R_SVSM_FORM, "What REPORT_DATA is the digest of: the vTPM's manifest, the manifest of all services, or the EK alone", form_words, 0},
    [C_EK_SHA256] = {"ek-sha256", LK_KIND_BYTES, "skip", LK_R_SVSM_EK, "SHA-256 of the SubjectPublicKeyInfo of the virtual TPM's EK", NULL, LK_CLAIM_PLACEHOLDER},
    [C_EK_KEY] = {"ek-key", LK_KIND_WORD, "skip", LK_R_SVSM_EK, "Kind of that key", (const char *const[]){"rsa-2048", "rsa-3072", "rsa-4096", "p256", "p384", "p521", NULL}, 0},
};

struct lk_item {
    struct lk_bytes nonce; /* absent: the EK alone */
    struct lk_svsm_manifest manifest;
    struct lk_tpm_public ek;
    struct lk_tpm_name name;
    uint8_t spki[32];
};

static lk_result parse(const struct lk_family_input *in, struct lk_item **out)
{
    *out = LK_ARENA_NEW(in->arena, struct lk_item);
    LK_REQUIRE(*out != NULL, MEMORY);
    (*out)->nonce = in->parts[PART_NONCE];
    if ((*out)->nonce.data != NULL && (*out)->nonce.len != NONCE_LEN)
        return lk_report_add_uint(in->report, LK_R_SVSM_NONCE, ITEM, "nonce", NONCE_LEN, (*out)->nonce.len);
    return LK_OK;
}

/* By REPORT_DATA only: other digests, such as HOST_DATA, are not the module's to write. */
static lk_result authenticate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                              struct lk_anchoring *how)
{
    uint8_t digest[LK_TPM_DIGEST_MAX];
    const struct lk_tpm_hash *hash = lk_tpm_hash(LK_TPM_SHA512);
    const struct lk_bytes runs[] = {item->nonce, in->parts[PART_MANIFEST]};
    LK_TRY(lk_tpm_digest(hash, runs, 2, digest));
    how->wanted = "an SNP report whose REPORT_DATA is SHA-512 of nonce and manifest";
    for (size_t i = 0; i < proofs->n; i++) {
        const struct lk_proof *p = &proofs->p[i];
        if (p->kind != LK_PROOF_DIGEST || p->alg != LK_TPM_SHA512 || !p->guest_chosen ||
            !lk_bytes_eq(p->value, lk_bytes(digest, hash->size)))
            continue;
        how->by = p;
        return LK_OK;
    }
    return LK_FAIL(UNANCHORED);
}

/* The manifest has a TPMT_PUBLIC; the digest of an EK alone is over either form, as it was registered. */
static lk_result read_ek(struct lk_item *item)
{
    LK_TRY(lk_tpm_public_parse(item->manifest.vtpm, &item->ek));
    bool bare = item->ek.tpmt.len == item->manifest.vtpm.len;
    LK_REQUIRE(bare || item->nonce.data == NULL, SVSM_MANIFEST);
    LK_REQUIRE(lk_ok(lk_tpm_ek_attributes(&item->ek)) && lk_ok(lk_tpm_public_strong(&item->ek)), SVSM_NO_EK);
    LK_TRY(lk_tpm_name(&item->ek, &item->name));
    return lk_tpm_spki_sha256(&item->ek, item->spki);
}

static lk_result read_manifest(const struct lk_family_input *in, struct lk_item *item)
{
    if (item->nonce.data == NULL)
        item->manifest.vtpm = in->parts[PART_MANIFEST];
    else
        LK_TRY(lk_svsm_manifest_read(in->parts[PART_MANIFEST], &item->manifest));
    return read_ek(item);
}

static lk_result read_vouched(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs)
{
    (void)proofs;
    lk_result r = read_manifest(in, item);
    return lk_ok(r) ? r : lk_report_add(in->report, r.code, ITEM, "manifest", "", "");
}

static struct lk_value word(const char *v)
{
    return (struct lk_value){.kind = LK_KIND_WORD, .present = v != NULL, .word = v};
}

static lk_result claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *values)
{
    (void)in;
    bool alone = item->nonce.data == NULL;
    values[C_EK_ALONE] = (struct lk_value){.kind = LK_KIND_BOOL, .present = true, .flag = alone};
    values[C_FORM] = word(alone ? "ek" : item->manifest.all_services ? "all-services" : "vtpm-service");
    values[C_EK_SHA256] = (struct lk_value){.kind = LK_KIND_BYTES, .present = true, .bytes = LK_BYTES(item->spki)};
    values[C_EK_KEY] = word(lk_tpm_public_word(&item->ek));
    return LK_OK;
}

/* The EK, which vouches for an AK by activation alone. The nonce is the binding, if the request's binding is what it was. */
static void vouch(const struct lk_item *item, void (*put)(void *to, const struct lk_proof *proof), void *to)
{
    put(to, &(struct lk_proof){.kind = LK_PROOF_TPM_NAME, .value = lk_tpm_name_bytes(&item->name)});
    if (item->nonce.data != NULL)
        put(to, &(struct lk_proof){.kind = LK_PROOF_BINDING, .value = item->nonce});
}

const struct lk_family lk_family_svsm_vtpm = {
    .name = ITEM,
    .doc = "Services manifest of an SVSM (COCONUT): the EK of its virtual TPM, linked to the SNP report of VMPL 0 that carries its digest",
    .parts = parts,
    .n_parts = PARTS,
    .claims = claims,
    .n_claims = C_COUNT,
    .displaces_binding = true,
    .parse = parse,
    .authenticate = authenticate,
    .read_vouched = read_vouched,
    .claim = claim,
    .vouch = vouch,
};
