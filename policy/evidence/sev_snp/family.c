/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/chain/cert.h"
#include "policy/chain/verify.h"
#include "policy/evidence/sev_snp/cert_table.h"
#include "policy/evidence/sev_snp/crl.h"
#include "policy/evidence/sev_snp/item.h"
#include "policy/evidence/sev_snp/profile.h"
#include "proto/base/collateral.h"

#include <openssl/x509.h>

#include <stdio.h>
#include <string.h>

#define ITEM "sev-snp"
#define TPM_ALG_SHA256 0x000b
#define TPM_ALG_SHA384 0x000c
#define TPM_ALG_SHA512 0x000d
#define VEK_NAME 192

static const struct lk_part parts[LK_SNP_PARTS] = {
    {"report", 4096, true, "ATTESTATION_REPORT, 1184 bytes (outblob of configfs-tsm)"},
    {"vek", 16384, false, "certificate of the VCEK or VLEK, DER or PEM"},
    {"chain", 49152, false, "ASK (or ASVK) and ARK, DER or PEM, as cert_chain of AMD's key service"},
    {"crl", LK_SNP_CRL_MAX, false, "revocation list of the ARK, DER"},
    {"certs", 131072, false, "certificate table of the extended report (auxblob of configfs-tsm), instead of the others"},
};

static lk_result fail(const struct lk_family_input *in, enum lk_reason_code code, const char *rule)
{
    return lk_report_add(in->report, code, ITEM, rule, "", "");
}

/* One certificate, DER or PEM. */
static lk_result one_cert(const struct lk_family_input *in, struct lk_bytes part, const char *name, struct lk_bytes *out)
{
    size_t n = 1;
    if (part.data == NULL)
        return LK_OK;
    lk_result r = lk_certs_split(part, in->arena, out, &n);
    return lk_ok(r) ? r : fail(in, r.code, name);
}

static lk_result add_hint(const struct lk_family_input *in, struct lk_item *item, struct lk_bytes part)
{
    if (part.data == NULL)
        return LK_OK;
    if (item->n_hints == LK_SNP_HINTS_MAX)
        return fail(in, LK_R_SNP_CHAIN_EXTRA, "certs");
    return one_cert(in, part, "certs", &item->hints[item->n_hints++]);
}

/* What comes both as a part and in the table could be read either way. */
static lk_result take_table(const struct lk_family_input *in, struct lk_item *item)
{
    struct lk_bytes t[LK_SNP_ENTRIES] = {0};
    if (in->parts[LK_SNP_PART_CERTS].data == NULL)
        return LK_OK;
    LK_TRY(lk_snp_cert_table_read(in->parts[LK_SNP_PART_CERTS], in->report, t));
    bool vek = t[LK_SNP_ENTRY_VCEK].data != NULL || t[LK_SNP_ENTRY_VLEK].data != NULL;
    bool chain = t[LK_SNP_ENTRY_ASK].data != NULL || t[LK_SNP_ENTRY_ARK].data != NULL;
    if ((vek && item->vek_part.data != NULL) || (chain && item->n_hints > 0) ||
        (t[LK_SNP_ENTRY_CRL].data != NULL && item->crl.data != NULL))
        return fail(in, LK_R_SNP_PARTS_AMBIGUOUS, "certs");
    LK_TRY(one_cert(in, t[LK_SNP_ENTRY_VCEK], "certs", &item->vek_table[LK_SNP_VCEK]));
    LK_TRY(one_cert(in, t[LK_SNP_ENTRY_VLEK], "certs", &item->vek_table[LK_SNP_VLEK]));
    LK_TRY(add_hint(in, item, t[LK_SNP_ENTRY_ASK]));
    LK_TRY(add_hint(in, item, t[LK_SNP_ENTRY_ARK]));
    if (t[LK_SNP_ENTRY_CRL].data != NULL)
        item->crl = t[LK_SNP_ENTRY_CRL];
    return LK_OK;
}

static lk_result parse(const struct lk_family_input *in, struct lk_item **out)
{
    struct lk_item *item = LK_ARENA_NEW(in->arena, struct lk_item);
    LK_REQUIRE(item != NULL, MEMORY);
    LK_TRY(lk_snp_report_read(in->parts[LK_SNP_PART_REPORT], in->report, &item->report));
    LK_TRY(one_cert(in, in->parts[LK_SNP_PART_VEK], "vek", &item->vek_part));
    if (in->parts[LK_SNP_PART_CHAIN].data != NULL) {
        item->n_hints = LK_SNP_HINTS_MAX;
        lk_result r = lk_certs_split(in->parts[LK_SNP_PART_CHAIN], in->arena, item->hints, &item->n_hints);
        if (!lk_ok(r))
            return fail(in, r.code, "chain");
    }
    item->crl = in->parts[LK_SNP_PART_CRL];
    LK_TRY(take_table(in, item));
    *out = item;
    return LK_OK;
}

/* The significant bytes of CHIP_ID. A version 2 report is never Turin's. */
static struct lk_bytes chip_id(const struct lk_item *item, const struct lk_snp_product *product)
{
    return lk_bytes(item->report.chip_id.data, product == NULL ? item->report.chip_id.len : product->hwid_len);
}

/* name: VEK_NAME bytes. */
static void vek_name(const struct lk_item *item, char *name)
{
    const struct lk_snp_report *r = &item->report;
    char chip[129], tcb[17];
    lk_hex(chip_id(item, r->product), chip, sizeof(chip));
    lk_hex(r->reported_tcb, tcb, sizeof(tcb));
    if (r->signing_key == LK_SNP_VCEK)
        snprintf(name, VEK_NAME, "sev-snp/vek/%s/%s", chip, tcb);
    else
        snprintf(name, VEK_NAME, "sev-snp/vlek/%s/%s", r->product == NULL ? "unknown" : r->product->word, tcb);
}

static struct lk_bytes vek_collateral(const struct lk_family_input *in, const struct lk_item *item)
{
    char name[VEK_NAME];
    vek_name(item, name);
    return lk_trust_collateral(in->trust, name);
}

/* Says what to fetch, in the words of AMD's key service: product, TCB as its query, chip. */
static lk_result vek_missing(const struct lk_family_input *in, const struct lk_item *item)
{
    const struct lk_snp_report *r = &item->report;
    const struct lk_snp_product *layout = r->product != NULL ? r->product : lk_snp_product_by_cpuid(0x19, 0x01);
    char chip[LK_FINDING_TEXT + 1], tcb[LK_SNP_TCB_QUERY], want[LK_FINDING_TEXT], name[VEK_NAME];
    lk_snp_tcb_query(layout, r->reported_tcb.data, tcb);
    snprintf(want, sizeof(want), "%s %s %s", r->product == NULL ? "Milan or Genoa" : r->product->name,
             lk_snp_kind_name(r->signing_key), tcb);
    lk_hex(chip_id(item, r->product), chip, sizeof(chip));
    vek_name(item, name);
    lk_report_missing(in->report, LK_R_SNP_VEK_MISSING, name, r->product == NULL ? "" : r->product->word);
    return lk_report_add(in->report, LK_R_SNP_VEK_MISSING, ITEM, "vek", want, chip);
}

/* SIGNING_KEY decides which key it is, never what is there or in which order. */
static lk_result choose_vek(const struct lk_family_input *in, const struct lk_item *item, struct lk_bytes *out)
{
    enum lk_snp_kind kind = item->report.signing_key, other = kind == LK_SNP_VCEK ? LK_SNP_VLEK : LK_SNP_VCEK;
    *out = item->vek_part.data != NULL ? item->vek_part : item->vek_table[kind];
    if (out->data != NULL)
        return LK_OK;
    char name[VEK_NAME];
    size_t before = in->report->n;
    vek_name(item, name);
    LK_TRY(lk_collateral_blame(in->report, before, one_cert(in, vek_collateral(in, item), "collateral", out), ITEM, name));
    if (out->data != NULL)
        return LK_OK;
    if (item->vek_table[other].data != NULL)
        return lk_report_add(in->report, LK_R_SNP_VEK_KIND, ITEM, "certs", lk_snp_kind_name(kind),
                             lk_snp_kind_name(other));
    return vek_missing(in, item);
}

static lk_result check_product(const struct lk_family_input *in, const struct lk_item *item)
{
    const struct lk_snp_product *named = lk_snp_product_by_product_name(item->vek.product_name);
    if (item->vek.product_name.data == NULL)
        return fail(in, LK_R_SNP_VEK_EXTENSION_MISSING, "1.3.6.1.4.1.3704.1.2");
    if (named != item->product)
        return lk_report_add(in->report, LK_R_SNP_PRODUCT_MISMATCH, ITEM, "productName", item->product->word,
                             named == NULL ? "unknown" : named->word);
    return item->report.product != NULL ? LK_OK : lk_snp_report_check_product(&item->report, item->product, in->report);
}

/* A masked CHIP_ID cannot be compared; claim chip-id-masked tells the policy. */
static lk_result check_chip(const struct lk_family_input *in, const struct lk_item *item)
{
    if (item->report.signing_key == LK_SNP_VLEK || lk_bytes_zero(item->report.chip_id))
        return LK_OK;
    struct lk_bytes chip = chip_id(item, item->product);
    if (lk_bytes_eq(chip, item->vek.hwid))
        return LK_OK;
    return lk_report_add_hex(in->report, LK_R_SNP_CHIP_ID_MISMATCH, ITEM, "hwID", chip, item->vek.hwid);
}

static lk_result check_tcb(const struct lk_family_input *in, const struct lk_item *item)
{
    for (size_t i = 0; i < LK_SNP_TCB_BYTES; i++) {
        const struct lk_snp_tcb_part *part = &item->product->tcb[i];
        uint8_t reported = item->report.reported_tcb.data[i], certified = item->vek.spl[part->oid];
        if (reported != certified)
            return lk_report_add_uint(in->report, LK_R_SNP_TCB_MISMATCH, ITEM,
                                      part->name == NULL ? "reserved TCB byte" : part->name, reported, certified);
    }
    return LK_OK;
}

/* Ours beside the guest's: what ours revokes an older one cannot bring back; for the rest the guest's may be the better. */
static lk_result check_kept_crl(const struct lk_family_input *in, const struct lk_item *item, const struct lk_snp_path *path,
                                struct lk_bytes kept, const char *name)
{
    size_t before = in->report->n;
    lk_result r = lk_snp_crl_check(kept, path->ark, path->intermediate, in->at, in->report);
    if (lk_ok(r) || r.code == LK_R_CERT_REVOKED || item->crl.data == NULL)
        return lk_collateral_blame(in->report, before, r, ITEM, name);
    in->report->n = before;
    return LK_OK;
}

static lk_result check_crl(const struct lk_family_input *in, struct lk_item *item, const struct lk_snp_path *path)
{
    char name[64];
    snprintf(name, sizeof(name), "sev-snp/crl/%s", path->product->word);
    struct lk_bytes kept = lk_trust_collateral(in->trust, name);
    bool any = kept.data != NULL || item->crl.data != NULL;
    lk_report_missing(in->report, any ? LK_R_CRL_STALE : LK_R_CRL_MISSING, name, "");
    if (item->crl.data != NULL)
        LK_TRY(lk_snp_crl_check(item->crl, path->ark, path->intermediate, in->at, in->report));
    if (kept.data != NULL)
        LK_TRY(check_kept_crl(in, item, path, kept, name));
    item->crl_checked = any; /* without one claim crl tells the policy */
    return LK_OK;
}

static void describe(const struct lk_family_input *in, const struct lk_item *item, const struct lk_snp_path *path,
                     struct lk_anchoring *how)
{
    char line[128], chip[33];
    const char *word = path->product->name;
    how->rooted = true;
    snprintf(how->anchor, sizeof(how->anchor), "%s%s", path->anchor == NULL ? "ARK-" : "",
             path->anchor == NULL ? word : path->anchor);
    int n = snprintf(line, sizeof(line), "ARK-%s, %s", word, path->anchor == NULL ? "pinned" : "added by an admin");
    how->path[how->n_path++] = lk_arena_str(in->arena, line, (size_t)n);
    n = snprintf(line, sizeof(line), "SEV-%s%s", item->report.signing_key == LK_SNP_VLEK ? "VLEK-" : "", word);
    how->path[how->n_path++] = lk_arena_str(in->arena, line, (size_t)n);
    lk_hex(lk_bytes(item->report.chip_id.data, 8), chip, sizeof(chip));
    n = item->report.signing_key == LK_SNP_VLEK ? snprintf(line, sizeof(line), "SEV-VLEK")
                                                : snprintf(line, sizeof(line), "SEV-VCEK of chip %s...", chip);
    how->path[how->n_path++] = lk_arena_str(in->arena, line, (size_t)n);
}

/* The ASK or ASVK that the broker keeps for the product, under an ARK that counts. */
static bool kept_chain_holds(const struct lk_family_input *in, struct lk_bytes kept, enum lk_snp_kind kind)
{
    enum lk_snp_role wanted = kind == LK_SNP_VLEK ? LK_SNP_ASVK : LK_SNP_ASK, role;
    struct lk_report *unheard = LK_ARENA_NEW(in->arena, struct lk_report);
    struct lk_family_input quiet = *in;
    struct lk_bytes ders[LK_SNP_HINTS_MAX];
    size_t n = LK_SNP_HINTS_MAX;
    struct lk_snp_path path;
    struct lk_snp_path_input want = {.in = &quiet};
    const struct lk_cert *cert;
    quiet.report = unheard;
    if (unheard == NULL || !lk_ok(lk_certs_split(kept, in->arena, ders, &n)))
        return false;
    for (size_t i = 0; i < n; i++)
        if (lk_ok(lk_cert_get(lk_trust_cache(in->trust), ders[i], &cert)) &&
            lk_snp_role_of_name(lk_snp_common_name(X509_get_subject_name(cert->x509)), &want.product, &role) && role == wanted)
            return lk_ok(lk_snp_issuer_find(&want, cert, role, &path));
    return false;
}

/* A path that failed for want of the broker's own chain, or for a bad one. */
static lk_result blame_chain(const struct lk_family_input *in, const struct lk_item *item, size_t before, lk_result r)
{
    static const char *const words[] = {"milan", "genoa", "turin"};
    for (size_t i = 0; i < 3 && item->n_hints == 0; i++) {
        char name[64];
        if (item->report.product != NULL && strcmp(item->report.product->word, words[i]) != 0)
            continue;
        snprintf(name, sizeof(name), "sev-snp/chain/%s%s", words[i], item->report.signing_key == LK_SNP_VLEK ? "-vlek" : "");
        struct lk_bytes kept = lk_trust_collateral(in->trust, name);
        if (r.code == LK_R_SNP_CHAIN_MISSING && item->report.product != NULL)
            lk_report_missing(in->report, r.code, name, "");
        if (kept.data != NULL && !kept_chain_holds(in, kept, item->report.signing_key))
            return lk_collateral_blame(in->report, before, r, ITEM, name);
    }
    return r;
}

/* All that is to hold of the VEK before the report's own signature counts. */
static lk_result check_vek(const struct lk_family_input *in, struct lk_item *item, struct lk_bytes vek, struct lk_snp_path *path)
{
    struct lk_snp_path_input want = {in, vek, item->report.signing_key, item->report.product, item->hints, item->n_hints};
    size_t before = in->report->n;
    lk_result r = lk_snp_path_find(&want, path);
    if (!lk_ok(r))
        return blame_chain(in, item, before, r);
    item->product = path->product;
    LK_TRY(check_crl(in, item, path));
    LK_TRY(lk_snp_vek_read(path->vek, in->report, &item->vek));
    LK_TRY(check_product(in, item));
    LK_TRY(lk_snp_vek_check(&item->vek, item->report.signing_key, item->product, in->report));
    /* Chip and TCB before the signature: all three are forgeries to us, but they tell an operator more. */
    LK_TRY(check_chip(in, item));
    return check_tcb(in, item);
}

static lk_result check_signature(const struct lk_family_input *in, const struct lk_item *item, const struct lk_snp_path *path)
{
    lk_result r = lk_verify(path->vek->key, LK_SCHEME_ECDSA_P384_SHA384, item->report.signed_part,
                            LK_BYTES(item->report.signature));
    return r.code == LK_R_SIGNATURE_INVALID ? fail(in, LK_R_SNP_SIGNATURE, "report") : r;
}

static lk_result authenticate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                              struct lk_anchoring *how)
{
    (void)proofs; /* a report is rooted in AMD's keys only */
    struct lk_snp_path path;
    struct lk_bytes vek;
    size_t before = in->report->n;
    LK_TRY(choose_vek(in, item, &vek));
    bool ours = item->vek_part.data == NULL && item->vek_table[item->report.signing_key].data == NULL;
    lk_result r = check_vek(in, item, vek, &path);
    bool judged = lk_ok(r);
    if (judged)
        r = check_signature(in, item, &path);
    /* A name does not say which provider's VLEK it is; a VCEK of this chip and TCB is the only one. */
    bool other = lk_class_of(r) == LK_CLASS_CANNOT_JUDGE && r.code != LK_R_CERT_EXPIRED; /* chain and list have names of their own */
    if (ours && !lk_ok(r) && !other && (!judged || item->report.signing_key == LK_SNP_VLEK)) {
        char name[VEK_NAME];
        vek_name(item, name);
        r = lk_collateral_blame(in->report, before, r, ITEM, name);
    }
    LK_TRY(r);
    describe(in, item, &path, how);
    return LK_OK;
}

/*
 * REPORT_DATA is the binding; it may be a digest as well (SHA-512 of an SVSM's nonce and manifest,
 * SHA-256 or SHA-384 and zero bytes of a paravisor's runtime data): the guest chose it. HOST_DATA the host chose at
 * launch, as the guest's configuration.
 */
static void vouch(const struct lk_item *item, void (*put)(void *to, const struct lk_proof *proof), void *to)
{
    struct lk_bytes data = item->report.report_data;
    put(to, &(struct lk_proof){.kind = LK_PROOF_BINDING, .value = data, .guest_chosen = true});
    put(to, &(struct lk_proof){.kind = LK_PROOF_DIGEST, .alg = TPM_ALG_SHA512, .value = data, .guest_chosen = true});
    if (lk_bytes_zero(lk_bytes(data.data + 48, 16)))
        put(to, &(struct lk_proof){.kind = LK_PROOF_DIGEST, .alg = TPM_ALG_SHA384, .value = lk_bytes(data.data, 48),
                                   .guest_chosen = true});
    if (lk_bytes_zero(lk_bytes(data.data + 32, 32)))
        put(to, &(struct lk_proof){.kind = LK_PROOF_DIGEST, .alg = TPM_ALG_SHA256, .value = lk_bytes(data.data, 32),
                                   .guest_chosen = true});
    if (!lk_bytes_zero(item->report.host_data))
        put(to, &(struct lk_proof){.kind = LK_PROOF_DIGEST, .alg = TPM_ALG_SHA256, .value = item->report.host_data});
}

const struct lk_family lk_family_sev_snp = {
    .name = ITEM,
    .doc = "AMD SEV-SNP attestation report, versions 2 to 5, Milan, Genoa and Turin, signed by a VCEK or VLEK",
    .parts = parts,
    .n_parts = LK_SNP_PARTS,
    .claims = lk_snp_claims,
    .n_claims = LK_SNP_N_CLAIMS,
    .carries_binding = true,
    .parse = parse,
    .authenticate = authenticate,
    .claim = lk_snp_claim,
    .vouch = vouch,
};
