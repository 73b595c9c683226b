/* SPDX-License-Identifier: Apache-2.0 */
/* The claims: one table for YAML keys, lint, defaults, refusals and documentation (family.h). */
#include "policy/evidence/tpm/item.h"

#include <string.h>

static const char *const key_words[] = {"rsa-2048", "rsa-3072", "rsa-4096", "p256", "p384", "p521", NULL};
static const char *const scheme_words[] = {"rsassa", "rsapss", "ecdsa", NULL};
static const char *const hash_words[] = {"sha256", "sha384", "sha512", NULL};
static const char *const root_words[] = {"ek", "ak-certificate", "linked", "linked-ek", NULL};
static const char *const place_words[] = {"under-ek", "endorsement-primary", "owner-primary", "platform-primary",
                                          "elsewhere", NULL};

enum claim {
    C_EK,
    C_EK_SHA256,
    C_EK_NAME,
    C_EK_KEY,
    C_MANUFACTURER,
    C_MODEL,
    C_VERSION,
    C_AK_NAME,
    C_AK_SHA256,
    C_AK_KEY,
    C_ATTRIBUTES,
    C_SCHEME,
    C_HASH,
    C_ROOTED_BY,
    C_ANCHOR,
    C_BUILT_IN_ANCHOR,
    C_SHA1_CERTIFICATE,
    C_PCR,
    C_SHA1_BANK,
    C_RESET_FIRMWARE_PCRS,
    C_QUALIFIED_NAME,
    C_RESET_COUNT,
    C_RESTART_COUNT,
    C_CLOCK,
    C_SAFE,
    C_FIRMWARE_VERSION,
    C_GCE_TEST_INSTANCE,
    C_GCE_ZONE,
    C_GCE_PROJECT,
    C_GCE_PROJECT_NUMBER,
    C_GCE_INSTANCE_ID,
    C_GCE_INSTANCE_NAME,
    C_GCE_SECURITY_VERSION,
    C_COUNT,
};

const struct lk_claim lk_tpm_claims[LK_TPM_CLAIMS] = {
    [C_EK] = {"ek", LK_KIND_BYTES, NULL, LK_R_TPM_EK, "SHA-256 of the SubjectPublicKeyInfo of the EK that the TPM was activated with; absent when no EK vouches for the AK. `any-genuine` takes every EK under the anchors", NULL, 0},
    [C_EK_SHA256] = {"ek-sha256", LK_KIND_BYTES, "skip", LK_R_TPM_EK, "The same value as `ek`, for secrets' names: each machine its own key", NULL, LK_CLAIM_PLACEHOLDER | LK_CLAIM_MACHINE},
    [C_EK_NAME] = {"ek-name", LK_KIND_BYTES, "skip", LK_R_TPM_EK, "TPM Name of that EK", NULL, 0},
    [C_EK_KEY] = {"ek-key", LK_KIND_WORD, "skip", LK_R_TPM_ALGORITHM, "Kind of that EK's key", key_words, 0},
    [C_MANUFACTURER] = {"manufacturer", LK_KIND_TEXT, "skip", LK_R_TPM_EK_IDENTITY, "tpmManufacturer (2.23.133.2.1) of the EK or AK certificate, as `id:53544D20`", NULL, 0},
    [C_MODEL] = {"model", LK_KIND_TEXT, "skip", LK_R_TPM_EK_IDENTITY, "tpmModel (2.23.133.2.2) of the certificate", NULL, 0},
    [C_VERSION] = {"version", LK_KIND_TEXT, "skip", LK_R_TPM_EK_IDENTITY, "tpmVersion (2.23.133.2.3) of the certificate, as `id:00490004`", NULL, 0},
    [C_AK_NAME] = {"ak-name", LK_KIND_BYTES, "skip", LK_R_TPM_AK, "TPM Name of the AK: nameAlg and digest of its public area; absent when its key alone was sent", NULL, LK_CLAIM_PLACEHOLDER},
    [C_AK_SHA256] = {"ak-sha256", LK_KIND_BYTES, "skip", LK_R_TPM_AK, "SHA-256 of the AK's SubjectPublicKeyInfo", NULL, LK_CLAIM_PLACEHOLDER},
    [C_AK_KEY] = {"ak-key", LK_KIND_WORD, "skip", LK_R_TPM_ALGORITHM, "Kind of the AK's key", key_words, 0},
    [C_ATTRIBUTES] = {"ak-attributes", LK_KIND_UINT, "skip", LK_R_TPM_AK, "objectAttributes of the AK; the required bits are always checked", NULL, 0},
    [C_SCHEME] = {"scheme", LK_KIND_WORD, "skip", LK_R_TPM_ALGORITHM, "Signature scheme of the quote", scheme_words, 0},
    [C_HASH] = {"hash", LK_KIND_WORD, "skip", LK_R_TPM_ALGORITHM, "Hash of the quote's signature", hash_words, 0},
    [C_ROOTED_BY] = {"rooted-by", LK_KIND_WORD, "skip", LK_R_TPM_ROOT, "What vouches for the AK", root_words, 0},
    [C_ANCHOR] = {"anchor", LK_KIND_TEXT, "skip", LK_R_TPM_ROOT, "Name of the anchor that the certificate chains to", NULL, 0},
    [C_BUILT_IN_ANCHOR] = {"built-in-anchor", LK_KIND_BOOL, "deny", LK_R_TPM_ROOT, "The anchor is one of Google's roots that are compiled in, and no admin added it", NULL, 0},
    [C_SHA1_CERTIFICATE] = {"sha1-certificate", LK_KIND_BOOL, "deny", LK_R_TPM_ALGORITHM, "A certificate on the path is signed over SHA-1, as old makers' intermediates are", NULL, 0},
    [C_PCR] = {"pcr", LK_KIND_REGISTERS, NULL, LK_R_TPM_PCR, "Quoted PCR values, named by the signed selection: `pcr.sha256.7`", NULL, LK_CLAIM_PIN},
    [C_SHA1_BANK] = {"sha1-bank", LK_KIND_BOOL, "deny", LK_R_TPM_SHA1_BANK, "The quote covers PCRs of the sha1 bank", NULL, 0},
    [C_RESET_FIRMWARE_PCRS] = {"reset-firmware-pcrs", LK_KIND_BOOL, "deny", LK_R_TPM_PCR_RESET, "A quoted PCR of 0 to 7 is all zeros or all ones: nothing was measured into it, so the operating system can", NULL, 0},
    [C_QUALIFIED_NAME] = {"qualified-name", LK_KIND_WORD, "skip", LK_R_TPM_QUALIFIED_NAME, "Where the AK sits, recomputed from qualifiedSigner", place_words, 0},
    [C_RESET_COUNT] = {"reset-count", LK_KIND_UINT, "skip", LK_R_TPM_COUNTER, "resetCount of clockInfo; obfuscated unless the AK sits in the endorsement or platform hierarchy", NULL, 0},
    [C_RESTART_COUNT] = {"restart-count", LK_KIND_UINT, "skip", LK_R_TPM_COUNTER, "restartCount of clockInfo; as reset-count", NULL, 0},
    [C_CLOCK] = {"clock", LK_KIND_UINT, "skip", LK_R_TPM_COUNTER, "Clock of clockInfo in ms; comparable only for one resetCount", NULL, 0},
    [C_SAFE] = {"safe", LK_KIND_BOOL, "skip", LK_R_TPM_COUNTER, "safe of clockInfo; false for a while after an unclean shutdown", NULL, 0},
    [C_FIRMWARE_VERSION] = {"firmware-version", LK_KIND_UINT, "skip", LK_R_TPM_FIRMWARE_VERSION, "firmwareVersion of the attested structure; as reset-count", NULL, 0},
    [C_GCE_TEST_INSTANCE] = {"gce-test-instance", LK_KIND_BOOL, "deny", LK_R_TPM_GCE, "A GCE certificate whose isProduction is not TRUE", NULL, 0},
    [C_GCE_ZONE] = {"gce-zone", LK_KIND_TEXT, "skip", LK_R_TPM_GCE, "Zone of the GCE instance", NULL, 0},
    [C_GCE_PROJECT] = {"gce-project", LK_KIND_TEXT, "skip", LK_R_TPM_GCE, "Project of the GCE instance", NULL, 0},
    [C_GCE_PROJECT_NUMBER] = {"gce-project-number", LK_KIND_UINT, "skip", LK_R_TPM_GCE, "Number of that project", NULL, LK_CLAIM_PLACEHOLDER},
    [C_GCE_INSTANCE_ID] = {"gce-instance-id", LK_KIND_UINT, "skip", LK_R_TPM_GCE, "Id of the GCE instance", NULL, LK_CLAIM_PLACEHOLDER},
    [C_GCE_INSTANCE_NAME] = {"gce-instance-name", LK_KIND_TEXT, "skip", LK_R_TPM_GCE, "Name of the GCE instance", NULL, 0},
    [C_GCE_SECURITY_VERSION] = {"gce-security-version", LK_KIND_UINT, "skip", LK_R_TPM_GCE, "securityVersion of the GCE instance; absent where its certificate has none", NULL, 0},
};

_Static_assert(C_COUNT == LK_TPM_CLAIMS, "the family states the number of its claims");

static struct lk_value flag(bool v)
{
    return (struct lk_value){.kind = LK_KIND_BOOL, .present = true, .flag = v};
}

static struct lk_value number(uint64_t v)
{
    return (struct lk_value){.kind = LK_KIND_UINT, .present = true, .number = v};
}

static struct lk_value bytes(struct lk_bytes v)
{
    return (struct lk_value){.kind = LK_KIND_BYTES, .present = true, .bytes = v};
}

static struct lk_value word(const char *v)
{
    return (struct lk_value){.kind = LK_KIND_WORD, .present = v != NULL, .word = v};
}

static struct lk_value text(const char *v)
{
    return (struct lk_value){.kind = LK_KIND_TEXT, .present = v != NULL, .word = v};
}

static const char *scheme_word(uint16_t scheme)
{
    return scheme == LK_TPM_RSASSA ? "rsassa" : scheme == LK_TPM_RSAPSS ? "rsapss" : "ecdsa";
}

static const char *root_word(enum lk_tpm_root root)
{
    static const char *const names[] = {
        [LK_TPM_ROOT_NONE] = NULL,           [LK_TPM_ROOT_EK] = "ek",
        [LK_TPM_ROOT_AK_CERTIFICATE] = "ak-certificate", [LK_TPM_ROOT_LINKED] = "linked",
        [LK_TPM_ROOT_LINKED_EK] = "linked-ek",
    };
    return names[root];
}

static bool sha1_quoted(const struct lk_item *item)
{
    for (size_t i = 0; i < item->n_registers; i++)
        if (item->registers[i].alg == LK_TPM_SHA1)
            return true;
    return false;
}

static bool reset_value(struct lk_bytes v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.data[i] != v.data[0])
            return false;
    return v.data[0] == 0x00 || v.data[0] == 0xff;
}

static bool firmware_reset(const struct lk_item *item)
{
    for (size_t i = 0; i < item->n_registers; i++)
        if (item->registers[i].index < 8 && reset_value(item->registers[i].digest))
            return true;
    return false;
}

static bool signed_as(const struct lk_item *item, lk_result computed, const struct lk_tpm_name *name)
{
    return lk_ok(computed) && lk_bytes_eq(item->attest.qualified_signer, lk_tpm_name_bytes(name));
}

/* Only an EK that is itself vouched for tells a place: another would be the guest's word. */
static bool under_ek(const struct lk_item *item)
{
    struct lk_tpm_name ek, ak;
    bool vouched = item->root == LK_TPM_ROOT_EK || item->root == LK_TPM_ROOT_LINKED_EK;
    return vouched && lk_ok(lk_tpm_qualified_primary(&item->ek, LK_TPM_ENDORSEMENT, &ek)) &&
           signed_as(item, lk_tpm_qualified_child(&item->ak, &ek, &ak), &ak);
}

static const char *place(const struct lk_item *item)
{
    static const struct {
        enum lk_tpm_hierarchy hierarchy;
        const char *word;
    } primaries[] = {{LK_TPM_ENDORSEMENT, "endorsement-primary"}, {LK_TPM_OWNER, "owner-primary"},
                     {LK_TPM_PLATFORM, "platform-primary"}};
    if (item->bare_ak)
        return NULL;
    if (under_ek(item))
        return "under-ek";
    struct lk_tpm_name name;
    for (size_t i = 0; i < sizeof(primaries) / sizeof(primaries[0]); i++)
        if (signed_as(item, lk_tpm_qualified_primary(&item->ak, primaries[i].hierarchy, &name), &name))
            return primaries[i].word;
    return "elsewhere";
}

/* Of the EK only what activation tied to this AK. */
static void claim_ek(const struct lk_item *item, struct lk_value *v)
{
    if (item->root != LK_TPM_ROOT_EK && item->root != LK_TPM_ROOT_LINKED_EK)
        return;
    v[C_EK] = v[C_EK_SHA256] = bytes(LK_BYTES(item->ek_spki));
    v[C_EK_NAME] = bytes(lk_tpm_name_bytes(&item->ek_name));
    v[C_EK_KEY] = word(lk_tpm_public_word(&item->ek));
}

static void claim_ak(const struct lk_item *item, struct lk_value *v)
{
    v[C_AK_SHA256] = bytes(LK_BYTES(item->ak_spki));
    v[C_AK_KEY] = word(lk_tpm_public_word(&item->ak));
    v[C_SCHEME] = word(scheme_word(item->signature.scheme));
    if (!item->bare_ak) {
        v[C_AK_NAME] = bytes(lk_tpm_name_bytes(&item->ak_name));
        v[C_ATTRIBUTES] = number(item->ak.attributes);
    }
    v[C_HASH] = word(lk_tpm_hash(item->signature.hash)->name);
}

static void claim_root(const struct lk_item *item, struct lk_value *v)
{
    v[C_ROOTED_BY] = word(root_word(item->root));
    v[C_ANCHOR] = text(item->anchor);
    v[C_BUILT_IN_ANCHOR] = flag(item->built_in);
    v[C_SHA1_CERTIFICATE] = flag(item->weak_path);
    v[C_MANUFACTURER] = text(item->identity.manufacturer);
    v[C_MODEL] = text(item->identity.model);
    v[C_VERSION] = text(item->identity.version);
}

static void claim_quote(const struct lk_item *item, struct lk_value *v)
{
    const struct lk_tpm_attest *a = &item->attest;
    v[C_PCR] = (struct lk_value){.kind = LK_KIND_REGISTERS, .present = true,
                                 .registers = {item->registers, item->n_registers}};
    v[C_SHA1_BANK] = flag(sha1_quoted(item));
    v[C_RESET_FIRMWARE_PCRS] = flag(firmware_reset(item));
    v[C_QUALIFIED_NAME] = word(place(item));
    v[C_RESET_COUNT] = number(a->reset_count);
    v[C_RESTART_COUNT] = number(a->restart_count);
    v[C_CLOCK] = number(a->clock);
    v[C_SAFE] = flag(a->safe);
    v[C_FIRMWARE_VERSION] = number(a->firmware_version);
}

static void claim_gce(const struct lk_item *item, struct lk_value *v)
{
    const struct lk_tpm_gce *g = &item->identity.gce;
    v[C_GCE_TEST_INSTANCE] = flag(g->present && !g->production);
    if (!g->present)
        return;
    v[C_GCE_ZONE] = text(g->zone);
    v[C_GCE_PROJECT] = text(g->project);
    v[C_GCE_PROJECT_NUMBER] = number(g->project_number);
    v[C_GCE_INSTANCE_ID] = number(g->instance_id);
    v[C_GCE_INSTANCE_NAME] = text(g->instance_name);
    if (g->has_security_version)
        v[C_GCE_SECURITY_VERSION] = number(g->security_version);
}

lk_result lk_tpm_claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *values)
{
    (void)in;
    claim_ek(item, values);
    claim_ak(item, values);
    claim_root(item, values);
    claim_quote(item, values);
    claim_gce(item, values);
    return LK_OK;
}
