/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/tpm/azure.h"

#include "proto/base/cursor.h"

/* Offsets as in OpenHCL's structures, little-endian (policy/evidence/azure_hcl/report.h reads all of them). */
#define SIGNATURE 0x414c4348 /* "HCLA", at 0 */
#define SNP_AT 32
#define SNP_SIZE 1184
#define TYPE_AT 1224
#define TYPE_SNP 2

static bool read_type(const struct lk_buf *report, uint32_t *type)
{
    struct lk_cursor c = lk_cursor(lk_buf_bytes(report));
    uint32_t signature = lk_u32le(&c);
    (void)lk_take(&c, TYPE_AT - 4);
    *type = lk_u32le(&c);
    return !c.failed && signature == SIGNATURE;
}

bool lk_azure_report(struct lk_device *d, uint32_t index, struct lk_buf *out, struct lk_collector_failure *f)
{
    uint32_t type = 0;
    out->len = 0;
    if (!lk_device_nv(d, index, out))
        return lk_collector_fail(f, LK_COLLECTOR_NO_DEVICE, "no HCL report in NV index %08x: no Azure confidential VM", index);
    if (!read_type(out, &type))
        return lk_collector_fail(f, LK_COLLECTOR_NO_DEVICE, "what is in NV index %08x is no HCL report", index);
    if (type != TYPE_SNP)
        return lk_collector_fail(f, LK_COLLECTOR_UNSUPPORTED, "an HCL report of type %u: only SEV-SNP (2) is collected", type);
    return true;
}

struct lk_bytes lk_azure_snp(const struct lk_buf *report)
{
    struct lk_cursor c = lk_cursor(lk_buf_bytes(report));
    (void)lk_take(&c, SNP_AT);
    return lk_take(&c, SNP_SIZE);
}
