/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/dcap/claims.h"
#include "proto/base/cursor.h"

#define ITEM "sgx"

static const struct lk_claim claims[LK_SGX_N_CLAIMS] = {
    LK_DCAP_CLAIMS(LK_DCAP_CLAIM_ROW) LK_SGX_CLAIMS(LK_DCAP_CLAIM_ROW)
};

/* Bits of ATTRIBUTES (Intel SDM, volume 3D, 36.7.1). */
static const struct {
    enum lk_sgx_claim_id claim;
    unsigned bit;
} bits[] = {
    {LK_SGX_CLAIM_DEBUG, 1},          {LK_SGX_CLAIM_MODE64, 2}, {LK_SGX_CLAIM_PROVISION_KEY, 4},
    {LK_SGX_CLAIM_EINITTOKEN_KEY, 5}, {LK_SGX_CLAIM_KSS, 7},
};

static lk_result parse(const struct lk_family_input *in, struct lk_item **out)
{
    return lk_dcap_parse(in, LK_TEE_SGX, ITEM, out);
}

static lk_result authenticate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                              struct lk_anchoring *how)
{
    (void)proofs; /* a quote is rooted in Intel's key only */
    return lk_dcap_authenticate(in, ITEM, item, how);
}

static void claim_attributes(const struct lk_sgx_body *b, struct lk_value *v)
{
    struct lk_cursor c = lk_cursor(b->attributes);
    uint64_t flags = lk_u64le(&c);
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        lk_dcap_put_flag(&v[bits[i].claim], (flags >> bits[i].bit & 1) != 0);
    lk_dcap_put_uint(&v[LK_SGX_CLAIM_FLAGS], flags);
    lk_dcap_put_uint(&v[LK_SGX_CLAIM_XFRM], lk_u64le(&c));
    lk_dcap_put_uint(&v[LK_SGX_CLAIM_MISC_SELECT], b->misc_select);
}

static lk_result claim(const struct lk_family_input *in, const struct lk_item *item, struct lk_value *v)
{
    const struct lk_sgx_body *b = &item->quote.sgx;
    lk_dcap_claim(in, item, v);
    claim_attributes(b, v);
    lk_dcap_put_bytes(&v[LK_SGX_CLAIM_MRENCLAVE], b->mr_enclave);
    lk_dcap_put_bytes(&v[LK_SGX_CLAIM_MRSIGNER], b->mr_signer);
    lk_dcap_put_uint(&v[LK_SGX_CLAIM_PROD_ID], b->isv_prod_id);
    lk_dcap_put_uint(&v[LK_SGX_CLAIM_SVN], b->isv_svn);
    lk_dcap_put_bytes(&v[LK_SGX_CLAIM_REPORT_DATA], b->report_data);
    lk_dcap_put_bytes(&v[LK_SGX_CLAIM_REPORT_CPU_SVN], b->cpu_svn);
    lk_dcap_put_bytes(&v[LK_SGX_CLAIM_CONFIG_ID], b->config_id);
    lk_dcap_put_uint(&v[LK_SGX_CLAIM_CONFIG_SVN], b->config_svn);
    lk_dcap_put_bytes(&v[LK_SGX_CLAIM_EXT_PROD_ID], b->isv_ext_prod_id);
    lk_dcap_put_bytes(&v[LK_SGX_CLAIM_FAMILY_ID], b->isv_family_id);
    return LK_OK;
}

static void vouch(const struct lk_item *item, void (*put)(void *to, const struct lk_proof *proof), void *to)
{
    put(to, &(struct lk_proof){.kind = LK_PROOF_BINDING, .value = item->quote.sgx.report_data, .guest_chosen = true});
}

const struct lk_family lk_family_sgx = {
    .name = ITEM,
    .doc = "Intel SGX quote, versions 3 to 5, signed by Intel's quoting enclave",
    .parts = lk_dcap_parts,
    .n_parts = LK_DCAP_PARTS,
    .claims = claims,
    .n_claims = LK_SGX_N_CLAIMS,
    .carries_binding = true,
    .parse = parse,
    .authenticate = authenticate,
    .claim = claim,
    .vouch = vouch,
};
