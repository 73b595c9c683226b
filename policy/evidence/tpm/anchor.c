/* SPDX-License-Identifier: Apache-2.0 */
/* Who vouches for the AK (tpm.h). */
#include "policy/evidence/tpm/item.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

static lk_result fail(const struct lk_family_input *in, lk_result r, const char *rule)
{
    return lk_report_add(in->report, r.code, "tpm", rule, "", "");
}

static const struct lk_proof *proof_for(const struct lk_proofs *proofs, const struct lk_tpm_name *name,
                                        const uint8_t spki[static 32])
{
    for (size_t i = 0; i < proofs->n; i++) {
        const struct lk_proof *p = &proofs->p[i];
        if (p->kind == LK_PROOF_TPM_NAME && lk_bytes_eq(p->value, lk_tpm_name_bytes(name)))
            return p;
        if (p->kind == LK_PROOF_KEY && lk_bytes_eq(p->value, lk_bytes(spki, 32)))
            return p;
    }
    return NULL;
}

static void add_line(struct lk_anchoring *how, struct lk_arena *arena, const char *what, const char *text)
{
    char line[256];
    int n = snprintf(line, sizeof(line), "%s%s", what, text);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
    const char *copy = lk_arena_str(arena, line, len);
    if (copy != NULL && how->n_path < sizeof(how->path) / sizeof(how->path[0]))
        how->path[how->n_path++] = copy;
}

static void add_path(struct lk_anchoring *how, struct lk_arena *arena, const struct lk_path *path)
{
    for (size_t i = path->n; i-- > 0;) {
        char fingerprint[17], line[200];
        char *subject = X509_NAME_oneline(X509_get_subject_name(path->certs[i]->x509), NULL, 0);
        lk_hex(lk_bytes(path->certs[i]->fingerprint, 8), fingerprint, sizeof(fingerprint));
        snprintf(line, sizeof(line), "%.150s sha256:%s", subject != NULL ? subject : "", fingerprint);
        OPENSSL_free(subject);
        add_line(how, arena, i + 1 == path->n ? "anchor " : "certificate ", line);
    }
}

static void add_key(struct lk_anchoring *how, struct lk_arena *arena, const char *what,
                    const struct lk_tpm_name *name)
{
    char hex[2 * LK_TPM_NAME_MAX + 1];
    lk_hex(lk_tpm_name_bytes(name), hex, sizeof(hex));
    add_line(how, arena, what, hex);
}

/* What vouches for the AK's name or key. A bare key's name is empty, which is nobody's. */
static lk_result link_to_ak(const struct lk_family_input *in, struct lk_item *item, struct lk_anchoring *how)
{
    char hex[65];
    item->root = LK_TPM_ROOT_LINKED;
    if (!item->bare_ak) {
        add_key(how, in->arena, "AK ", &item->ak_name);
        return LK_OK;
    }
    lk_hex(LK_BYTES(item->ak_spki), hex, sizeof(hex));
    add_line(how, in->arena, "AK, its key alone, sha256:", hex);
    return LK_OK;
}

/* The leaf of a certificate part: DER, PEM, or DER with an NV index's padding. */
static lk_result get_leaf(const struct lk_family_input *in, enum lk_tpm_part part, const struct lk_cert **out)
{
    struct lk_bytes der[1];
    size_t n = 1;
    lk_result r = lk_certs_split(lk_cert_unpad(in->parts[part]), in->arena, der, &n);
    if (lk_ok(r) && n == 1)
        r = lk_cert_get(lk_trust_cache(in->trust), der[0], out);
    return lk_class_of(r) == LK_CLASS_MALFORMED ? LK_FAIL(TPM_EK_CERT) : r;
}

/*
 * The roots under which Google certifies the virtual TPMs of its instances. They count like an admin's anchors, but claim
 * built-in-anchor tells, so that no policy takes a cloud's machines by oversight.
 */
static const struct lk_pin google_roots[] = {
    {"Google tpm_ek_root_1", {0x9b, 0xd5, 0x28, 0x5f, 0x8f, 0xb1, 0x85, 0x02, 0xa7, 0x94, 0x7e, 0x62, 0x1f, 0xfd, 0x47, 0x02,
                              0x66, 0xf4, 0x9f, 0xcd, 0x3b, 0x73, 0xe1, 0x9a, 0x19, 0x0f, 0x69, 0x0a, 0xd3, 0x2a, 0x7c, 0xaf}},
    {"Google gcp_ek_ak_ca_root", {0x59, 0x47, 0x59, 0x59, 0x4b, 0x9b, 0x61, 0x52, 0x4f, 0x6c, 0x8e, 0xf6, 0x68, 0xf7, 0x17, 0x7f,
                                  0x7b, 0x90, 0x66, 0xbc, 0x06, 0x74, 0xf2, 0xf4, 0x9f, 0xe9, 0xe0, 0x52, 0xbe, 0x78, 0xbe, 0xb2}},
};

static lk_result find_path(const struct lk_family_input *in, const struct lk_cert *leaf, struct lk_path *path)
{
    struct lk_bytes extra[LK_CERT_CHAIN_MAX];
    size_t n = in->parts[LK_TPM_PART_CHAIN].len > 0 ? LK_CERT_CHAIN_MAX : 0;
    if (n > 0)
        LK_TRY(lk_certs_split(in->parts[LK_TPM_PART_CHAIN], in->arena, extra, &n));
    return lk_path_find_pinned(in->trust, "tpm", google_roots, sizeof(google_roots) / sizeof(google_roots[0]), leaf, extra, n,
                               in->at, path);
}

static bool certifies(const struct lk_cert *cert, const struct lk_tpm_public *p)
{
    EVP_PKEY *key = NULL;
    bool same = cert->key != NULL && lk_ok(lk_tpm_public_key(p, &key)) && EVP_PKEY_eq(cert->key, key) == 1;
    EVP_PKEY_free(key);
    return same;
}

static void root_by(struct lk_item *item, struct lk_anchoring *how, const struct lk_path *path, enum lk_tpm_root root)
{
    item->root = root;
    item->anchor = path->anchor;
    item->weak_path = path->weak;
    item->built_in = path->pinned;
    how->rooted = true;
    snprintf(how->anchor, sizeof(how->anchor), "%s", path->anchor);
}

/* UNANCHORED is no finding: another proof may come. */
static lk_result tell(const struct lk_family_input *in, lk_result r, const struct lk_path *path, const char *rule)
{
    const struct lk_cert *cert = path->outdated;
    if (lk_ok(r) || r.code == LK_R_UNANCHORED)
        return r;
    if (cert == NULL)
        return fail(in, r, rule);
    return lk_report_add_time(in->report, r.code, "tpm", rule, cert->not_before, cert->not_after, in->at);
}

static lk_result root_in_ak_cert(const struct lk_family_input *in, struct lk_item *item, struct lk_anchoring *how,
                                 struct lk_path *path)
{
    const struct lk_cert *leaf;
    LK_TRY(get_leaf(in, LK_TPM_PART_AK_CERT, &leaf));
    LK_TRY(find_path(in, leaf, path));
    LK_REQUIRE(certifies(leaf, &item->ak), TPM_AK_MISMATCH);
    LK_TRY(lk_tpm_read_identity(leaf, in->arena, &item->identity));
    LK_TRY(lk_tpm_ak_cert_usage(leaf, &item->identity));
    root_by(item, how, path, LK_TPM_ROOT_AK_CERTIFICATE);
    add_path(how, in->arena, path);
    add_key(how, in->arena, "AK ", &item->ak_name);
    return LK_OK;
}

/* The EK's own soundness, whoever vouches for it. */
static lk_result check_ek(struct lk_item *item)
{
    EVP_PKEY *key = NULL;
    LK_TRY(lk_tpm_public_strong(&item->ek));
    LK_TRY(lk_tpm_ek_attributes(&item->ek));
    LK_TRY(lk_tpm_public_key(&item->ek, &key));
    EVP_PKEY_free(key); /* it is a key that OpenSSL takes */
    return lk_tpm_spki_sha256(&item->ek, item->ek_spki);
}

/*
 * Activation is what ties the AK to the EK: the ticket's secret came out only in the TPM that holds both. The
 * context is always told, so that the keeper compares the ticket itself.
 */
static lk_result check_activation(const struct lk_family_input *in, const struct lk_item *item,
                                  struct lk_anchoring *how)
{
    LK_TRY(lk_tpm_activation_context(&item->ek, &item->ak, how->context));
    how->wanted = "an activated ticket of this EK and AK";
    LK_REQUIRE(in->activation != LK_ACTIVATION_NONE, UNANCHORED);
    bool same = lk_bytes_ct_eq(in->activation_context, LK_BYTES(how->context));
    LK_REQUIRE(in->activation == LK_ACTIVATION_ASSUMED || same, TPM_ACTIVATION);
    how->activated = true;
    how->activation_assumed = in->activation == LK_ACTIVATION_ASSUMED;
    return LK_OK;
}

static lk_result root_in_ek_cert(const struct lk_family_input *in, struct lk_item *item, struct lk_anchoring *how,
                                 struct lk_path *path)
{
    const struct lk_cert *leaf;
    LK_TRY(get_leaf(in, LK_TPM_PART_EK_CERT, &leaf));
    LK_TRY(find_path(in, leaf, path));
    LK_REQUIRE(certifies(leaf, &item->ek), TPM_EK_MISMATCH);
    LK_TRY(lk_tpm_ek_cert_usage(leaf));
    LK_TRY(lk_tpm_read_identity(leaf, in->arena, &item->identity));
    LK_TRY(check_activation(in, item, how));
    root_by(item, how, path, LK_TPM_ROOT_EK);
    add_path(how, in->arena, path);
    return LK_OK;
}

static lk_result link_to_ek(const struct lk_family_input *in, struct lk_item *item, const struct lk_proof *proof,
                            struct lk_anchoring *how)
{
    LK_TRY(check_activation(in, item, how));
    item->root = LK_TPM_ROOT_LINKED_EK;
    how->by = proof;
    return LK_OK;
}

static lk_result by_ek(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                       struct lk_anchoring *how, struct lk_path *path)
{
    LK_TRY(check_ek(item));
    const struct lk_proof *proof = proof_for(proofs, &item->ek_name, item->ek_spki);
    LK_REQUIRE(proof != NULL || in->parts[LK_TPM_PART_EK_CERT].data != NULL, UNANCHORED);
    if (proof != NULL)
        LK_TRY(link_to_ek(in, item, proof, how));
    else
        LK_TRY(root_in_ek_cert(in, item, how, path));
    add_key(how, in->arena, "EK ", &item->ek_name);
    add_key(how, in->arena, how->activation_assumed ? "AK (activation assumed) " : "AK (activated) ", &item->ak_name);
    return LK_OK;
}

lk_result lk_tpm_authenticate(const struct lk_family_input *in, struct lk_item *item, const struct lk_proofs *proofs,
                              struct lk_anchoring *how)
{
    LK_TRY(lk_tpm_check_quote(in, item));
    how->by = proof_for(proofs, &item->ak_name, item->ak_spki);
    if (how->by != NULL)
        return link_to_ak(in, item, how);
    if (item->bare_ak) {
        how->wanted = "an item that vouches for the AK's key: alone it tells no attributes";
        return LK_FAIL(UNANCHORED);
    }
    how->wanted = "an anchor for the EK or AK certificate, or an item that vouches for the AK";
    lk_result r = LK_FAIL(UNANCHORED);
    struct lk_path path = {.n = 0};
    if (in->parts[LK_TPM_PART_AK_CERT].data != NULL)
        r = tell(in, root_in_ak_cert(in, item, how, &path), &path, "tpm.ak-cert");
    bool ek = item->has_ek && (in->parts[LK_TPM_PART_EK_CERT].data != NULL || proofs->n > 0);
    if (r.code == LK_R_UNANCHORED && ek)
        r = tell(in, by_ek(in, item, proofs, how, &path), &path, "tpm.ek-cert");
    return r;
}
