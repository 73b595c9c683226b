/* SPDX-License-Identifier: Apache-2.0 */
/* Uploaded collateral: VCEKs and VLEKs, issuer chains, revocation lists (policy/evidence/collateral.h). */
#include "policy/chain/cert.h"
#include "policy/chain/crl.h"
#include "policy/evidence/collateral.h"
#include "policy/evidence/sev_snp/crl.h"
#include "policy/evidence/sev_snp/path.h"
#include "policy/evidence/sev_snp/profile.h"
#include "policy/evidence/sev_snp/vek.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#define ITEM "sev-snp"
#define ARKS_MAX 8

/* What a certificate is, by its names; its signature is to confirm them. */
struct named {
    const struct lk_cert *cert;
    const struct lk_snp_product *product;
    enum lk_snp_role role; /* of an issuer */
    enum lk_snp_kind kind; /* of a VEK */
    bool vek;
};

static struct lk_cert_cache *cache(const struct lk_collateral_try *t)
{
    return lk_trust_cache(t->in->trust);
}

static bool vek_kind(struct lk_bytes cn, enum lk_snp_kind *kind)
{
    *kind = lk_bytes_eq(cn, lk_bytes_str("SEV-VLEK")) ? LK_SNP_VLEK : LK_SNP_VCEK;
    return *kind == LK_SNP_VLEK || lk_bytes_eq(cn, lk_bytes_str("SEV-VCEK"));
}

/* False: none of AMD's. */
static bool name_it(const struct lk_collateral_try *t, struct lk_bytes der, struct named *out)
{
    *out = (struct named){0};
    if (!lk_ok(lk_cert_get(cache(t), der, &out->cert)))
        return false;
    struct lk_bytes cn = lk_snp_common_name(X509_get_subject_name(out->cert->x509));
    out->vek = vek_kind(cn, &out->kind);
    if (out->vek)
        cn = lk_snp_common_name(X509_get_issuer_name(out->cert->x509));
    return lk_snp_role_of_name(cn, &out->product, &out->role);
}

/* The one certificate of the piece that is no root; none for roots alone. */
static lk_result only_one(const struct lk_collateral_try *t, struct named *out, size_t *which)
{
    bool found = false;
    for (size_t i = 0; i < t->n_certs; i++) {
        struct named n;
        LK_REQUIRE(name_it(t, t->certs[i], &n), COLLATERAL_UNKNOWN);
        if (!n.vek && n.role == LK_SNP_ARK)
            continue;
        LK_REQUIRE(!found, COLLATERAL_MIXED);
        found = true;
        *out = n;
        *which = i;
    }
    if (!found)
        *out = (struct named){0};
    return LK_OK;
}

/* The upload's own certificate of that role that signed the child; absent without one. */
static struct lk_bytes issuer(const struct lk_collateral_try *t, const struct named *child, enum lk_snp_role role)
{
    for (size_t i = 0; i < t->n_issuers; i++) {
        struct named n;
        if (name_it(t, t->issuers[i], &n) && !n.vek && n.role == role && n.product == child->product &&
            lk_ok(lk_cert_signed_by(cache(t), child->cert, n.cert)))
            return t->issuers[i];
    }
    return LK_BYTES_NONE;
}

static size_t hints_for(const struct lk_collateral_try *t, const struct named *leaf, struct lk_bytes hints[static 2])
{
    size_t n = 0;
    struct named above = *leaf;
    if (leaf->vek) {
        struct lk_bytes der = issuer(t, leaf, leaf->kind == LK_SNP_VLEK ? LK_SNP_ASVK : LK_SNP_ASK);
        if (der.data == NULL || !name_it(t, der, &above))
            return 0;
        hints[n++] = der;
    }
    hints[n] = issuer(t, &above, LK_SNP_ARK);
    return hints[n].data == NULL ? n : n + 1;
}

static lk_result take_vek(const struct lk_collateral_try *t, const struct named *leaf, struct lk_bytes der,
                          struct lk_collateral_piece *out)
{
    struct lk_bytes hints[2];
    struct lk_snp_path path;
    struct lk_snp_vek vek;
    struct lk_snp_path_input want = {t->in, der, leaf->kind, NULL, hints, hints_for(t, leaf, hints)};
    LK_TRY(lk_snp_path_find(&want, &path));
    LK_TRY(lk_snp_vek_read(path.vek, t->in->report, &vek));
    if (lk_snp_product_by_product_name(vek.product_name) != path.product)
        return lk_report_add(t->in->report, LK_R_SNP_PRODUCT_MISMATCH, ITEM, "productName", path.product->word, "another");
    LK_TRY(lk_snp_vek_check(&vek, leaf->kind, path.product, t->in->report));
    uint8_t tcb[LK_SNP_TCB_BYTES];
    char chip[129], level[17];
    for (size_t i = 0; i < LK_SNP_TCB_BYTES; i++)
        tcb[i] = vek.spl[path.product->tcb[i].oid];
    lk_hex(LK_BYTES(tcb), level, sizeof(level));
    lk_hex(vek.hwid, chip, sizeof(chip));
    if (leaf->kind == LK_SNP_VCEK)
        snprintf(out->name, sizeof(out->name), "sev-snp/vek/%s/%s", chip, level);
    else
        snprintf(out->name, sizeof(out->name), "sev-snp/vlek/%s/%s", path.product->word, level);
    out->facts = (struct lk_collateral_facts){LK_COLLATERAL_CERTIFICATE, 0, path.vek->not_before, path.vek->not_after};
    out->bytes = der;
    return LK_OK;
}

static lk_result join(const struct lk_collateral_try *t, struct lk_bytes a, const struct lk_cert *b, struct lk_bytes *out)
{
    uint8_t *der = NULL;
    int n = i2d_X509(b->x509, &der);
    uint8_t *both = n <= 0 ? NULL : lk_arena_alloc(t->in->arena, a.len + (size_t)n);
    if (both != NULL) {
        memcpy(both, a.data, a.len);
        memcpy(both + a.len, der, (size_t)n);
        *out = lk_bytes(both, a.len + (size_t)n);
    }
    OPENSSL_free(der);
    return both == NULL ? LK_FAIL(MEMORY) : LK_OK;
}

static lk_result take_chain(const struct lk_collateral_try *t, const struct named *m, struct lk_bytes der,
                            struct lk_collateral_piece *out)
{
    struct lk_bytes hints[2];
    struct lk_snp_path path;
    struct lk_snp_path_input want = {.in = t->in, .product = m->product, .hints = hints, .n_hints = hints_for(t, m, hints)};
    LK_TRY(lk_snp_issuer_find(&want, m->cert, m->role, &path));
    snprintf(out->name, sizeof(out->name), "sev-snp/chain/%s%s", m->product->word, m->role == LK_SNP_ASVK ? "-vlek" : "");
    out->facts = (struct lk_collateral_facts){LK_COLLATERAL_CHAIN, 0, m->cert->not_before, m->cert->not_after};
    return join(t, der, path.ark, &out->bytes);
}

static lk_result take_certs(const struct lk_collateral_try *t, struct lk_collateral_piece *out)
{
    struct named n = {0};
    size_t which = 0;
    LK_TRY(only_one(t, &n, &which));
    if (n.cert == NULL)
        return LK_OK;
    return n.vek ? take_vek(t, &n, t->certs[which], out) : take_chain(t, &n, t->certs[which], out);
}

static lk_result take_crl(const struct lk_collateral_try *t, struct lk_collateral_piece *out)
{
    struct lk_crl_head head;
    const struct lk_snp_product *product;
    enum lk_snp_role role;
    const struct lk_cert *arks[ARKS_MAX];
    size_t n = ARKS_MAX;
    LK_REQUIRE(lk_ok(lk_crl_head_read(t->bytes, LK_SNP_CRL_MAX, &head)), COLLATERAL_UNKNOWN);
    LK_REQUIRE(lk_snp_role_of_name(lk_bytes_str(head.issuer), &product, &role) && role == LK_SNP_ARK, COLLATERAL_UNKNOWN);
    lk_snp_arks(&(struct lk_snp_path_input){.in = t->in, .product = product, .hints = t->issuers, .n_hints = t->n_issuers},
                arks, &n);
    lk_result r = {LK_R_OK};
    for (size_t i = 0; i < n; i++) {
        t->in->report->n = 0; /* of the ARK before, whose list it was not */
        r = lk_snp_crl_check(t->bytes, arks[i], arks[i], t->in->at, t->in->report);
        if (r.code != LK_R_CRL_INVALID)
            break;
    }
    if (n == 0)
        return lk_report_add(t->in->report, LK_R_COLLATERAL_ISSUER, ITEM, "issuer", head.issuer, "none");
    LK_TRY(r);
    snprintf(out->name, sizeof(out->name), "sev-snp/crl/%s", product->word);
    out->facts = (struct lk_collateral_facts){LK_COLLATERAL_CRL, head.number, head.this_update, head.next_update - 1};
    out->bytes = t->bytes;
    return LK_OK;
}

lk_result lk_snp_collateral(const struct lk_collateral_try *t, struct lk_collateral_piece *out)
{
    if (t->form == LK_FORM_CERTIFICATES)
        return take_certs(t, out);
    return t->form == LK_FORM_CRL ? take_crl(t, out) : LK_FAIL(COLLATERAL_UNKNOWN);
}
