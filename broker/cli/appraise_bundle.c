/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/appraise_bundle.h"

#include <stdio.h>
#include <string.h>

#include "broker/cli/remote.h"
#include "policy/evidence/azure_hcl/report.h"
#include "policy/evidence/azure_hcl/runtime.h"
#include "policy/evidence/svsm_vtpm/manifest.h"
#include "proto/tpm/attest.h"
#include "proto/tpm/public.h"

#define FAMILIES_MAX 4
#define TEXT_MAX 8192

struct bundle {
    const char *name;
    const char *families[FAMILIES_MAX]; /* a part is of the first that has it */
    void (*complete)(struct lk_appraise *a);
};

/* ---- parts of items that are read already ---- */

static struct lk_bytes *part_of(struct lk_appraise *a, const char *family, const char *part)
{
    for (size_t i = 0; i < a->n_items; i++) {
        const struct lk_family *f = a->items[i].family;
        for (size_t p = 0; strcmp(f->name, family) == 0 && p < f->n_parts; p++)
            if (strcmp(f->parts[p].name, part) == 0)
                return &a->items[i].parts[p];
    }
    return NULL;
}

static bool is_absent(const struct lk_bytes *part)
{
    return part != NULL && part->data == NULL;
}

static void keep(struct lk_appraise *a, const struct lk_buf *b, struct lk_bytes *part)
{
    char *copy = lk_ok(lk_buf_ok(b)) ? lk_arena_str(a->arena, b->data, b->len) : NULL;
    if (copy != NULL)
        *part = lk_bytes(copy, b->len);
}

/* ---- azure-hcl ---- */

/* What Azure's tools give is the RSA signature alone; the AK's scheme is RSASSA with SHA-256. */
static void complete_signature(struct lk_appraise *a, struct lk_bytes *part)
{
    LK_BUF_AUTO whole = lk_buf(LK_TPM_SIGNATURE_MAX);
    if (part == NULL || (part->len != 256 && part->len != 384 && part->len != 512))
        return;
    lk_put_u16be(&whole, LK_TPM_RSASSA);
    lk_put_u16be(&whole, LK_TPM_SHA256);
    lk_put_sized_u16be(&whole, *part);
    keep(a, &whole, part);
}

/* The key of the report: a hint, which counts because the report vouches for it. */
static void complete_public(struct lk_appraise *a, struct lk_bytes runtime, struct lk_bytes *part)
{
    struct lk_hcl_runtime r;
    LK_BUF_AUTO spki = lk_buf(1024);
    if (!is_absent(part) || !lk_ok(lk_hcl_runtime_read(runtime, a->arena, &r)))
        return;
    lk_tpm_spki_put(&r.ak, &spki);
    keep(a, &spki, part);
}

static void complete_azure(struct lk_appraise *a)
{
    struct lk_report ignored = {.n = 0}; /* the family says it again */
    struct lk_hcl_report hcl;
    const struct lk_bytes *report = part_of(a, "azure-hcl", "report");
    complete_signature(a, part_of(a, "tpm", "signature"));
    if (report == NULL || report->data == NULL || !lk_ok(lk_hcl_report_read(*report, &ignored, &hcl)))
        return;
    complete_public(a, hcl.runtime, part_of(a, "tpm", "public"));
    if (hcl.type != LK_HCL_SNP || part_of(a, "tpm", "attest") == NULL)
        return;
    if (part_of(a, "sev-snp", "report") == NULL && !lk_appraise_item(a, "sev-snp:"))
        return;
    struct lk_bytes *snp = part_of(a, "sev-snp", "report");
    if (is_absent(snp))
        *snp = hcl.hardware;
}

/* ---- svsm ---- */

/* The nonce is the binding that is asked for, and the EK is the manifest's, unless they are given. */
static void complete_svsm(struct lk_appraise *a)
{
    struct lk_svsm_manifest m;
    const struct lk_bytes *manifest = part_of(a, "svsm-vtpm", "manifest");
    struct lk_bytes *nonce = part_of(a, "svsm-vtpm", "nonce"), *ek = part_of(a, "tpm", "ek-public");
    if (is_absent(nonce) && !a->any_binding && a->binding_len == sizeof(a->binding))
        *nonce = LK_BYTES(a->binding);
    if (manifest != NULL && is_absent(ek) && lk_ok(lk_svsm_manifest_read(*manifest, &m)))
        *ek = m.vtpm;
}

static const struct bundle bundles[] = {
    {"svsm", {"sev-snp", "svsm-vtpm", "tpm"}, complete_svsm},
    {"azure-hcl", {"azure-hcl", "sev-snp", "tdx", "tpm"}, complete_azure},
};

/* ---- reading ---- */

static const struct bundle *bundle_named(const char *text)
{
    size_t n = strcspn(text, ":");
    for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++)
        if (strlen(bundles[i].name) == n && strncmp(bundles[i].name, text, n) == 0)
            return &bundles[i];
    return NULL;
}

static bool has_part(const char *family, const char *part)
{
    const struct lk_family *f = lk_family_by_name(lk_bytes_str(family));
    for (size_t i = 0; f != NULL && i < f->n_parts; i++)
        if (strcmp(f->parts[i].name, part) == 0)
            return true;
    return false;
}

/* Parts that no family has go to the last: logs that a quote vouches for, and what it then says is unknown. */
static size_t family_for(const struct bundle *b, const char *part)
{
    size_t last = 0;
    for (size_t i = 0; i < FAMILIES_MAX && b->families[i] != NULL; i++) {
        if (has_part(b->families[i], part))
            return i;
        last = i;
    }
    return last;
}

static void add_part(const struct bundle *b, const char *text, struct lk_buf *items)
{
    char part[64];
    snprintf(part, sizeof(part), "%.*s", (int)strcspn(text, "="), text);
    struct lk_buf *item = &items[family_for(b, part)];
    lk_put_fmt(item, "%s%s", item->len == 0 ? "" : ",", text);
}

static bool read_items(struct lk_appraise *a, const struct bundle *b, const struct lk_buf *items)
{
    for (size_t i = 0; i < FAMILIES_MAX; i++) {
        LK_BUF_AUTO text = lk_buf(TEXT_MAX);
        if (items[i].len == 0)
            continue;
        lk_put_fmt(&text, "%s:%.*s", b->families[i], (int)items[i].len, (const char *)items[i].data);
        lk_put_u8(&text, 0);
        if (!lk_ok(lk_buf_ok(&items[i])) || !lk_ok(lk_buf_ok(&text)) || !lk_appraise_item(a, (const char *)text.data))
            return false;
    }
    b->complete(a);
    return true;
}

bool lk_appraise_argument(struct lk_appraise *a, const char *text)
{
    const struct bundle *b = bundle_named(text);
    if (b == NULL)
        return lk_appraise_item(a, text);
    struct lk_buf items[FAMILIES_MAX];
    for (size_t i = 0; i < FAMILIES_MAX; i++)
        items[i] = lk_buf(TEXT_MAX);
    char *copy = lk_arena_str(a->arena, text, strlen(text)), *rest = NULL;
    for (char *p = copy == NULL ? NULL : strtok_r(strchr(copy, ':') + 1, ",", &rest); p != NULL; p = strtok_r(NULL, ",", &rest))
        add_part(b, p, items);
    bool ok = copy != NULL && read_items(a, b, items);
    for (size_t i = 0; i < FAMILIES_MAX; i++)
        lk_buf_free(&items[i]);
    return ok;
}
