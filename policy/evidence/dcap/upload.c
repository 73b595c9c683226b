/* SPDX-License-Identifier: Apache-2.0 */
/* Uploaded collateral: TCB Info, QE Identity, issuer chains, revocation lists (policy/evidence/collateral.h). */
#include "policy/chain/crl.h"
#include "policy/evidence/collateral.h"
#include "policy/evidence/dcap/collateral.h"
#include "proto/base/json.h"
#include "policy/evidence/dcap/path.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#define TCB_CHAIN "sgx/tcb-chain"
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* One try, under the anchors of one of the two families. */
struct upload {
    const struct lk_collateral_try *t;
    struct lk_dcap_say say;
    struct lk_collateral_piece *out;
};

static struct lk_cert_cache *cache(const struct upload *u)
{
    return lk_trust_cache(u->t->in->trust);
}

static enum lk_dcap_cert kind_of(const struct upload *u, struct lk_bytes der, const struct lk_cert **cert)
{
    if (!lk_ok(lk_cert_get(cache(u), der, cert)))
        return LK_DCAP_CERT_OTHER;
    return lk_dcap_cert_named(lk_dcap_common_name(*cert));
}

/* ---- which certificates may have issued something ---- */

static void add(struct lk_dcap_pool *pool, struct lk_bytes der)
{
    for (size_t i = 0; i < pool->n; i++)
        if (lk_bytes_eq(pool->certs[i], der))
            return;
    if (pool->n < LK_DCAP_CERTS_MAX)
        pool->certs[pool->n++] = der;
}

/* Those of the list that are called so. */
static void add_named(const struct upload *u, struct lk_dcap_pool *pool, const struct lk_bytes *certs, size_t n,
                      enum lk_dcap_cert kind)
{
    const struct lk_cert *cert;
    for (size_t i = 0; i < n; i++)
        if (kind_of(u, certs[i], &cert) == kind)
            add(pool, certs[i]);
}

static void add_kept(const struct upload *u, struct lk_dcap_pool *pool, const char *name, enum lk_dcap_cert kind)
{
    struct lk_bytes ders[4], chain = lk_trust_collateral(u->t->in->trust, name);
    size_t n = COUNT(ders);
    if (chain.data != NULL && lk_ok(lk_certs_split(chain, u->t->in->arena, ders, &n)))
        add_named(u, pool, ders, n, kind);
}

static void add_roots(const struct upload *u, struct lk_dcap_pool *pool)
{
    static const char *const kept[] = {TCB_CHAIN, "sgx/pck-chain/platform", "sgx/pck-chain/processor"};
    add_named(u, pool, u->t->issuers, u->t->n_issuers, LK_DCAP_CERT_ROOT);
    for (size_t i = 0; i < COUNT(kept); i++)
        add_kept(u, pool, kept[i], LK_DCAP_CERT_ROOT);
}

static lk_result no_issuer(const struct upload *u, const char *wanted)
{
    return lk_dcap_fail(&u->say, LK_R_COLLATERAL_ISSUER, "issuer", wanted, "none");
}

/* ---- certificates ---- */

static lk_result join(const struct upload *u, const struct lk_cert *a, const struct lk_cert *b, struct lk_bytes *out)
{
    int n = i2d_X509(a->x509, NULL), m = i2d_X509(b->x509, NULL);
    uint8_t *both = n <= 0 || m <= 0 ? NULL : lk_arena_alloc(u->t->in->arena, (size_t)n + (size_t)m), *at = both;
    LK_REQUIRE(both != NULL, MEMORY);
    LK_REQUIRE(i2d_X509(a->x509, &at) == n && i2d_X509(b->x509, &at) == m, CRYPTO);
    *out = lk_bytes(both, (size_t)n + (size_t)m);
    return LK_OK;
}

/* The one certificate of the piece that is no root; none for roots alone. */
static lk_result only_one(const struct upload *u, const struct lk_cert **out, enum lk_dcap_cert *kind, struct lk_bytes *der)
{
    *out = NULL;
    for (size_t i = 0; i < u->t->n_certs; i++) {
        const struct lk_cert *cert;
        enum lk_dcap_cert k = kind_of(u, u->t->certs[i], &cert);
        LK_REQUIRE(k != LK_DCAP_CERT_OTHER, COLLATERAL_UNKNOWN);
        if (k == LK_DCAP_CERT_ROOT)
            continue;
        LK_REQUIRE(*out == NULL, COLLATERAL_MIXED);
        *out = cert;
        *kind = k;
        *der = u->t->certs[i];
    }
    return LK_OK;
}

static lk_result take_certs(const struct upload *u)
{
    const struct lk_cert *cert;
    enum lk_dcap_cert kind;
    struct lk_bytes der;
    struct lk_dcap_path path;
    struct lk_dcap_pool pool = {0};
    LK_TRY(only_one(u, &cert, &kind, &der));
    if (cert == NULL)
        return LK_OK;
    add(&pool, der);
    add_roots(u, &pool);
    if (pool.n == 1)
        return no_issuer(u, "Intel SGX Root CA");
    if (kind == LK_DCAP_CERT_SIGNER)
        LK_TRY(lk_dcap_signer_path(u->t->in, &u->say, &pool, &path));
    else
        LK_TRY(lk_dcap_ca_path(u->t->in, &u->say, &pool, cert, &path));
    snprintf(u->out->name, sizeof(u->out->name), "%s",
             kind == LK_DCAP_CERT_SIGNER     ? TCB_CHAIN
             : kind == LK_DCAP_CERT_PLATFORM ? "sgx/pck-chain/platform"
                                             : "sgx/pck-chain/processor");
    u->out->facts = (struct lk_collateral_facts){LK_COLLATERAL_CHAIN, 0, cert->not_before, cert->not_after};
    return join(u, cert, path.root, &u->out->bytes);
}

/* ---- revocation lists ---- */

static const struct {
    enum lk_dcap_cert issuer;
    const char *kept, *name, *cn;
} lists[] = {
    {LK_DCAP_CERT_ROOT, TCB_CHAIN, "sgx/root-crl", "Intel SGX Root CA"},
    {LK_DCAP_CERT_PLATFORM, "sgx/pck-chain/platform", "sgx/pck-crl/platform", "Intel SGX PCK Platform CA"},
    {LK_DCAP_CERT_PROCESSOR, "sgx/pck-chain/processor", "sgx/pck-crl/processor", "Intel SGX PCK Processor CA"},
};

static lk_result check_list(const struct upload *u, const struct lk_dcap_pool *roots, struct lk_bytes issuer)
{
    const struct lk_cert *cert;
    struct lk_dcap_path path;
    lk_result r = kind_of(u, issuer, &cert) == LK_DCAP_CERT_ROOT
                      ? lk_dcap_root_path(u->t->in, &u->say, cert, &path)
                      : lk_dcap_ca_path(u->t->in, &u->say, roots, cert, &path);
    return lk_ok(r) ? lk_dcap_crl_check(lk_trust_cache(u->t->in->trust), u->t->bytes, cert, cert, u->t->in->at, &u->say, "list") : r;
}

static lk_result take_list(const struct upload *u, size_t which, const struct lk_crl_head *head)
{
    struct lk_dcap_pool issuers = {0}, roots = {0};
    add_named(u, &issuers, u->t->issuers, u->t->n_issuers, lists[which].issuer);
    add_kept(u, &issuers, lists[which].kept, lists[which].issuer);
    if (lists[which].issuer == LK_DCAP_CERT_ROOT)
        add_roots(u, &issuers);
    add_roots(u, &roots);
    lk_result r = issuers.n == 0 ? no_issuer(u, lists[which].cn) : LK_FAIL(CRL_INVALID);
    for (size_t i = 0; i < issuers.n && r.code != LK_R_OK; i++) {
        u->t->in->report->n = 0; /* another certificate of the same name may have issued it */
        r = check_list(u, &roots, issuers.certs[i]);
    }
    LK_TRY(r);
    snprintf(u->out->name, sizeof(u->out->name), "%s", lists[which].name);
    u->out->facts = (struct lk_collateral_facts){LK_COLLATERAL_CRL, head->number, head->this_update, head->next_update};
    u->out->bytes = u->t->bytes;
    return LK_OK;
}

static lk_result take_crl(const struct upload *u)
{
    struct lk_crl_head head;
    LK_REQUIRE(lk_ok(lk_crl_head_read(u->t->bytes, LK_DCAP_CRL_MAX, &head)), COLLATERAL_UNKNOWN);
    enum lk_dcap_cert issuer = lk_dcap_cert_named(lk_bytes_str(head.issuer));
    for (size_t i = 0; i < COUNT(lists); i++)
        if (lists[i].issuer == issuer)
            return take_list(u, i, &head);
    return LK_FAIL(COLLATERAL_UNKNOWN);
}

/* ---- documents ---- */

struct members {
    struct lk_bytes info, identity, signature;
};

static bool look(const struct upload *u, struct members *m)
{
    static const struct lk_json_member table[] = {LK_JSON_OPTIONAL("tcbInfo", lk_json_raw, struct members, info),
                                                  LK_JSON_OPTIONAL("enclaveIdentity", lk_json_raw, struct members, identity),
                                                  LK_JSON_OPTIONAL("signature", lk_json_raw, struct members, signature)};
    struct lk_json j = lk_json(u->t->bytes, u->t->in->arena);
    lk_json_object(&j, table, COUNT(table), m);
    return lk_ok(lk_json_end(&j)) && (m->info.data == NULL) != (m->identity.data == NULL) && m->signature.data != NULL;
}

static lk_result read_info(const struct upload *u, const struct lk_collateral_input *c)
{
    struct lk_tcb_info info;
    char fmspc[13];
    LK_TRY(lk_tcb_info_read(c, &info));
    lk_hex(LK_BYTES(info.fmspc), fmspc, sizeof(fmspc));
    snprintf(u->out->name, sizeof(u->out->name), "%s/tcb-info/%s", u->say.item, fmspc);
    u->out->facts = (struct lk_collateral_facts){LK_COLLATERAL_DOCUMENT, info.evaluation_number, info.issued, info.next_update};
    return LK_OK;
}

static lk_result read_identity(const struct upload *u, const struct lk_collateral_input *c)
{
    struct lk_qe_identity identity;
    LK_TRY(lk_qe_identity_read(c, &identity));
    snprintf(u->out->name, sizeof(u->out->name), "%s/qe-identity", u->say.item);
    u->out->facts = (struct lk_collateral_facts){LK_COLLATERAL_DOCUMENT, identity.evaluation_number, identity.issued,
                                                 identity.next_update};
    return LK_OK;
}

static lk_result under_signer(const struct upload *u, const struct members *m, struct lk_bytes signer,
                              const struct lk_dcap_pool *roots)
{
    struct lk_dcap_pool pool = *roots;
    struct lk_dcap_path path;
    if (pool.n == LK_DCAP_CERTS_MAX)
        pool.n--;
    pool.certs[pool.n++] = signer;
    LK_TRY(lk_dcap_signer_path(u->t->in, &u->say, &pool, &path));
    struct lk_collateral_input c = {u->t->bytes, lk_trust_cache(u->t->in->trust), path.leaf, u->t->in->at,
                                    u->say.item[0] == 't', u->t->in->arena, &u->say};
    LK_TRY(m->info.data != NULL ? read_info(u, &c) : read_identity(u, &c));
    u->out->bytes = u->t->bytes;
    return LK_OK;
}

static lk_result take_json(const struct upload *u)
{
    struct members m = {0};
    struct lk_dcap_pool signers = {0}, roots = {0};
    LK_REQUIRE(look(u, &m), COLLATERAL_UNKNOWN);
    add_named(u, &signers, u->t->issuers, u->t->n_issuers, LK_DCAP_CERT_SIGNER);
    add_kept(u, &signers, TCB_CHAIN, LK_DCAP_CERT_SIGNER);
    add_roots(u, &roots);
    lk_result r = signers.n == 0 ? no_issuer(u, "Intel SGX TCB Signing") : LK_FAIL(DCAP_COLLATERAL_SIGNATURE);
    for (size_t i = 0; i < signers.n && r.code != LK_R_OK; i++) {
        u->t->in->report->n = 0; /* the certificate is issued again now and then: one of them must do */
        r = under_signer(u, &m, signers.certs[i], &roots);
    }
    return r;
}

/* ---- both families ---- */

lk_result lk_dcap_collateral(const struct lk_collateral_try *t, struct lk_collateral_piece *out)
{
    static lk_result (*const take[])(const struct upload *) = {
        [LK_FORM_CERTIFICATES] = take_certs, [LK_FORM_CRL] = take_crl, [LK_FORM_JSON] = take_json};
    static const char *const items[] = {"tdx", "sgx"}; /* each with anchors, and documents, of its own */
    struct lk_report *first = LK_ARENA_NEW(t->in->arena, struct lk_report);
    lk_result r = {LK_R_OK}, before = {LK_R_OK};
    LK_REQUIRE(first != NULL, MEMORY);
    for (size_t i = 0; i < COUNT(items); i++) {
        struct upload u = {t, {t->in->report, items[i]}, out};
        before = r;
        t->in->report->n = 0;
        r = take[t->form](&u);
        if (lk_ok(r) || r.code == LK_R_COLLATERAL_UNKNOWN || r.code == LK_R_COLLATERAL_MIXED)
            return r;
        if (i == 0)
            *first = *t->in->report;
    }
    /* The second try failed because the piece is of the first one's, or of an anchor of the first one. */
    if (r.code == LK_R_DCAP_COLLATERAL_KIND || r.code == LK_R_DCAP_ROOT_UNTRUSTED) {
        *t->in->report = *first;
        r = before;
    }
    return r;
}
