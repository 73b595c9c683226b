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

/* The vTPM service of the module at VMPL 0, and the one version of its manifest that there is. */
static enum lk_device_status set_service(struct lk_tsm *t)
{
    static const char *const settings[][2] = {{"service_provider", "svsm"},
                                              {"service_guid", "c476f1eb-0123-45a5-9641-b4e7dde5bfe3"},
                                              {"service_manifest_version", "0"}};
    errno = 0;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (!lk_tsm_write(t, settings[i][0], lk_bytes_str(settings[i][1])))
            return lk_device_error_set(t->e, LK_DEVICE_FAILED, "writing %s: is there an SVSM?", settings[i][0]);
    return LK_DEVICE_OK;
}

static enum lk_device_status get_report(const char *root, const struct lk_snp_request *r, struct lk_snp_evidence *out,
                                        struct lk_device_error *e)
{
    struct lk_tsm t;
    enum lk_device_status status = lk_tsm_open(&t, root, "sev_guest", e);
    if (status == LK_DEVICE_OK)
        status = r->svsm ? set_service(&t) : set_vmpl(&t, r);
    if (status == LK_DEVICE_OK)
        status = lk_tsm_report(&t, r->user_data, &out->report, &out->certs, r->svsm ? &out->manifest : NULL);
    lk_tsm_close(&t);
    return status;
}

/* Certificates do not come with the module's report, but with one of this kernel's own VMPL. Without them the broker looks. */
static void get_certs(const char *root, const struct lk_snp_request *r, struct lk_buf *certs)
{
    struct lk_snp_request own = {.user_data = r->user_data};
    struct lk_snp_evidence more = {.report = lk_buf(LK_TSM_OUTBLOB_MAX), .certs = lk_buf(LK_SNP_CERTS_MAX)};
    struct lk_device_error ignored;
    if (get_report(root, &own, &more, &ignored) == LK_DEVICE_OK)
        lk_put(certs, lk_buf_bytes(&more.certs));
    lk_snp_evidence_free(&more);
}

enum lk_device_status lk_snp_from_tsm(const char *root, const struct lk_snp_request *r, struct lk_snp_evidence *out,
                                      struct lk_device_error *e)
{
    out->report = lk_buf(LK_TSM_OUTBLOB_MAX);
    out->certs = lk_buf(LK_SNP_CERTS_MAX);
    out->manifest = lk_buf(LK_SNP_MANIFEST_MAX);
    enum lk_device_status status = get_report(root, r, out, e);
    if (status == LK_DEVICE_OK && r->svsm && out->certs.len == 0)
        get_certs(root, r, &out->certs);
    if (status != LK_DEVICE_OK || out->report.len == LK_SNP_REPORT_LEN)
        return status;
    errno = 0;
    return lk_device_error_set(e, LK_DEVICE_FAILED, "a report of %zu bytes, not %d", out->report.len, LK_SNP_REPORT_LEN);
}
