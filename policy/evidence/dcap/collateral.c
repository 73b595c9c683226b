/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/dcap/collateral.h"

#include "policy/chain/verify.h"
#include "proto/base/clock.h"
#include "proto/base/json.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const char *const lk_tcb_status_words[LK_TCB_STATUSES + 1] = {
    [LK_TCB_UP_TO_DATE] = "UpToDate",
    [LK_TCB_SW_HARDENING] = "SWHardeningNeeded",
    [LK_TCB_CONFIGURATION] = "ConfigurationNeeded",
    [LK_TCB_CONFIGURATION_AND_SW_HARDENING] = "ConfigurationAndSWHardeningNeeded",
    [LK_TCB_OUT_OF_DATE] = "OutOfDate",
    [LK_TCB_OUT_OF_DATE_CONFIGURATION] = "OutOfDateConfigurationNeeded",
    [LK_TCB_REVOKED] = "Revoked",
    [LK_TCB_RELAUNCH] = "TDRelaunchAdvised",
    [LK_TCB_RELAUNCH_CONFIGURATION] = "TDRelaunchAdvisedConfigurationNeeded",
};

/* ---- the signed body ---- */

struct signed_body {
    struct lk_bytes inner;
    uint8_t signature[64];
};

static lk_result verified(const struct lk_collateral_input *in, const char *member, struct lk_bytes *inner)
{
    struct signed_body body = {0};
    const struct lk_json_member table[] = {LK_JSON_MEMBER(member, lk_json_raw, struct signed_body, inner),
                                           LK_JSON_MEMBER("signature", lk_json_hex, struct signed_body, signature)};
    struct lk_json j = lk_json(in->body, in->arena);
    lk_json_object(&j, table, COUNT(table), &body);
    if (in->body.len > LK_COLLATERAL_MAX || !lk_ok(lk_json_end(&j)))
        return lk_dcap_fail(in->say, LK_R_DCAP_COLLATERAL_FORM, member, NULL, NULL);
    lk_result r = lk_cert_verify(in->cache, in->signer, LK_SCHEME_ECDSA_P256_SHA256, body.inner, LK_BYTES(body.signature));
    if (r.code == LK_R_SIGNATURE_INVALID)
        return lk_dcap_fail(in->say, LK_R_DCAP_COLLATERAL_SIGNATURE, member, NULL, NULL);
    *inner = body.inner;
    return r;
}

static lk_result in_force(const struct lk_collateral_input *in, const char *member, int64_t issued, int64_t next_update)
{
    char limit[24], at[24];
    bool early = in->at < issued;
    if (!early && in->at <= next_update)
        return LK_OK;
    lk_time_format(early ? issued : next_update, limit, sizeof(limit));
    lk_time_format(in->at, at, sizeof(at));
    return lk_dcap_fail(in->say, early ? LK_R_DCAP_COLLATERAL_NOT_YET_VALID : LK_R_DCAP_COLLATERAL_EXPIRED, member,
                        limit, at);
}

/* ---- levels ---- */

static void read_status(struct lk_json *j, void *field, size_t size)
{
    struct lk_bytes text = {0};
    lk_json_text(j, &text, sizeof(text));
    for (int i = 0; i < LK_TCB_IN_DOCUMENTS && size == sizeof(enum lk_tcb_status); i++)
        if (lk_bytes_eq(lk_bytes_str(lk_tcb_status_words[i]), text)) {
            *(enum lk_tcb_status *)field = (enum lk_tcb_status)i;
            return;
        }
    lk_cursor_fail(&j->c);
}

static void read_advisories(struct lk_json *j, void *field, size_t size)
{
    struct lk_json_array list;
    (void)size;
    lk_json_array(j, &list, LK_TCB_ADVISORIES_MAX, sizeof(struct lk_bytes), lk_json_text);
    *(struct lk_tcb_advisories *)field = (struct lk_tcb_advisories){list.elements, list.n};
}

static void read_isv_svn(struct lk_json *j, void *field, size_t size)
{
    const struct lk_json_member table[] = {{"isvsvn", lk_json_uint, 0, size, false}};
    lk_json_object(j, table, COUNT(table), field);
}

static void read_svn_level(struct lk_json *j, void *field, size_t size)
{
    static const struct lk_json_member table[] = {
        LK_JSON_MEMBER("tcb", read_isv_svn, struct lk_svn_level, isv_svn),
        LK_JSON_MEMBER("tcbDate", lk_json_time, struct lk_svn_level, date),
        LK_JSON_MEMBER("tcbStatus", read_status, struct lk_svn_level, status),
        LK_JSON_OPTIONAL("advisoryIDs", read_advisories, struct lk_svn_level, advisories),
    };
    (void)size;
    struct lk_svn_level *level = field;
    lk_json_object(j, table, COUNT(table), level);
    if (level->status != LK_TCB_UP_TO_DATE && level->status != LK_TCB_OUT_OF_DATE && level->status != LK_TCB_REVOKED)
        lk_cursor_fail(&j->c);
}

static void read_svn_levels(struct lk_json *j, void *field, size_t size)
{
    struct lk_json_array list;
    (void)size;
    lk_json_array(j, &list, LK_TCB_MODULE_LEVELS_MAX, sizeof(struct lk_svn_level), read_svn_level);
    const struct lk_svn_level *l = list.elements;
    for (size_t i = 0; i < list.n && !j->c.failed; i++)
        for (size_t k = 0; k < i; k++)
            if (l[i].isv_svn == l[k].isv_svn)
                lk_cursor_fail(&j->c);
    *(struct lk_svn_levels *)field = (struct lk_svn_levels){l, list.n};
}

/* ---- TCB Info ---- */

/* What a level's tcb may hold: version 2 writes sixteen flat members, version 3 arrays. */
struct tcb_members {
    uint16_t flat[LK_TCB_COMPONENTS]; /* FLAT_ABSENT where there is none */
    struct lk_bytes sgx, tdx;         /* raw arrays */
    uint16_t pce_svn;
};
#define FLAT_ABSENT UINT16_MAX

struct raw_level {
    struct tcb_members tcb;
    enum lk_tcb_status status;
    int64_t date;
    struct lk_tcb_advisories advisories;
};

struct raw_module {
    struct lk_tdx_module module;
    bool there;
};

struct raw_info {
    struct lk_tcb_info info;
    struct raw_module module;
    struct lk_bytes id;
    uint16_t tcb_type;
    struct lk_json_array levels;
};

static void read_component(struct lk_json *j, void *field, size_t size)
{
    const struct lk_json_member table[] = {{"svn", lk_json_uint, 0, size, false}};
    lk_json_object(j, table, COUNT(table), field);
}

static void read_tcb(struct lk_json *j, void *field, size_t size)
{
    static const char *const names[LK_TCB_COMPONENTS] = {
        "sgxtcbcomp01svn", "sgxtcbcomp02svn", "sgxtcbcomp03svn", "sgxtcbcomp04svn", "sgxtcbcomp05svn", "sgxtcbcomp06svn",
        "sgxtcbcomp07svn", "sgxtcbcomp08svn", "sgxtcbcomp09svn", "sgxtcbcomp10svn", "sgxtcbcomp11svn", "sgxtcbcomp12svn",
        "sgxtcbcomp13svn", "sgxtcbcomp14svn", "sgxtcbcomp15svn", "sgxtcbcomp16svn"};
    struct lk_json_member table[LK_TCB_COMPONENTS + 3] = {
        LK_JSON_MEMBER("pcesvn", lk_json_uint, struct tcb_members, pce_svn),
        LK_JSON_OPTIONAL("sgxtcbcomponents", lk_json_raw, struct tcb_members, sgx),
        LK_JSON_OPTIONAL("tdxtcbcomponents", lk_json_raw, struct tcb_members, tdx),
    };
    struct tcb_members *tcb = field;
    (void)size;
    for (size_t i = 0; i < LK_TCB_COMPONENTS; i++) {
        size_t at = offsetof(struct tcb_members, flat) + i * sizeof(tcb->flat[0]);
        table[3 + i] = (struct lk_json_member){names[i], lk_json_uint, at, sizeof(tcb->flat[0]), true};
        tcb->flat[i] = FLAT_ABSENT;
    }
    lk_json_object(j, table, COUNT(table), tcb);
}

static void read_level(struct lk_json *j, void *field, size_t size)
{
    static const struct lk_json_member table[] = {
        LK_JSON_MEMBER("tcb", read_tcb, struct raw_level, tcb),
        LK_JSON_MEMBER("tcbDate", lk_json_time, struct raw_level, date),
        LK_JSON_MEMBER("tcbStatus", read_status, struct raw_level, status),
        LK_JSON_OPTIONAL("advisoryIDs", read_advisories, struct raw_level, advisories),
    };
    (void)size;
    lk_json_object(j, table, COUNT(table), field);
}

static void read_levels(struct lk_json *j, void *field, size_t size)
{
    (void)size;
    lk_json_array(j, field, LK_TCB_LEVELS_MAX, sizeof(struct raw_level), read_level);
}

static void read_module_identity(struct lk_json *j, void *field, size_t size)
{
    static const struct lk_json_member table[] = {
        LK_JSON_MEMBER("id", lk_json_text, struct lk_tdx_module, id),
        LK_JSON_MEMBER("mrsigner", lk_json_hex, struct lk_tdx_module, mr_signer),
        LK_JSON_MEMBER("attributes", lk_json_hex, struct lk_tdx_module, attributes),
        LK_JSON_MEMBER("attributesMask", lk_json_hex, struct lk_tdx_module, attributes_mask),
        LK_JSON_MEMBER("tcbLevels", read_svn_levels, struct lk_tdx_module, levels),
    };
    (void)size;
    lk_json_object(j, table, COUNT(table), field);
}

static void read_modules(struct lk_json *j, void *field, size_t size)
{
    struct lk_json_array list;
    (void)size;
    lk_json_array(j, &list, LK_TCB_MODULES_MAX, sizeof(struct lk_tdx_module), read_module_identity);
    *(struct lk_tdx_modules *)field = (struct lk_tdx_modules){list.elements, list.n};
}

static void read_module(struct lk_json *j, void *field, size_t size)
{
    static const struct lk_json_member table[] = {
        LK_JSON_MEMBER("mrsigner", lk_json_hex, struct raw_module, module.mr_signer),
        LK_JSON_MEMBER("attributes", lk_json_hex, struct raw_module, module.attributes),
        LK_JSON_MEMBER("attributesMask", lk_json_hex, struct raw_module, module.attributes_mask),
    };
    struct raw_module *raw = field;
    (void)size;
    raw->there = true;
    lk_json_object(j, table, COUNT(table), raw);
}

static void components(struct lk_json *j, struct lk_bytes raw, uint8_t out[static LK_TCB_COMPONENTS])
{
    struct lk_json inner = lk_json(raw, j->arena);
    struct lk_json_array list;
    lk_json_array(&inner, &list, LK_TCB_COMPONENTS, 1, read_component);
    if (!lk_ok(lk_json_end(&inner)) || list.n != LK_TCB_COMPONENTS)
        lk_cursor_fail(&j->c);
    else
        memcpy(out, list.elements, LK_TCB_COMPONENTS);
}

/* All sixteen flat members, each a byte, or none of them. */
static bool flat_components(const struct tcb_members *tcb, bool demanded, uint8_t out[static LK_TCB_COMPONENTS])
{
    for (size_t i = 0; i < LK_TCB_COMPONENTS; i++) {
        if ((tcb->flat[i] != FLAT_ABSENT) != demanded || (demanded && tcb->flat[i] > UINT8_MAX))
            return false;
        out[i] = demanded ? (uint8_t)tcb->flat[i] : 0;
    }
    return true;
}

/* Each version has its members and not the other's. */
static void finish_level(struct lk_json *j, const struct lk_tcb_info *info, const struct raw_level *raw,
                         struct lk_tcb_level *out)
{
    const struct tcb_members *tcb = &raw->tcb;
    bool flat = info->version == 2;
    *out = (struct lk_tcb_level){.pce_svn = tcb->pce_svn, .status = raw->status, .date = raw->date,
                                 .advisories = raw->advisories};
    if (!flat_components(tcb, flat, out->sgx) || (tcb->sgx.data == NULL) != flat || (tcb->tdx.data != NULL) != info->tdx)
        lk_cursor_fail(&j->c);
    if (!flat && !j->c.failed)
        components(j, tcb->sgx, out->sgx);
    if (info->tdx && !j->c.failed)
        components(j, tcb->tdx, out->tdx);
}

static bool same_level(const struct lk_tcb_level *a, const struct lk_tcb_level *b)
{
    return a->pce_svn == b->pce_svn && memcmp(a->sgx, b->sgx, sizeof(a->sgx)) == 0 &&
           memcmp(a->tdx, b->tdx, sizeof(a->tdx)) == 0;
}

static void finish_levels(struct lk_json *j, struct raw_info *raw)
{
    struct lk_tcb_level *levels = lk_arena_array(j->arena, LK_TCB_LEVELS_MAX, sizeof(*levels));
    const struct raw_level *from = raw->levels.elements;
    if (levels == NULL || raw->levels.n == 0)
        lk_cursor_fail(&j->c);
    for (size_t i = 0; i < raw->levels.n && !j->c.failed; i++) {
        finish_level(j, &raw->info, &from[i], &levels[i]);
        for (size_t k = 0; k < i; k++)
            if (same_level(&levels[i], &levels[k]))
                lk_cursor_fail(&j->c);
    }
    raw->info.levels = levels;
    raw->info.n_levels = raw->levels.n;
}

static void finish_info(struct lk_json *j, struct raw_info *raw)
{
    struct lk_tcb_info *info = &raw->info;
    info->tdx = lk_bytes_eq(raw->id, lk_bytes_str("TDX"));
    bool sgx = lk_bytes_eq(raw->id, lk_bytes_str("SGX"));
    bool named = info->version == 3 ? info->tdx || sgx : raw->id.data == NULL;
    if (info->version < 2 || info->version > 3 || !named || raw->tcb_type != 0 || raw->module.there != info->tdx ||
        (info->modules.m != NULL && !info->tdx))
        lk_cursor_fail(&j->c);
    info->module = raw->module.module;
    if (!j->c.failed)
        finish_levels(j, raw);
}

lk_result lk_tcb_info_read(const struct lk_collateral_input *in, struct lk_tcb_info *out)
{
    static const struct lk_json_member table[] = {
        LK_JSON_OPTIONAL("id", lk_json_text, struct raw_info, id),
        LK_JSON_MEMBER("version", lk_json_uint, struct raw_info, info.version),
        LK_JSON_MEMBER("issueDate", lk_json_time, struct raw_info, info.issued),
        LK_JSON_MEMBER("nextUpdate", lk_json_time, struct raw_info, info.next_update),
        LK_JSON_MEMBER("fmspc", lk_json_hex, struct raw_info, info.fmspc),
        LK_JSON_MEMBER("pceId", lk_json_hex, struct raw_info, info.pce_id),
        LK_JSON_MEMBER("tcbType", lk_json_uint, struct raw_info, tcb_type),
        LK_JSON_MEMBER("tcbEvaluationDataNumber", lk_json_uint, struct raw_info, info.evaluation_number),
        LK_JSON_OPTIONAL("tdxModule", read_module, struct raw_info, module),
        LK_JSON_OPTIONAL("tdxModuleIdentities", read_modules, struct raw_info, info.modules),
        LK_JSON_MEMBER("tcbLevels", read_levels, struct raw_info, levels),
    };
    struct raw_info raw = {0};
    struct lk_bytes inner;
    LK_TRY(verified(in, "tcbInfo", &inner));
    struct lk_json j = lk_json(inner, in->arena);
    lk_json_object(&j, table, COUNT(table), &raw);
    if (!j.c.failed)
        finish_info(&j, &raw);
    if (!lk_ok(lk_json_end(&j)))
        return lk_dcap_fail(in->say, LK_R_DCAP_COLLATERAL_FORM, "tcbInfo", NULL, NULL);
    if (raw.info.tdx != in->tdx)
        return lk_dcap_fail(in->say, LK_R_DCAP_COLLATERAL_KIND, "tcbInfo", in->tdx ? "TDX" : "SGX",
                            in->tdx ? "SGX" : "TDX");
    *out = raw.info;
    return in_force(in, "tcbInfo", out->issued, out->next_update);
}

/* ---- QE Identity ---- */

struct raw_identity {
    struct lk_qe_identity identity;
    struct lk_bytes id;
    uint16_t version;
};

lk_result lk_qe_identity_read(const struct lk_collateral_input *in, struct lk_qe_identity *out)
{
    static const struct lk_json_member table[] = {
        LK_JSON_MEMBER("id", lk_json_text, struct raw_identity, id),
        LK_JSON_MEMBER("version", lk_json_uint, struct raw_identity, version),
        LK_JSON_MEMBER("issueDate", lk_json_time, struct raw_identity, identity.issued),
        LK_JSON_MEMBER("nextUpdate", lk_json_time, struct raw_identity, identity.next_update),
        LK_JSON_MEMBER("tcbEvaluationDataNumber", lk_json_uint, struct raw_identity, identity.evaluation_number),
        LK_JSON_MEMBER("miscselect", lk_json_hex, struct raw_identity, identity.misc_select),
        LK_JSON_MEMBER("miscselectMask", lk_json_hex, struct raw_identity, identity.misc_select_mask),
        LK_JSON_MEMBER("attributes", lk_json_hex, struct raw_identity, identity.attributes),
        LK_JSON_MEMBER("attributesMask", lk_json_hex, struct raw_identity, identity.attributes_mask),
        LK_JSON_MEMBER("mrsigner", lk_json_hex, struct raw_identity, identity.mr_signer),
        LK_JSON_MEMBER("isvprodid", lk_json_uint, struct raw_identity, identity.isv_prod_id),
        LK_JSON_MEMBER("tcbLevels", read_svn_levels, struct raw_identity, identity.levels),
    };
    struct raw_identity raw = {0};
    struct lk_bytes inner;
    LK_TRY(verified(in, "enclaveIdentity", &inner));
    struct lk_json j = lk_json(inner, in->arena);
    lk_json_object(&j, table, COUNT(table), &raw);
    if (!lk_ok(lk_json_end(&j)) || raw.version != 2)
        return lk_dcap_fail(in->say, LK_R_DCAP_COLLATERAL_FORM, "enclaveIdentity", NULL, NULL);
    raw.identity.tdx = in->tdx;
    if (!lk_bytes_eq(raw.id, lk_bytes_str(in->tdx ? "TD_QE" : "QE")))
        return lk_dcap_fail(in->say, LK_R_DCAP_COLLATERAL_KIND, "enclaveIdentity", in->tdx ? "TD_QE" : "QE",
                            in->tdx ? "not TD_QE" : "not QE");
    *out = raw.identity;
    return in_force(in, "enclaveIdentity", out->issued, out->next_update);
}
