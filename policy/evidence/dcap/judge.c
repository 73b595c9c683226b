/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/dcap/item.h"

#include "proto/base/collateral.h"

#include <stdio.h>
#include <string.h>

#define PCK_CHAIN_CERTS 3

const struct lk_part lk_dcap_parts[LK_DCAP_PARTS] = {
    {"quote", LK_QUOTE_MAX, true, "the quote (outblob of configfs-tsm), with the PCK chain inside"},
    {"tcb-info", LK_COLLATERAL_MAX, false, "TCB Info as Intel's service answers, JSON"},
    {"qe-identity", LK_COLLATERAL_MAX, false, "QE Identity as Intel's service answers, JSON"},
    {"tcb-chain", 16384, false, "TCB signing certificate and SGX root, PEM or DER"},
    {"pck-crl", LK_DCAP_CRL_MAX, false, "revocation list of the PCK certificate's CA, DER"},
    {"root-crl", LK_DCAP_CRL_MAX, false, "revocation list of the SGX root, DER"},
};

/* Most quotes end the PEM with a NUL. */
static struct lk_bytes without_nul(struct lk_bytes pem)
{
    return pem.len > 0 && pem.data[pem.len - 1] == 0 ? lk_bytes(pem.data, pem.len - 1) : pem;
}

static lk_result quote_certs(const struct lk_family_input *in, const struct lk_dcap_say *say, struct lk_item *item)
{
    if (item->quote.certification != LK_CERTIFICATION_PCK_CHAIN)
        return LK_OK;
    item->pool.n = PCK_CHAIN_CERTS;
    lk_result r = lk_certs_split(without_nul(item->quote.certification_data), in->arena, item->pool.certs, &item->pool.n);
    item->n_quote = item->pool.n;
    return lk_ok(r) ? r : lk_dcap_fail(say, r.code, "certification data", NULL, NULL);
}

lk_result lk_dcap_parse(const struct lk_family_input *in, uint32_t tee, const char *family, struct lk_item **out)
{
    struct lk_dcap_say say = {in->report, family};
    *out = LK_ARENA_NEW(in->arena, struct lk_item);
    LK_REQUIRE(*out != NULL, MEMORY);
    LK_TRY(lk_quote_read(in->parts[LK_DCAP_PART_QUOTE], tee, &say, &(*out)->quote));
    return quote_certs(in, &say, *out);
}

/* ---- collateral ---- */

/* The broker's own first: by its full name, then by the name of a flat folder's file; then the evidence's. */
static struct lk_bytes collateral(const struct lk_family_input *in, enum lk_dcap_part part, const char *name)
{
    char flat[32];
    struct lk_bytes found = lk_trust_collateral(in->trust, name);
    snprintf(flat, sizeof(flat), "dcap/%s", lk_dcap_parts[part].name);
    if (found.data == NULL)
        found = lk_trust_collateral(in->trust, flat);
    return found.data != NULL ? found : in->parts[part];
}

static lk_result missing(const struct lk_dcap_say *say, enum lk_dcap_part part, const char *name)
{
    lk_report_missing(say->to, LK_R_DCAP_COLLATERAL_MISSING, name, "");
    return lk_dcap_fail(say, LK_R_DCAP_COLLATERAL_MISSING, lk_dcap_parts[part].name, name, "none");
}

/* A failure of what has the name, if it is the broker's own. */
static lk_result blame(const struct lk_family_input *in, const struct lk_dcap_say *say, size_t before, lk_result r,
                       const char *name)
{
    if (lk_ok(r))
        return r;
    if (lk_trust_collateral(in->trust, name).data != NULL)
        return lk_collateral_blame(say->to, before, r, say->item, name);
    if (lk_class_of(r) == LK_CLASS_CANNOT_JUDGE)
        lk_report_missing(say->to, r.code, name, "");
    return r;
}

static lk_result add_tcb_chain(const struct lk_family_input *in, const struct lk_dcap_say *say, struct lk_item *item)
{
    size_t n = LK_DCAP_CERTS_MAX - item->n_quote;
    struct lk_bytes chain = collateral(in, LK_DCAP_PART_TCB_CHAIN, "sgx/tcb-chain");
    if (chain.data == NULL)
        return missing(say, LK_DCAP_PART_TCB_CHAIN, "sgx/tcb-chain");
    lk_result r = lk_certs_split(chain, in->arena, item->pool.certs + item->n_quote, &n);
    item->pool.n = item->n_quote + n;
    size_t before = say->to->n;
    return lk_ok(r) ? r : blame(in, say, before, lk_dcap_fail(say, r.code, "tcb-chain", NULL, NULL), "sgx/tcb-chain");
}

/* The CA in the root's list and the PCK certificate in its CA's. */
static lk_result check_lists(const struct lk_family_input *in, const struct lk_dcap_say *say, const struct lk_item *item,
                             struct lk_bytes *root_crl)
{
    const char *name = item->path.platform ? "sgx/pck-crl/platform" : "sgx/pck-crl/processor";
    struct lk_bytes crl = collateral(in, LK_DCAP_PART_PCK_CRL, name);
    *root_crl = collateral(in, LK_DCAP_PART_ROOT_CRL, "sgx/root-crl");
    if (root_crl->data == NULL)
        return missing(say, LK_DCAP_PART_ROOT_CRL, "sgx/root-crl");
    if (crl.data == NULL)
        return missing(say, LK_DCAP_PART_PCK_CRL, name);
    size_t before = say->to->n;
    lk_result r = lk_dcap_crl_check(lk_trust_cache(in->trust), *root_crl, item->path.root, item->path.ca, in->at, say, "root-crl");
    LK_TRY(blame(in, say, before, r, "sgx/root-crl"));
    r = lk_dcap_crl_check(lk_trust_cache(in->trust), crl, item->path.ca, item->path.leaf, in->at, say, "pck-crl");
    return blame(in, say, before, r, name);
}

static lk_result read_documents(const struct lk_family_input *in, const struct lk_dcap_say *say, struct lk_item *item,
                                const struct lk_cert *signer)
{
    struct lk_collateral_input c = {LK_BYTES_NONE, lk_trust_cache(in->trust), signer, in->at, item->quote.tdx, in->arena, say};
    char name[48], fmspc[13];
    lk_hex(item->pck.fmspc, fmspc, sizeof(fmspc));
    snprintf(name, sizeof(name), "%s/tcb-info/%s", say->item, fmspc);
    c.body = collateral(in, LK_DCAP_PART_TCB_INFO, name);
    if (c.body.data == NULL)
        return missing(say, LK_DCAP_PART_TCB_INFO, name);
    size_t before = say->to->n;
    LK_TRY(blame(in, say, before, lk_tcb_info_read(&c, &item->info), name));
    snprintf(name, sizeof(name), "%s/qe-identity", say->item);
    c.body = collateral(in, LK_DCAP_PART_QE_IDENTITY, name);
    if (c.body.data == NULL)
        return missing(say, LK_DCAP_PART_QE_IDENTITY, name);
    return blame(in, say, before, lk_qe_identity_read(&c, &item->identity), name);
}

static lk_result check_collateral(const struct lk_family_input *in, const struct lk_dcap_say *say, struct lk_item *item)
{
    struct lk_dcap_path signer;
    struct lk_bytes root_crl;
    LK_TRY(check_lists(in, say, item, &root_crl));
    LK_TRY(add_tcb_chain(in, say, item));
    size_t before = say->to->n;
    LK_TRY(blame(in, say, before, lk_dcap_signer_path(in, say, &item->pool, &signer), "sgx/tcb-chain"));
    lk_result r = lk_dcap_crl_check(lk_trust_cache(in->trust), root_crl, signer.root, signer.leaf, in->at, say, "root-crl");
    LK_TRY(blame(in, say, before, r, "sgx/root-crl"));
    return read_documents(in, say, item, signer.leaf);
}

/* ---- authenticate ---- */

static lk_result pck_missing(const struct lk_item *item, const struct lk_dcap_say *say)
{
    static const char *const words[] = {[LK_CERTIFICATION_PPID] = "PPID", [LK_CERTIFICATION_PPID_RSA2048] = "encrypted PPID",
                                        [LK_CERTIFICATION_PPID_RSA3072] = "encrypted PPID",
                                        [LK_CERTIFICATION_PCK] = "PCK certificate without its chain"};
    return lk_dcap_fail(say, LK_R_DCAP_PCK_MISSING, "certification data", "PCK certificate chain (type 5)",
                        words[item->quote.certification]);
}

static void add_line(const struct lk_family_input *in, struct lk_anchoring *how, const char *line)
{
    how->path[how->n_path++] = lk_arena_str(in->arena, line, strlen(line));
}

static void describe(const struct lk_family_input *in, const struct lk_item *item, struct lk_anchoring *how)
{
    const struct lk_tcb_result *t = &item->tcb;
    const char *anchor = item->path.anchor;
    char line[LK_TCB_TEXT], fmspc[13];
    how->rooted = true;
    snprintf(how->anchor, sizeof(how->anchor), "%s", anchor == NULL ? "Intel SGX Root CA" : anchor);
    add_line(in, how, anchor == NULL ? "Intel SGX Root CA, pinned key" : "Intel SGX Root CA, added by an admin");
    add_line(in, how, item->path.platform ? "PCK Platform CA" : "PCK Processor CA");
    lk_hex(item->pck.fmspc, fmspc, sizeof(fmspc));
    snprintf(line, sizeof(line), "PCK certificate, FMSPC %s", fmspc);
    add_line(in, how, line);
    snprintf(line, sizeof(line), "TCB %s, short of the highest level: %s", lk_tcb_status_words[t->status], t->shortfall);
    add_line(in, how, line);
}

/*
 * What is forged is told before what is missing: signatures first, by certificates of whatever date, then dates, lists
 * and documents, then what they say.
 */
lk_result lk_dcap_authenticate(const struct lk_family_input *in, const char *family, struct lk_item *item,
                               struct lk_anchoring *how)
{
    struct lk_dcap_say say = {in->report, family};
    struct lk_tcb_input tcb = {&item->quote, &item->pck, &item->info, &item->identity, &say, in->arena};
    if (item->quote.certification != LK_CERTIFICATION_PCK_CHAIN)
        return pck_missing(item, &say);
    LK_TRY(lk_dcap_pck_path(in, &say, &item->pool, item->n_quote, &item->path));
    LK_TRY(lk_pck_read(lk_dcap_sgx_extension(item->path.leaf), &say, &item->pck));
    LK_TRY(lk_dcap_signatures(&item->quote, item->path.leaf, &say));
    LK_TRY(lk_dcap_path_dates(in, &say, &item->path));
    LK_TRY(check_collateral(in, &say, item));
    LK_TRY(lk_tcb_evaluate(&tcb, &item->tcb));
    describe(in, item, how);
    return LK_OK;
}
