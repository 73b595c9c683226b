/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/dcap/claims.h"

#define ITEM "tdx"
#define TPM_ALG_SHA256 0x000b
#define TPM_ALG_SHA384 0x000c
#define TPM_ALG_SHA512 0x000d

static const struct lk_claim claims[LK_TDX_N_CLAIMS] = {
    LK_DCAP_CLAIMS(LK_DCAP_CLAIM_ROW) LK_TDX_CLAIMS(LK_DCAP_CLAIM_ROW)
};

/* Bits of ATTRIBUTES (Intel TDX Module ABI, TD_ATTRIBUTES). */
static const struct {
    enum lk_tdx_claim_id claim;
    unsigned bit;
} bits[] = {
    {LK_TDX_CLAIM_DEBUG, 0}, {LK_TDX_CLAIM_SEPT_VE, 28}, {LK_TDX_CLAIM_MIGRATABLE, 29},
    {LK_TDX_CLAIM_PKS, 30},  {LK_TDX_CLAIM_KL, 31},      {LK_TDX_CLAIM_PERFMON, 63},
};

static lk_result parse(const struct lk_family_input *in, struct lk_item **out)
{
    return lk_dcap_parse(in, LK_TEE_TDX, ITEM, out);
}

static lk_result authenticate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                              struct lk_anchoring *how)
{
    (void)proofs; /* a quote is rooted in Intel's key only */
    return lk_dcap_authenticate(in, ITEM, item, how);
}

static void claim_attributes(uint64_t attributes, struct lk_value *v)
{
    uint64_t unknown = attributes;
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        lk_dcap_put_flag(&v[bits[i].claim], (attributes >> bits[i].bit & 1) != 0);
        unknown &= ~(UINT64_C(1) << bits[i].bit);
    }
    lk_dcap_put_uint(&v[LK_TDX_CLAIM_UNKNOWN], unknown);
}

static void claim_extended(const struct lk_td_body *b, struct lk_value *v)
{
    lk_dcap_put_uint(&v[LK_TDX_CLAIM_VMID], b->vmid);
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_TD_ID], b->td_id);
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_DEV_INFO], b->dev_info);
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_INIT_SERVICE], b->init_serv_td_hash);
    lk_dcap_put_uint(&v[LK_TDX_CLAIM_INIT_SERVICE_ATTRIBUTES], b->init_serv_td_attributes);
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_INIT_CPU_SVN], b->init_cpu_svn);
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_INIT_TEE_TCB_SVN], b->init_tee_tcb_svn);
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_INIT_FMSPC], b->init_tee_fmspc);
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_CURRENT_SERVICE], b->cur_serv_td_hash);
    lk_dcap_put_uint(&v[LK_TDX_CLAIM_CURRENT_SERVICE_ATTRIBUTES], b->cur_serv_td_attributes);
}

static void claim_module(const struct lk_td_body *b, struct lk_value *v)
{
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_MRSEAM], b->mr_seam);
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_MRSIGNERSEAM], b->mr_signer_seam);
    lk_dcap_put_uint(&v[LK_TDX_CLAIM_SEAM_ATTRIBUTES], b->seam_attributes);
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_TEE_TCB_SVN], b->tee_tcb_svn);
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_TEE_TCB_SVN2], b->tee_tcb_svn2);
    lk_dcap_put_flag(&v[LK_TDX_CLAIM_SERVICE_TD], !lk_bytes_zero(b->mr_service_td));
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_MR_SERVICE_TD], b->mr_service_td);
}

static lk_result claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *v)
{
    const struct lk_td_body *b = &item->quote.td;
    lk_dcap_claim(in, item, v);
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_MRTD], b->mr_td);
    for (unsigned i = 0; i < 4; i++)
        lk_dcap_put_bytes(&v[LK_TDX_CLAIM_RTMR0 + i], b->rtmr[i]);
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_REPORT_DATA], b->report_data);
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_CONFIG_ID], b->mr_config_id);
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_OWNER], b->mr_owner);
    lk_dcap_put_bytes(&v[LK_TDX_CLAIM_OWNER_CONFIG], b->mr_owner_config);
    lk_dcap_put_uint(&v[LK_TDX_CLAIM_XFAM], b->xfam);
    lk_dcap_put_uint(&v[LK_TDX_CLAIM_BODY_TYPE], item->quote.body_type);
    claim_attributes(b->td_attributes, v);
    claim_module(b, v);
    if (item->quote.body_type == LK_BODY_TD15EX)
        claim_extended(b, v);
    return LK_OK;
}

/*
 * REPORTDATA is the binding, and may be a digest as well (SHA-512, or SHA-256 or SHA-384 and zero bytes of a paravisor's
 * runtime data): the guest chose it. MRCONFIGID the host chose at launch. The RTMRs vouch for event logs.
 */
static void vouch(const struct lk_item *item, void (*put)(void *to, const struct lk_proof *proof), void *to)
{
    struct lk_bytes data = item->quote.td.report_data;
    put(to, &(struct lk_proof){.kind = LK_PROOF_BINDING, .value = data, .guest_chosen = true});
    put(to, &(struct lk_proof){.kind = LK_PROOF_DIGEST, .alg = TPM_ALG_SHA512, .value = data, .guest_chosen = true});
    if (lk_bytes_zero(lk_bytes(data.data + 48, 16)))
        put(to, &(struct lk_proof){.kind = LK_PROOF_DIGEST, .alg = TPM_ALG_SHA384, .value = lk_bytes(data.data, 48),
                                   .guest_chosen = true});
    if (lk_bytes_zero(lk_bytes(data.data + 32, 32)))
        put(to, &(struct lk_proof){.kind = LK_PROOF_DIGEST, .alg = TPM_ALG_SHA256, .value = lk_bytes(data.data, 32),
                                   .guest_chosen = true});
    if (!lk_bytes_zero(item->quote.td.mr_config_id))
        put(to, &(struct lk_proof){.kind = LK_PROOF_DIGEST, .alg = TPM_ALG_SHA384, .value = item->quote.td.mr_config_id});
    for (uint32_t i = 0; i < 4; i++)
        put(to, &(struct lk_proof){.kind = LK_PROOF_RTMR, .alg = TPM_ALG_SHA384, .index = i,
                                   .value = item->quote.td.rtmr[i]});
}

const struct lk_family lk_family_tdx = {
    .name = ITEM,
    .doc = "Intel TDX quote, versions 4 and 5, bodies of TDX 1.0 and 1.5, signed by Intel's TD quoting enclave",
    .parts = lk_dcap_parts,
    .n_parts = LK_DCAP_PARTS,
    .claims = claims,
    .n_claims = LK_TDX_N_CLAIMS,
    .carries_binding = true,
    .parse = parse,
    .authenticate = authenticate,
    .claim = claim,
    .vouch = vouch,
};
