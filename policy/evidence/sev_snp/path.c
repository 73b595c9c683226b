/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/sev_snp/path.h"

#include "policy/evidence/sev_snp/profile.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#define ITEM "sev-snp"
#define CANDIDATES_MAX 32

struct candidate {
    const struct lk_cert *cert;
    enum lk_snp_role role;
    bool evidence;      /* the bundle brought it: if it is bad, so is the bundle */
    bool added;         /* an admin added it */
    const char *anchor; /* the admin's name for an anchor; NULL otherwise */
};

struct search {
    const struct lk_snp_path_input *in;
    struct lk_cert_cache *cache;
    struct lk_report *report;
    const struct lk_cert *vek;
    const struct lk_snp_product *product;
    enum lk_snp_role intermediate_role;
    struct candidate c[CANDIDATES_MAX];
    size_t n;
};

static lk_result fail(struct search *s, enum lk_reason_code code, const char *rule)
{
    return lk_report_add(s->report, code, ITEM, rule, "", "");
}

/* A certificate check's own result, as a finding. */
static lk_result note(struct search *s, lk_result r, const char *rule)
{
    return lk_ok(r) ? r : fail(s, r.code, rule);
}

static struct lk_bytes subject(const struct lk_cert *cert)
{
    return lk_snp_common_name(X509_get_subject_name(cert->x509));
}

static bool pinned(const struct search *s, const struct candidate *c)
{
    return memcmp(s->product->pins[c->role], c->cert->fingerprint, 32) == 0;
}

/* Name, kind and product of the VEK, all three to be confirmed by the signature of its issuer. */
static lk_result check_names(struct search *s)
{
    static const char *const names[] = {[LK_SNP_VCEK] = "SEV-VCEK", [LK_SNP_VLEK] = "SEV-VLEK"};
    struct lk_bytes cn = subject(s->vek);
    if (lk_bytes_eq(cn, lk_bytes_str(names[1 - s->in->kind])))
        return lk_report_add(s->report, LK_R_SNP_VEK_KIND, ITEM, "SIGNING_KEY", names[s->in->kind],
                             names[1 - s->in->kind]);
    if (!lk_bytes_eq(cn, lk_bytes_str(names[s->in->kind])))
        return fail(s, LK_R_SNP_CERT_NAME, "subject of the VCEK or VLEK");

    enum lk_snp_role role;
    struct lk_bytes issuer = lk_snp_common_name(X509_get_issuer_name(s->vek->x509));
    if (!lk_snp_role_of_name(issuer, &s->product, &role) || role != s->intermediate_role)
        return fail(s, LK_R_SNP_CERT_NAME, "issuer of the VCEK or VLEK");
    if (s->in->product != NULL && s->in->product != s->product)
        return lk_report_add(s->report, LK_R_SNP_PRODUCT_MISMATCH, ITEM, "issuer of the VCEK or VLEK",
                             s->in->product->word, s->product->word);
    return LK_OK;
}

static lk_result open_vek(struct search *s)
{
    LK_TRY(note(s, lk_cert_get(s->cache, s->in->vek, &s->vek), "vek"));
    LK_TRY(check_names(s));
    if (!lk_snp_vek_key(s->vek))
        return fail(s, LK_R_SNP_VEK_KEY, "vek");
    return lk_snp_cert_pss(s->vek) ? LK_OK : fail(s, LK_R_SNP_CERT_PSS, "vek");
}

static void add(struct search *s, const struct candidate *c)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->c[i].cert == c->cert) {
            s->c[i].added |= c->added;
            s->c[i].anchor = s->c[i].anchor != NULL ? s->c[i].anchor : c->anchor;
            return;
        }
    if (s->n < CANDIDATES_MAX)
        s->c[s->n++] = *c;
}

static bool have_role(const struct search *s, enum lk_snp_role role)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->c[i].role == role)
            return true;
    return false;
}

/* The bundle's own hints: at most one for each place, and each of this product. First of all candidates. */
static lk_result add_hints(struct search *s)
{
    for (size_t i = 0; i < s->in->n_hints; i++) {
        struct candidate c = {.evidence = true};
        const struct lk_snp_product *product;
        LK_TRY(note(s, lk_cert_get(s->cache, s->in->hints[i], &c.cert), "chain"));
        if (!lk_snp_role_of_name(subject(c.cert), &product, &c.role))
            return fail(s, LK_R_SNP_CHAIN_EXTRA, "chain");
        if (product != s->product)
            return lk_report_add(s->report, LK_R_SNP_PRODUCT_MISMATCH, ITEM, "chain", s->product->word, product->word);
        if (have_role(s, c.role))
            return fail(s, LK_R_SNP_CHAIN_EXTRA, "chain");
        add(s, &c);
    }
    return LK_OK;
}

/* A certificate of our own side; one that has no place in this path is left out. */
static void add_ours(struct search *s, struct lk_bytes der, struct candidate c)
{
    const struct lk_snp_product *product;
    if (lk_ok(lk_cert_get(s->cache, der, &c.cert)) && lk_snp_role_of_name(subject(c.cert), &product, &c.role) &&
        product == s->product)
        add(s, &c);
}

static void add_trust(struct search *s)
{
    size_t n;
    const struct lk_trust_cert *certs = lk_trust_certs(s->in->in->trust, ITEM, &n);
    for (size_t i = 0; i < n; i++)
        add_ours(s, certs[i].der, (struct candidate){.added = true, .anchor = certs[i].anchor ? certs[i].name : NULL});
}

static void collateral_name(const struct search *s, char *out, size_t size)
{
    snprintf(out, size, "sev-snp/chain/%s%s", s->product->word, s->intermediate_role == LK_SNP_ASVK ? "-vlek" : "");
}

static void add_collateral(struct search *s)
{
    char name[64];
    struct lk_bytes ders[LK_SNP_HINTS_MAX];
    size_t n = LK_SNP_HINTS_MAX;
    collateral_name(s, name, sizeof(name));
    struct lk_bytes part = lk_trust_collateral(s->in->in->trust, name);
    if (part.data == NULL || !lk_ok(lk_certs_split(part, s->in->in->arena, ders, &n)))
        return;
    for (size_t i = 0; i < n; i++)
        add_ours(s, ders[i], (struct candidate){0});
}

static lk_result check_ark(struct search *s, const struct candidate *ark)
{
    if (!pinned(s, ark) && ark->anchor == NULL)
        return fail(s, LK_R_SNP_ARK_UNTRUSTED, "ARK");
    if (!lk_snp_ca_key(ark->cert))
        return fail(s, LK_R_SNP_CERT_KEY, "ARK");
    if (!lk_snp_cert_pss(ark->cert))
        return fail(s, LK_R_SNP_CERT_PSS, "ARK");
    LK_TRY(note(s, lk_cert_may_issue(ark->cert, 1), "ARK"));
    /* An anchor's own signature too: fields of a configured root may have been altered. */
    return note(s, lk_cert_signed_by(s->cache, ark->cert, ark->cert), "ARK");
}

static lk_result check_intermediate(struct search *s, const struct candidate *m, const struct candidate *ark)
{
    const char *name = lk_snp_role_name(m->role);
    if (!lk_snp_ca_key(m->cert))
        return fail(s, LK_R_SNP_CERT_KEY, name);
    if (!lk_snp_cert_pss(m->cert))
        return fail(s, LK_R_SNP_CERT_PSS, name);
    LK_TRY(note(s, lk_cert_may_issue(m->cert, 0), name));
    LK_TRY(note(s, lk_cert_signed_by(s->cache, m->cert, ark->cert), name));
    if (!pinned(s, m) && !m->added && ark->anchor == NULL)
        return fail(s, LK_R_SNP_ASK_UNTRUSTED, name);
    return LK_OK;
}

static lk_result missing(struct search *s, enum lk_snp_role role)
{
    char name[64];
    collateral_name(s, name, sizeof(name));
    return lk_report_add(s->report, LK_R_SNP_CHAIN_MISSING, ITEM, lk_snp_role_name(role), name, "");
}

/*
 * Tries each candidate of the role; the first that passes wins. A bad one that the bundle brought ends the search, so
 * that "may be missing" never means "may be wrong". Findings of the candidates that failed stay only
 * when none passes.
 */
static lk_result pick_ark(struct search *s, const struct candidate *m, const struct candidate **out)
{
    size_t before = s->report->n;
    lk_result last = {LK_R_OK};
    for (size_t i = 0; i < s->n; i++) {
        if (s->c[i].role != LK_SNP_ARK)
            continue;
        last = check_ark(s, &s->c[i]);
        if (lk_ok(last))
            last = check_intermediate(s, m, &s->c[i]);
        if (lk_ok(last)) {
            s->report->n = before;
            *out = &s->c[i];
            return LK_OK;
        }
        if (s->c[i].evidence)
            return last;
    }
    return lk_ok(last) ? missing(s, LK_SNP_ARK) : last;
}

static lk_result pick_intermediate(struct search *s, struct lk_snp_path *out)
{
    size_t before = s->report->n;
    lk_result last = {LK_R_OK};
    for (size_t i = 0; i < s->n; i++) {
        const struct candidate *ark, *m = &s->c[i];
        if (m->role != s->intermediate_role)
            continue;
        last = pick_ark(s, m, &ark);
        if (lk_ok(last))
            last = note(s, lk_cert_signed_by(s->cache, s->vek, m->cert), lk_snp_kind_name(s->in->kind));
        if (lk_ok(last)) {
            s->report->n = before;
            *out = (struct lk_snp_path){ark->cert, m->cert, s->vek, s->product, pinned(s, ark) ? NULL : ark->anchor};
            return LK_OK;
        }
        if (m->evidence)
            return last;
    }
    return lk_ok(last) ? missing(s, s->intermediate_role) : last;
}

/* What the bundle brought and the path does not use (an ASVK beside the ASK) must hold all the same. */
static lk_result check_unused(struct search *s)
{
    for (size_t i = 0; i < s->n && s->c[i].evidence; i++) {
        const struct candidate *ark;
        if (s->c[i].role == LK_SNP_ARK)
            LK_TRY(check_ark(s, &s->c[i]));
        else if (s->c[i].role != s->intermediate_role)
            LK_TRY(pick_ark(s, &s->c[i], &ark));
    }
    return LK_OK;
}

static lk_result check_date(struct search *s, const struct lk_cert *cert, const char *rule)
{
    int64_t at = s->in->in->at;
    lk_result r = lk_cert_valid_at(cert, at);
    return lk_ok(r) ? r : lk_report_add_time(s->report, r.code, ITEM, rule, cert->not_before, cert->not_after, at);
}

static lk_result check_dates(struct search *s, const struct lk_snp_path *p)
{
    LK_TRY(check_date(s, p->vek, lk_snp_kind_name(s->in->kind)));
    LK_TRY(check_date(s, p->intermediate, lk_snp_role_name(s->intermediate_role)));
    return check_date(s, p->ark, "ARK");
}

lk_result lk_snp_path_find(const struct lk_snp_path_input *in, struct lk_snp_path *out)
{
    struct search s = {
        .in = in,
        .cache = lk_trust_cache(in->in->trust),
        .report = in->in->report,
        .intermediate_role = in->kind == LK_SNP_VLEK ? LK_SNP_ASVK : LK_SNP_ASK,
    };
    LK_TRY(open_vek(&s));
    LK_TRY(add_hints(&s));
    add_trust(&s);
    add_collateral(&s);
    LK_TRY(check_unused(&s));
    LK_TRY(pick_intermediate(&s, out));
    return check_dates(&s, out);
}

lk_result lk_snp_issuer_find(const struct lk_snp_path_input *in, const struct lk_cert *intermediate, enum lk_snp_role role,
                             struct lk_snp_path *out)
{
    struct search s = {.in = in, .cache = lk_trust_cache(in->in->trust), .report = in->in->report,
                       .product = in->product, .intermediate_role = role};
    const struct candidate *ark;
    struct candidate m = {.cert = intermediate, .role = role};
    LK_TRY(add_hints(&s));
    add_trust(&s);
    add_collateral(&s);
    for (size_t i = 0; i < s.n; i++)
        m.added = m.added || (s.c[i].cert == intermediate && s.c[i].added);
    LK_TRY(pick_ark(&s, &m, &ark));
    *out = (struct lk_snp_path){.ark = ark->cert, .intermediate = intermediate, .product = in->product, .anchor = ark->anchor};
    LK_TRY(check_date(&s, intermediate, lk_snp_role_name(role)));
    return check_date(&s, ark->cert, "ARK");
}

void lk_snp_arks(const struct lk_snp_path_input *in, const struct lk_cert **out, size_t *n)
{
    struct lk_report unheard = {0};
    struct search s = {.in = in, .cache = lk_trust_cache(in->in->trust), .report = &unheard, .product = in->product};
    size_t room = *n;
    for (size_t i = 0; i < in->n_hints; i++)
        add_ours(&s, in->hints[i], (struct candidate){0});
    add_trust(&s);
    for (s.intermediate_role = LK_SNP_ASK; s.intermediate_role <= LK_SNP_ASVK; s.intermediate_role++)
        add_collateral(&s);
    *n = 0;
    for (size_t i = 0; i < s.n && *n < room; i++)
        if (s.c[i].role == LK_SNP_ARK && lk_ok(check_ark(&s, &s.c[i])))
            out[(*n)++] = s.c[i].cert;
}
