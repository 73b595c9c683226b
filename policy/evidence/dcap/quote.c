/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/dcap/quote.h"

#include "proto/base/cursor.h"

#define ATTESTATION_KEY_P256 2
#define SGX_BODY 384

static const uint8_t intel_qe[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                     0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

static const size_t body_sizes[] = {[LK_BODY_SGX] = SGX_BODY, [LK_BODY_TD10] = 584, [LK_BODY_TD15] = 648,
                                    [LK_BODY_TD15EX] = 885};

bool lk_sgx_body_read(struct lk_bytes in, struct lk_sgx_body *out)
{
    struct lk_cursor c = lk_cursor(in);
    out->cpu_svn = lk_take(&c, 16);
    out->misc_select = lk_u32le(&c);
    struct lk_bytes reserved1 = lk_take(&c, 12);
    out->isv_ext_prod_id = lk_take(&c, 16);
    out->attributes = lk_take(&c, 16);
    out->mr_enclave = lk_take(&c, 32);
    struct lk_bytes reserved2 = lk_take(&c, 32);
    out->mr_signer = lk_take(&c, 32);
    struct lk_bytes reserved3 = lk_take(&c, 32);
    out->config_id = lk_take(&c, 64);
    out->isv_prod_id = lk_u16le(&c);
    out->isv_svn = lk_u16le(&c);
    out->config_svn = lk_u16le(&c);
    struct lk_bytes reserved4 = lk_take(&c, 42);
    out->isv_family_id = lk_take(&c, 16);
    out->report_data = lk_take(&c, 64);
    return lk_ok(lk_cursor_end(&c)) && lk_bytes_zero(reserved1) && lk_bytes_zero(reserved2) &&
           lk_bytes_zero(reserved3) && lk_bytes_zero(reserved4);
}

/* TDX 1.0, then what 1.5 and 1.5Ex put after it. */
static void td_body(struct lk_cursor *c, enum lk_quote_body_type type, struct lk_td_body *out)
{
    out->tee_tcb_svn = lk_take(c, 16);
    out->mr_seam = lk_take(c, 48);
    out->mr_signer_seam = lk_take(c, 48);
    out->seam_attributes = lk_u64le(c);
    out->td_attributes = lk_u64le(c);
    out->xfam = lk_u64le(c);
    out->mr_td = lk_take(c, 48);
    out->mr_config_id = lk_take(c, 48);
    out->mr_owner = lk_take(c, 48);
    out->mr_owner_config = lk_take(c, 48);
    for (size_t i = 0; i < 4; i++)
        out->rtmr[i] = lk_take(c, 48);
    out->report_data = lk_take(c, 64);
    if (type == LK_BODY_TD10)
        return;
    out->tee_tcb_svn2 = lk_take(c, 16);
    out->mr_service_td = lk_take(c, 48);
    if (type == LK_BODY_TD15)
        return;
    out->vmid = lk_u8(c);
    out->td_id = lk_take(c, 32);
    out->dev_info = lk_take(c, 48);
    out->init_serv_td_hash = lk_take(c, 48);
    out->init_serv_td_attributes = lk_u64le(c);
    out->init_cpu_svn = lk_take(c, 16);
    out->init_tee_tcb_svn = lk_take(c, 16);
    out->init_tee_fmspc = lk_take(c, 12);
    out->cur_serv_td_hash = lk_take(c, 48);
    out->cur_serv_td_attributes = lk_u64le(c);
}

static enum lk_reason_code header(struct lk_cursor *c, uint32_t tee, struct lk_quote *q)
{
    q->version = lk_u16le(c);
    uint16_t key_type = lk_u16le(c);
    uint32_t tee_type = lk_u32le(c);
    lk_take(c, 4); /* QE and PCE SVN: zero since version 4, and never used: the QE report has them */
    struct lk_bytes vendor = lk_take(c, sizeof(intel_qe));
    q->user_data = lk_take(c, 20);
    if (c->failed)
        return LK_R_DCAP_QUOTE_FORM;
    if (q->version < 3 || q->version > 5)
        return LK_R_DCAP_VERSION;
    if (key_type != ATTESTATION_KEY_P256)
        return LK_R_DCAP_KEY_TYPE;
    if (tee_type != tee || (q->version == 3 && tee != LK_TEE_SGX))
        return LK_R_DCAP_TEE_TYPE;
    q->tdx = tee == LK_TEE_TDX;
    return lk_bytes_eq(vendor, LK_BYTES(intel_qe)) ? LK_R_OK : LK_R_DCAP_QE_VENDOR;
}

/* Version 5 says which body follows; before it the TEE type does. */
static enum lk_reason_code body(struct lk_cursor *c, struct lk_quote *q)
{
    uint16_t type = q->tdx ? LK_BODY_TD10 : LK_BODY_SGX;
    if (q->version == 5) {
        type = lk_u16le(c);
        uint32_t size = lk_u32le(c);
        if (type < LK_BODY_SGX || type > LK_BODY_TD15EX || (type == LK_BODY_SGX) == q->tdx || size != body_sizes[type])
            return LK_R_DCAP_BODY_TYPE;
    }
    q->body_type = (enum lk_quote_body_type)type;
    struct lk_bytes run = lk_take(c, body_sizes[type]);
    if (c->failed)
        return LK_R_DCAP_QUOTE_FORM;
    q->signed_part = lk_bytes(c->data, c->pos);
    if (!q->tdx)
        return lk_sgx_body_read(run, &q->sgx) ? LK_R_OK : LK_R_DCAP_RESERVED;
    struct lk_cursor inner = lk_cursor(run);
    td_body(&inner, q->body_type, &q->td);
    return lk_ok(lk_cursor_end(&inner)) ? LK_R_OK : LK_R_DCAP_QUOTE_FORM;
}

/* QE report, its signature, auth data and certification data: to the end of the run. */
static enum lk_reason_code qe_part(struct lk_bytes run, struct lk_quote *q)
{
    struct lk_cursor c = lk_cursor(run);
    q->qe_report = lk_take(&c, SGX_BODY);
    q->qe_report_signature = lk_take(&c, 64);
    q->qe_auth = lk_take(&c, lk_u16le(&c));
    uint16_t type = lk_u16le(&c);
    q->certification_data = lk_take(&c, lk_u32le(&c));
    if (!lk_ok(lk_cursor_end(&c)))
        return LK_R_DCAP_QUOTE_FORM;
    if (type < LK_CERTIFICATION_PPID || type > LK_CERTIFICATION_PCK_CHAIN)
        return LK_R_DCAP_CERTIFICATION;
    q->certification = (enum lk_certification)type;
    return lk_sgx_body_read(q->qe_report, &q->qe) ? LK_R_OK : LK_R_DCAP_RESERVED;
}

static enum lk_reason_code signature_data(struct lk_bytes run, struct lk_quote *q)
{
    struct lk_cursor c = lk_cursor(run);
    q->signature = lk_take(&c, 64);
    q->attestation_key = lk_take(&c, 64);
    struct lk_bytes rest = lk_take(&c, lk_left(&c));
    if (q->version > 3) {
        struct lk_cursor outer = lk_cursor(rest);
        uint16_t type = lk_u16le(&outer);
        rest = lk_take(&outer, lk_u32le(&outer));
        if (!lk_ok(lk_cursor_end(&outer)))
            return LK_R_DCAP_QUOTE_FORM;
        if (type != LK_CERTIFICATION_QE_REPORT)
            return LK_R_DCAP_CERTIFICATION;
    }
    return c.failed ? LK_R_DCAP_QUOTE_FORM : qe_part(rest, q);
}

static enum lk_reason_code read_quote(struct lk_bytes in, uint32_t tee, struct lk_quote *q)
{
    struct lk_cursor c = lk_cursor(in);
    enum lk_reason_code code = header(&c, tee, q);
    if (code == LK_R_OK)
        code = body(&c, q);
    if (code != LK_R_OK)
        return code;
    struct lk_bytes run = lk_take(&c, lk_u32le(&c));
    if (c.failed)
        return LK_R_DCAP_QUOTE_FORM;
    code = signature_data(run, q);
    if (code != LK_R_OK)
        return code;
    /* Buffers of fixed size arrive whole (configfs-tsm). */
    return lk_bytes_zero(lk_take(&c, lk_left(&c))) ? LK_R_OK : LK_R_DCAP_TRAILING;
}

lk_result lk_quote_read(struct lk_bytes in, uint32_t tee, const struct lk_dcap_say *say, struct lk_quote *out)
{
    *out = (struct lk_quote){0};
    enum lk_reason_code code = read_quote(in, tee, out);
    return code == LK_R_OK ? LK_OK : lk_dcap_fail(say, code, "quote", NULL, NULL);
}
