/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/azure_hcl/report.h"

#include "proto/base/cursor.h"
#include "proto/tpm/algs.h"

#define SIGNATURE 0x414c4348u /* "HCLA" */
#define REQUEST_AK_CERT 2
#define RUNTIME_AT 1236
#define RUNTIME_HEAD 20 /* bytes of the runtime data's own header, which data_size counts */

/* By the header's number of the hash. */
static const uint16_t hashes[] = {0, LK_TPM_SHA256, LK_TPM_SHA384, LK_TPM_SHA512};

static lk_result wrong(struct lk_report *report, const char *field, uint64_t expected, uint64_t actual)
{
    return lk_report_add_uint(report, LK_R_AZURE_REPORT, "azure-hcl", field, expected, actual);
}

struct head {
    uint32_t signature, version, report_size, request, status;
    struct lk_bytes reserved;
    uint32_t data_size, data_version, type, hash, runtime_size;
};

static struct head read_head(struct lk_cursor *c, struct lk_bytes *hardware)
{
    struct head h = {.signature = lk_u32le(c)};
    h.version = lk_u32le(c);
    h.report_size = lk_u32le(c);
    h.request = lk_u32le(c);
    h.status = lk_u32le(c);
    h.reserved = lk_take(c, 12);
    *hardware = lk_take(c, LK_HCL_HARDWARE_SIZE);
    h.data_size = lk_u32le(c);
    h.data_version = lk_u32le(c);
    h.type = lk_u32le(c);
    h.hash = lk_u32le(c);
    h.runtime_size = lk_u32le(c);
    return h;
}

static lk_result check_head(const struct head *h, struct lk_report *report)
{
    if (h->signature != SIGNATURE)
        return wrong(report, "signature", SIGNATURE, h->signature);
    if (h->version < 1 || h->version > 2)
        return wrong(report, "version", 2, h->version);
    if (h->request != REQUEST_AK_CERT)
        return wrong(report, "request_type", REQUEST_AK_CERT, h->request);
    if (h->status != 0 || !lk_bytes_zero(h->reserved))
        return wrong(report, "status", 0, h->status);
    if (h->data_version != 1)
        return wrong(report, "data version", 1, h->data_version);
    if (h->type != LK_HCL_SNP && h->type != LK_HCL_TDX)
        return wrong(report, "report_type", LK_HCL_SNP, h->type);
    if (h->hash < 1 || h->hash >= sizeof(hashes) / sizeof(hashes[0]))
        return wrong(report, "hash type", 1, h->hash);
    return LK_OK;
}

static lk_result check_sizes(const struct head *h, size_t left, struct lk_report *report)
{
    if (h->runtime_size > left || h->runtime_size == 0)
        return wrong(report, "variable_data_size", left, h->runtime_size);
    if (h->data_size != h->runtime_size + RUNTIME_HEAD)
        return wrong(report, "data_size", h->runtime_size + RUNTIME_HEAD, h->data_size);
    if (h->report_size != LK_HCL_HARDWARE_AT + LK_HCL_HARDWARE_SIZE + h->data_size)
        return wrong(report, "report_size", LK_HCL_HARDWARE_AT + LK_HCL_HARDWARE_SIZE + h->data_size, h->report_size);
    return LK_OK;
}

lk_result lk_hcl_report_read(struct lk_bytes in, struct lk_report *report, struct lk_hcl_report *out)
{
    struct lk_cursor c = lk_cursor(in);
    struct head h = read_head(&c, &out->hardware);
    if (!lk_ok(lk_cursor_ok(&c)) || in.len > LK_HCL_REPORT_MAX)
        return wrong(report, "size", RUNTIME_AT, in.len);
    LK_TRY(check_head(&h, report));
    LK_TRY(check_sizes(&h, lk_left(&c), report));
    out->type = (enum lk_hcl_type)h.type;
    out->hash = hashes[h.hash];
    out->runtime = lk_take(&c, h.runtime_size);
    struct lk_bytes padding = lk_take(&c, lk_left(&c));
    return lk_bytes_zero(padding) ? lk_cursor_end(&c) : wrong(report, "padding", 0, padding.len);
}
