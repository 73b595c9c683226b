/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/azure_hcl/azure_hcl.h"
#include "policy/evidence/azure_hcl/report.h"
#include "policy/evidence/azure_hcl/runtime.h"

#include <string.h>

#define ITEM "azure-hcl"

static const struct lk_part parts[] = {
    {"report", LK_HCL_REPORT_MAX, true, "the report of NV index 0x01400001; its padding may follow"},
};

enum claim { C_SECURE_BOOT, C_TPM_ENABLED, C_TPM_PERSISTED, C_CONSOLE, C_VM_ID, C_THUMBPRINT, C_USER_DATA, C_COUNT };

static const struct lk_claim claims[C_COUNT] = {
    [C_SECURE_BOOT] = {"secure-boot", LK_KIND_BOOL, "required", LK_R_AZURE_CONFIGURATION, "`secure-boot` of the VM's configuration: UEFI Secure Boot was switched on for the VM", NULL, 0},
    [C_TPM_ENABLED] = {"tpm-enabled", LK_KIND_BOOL, "skip", LK_R_AZURE_CONFIGURATION, "`tpm-enabled`: the VM has a virtual TPM", NULL, 0},
    [C_TPM_PERSISTED] = {"tpm-persisted", LK_KIND_BOOL, "skip", LK_R_AZURE_CONFIGURATION, "`tpm-persisted`: the virtual TPM's state is kept from boot to boot; absent in older reports", NULL, 0},
    [C_CONSOLE] = {"console-enabled", LK_KIND_BOOL, "skip", LK_R_AZURE_CONFIGURATION, "`console-enabled`: the VM has a console that the host shows", NULL, 0},
    [C_VM_ID] = {"vm-unique-id", LK_KIND_TEXT, "skip", LK_R_AZURE_VM, "`vmUniqueId`, in lower case: the id that the host gave the VM", NULL, LK_CLAIM_PLACEHOLDER},
    [C_THUMBPRINT] = {"root-cert-thumbprint", LK_KIND_TEXT, "skip", LK_R_AZURE_CONFIGURATION, "`root-cert-thumbprint`, as it is written: SHA-256 of the certificate that the virtual TPM's AK certificate chains to", NULL, 0},
    [C_USER_DATA] = {"user-data", LK_KIND_BYTES, "skip", LK_R_AZURE_USER_DATA, "`user-data`: 64 bytes that the guest chose; absent in older reports", NULL, 0},
};

struct lk_item {
    struct lk_hcl_report report;
    struct lk_hcl_runtime runtime;
    uint8_t ak[32]; /* SHA-256 of the SubjectPublicKeyInfo */
};

static lk_result parse(const struct lk_family_input *in, struct lk_item **out)
{
    *out = LK_ARENA_NEW(in->arena, struct lk_item);
    LK_REQUIRE(*out != NULL, MEMORY);
    return lk_hcl_report_read(in->parts[0], in->report, &(*out)->report);
}

/* By REPORT_DATA only: other digests, such as HOST_DATA, are not the paravisor's to write. */
static lk_result authenticate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                              struct lk_anchoring *how)
{
    (void)in;
    uint8_t digest[LK_TPM_DIGEST_MAX];
    const struct lk_tpm_hash *hash = lk_tpm_hash(item->report.hash);
    LK_TRY(lk_tpm_digest(hash, &item->report.runtime, 1, digest));
    how->wanted = "a hardware report whose REPORT_DATA is the digest of the runtime data";
    for (size_t i = 0; i < proofs->n; i++) {
        const struct lk_proof *p = &proofs->p[i];
        if (p->kind != LK_PROOF_DIGEST || p->alg != item->report.hash || !p->guest_chosen ||
            !lk_bytes_eq(p->value, lk_bytes(digest, hash->size)))
            continue;
        how->by = p;
        return LK_OK;
    }
    return LK_FAIL(UNANCHORED);
}

static lk_result read_vouched(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs)
{
    (void)proofs;
    lk_result r = lk_hcl_runtime_read(item->report.runtime, in->arena, &item->runtime);
    if (!lk_ok(r))
        return lk_report_add(in->report, r.code, ITEM, "runtime data", "", "");
    return lk_tpm_spki_sha256(&item->runtime.ak, item->ak);
}

static struct lk_value flag(uint8_t v)
{
    return (struct lk_value){.kind = LK_KIND_BOOL, .present = v != LK_JSON_ABSENT, .flag = v == LK_JSON_TRUE};
}

static lk_result text(const struct lk_family_input *in, struct lk_bytes s, bool lower, struct lk_value *out)
{
    char *copy = s.data == NULL ? NULL : lk_arena_str(in->arena, s.data, s.len);
    LK_REQUIRE(copy != NULL || s.data == NULL, MEMORY);
    for (char *p = copy; lower && p != NULL && *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'F')
            *p = (char)(*p | 0x20);
    *out = (struct lk_value){.kind = LK_KIND_TEXT, .present = copy != NULL, .word = copy};
    return LK_OK;
}

static lk_result claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *values)
{
    const struct lk_hcl_runtime *r = &item->runtime;
    values[C_SECURE_BOOT] = flag(r->secure_boot);
    values[C_TPM_ENABLED] = flag(r->tpm_enabled);
    values[C_TPM_PERSISTED] = flag(r->tpm_persisted);
    values[C_CONSOLE] = flag(r->console);
    values[C_USER_DATA] = (struct lk_value){.kind = LK_KIND_BYTES, .present = r->user_data.data != NULL, .bytes = r->user_data};
    LK_TRY(text(in, r->vm_unique_id, true, &values[C_VM_ID]));
    return text(in, r->root_cert_thumbprint, false, &values[C_THUMBPRINT]);
}

/* The paravisor made this key in its virtual TPM. Its EK, which the runtime data has as well, can vouch for nothing more. */
static void vouch(const struct lk_item *item, void (*put)(void *to, const struct lk_proof *proof), void *to)
{
    put(to, &(struct lk_proof){.kind = LK_PROOF_KEY, .value = LK_BYTES(item->ak)});
}

const struct lk_family lk_family_azure_hcl = {
    .name = ITEM,
    .doc = "Azure's HCL report: the paravisor's word on the VM and its virtual TPM's AK, linked to the hardware report that carries its digest",
    .parts = parts,
    .n_parts = sizeof(parts) / sizeof(parts[0]),
    .claims = claims,
    .n_claims = C_COUNT,
    .displaces_binding = true,
    .parse = parse,
    .authenticate = authenticate,
    .read_vouched = read_vouched,
    .claim = claim,
    .vouch = vouch,
};
