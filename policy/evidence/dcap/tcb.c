/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/dcap/tcb.h"

#include "proto/base/buffer.h"

#include <stdio.h>
#include <string.h>

#define SEPARATOR 2 /* characters of ", " after each entry of a list */
#define ADVISORIES_MAX (3 * LK_TCB_ADVISORIES_MAX)

enum lk_tcb_status lk_tcb_converge(enum lk_tcb_status platform, enum lk_tcb_status part)
{
    if (platform == LK_TCB_REVOKED || part == LK_TCB_REVOKED)
        return LK_TCB_REVOKED;
    if (part != LK_TCB_OUT_OF_DATE)
        return platform;
    if (platform == LK_TCB_CONFIGURATION || platform == LK_TCB_CONFIGURATION_AND_SW_HARDENING)
        return LK_TCB_OUT_OF_DATE_CONFIGURATION;
    return platform == LK_TCB_OUT_OF_DATE_CONFIGURATION ? platform : LK_TCB_OUT_OF_DATE;
}

enum lk_tcb_status lk_tcb_relaunch(enum lk_tcb_status launch, enum lk_tcb_status current)
{
    bool old = launch == LK_TCB_OUT_OF_DATE || launch == LK_TCB_OUT_OF_DATE_CONFIGURATION;
    bool configure = current == LK_TCB_CONFIGURATION || current == LK_TCB_CONFIGURATION_AND_SW_HARDENING;
    if (!old || !(configure || current == LK_TCB_UP_TO_DATE || current == LK_TCB_SW_HARDENING))
        return launch;
    return configure || launch == LK_TCB_OUT_OF_DATE_CONFIGURATION ? LK_TCB_RELAUNCH_CONFIGURATION : LK_TCB_RELAUNCH;
}

/* ---- the quoting enclave ---- */

static bool masked_equal(struct lk_bytes actual, const uint8_t *want, const uint8_t *mask)
{
    for (size_t i = 0; i < actual.len; i++)
        if ((actual.data[i] & mask[i]) != (want[i] & mask[i]))
            return false;
    return true;
}

static lk_result check_qe(const struct lk_tcb_input *in)
{
    const struct lk_sgx_body *qe = &in->quote->qe;
    const struct lk_qe_identity *id = in->identity;
    uint8_t misc[4] = {(uint8_t)qe->misc_select, (uint8_t)(qe->misc_select >> 8), (uint8_t)(qe->misc_select >> 16),
                       (uint8_t)(qe->misc_select >> 24)};
    const char *wrong = !lk_bytes_eq(qe->mr_signer, LK_BYTES(id->mr_signer))                  ? "MRSIGNER"
                        : qe->isv_prod_id != id->isv_prod_id                                  ? "ISVPRODID"
                        : !masked_equal(LK_BYTES(misc), id->misc_select, id->misc_select_mask) ? "MISCSELECT"
                        : !masked_equal(qe->attributes, id->attributes, id->attributes_mask)  ? "ATTRIBUTES"
                                                                                              : NULL;
    return wrong == NULL ? LK_OK : lk_dcap_fail(in->say, LK_R_DCAP_QE_IDENTITY, wrong, NULL, NULL);
}

/* The first level that svn reaches; NULL when it is below all. */
static const struct lk_svn_level *svn_level(struct lk_svn_levels levels, uint16_t svn)
{
    for (size_t i = 0; i < levels.n; i++)
        if (svn >= levels.l[i].isv_svn)
            return &levels.l[i];
    return NULL;
}

static lk_result fail_svn(const struct lk_tcb_input *in, enum lk_reason_code code, const char *what,
                          struct lk_svn_levels levels, uint16_t svn)
{
    char want[32], got[32];
    snprintf(want, sizeof(want), ">= %u", levels.n == 0 ? 0u : levels.l[levels.n - 1].isv_svn);
    snprintf(got, sizeof(got), "%u", svn);
    return lk_dcap_fail(in->say, code, what, want, got);
}

/* ---- the platform ---- */

/* The text without its last `tail` characters, in the arena; NULL without memory. */
static const char *keep(struct lk_arena *arena, const struct lk_buf *text, size_t tail)
{
    if (text->len == 0)
        return "none";
    return lk_ok(lk_buf_ok(text)) ? lk_arena_str(arena, text->data, text->len - tail) : NULL;
}

/* With a module of TDX 1.5 the first two bytes are its own SVN and version, judged by its identity. */
static size_t first_tdx(struct lk_bytes svn)
{
    return svn.data[1] > 0 ? 2 : 0;
}

/* Adds "sgx 7: 3 < 5" for each component of the platform that the level has higher. True when there is none. */
static bool compare(const struct lk_tcb_input *in, struct lk_bytes tee_svn, const struct lk_tcb_level *level,
                    struct lk_buf *out)
{
    size_t before = out->len;
    for (unsigned i = 0; i < LK_TCB_COMPONENTS; i++)
        if (in->pck->components[i] < level->sgx[i])
            lk_put_fmt(out, "sgx %u: %u < %u, ", i + 1, in->pck->components[i], level->sgx[i]);
    if (in->pck->pce_svn < level->pce_svn)
        lk_put_fmt(out, "pce: %u < %u, ", in->pck->pce_svn, level->pce_svn);
    if (in->quote->tdx)
        for (size_t i = first_tdx(tee_svn); i < LK_TCB_COMPONENTS; i++)
            if (tee_svn.data[i] < level->tdx[i])
                lk_put_fmt(out, "tdx %zu: %u < %u, ", i + 1, tee_svn.data[i], level->tdx[i]);
    return out->len == before;
}

static lk_result not_supported(const struct lk_tcb_input *in, struct lk_bytes tee_svn, const struct lk_tcb_level *lowest)
{
    LK_BUF_AUTO text = lk_buf(4 * LK_TCB_TEXT);
    char level[64];
    compare(in, tee_svn, lowest, &text);
    const char *actual = keep(in->arena, &text, SEPARATOR);
    LK_REQUIRE(actual != NULL, MEMORY);
    snprintf(level, sizeof(level), "the lowest level, %s", lk_tcb_status_words[lowest->status]);
    return lk_dcap_fail(in->say, LK_R_DCAP_TCB_NOT_SUPPORTED, "tcbLevels", level, actual);
}

static lk_result platform_level(const struct lk_tcb_input *in, struct lk_bytes tee_svn, const struct lk_tcb_level **out)
{
    for (size_t i = 0; i < in->info->n_levels; i++) {
        LK_BUF_AUTO unused = lk_buf(LK_TCB_TEXT * 4);
        *out = &in->info->levels[i];
        if (compare(in, tee_svn, *out, &unused))
            return LK_OK;
    }
    return not_supported(in, tee_svn, *out);
}

/* ---- the TDX module ---- */

static const struct lk_tdx_module *module_of(const struct lk_tcb_info *info, uint8_t version)
{
    char id[8];
    if (version == 0)
        return &info->module;
    snprintf(id, sizeof(id), "TDX_%02X", version);
    for (size_t i = 0; i < info->modules.n; i++)
        if (lk_bytes_eq(lk_bytes_str(id), info->modules.m[i].id))
            return &info->modules.m[i];
    return NULL;
}

static lk_result check_module(const struct lk_tcb_input *in, const struct lk_tdx_module *m)
{
    uint8_t attributes[8];
    uint64_t v = in->quote->td.seam_attributes;
    for (size_t i = 0; i < sizeof(attributes); i++)
        attributes[i] = (uint8_t)(v >> 8 * i);
    if (!lk_bytes_eq(in->quote->td.mr_signer_seam, LK_BYTES(m->mr_signer)))
        return lk_dcap_fail(in->say, LK_R_DCAP_MODULE, "MRSIGNERSEAM", NULL, NULL);
    if (v != 0 || !masked_equal(LK_BYTES(attributes), m->attributes, m->attributes_mask))
        return lk_dcap_fail(in->say, LK_R_DCAP_MODULE, "SEAMATTRIBUTES", NULL, NULL);
    return LK_OK;
}

/* *level stays NULL for a module before 1.5: the platform's levels speak for it. */
static lk_result module_level(const struct lk_tcb_input *in, struct lk_bytes tee_svn, const struct lk_svn_level **level)
{
    char version[8];
    snprintf(version, sizeof(version), "TDX_%02X", tee_svn.data[1]);
    const struct lk_tdx_module *m = module_of(in->info, tee_svn.data[1]);
    *level = NULL;
    if (m == NULL)
        return lk_dcap_fail(in->say, LK_R_DCAP_MODULE_UNKNOWN, version, "an identity", "none");
    LK_TRY(check_module(in, m));
    if (tee_svn.data[1] == 0)
        return LK_OK;
    *level = svn_level(m->levels, tee_svn.data[0]);
    return *level != NULL ? LK_OK : fail_svn(in, LK_R_DCAP_MODULE_UNKNOWN, version, m->levels, tee_svn.data[0]);
}

/* ---- one evaluation ---- */

struct matched {
    const struct lk_tcb_level *platform;
    const struct lk_svn_level *module, *qe; /* module: NULL when it has no levels of its own */
    enum lk_tcb_status status;
};

static lk_result match(const struct lk_tcb_input *in, struct lk_bytes tee_svn, struct matched *m)
{
    m->module = NULL;
    if (in->quote->tdx)
        LK_TRY(module_level(in, tee_svn, &m->module));
    LK_TRY(platform_level(in, tee_svn, &m->platform));
    m->qe = svn_level(in->identity->levels, in->quote->qe.isv_svn);
    if (m->qe == NULL)
        return fail_svn(in, LK_R_DCAP_QE_NOT_SUPPORTED, "ISVSVN", in->identity->levels, in->quote->qe.isv_svn);
    m->status = lk_tcb_converge(m->platform->status, m->qe->status);
    if (m->module != NULL)
        m->status = lk_tcb_converge(m->status, m->module->status);
    return LK_OK;
}

/* ---- what is told ---- */

static int less(struct lk_bytes a, struct lk_bytes b)
{
    int c = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

/* Insertion into a sorted list, each once. */
static void add_advisories(struct lk_bytes *list, size_t *n, struct lk_tcb_advisories from)
{
    for (size_t i = 0; i < from.n; i++) {
        size_t at = 0;
        while (at < *n && less(list[at], from.ids[i]) < 0)
            at++;
        if (at < *n && less(list[at], from.ids[i]) == 0)
            continue;
        memmove(&list[at + 1], &list[at], (*n - at) * sizeof(*list));
        list[at] = from.ids[i];
        (*n)++;
    }
}

static const struct lk_member *advisories(const struct lk_tcb_input *in, const struct matched *m, size_t *count)
{
    struct lk_bytes *list = lk_arena_array(in->arena, ADVISORIES_MAX, sizeof(*list));
    struct lk_member *members = lk_arena_array(in->arena, ADVISORIES_MAX, sizeof(*members));
    size_t n = 0;
    if (list == NULL || members == NULL)
        return NULL;
    add_advisories(list, &n, m->platform->advisories);
    add_advisories(list, &n, m->qe->advisories);
    if (m->module != NULL)
        add_advisories(list, &n, m->module->advisories);
    for (size_t i = 0; i < n; i++)
        members[i].name = list[i];
    *count = n;
    return members;
}

static void put_svn_short(struct lk_buf *out, const char *what, struct lk_svn_levels levels, uint16_t svn)
{
    if (levels.n > 0 && svn < levels.l[0].isv_svn)
        lk_put_fmt(out, "%s: %u < %u, ", what, svn, levels.l[0].isv_svn);
}

/* Against the highest levels: what an update would have to raise. */
static const char *shortfall(const struct lk_tcb_input *in, const struct matched *m)
{
    struct lk_bytes svn = in->quote->td.tee_tcb_svn;
    LK_BUF_AUTO text = lk_buf(4 * LK_TCB_TEXT);
    compare(in, svn, &in->info->levels[0], &text);
    if (m->module != NULL)
        put_svn_short(&text, "module", module_of(in->info, svn.data[1])->levels, svn.data[0]);
    put_svn_short(&text, "qe", in->identity->levels, in->quote->qe.isv_svn);
    return keep(in->arena, &text, SEPARATOR);
}

static int64_t earliest(const struct matched *m)
{
    int64_t date = m->platform->date < m->qe->date ? m->platform->date : m->qe->date;
    return m->module != NULL && m->module->date < date ? m->module->date : date;
}

static lk_result check_platform(const struct lk_tcb_input *in)
{
    if (!lk_bytes_eq(in->pck->fmspc, LK_BYTES(in->info->fmspc)))
        return lk_report_add_hex(in->say->to, LK_R_DCAP_COLLATERAL_PLATFORM, in->say->item, "FMSPC", in->pck->fmspc,
                                 LK_BYTES(in->info->fmspc));
    if (!lk_bytes_eq(in->pck->pce_id, LK_BYTES(in->info->pce_id)))
        return lk_report_add_hex(in->say->to, LK_R_DCAP_COLLATERAL_PLATFORM, in->say->item, "PCEID", in->pck->pce_id,
                                 LK_BYTES(in->info->pce_id));
    return LK_OK;
}

lk_result lk_tcb_evaluate(const struct lk_tcb_input *in, struct lk_tcb_result *out)
{
    struct matched launch, current;
    const struct lk_td_body *td = &in->quote->td;
    *out = (struct lk_tcb_result){0};
    LK_TRY(check_qe(in));
    LK_TRY(check_platform(in));
    LK_TRY(match(in, td->tee_tcb_svn, &launch));
    out->status = launch.status;
    if (td->tee_tcb_svn2.data != NULL) {
        LK_TRY(match(in, td->tee_tcb_svn2, &current));
        out->has_current = true;
        out->current = current.status;
        out->status = lk_tcb_relaunch(launch.status, current.status);
    }
    out->platform = launch.platform->status;
    out->qe = launch.qe->status;
    out->has_module = launch.module != NULL;
    out->module = out->has_module ? launch.module->status : LK_TCB_UP_TO_DATE;
    out->date = earliest(&launch);
    out->advisories = advisories(in, &launch, &out->n_advisories);
    out->shortfall = shortfall(in, &launch);
    LK_REQUIRE(out->advisories != NULL && out->shortfall != NULL, MEMORY);
    return LK_OK;
}
