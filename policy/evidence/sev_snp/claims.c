/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/sev_snp/claims.h"

#include "policy/evidence/sev_snp/item.h"

static const char *const product_words[] = {"milan", "genoa", "turin", NULL};
static const char *const key_words[] = {"vcek", "vlek", NULL};
static const char *const tcb_words[] = {"fmc", "bootloader", "tee", "snp", "microcode", NULL};

const struct lk_claim lk_snp_claims[LK_SNP_N_CLAIMS] = {
#define CLAIM(id, name, kind, safe, refusal, words, flags, doc) \
    {name, LK_KIND_##kind, safe, LK_R_##refusal, doc, words, flags},
    LK_SNP_CLAIMS(CLAIM)
#undef CLAIM
};

/* Claims that are one bit of a field. */
struct bit {
    enum lk_snp_claim_id claim;
    unsigned bit;
};

static const struct bit policy_bits[] = {
    {LK_SNP_CLAIM_SMT, LK_SNP_POLICY_SMT},
    {LK_SNP_CLAIM_MIGRATE_MA, LK_SNP_POLICY_MIGRATE_MA},
    {LK_SNP_CLAIM_DEBUG, LK_SNP_POLICY_DEBUG},
    {LK_SNP_CLAIM_SINGLE_SOCKET, LK_SNP_POLICY_SINGLE_SOCKET},
    {LK_SNP_CLAIM_CXL, LK_SNP_POLICY_CXL_ALLOW},
    {LK_SNP_CLAIM_XTS, LK_SNP_POLICY_MEM_AES_256_XTS},
    {LK_SNP_CLAIM_RAPL, LK_SNP_POLICY_RAPL_DIS},
    {LK_SNP_CLAIM_CIPHERTEXT_HIDING, LK_SNP_POLICY_CIPHERTEXT_HIDING},
    {LK_SNP_CLAIM_PAGE_SWAP, LK_SNP_POLICY_PAGE_SWAP_DISABLE},
};

static const struct bit platform_bits[] = {
    {LK_SNP_CLAIM_P_SMT, LK_SNP_PLATFORM_SMT},
    {LK_SNP_CLAIM_P_TSME, LK_SNP_PLATFORM_TSME},
    {LK_SNP_CLAIM_P_ECC, LK_SNP_PLATFORM_ECC},
    {LK_SNP_CLAIM_P_RAPL, LK_SNP_PLATFORM_RAPL_DIS},
    {LK_SNP_CLAIM_P_CIPHERTEXT_HIDING, LK_SNP_PLATFORM_CIPHERTEXT_HIDING},
    {LK_SNP_CLAIM_P_ALIAS, LK_SNP_PLATFORM_ALIAS_CHECK},
    {LK_SNP_CLAIM_P_IOMMU, LK_SNP_PLATFORM_IOMMU_WRITE_SAFE},
    {LK_SNP_CLAIM_P_TIO, LK_SNP_PLATFORM_TIO},
};

static void flag(struct lk_value *v, enum lk_snp_claim_id id, bool value)
{
    v[id] = (struct lk_value){.kind = LK_KIND_BOOL, .present = true, .flag = value};
}

static void number(struct lk_value *v, enum lk_snp_claim_id id, uint64_t value)
{
    v[id] = (struct lk_value){.kind = LK_KIND_UINT, .present = true, .number = value};
}

static void word(struct lk_value *v, enum lk_snp_claim_id id, const char *value)
{
    v[id] = (struct lk_value){.kind = lk_snp_claims[id].kind, .present = true, .word = value};
}

static void bytes(struct lk_value *v, enum lk_snp_claim_id id, struct lk_bytes value)
{
    v[id] = (struct lk_value){.kind = LK_KIND_BYTES, .present = true, .bytes = value};
}

/* Absent when zero: the firmware writes zeros for what it does not have. */
static void bytes_if_set(struct lk_value *v, enum lk_snp_claim_id id, struct lk_bytes value)
{
    if (!lk_bytes_zero(value))
        bytes(v, id, value);
}

static void bits(struct lk_value *v, const struct bit *b, size_t n, uint64_t field)
{
    for (size_t i = 0; i < n; i++)
        flag(v, b[i].claim, (field >> b[i].bit & 1) != 0);
}

static lk_result tcb(const struct lk_family_input *in, struct lk_value *v, enum lk_snp_claim_id id,
                     const struct lk_snp_product *p, struct lk_bytes raw)
{
    struct lk_component *parts = lk_arena_array(in->arena, LK_SNP_TCB_BYTES, sizeof(*parts));
    size_t n = 0;
    LK_REQUIRE(parts != NULL, MEMORY);
    for (size_t i = 0; i < LK_SNP_TCB_BYTES; i++)
        if (p->tcb[i].name != NULL)
            parts[n++] = (struct lk_component){p->tcb[i].name, raw.data[i]};
    v[id] = (struct lk_value){
        .kind = LK_KIND_VECTOR, .present = true, .vector = {.selector = p->word, .parts = parts, .n = n}};
    return LK_OK;
}

/* By component; a TCB is never compared as one number. */
static bool tcb_at_most(struct lk_bytes a, struct lk_bytes b)
{
    for (size_t i = 0; i < LK_SNP_TCB_BYTES; i++)
        if (a.data[i] > b.data[i])
            return false;
    return true;
}

static lk_result claim_tcbs(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *v)
{
    const struct lk_snp_report *r = &item->report;
    LK_TRY(tcb(in, v, LK_SNP_CLAIM_REPORTED_TCB, item->product, r->reported_tcb));
    LK_TRY(tcb(in, v, LK_SNP_CLAIM_COMMITTED_TCB, item->product, r->committed_tcb));
    LK_TRY(tcb(in, v, LK_SNP_CLAIM_CURRENT_TCB, item->product, r->current_tcb));
    LK_TRY(tcb(in, v, LK_SNP_CLAIM_LAUNCH_TCB, item->product, r->launch_tcb));
    flag(v, LK_SNP_CLAIM_TCB_ORDER,
         tcb_at_most(r->reported_tcb, r->current_tcb) && tcb_at_most(r->committed_tcb, r->current_tcb));
    flag(v, LK_SNP_CLAIM_PROVISIONAL, !lk_bytes_eq(r->committed_tcb, r->current_tcb) ||
                                          r->committed_firmware != r->current_firmware);
    return LK_OK;
}

static void claim_launch(const struct lk_snp_report *r, struct lk_value *v)
{
    number(v, LK_SNP_CLAIM_VERSION, r->version);
    number(v, LK_SNP_CLAIM_VMPL, r->vmpl);
    number(v, LK_SNP_CLAIM_GUEST_SVN, r->guest_svn);
    bytes(v, LK_SNP_CLAIM_MEASUREMENT, r->measurement);
    bytes(v, LK_SNP_CLAIM_HOST_DATA, r->host_data);
    bytes(v, LK_SNP_CLAIM_REPORT_DATA, r->report_data);
    bytes(v, LK_SNP_CLAIM_FAMILY_ID, r->family_id);
    bytes(v, LK_SNP_CLAIM_IMAGE_ID, r->image_id);
    bytes(v, LK_SNP_CLAIM_REPORT_ID, r->report_id);
    bytes(v, LK_SNP_CLAIM_REPORT_ID_MA, r->report_id_ma);
    bytes_if_set(v, LK_SNP_CLAIM_ID_KEY, r->id_key_digest);
    flag(v, LK_SNP_CLAIM_AUTHOR_KEY_EN, r->author_key_en);
    if (r->author_key_en)
        bytes(v, LK_SNP_CLAIM_AUTHOR_KEY, r->author_key_digest);
}

static void claim_platform(const struct lk_snp_report *r, struct lk_value *v)
{
    number(v, LK_SNP_CLAIM_ABI, r->policy & 0xffff);
    bits(v, policy_bits, sizeof(policy_bits) / sizeof(*policy_bits), r->policy);
    bits(v, platform_bits, sizeof(platform_bits) / sizeof(*platform_bits), r->platform_info);
    number(v, LK_SNP_CLAIM_P_UNKNOWN, r->platform_info >> LK_SNP_PLATFORM_BITS << LK_SNP_PLATFORM_BITS);
    number(v, LK_SNP_CLAIM_CURRENT_FIRMWARE, r->current_firmware);
    number(v, LK_SNP_CLAIM_COMMITTED_FIRMWARE, r->committed_firmware);
    number(v, LK_SNP_CLAIM_LAUNCH_MIT, r->launch_mitigations);
    number(v, LK_SNP_CLAIM_CURRENT_MIT, r->current_mitigations);
    if (r->version < 3)
        return;
    number(v, LK_SNP_CLAIM_CPU_FAMILY, r->cpu_family);
    number(v, LK_SNP_CLAIM_CPU_MODEL, r->cpu_model);
    number(v, LK_SNP_CLAIM_CPU_STEPPING, r->cpu_stepping);
}

static lk_result claim_key(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *v)
{
    const struct lk_snp_report *r = &item->report;
    bool vlek = r->signing_key == LK_SNP_VLEK;
    word(v, LK_SNP_CLAIM_PRODUCT, item->product->word);
    word(v, LK_SNP_CLAIM_SIGNING_KEY, vlek ? "vlek" : "vcek");
    bytes_if_set(v, LK_SNP_CLAIM_CHIP_ID, lk_bytes(r->chip_id.data, item->product->hwid_len));
    flag(v, LK_SNP_CLAIM_CHIP_ID_MASKED, !vlek && lk_bytes_zero(r->chip_id));
    flag(v, LK_SNP_CLAIM_MASK_CHIP_KEY, r->mask_chip_key);
    flag(v, LK_SNP_CLAIM_CRL, item->crl_checked);
    if (!vlek)
        return LK_OK;
    char *csp = lk_arena_str(in->arena, item->vek.csp_id.data, item->vek.csp_id.len);
    LK_REQUIRE(csp != NULL, MEMORY);
    word(v, LK_SNP_CLAIM_CSP_ID, csp);
    return LK_OK;
}

lk_result lk_snp_claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *values)
{
    claim_launch(&item->report, values);
    claim_platform(&item->report, values);
    LK_TRY(claim_key(in, item, values));
    return claim_tcbs(in, item, values);
}
