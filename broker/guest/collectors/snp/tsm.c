/* SPDX-License-Identifier: Apache-2.0 */
/* An SEV-SNP report from configfs-tsm: privlevel, then inblob; outblob is the report, auxblob the certificate table. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "broker/guest/collectors/snp/source.h"
#include "broker/guest/collectors/tsm.h"

/* The least allowed VMPL at or above the floor that this kernel runs at. */
static enum lk_device_status set_vmpl(struct lk_tsm *t, const struct lk_snp_request *r)
{
    if (r->n_vmpl == 0)
        return LK_DEVICE_OK;
    unsigned long floor = 0, best = ULONG_MAX;
    if (!lk_tsm_number(t, "privlevel_floor", &floor))
        floor = 0; /* an older kernel: it will refuse what it cannot */
    for (size_t i = 0; i < r->n_vmpl; i++)
        if (r->vmpl[i] >= floor && r->vmpl[i] < best)
            best = r->vmpl[i];
    errno = 0;
    if (best > 3)
        return lk_device_error_set(t->e, LK_DEVICE_FAILED, "the policy allows no VMPL at or above this kernel's, %lu", floor);
    char text[8];
    int len = snprintf(text, sizeof(text), "%lu", best);
    if (!lk_tsm_write(t, "privlevel", lk_bytes(text, (size_t)len)))
        return lk_device_error_set(t->e, LK_DEVICE_FAILED, "writing privlevel %lu", best);
    return LK_DEVICE_OK;
}

enum lk_device_status lk_snp_from_tsm(const char *root, const struct lk_snp_request *r, struct lk_snp_evidence *out,
                                      struct lk_device_error *e)
{
    struct lk_tsm t;
    out->report = lk_buf(LK_TSM_OUTBLOB_MAX);
    out->certs = lk_buf(LK_SNP_CERTS_MAX);
    enum lk_device_status status = lk_tsm_open(&t, root, "sev_guest", e);
    if (status == LK_DEVICE_OK)
        status = set_vmpl(&t, r);
    if (status == LK_DEVICE_OK)
        status = lk_tsm_report(&t, r->user_data, &out->report, &out->certs);
    lk_tsm_close(&t);
    if (status != LK_DEVICE_OK || out->report.len == LK_SNP_REPORT_LEN)
        return status;
    errno = 0;
    return lk_device_error_set(e, LK_DEVICE_FAILED, "a report of %zu bytes, not %d", out->report.len, LK_SNP_REPORT_LEN);
}
