/* SPDX-License-Identifier: Apache-2.0 */
/* EK and AK certificates of makers and clouds: paths at pinned dates, what they are for, names of keys. */
#include "policy/evidence/tpm/item.h"
#include "tests/conformance/tpm/conformance.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#define AT_2024 1704067200 /* 2024-01-01 */
#define AT_2030 1893456000 /* 2030-01-01 */
#define CA "ek/ca/"

struct row {
    const char *leaf, *anchor, *intermediates[2];
    int64_t at;
    enum lk_reason_code path, ek_usage, ak_usage;
};

#define EK_ONLY LK_R_OK, LK_R_TPM_AK_CERT_USAGE
#define AK_ONLY LK_R_TPM_EK_CERT_USAGE, LK_R_OK
#define UCA "gcp-ca/tpm_ek_root_1.cer", {"gcp-ca/tpm_ek_intermediate_3.crt"}
#define PCA "gcp-ca/gcp_ek_ak_ca_root.crt", {"gcp-ca/gcp_ek_ak_ca_intermediate_v3.crt"}

static const struct row rows[] = {
    {"ek/stm-rsa2048-ek.der", CA "GS_TPM_RT.pem", {CA "STM_RSA_05I.pem", CA "STM_RSA_RT.pem"}, AT_2024, LK_R_OK, EK_ONLY},
    {"ek/stm-rsa2048-ek-with-nv-padding.der", CA "GS_TPM_RT.pem", {CA "STM_RSA_05I.pem", CA "STM_RSA_RT.pem"}, AT_2024,
     LK_R_OK, EK_ONLY},
    {"ek/stm-rsa2048-ek.der", CA "GS_TPM_RT.pem", {CA "STM_RSA_05I.pem", CA "STM_RSA_RT.pem"}, AT_2030,
     LK_R_CERT_EXPIRED, EK_ONLY},
    {"ek/stm-rsa2048-ek.der", CA "GS_TPM_RT.pem", {CA "STM_RSA_RT.pem"}, AT_2024, LK_R_UNANCHORED, EK_ONLY},
    {"ek/stm-rsa2048-ek.der", CA "NUVO_2111.pem", {CA "STM_RSA_05I.pem", CA "STM_RSA_RT.pem"}, AT_2024,
     LK_R_UNANCHORED, EK_ONLY},
    {"ek/stm-ecc-ek.der", CA "STM_ECC_01RT.pem", {CA "STM_ECC_01I.pem"}, AT_2024, LK_R_OK, EK_ONLY},
    {"ek/stm-ecc-ek.der", CA "GS_TPM_RT.pem", {CA "STM_ECC_01I.pem", CA "STM_ECC_01RT.pem"}, AT_2024, LK_R_UNANCHORED,
     EK_ONLY},
    {"ek/nuvoton-rsa2048-ek-multivalued-san.der", CA "NUVO_2111.pem", {NULL}, AT_2024, LK_R_OK, EK_ONLY},
    {"ek/nuvoton-rsa2048-ek-multivalued-san.der", CA "NUVO_2110.pem", {NULL}, AT_2024, LK_R_UNANCHORED, EK_ONLY},
    {"gcp-ca/leaf/uca_tpm_rsa_enc_cert.pem", UCA, AT_2024, LK_R_OK, EK_ONLY},
    {"gcp-ca/leaf/uca_tpm_ecc_enc_cert.pem", UCA, AT_2024, LK_R_OK, EK_ONLY},
    {"gcp-ca/leaf/uca_tpm_rsa_sign_cert.pem", UCA, AT_2024, LK_R_OK, AK_ONLY},
    {"gcp-ca/leaf/uca_tpm_ecc_sign_cert.pem", UCA, AT_2024, LK_R_OK, AK_ONLY},
    {"gcp-ca/leaf/pca_tpm_rsa_enc_cert.pem", PCA, AT_2024, LK_R_OK, EK_ONLY},
    {"gcp-ca/leaf/pca_tpm_ecc_enc_cert.pem", PCA, AT_2024, LK_R_OK, EK_ONLY},
    {"gcp-ca/leaf/pca_tpm_rsa_sign_cert.pem", PCA, AT_2024, LK_R_OK, AK_ONLY},
    {"gcp-ca/leaf/pca_tpm_ecc_sign_cert.pem", PCA, AT_2024, LK_R_OK, AK_ONLY},
    {"gcp-ca/leaf/pca_tpm_rsa_sign_cert.pem", UCA, AT_2024, LK_R_UNANCHORED, AK_ONLY},
    {"gcp-ca/leaf/uca_tpm_rsa_sign_cert.pem", PCA, AT_2024, LK_R_UNANCHORED, AK_ONLY},
    {"swtpm-selfmade/ek-ecc384.der", "swtpm-selfmade/swtpm-root-ca.pem", {"swtpm-selfmade/swtpm-local-ca.pem"},
     1796083200, LK_R_OK, EK_ONLY},
    {"swtpm-selfmade/iak-cert.pem", "swtpm-selfmade/privacy-ca.pem", {NULL}, 1796083200, LK_R_OK,
     LK_R_TPM_EK_CERT_USAGE, LK_R_TPM_AK_CERT_USAGE},
};

static const struct lk_cert *leaf_of(struct lk_trust *trust, struct lk_arena *arena, const char *name)
{
    struct lk_bytes der[1];
    size_t n = 1;
    const struct lk_cert *leaf = NULL;
    lk_result r = lk_certs_split(lk_cert_unpad(read_vector(arena, name)), arena, der, &n);
    if (lk_ok(r))
        r = lk_cert_get(lk_trust_cache(trust), der[0], &leaf);
    expect_code(name, r.code, LK_R_OK);
    return leaf;
}

static void check_row(const struct row *row)
{
    struct lk_arena *arena = lk_arena_new(4U << 20);
    struct lk_trust *trust = lk_trust_new();
    struct lk_path path;
    struct lk_tpm_identity identity;
    add_certificate(trust, arena, row->anchor, true);
    for (int i = 0; i < 2; i++)
        if (row->intermediates[i] != NULL)
            add_certificate(trust, arena, row->intermediates[i], false);
    const struct lk_cert *leaf = leaf_of(trust, arena, row->leaf);
    expect_code(row->leaf, lk_path_find(trust, "tpm", leaf, NULL, 0, row->at, &path).code, row->path);
    expect_code(row->leaf, lk_tpm_read_identity(leaf, arena, &identity).code, LK_R_OK);
    expect_code(row->leaf, lk_tpm_ek_cert_usage(leaf).code, row->ek_usage);
    expect_code(row->leaf, lk_tpm_ak_cert_usage(leaf, &identity).code, row->ak_usage);
    lk_trust_free(trust);
    lk_arena_free(arena);
}

static bool same(const char *got, const char *wanted)
{
    return got != NULL && strcmp(got, wanted) == 0;
}

static void check_identities(void)
{
    struct lk_arena *arena = lk_arena_new(4U << 20);
    struct lk_trust *trust = lk_trust_new();
    struct lk_tpm_identity id;
    lk_result r = lk_tpm_read_identity(leaf_of(trust, arena, rows[0].leaf), arena, &id);
    expect_true("STM: three RDNs", lk_ok(r) && same(id.manufacturer, "id:53544D20") && same(id.model, "ST33HTPHAHB4") &&
                                       same(id.version, "id:00490004"));
    r = lk_tpm_read_identity(leaf_of(trust, arena, "ek/nuvoton-rsa2048-ek-multivalued-san.der"), arena, &id);
    expect_true("Nuvoton: one multi-valued RDN", lk_ok(r) && same(id.manufacturer, "id:4E544300") &&
                                                     same(id.model, "NPCT75x") && same(id.version, "id:00070002"));
    r = lk_tpm_read_identity(leaf_of(trust, arena, "gce-cos-85/ak-cert.der"), arena, &id);
    expect_true("GCE: the instance", lk_ok(r) && id.gce.present && id.gce.production && same(id.gce.zone, "us-central1-a") &&
                                         id.gce.instance_id == 0x5e53e3fbbf8306c5 && same(id.gce.instance_name, "cos-test"));
    lk_trust_free(trust);
    lk_arena_free(arena);
}

/* Every vendor CA of the set can be an anchor. */
static int check_anchors(void)
{
    struct lk_arena *arena = lk_arena_new(32U << 20);
    struct lk_trust *trust = lk_trust_new();
    DIR *dir = opendir(VECTORS CA);
    int n = 0;
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        char name[300];
        if (strstr(e->d_name, ".pem") == NULL)
            continue;
        snprintf(name, sizeof(name), CA "%s", e->d_name);
        add_certificate(trust, arena, name, true);
        n++;
    }
    closedir(dir);
    struct lk_path path;
    const struct lk_cert *leaf = leaf_of(trust, arena, "ek/stm-ecc-ek.der");
    expect_code("all makers at once", lk_path_find(trust, "tpm", leaf, NULL, 0, AT_2024, &path).code, LK_R_OK);
    expect_true("51 makers' CAs", n == 51);
    lk_trust_free(trust);
    lk_arena_free(arena);
    return n;
}

/* tpm2-tools' names and PEM files of the same keys. */
static int check_names(void)
{
    static const char *const keys[] = {"ak-p256", "ak-p384", "ak-pss", "ak-reset", "ak-rsa"};
    struct lk_arena *arena = lk_arena_new(16U << 20);
    for (size_t i = 0; i < 5; i++) {
        char area[64], name[64], pem[64];
        snprintf(area, sizeof(area), "swtpm-selfmade/%s.tpm2b", keys[i]);
        snprintf(name, sizeof(name), "swtpm-selfmade/%s.name", keys[i]);
        snprintf(pem, sizeof(pem), "swtpm-selfmade/%s.pem", keys[i]);
        struct lk_tpm_public p;
        struct lk_tpm_name computed;
        EVP_PKEY *key = NULL;
        expect_code(area, lk_tpm_public_parse(read_vector(arena, area), &p).code, LK_R_OK);
        expect_code(area, lk_tpm_name(&p, &computed).code, LK_R_OK);
        expect_code(area, lk_tpm_public_key(&p, &key).code, LK_R_OK);
        expect_true(name, lk_bytes_eq(read_vector(arena, name), lk_tpm_name_bytes(&computed)));
        struct lk_bytes text = read_vector(arena, pem);
        BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
        EVP_PKEY *other = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
        expect_true(pem, other != NULL && EVP_PKEY_eq(key, other) == 1);
        BIO_free(bio);
        EVP_PKEY_free(other);
        EVP_PKEY_free(key);
    }
    lk_arena_free(arena);
    return 5;
}

int run_certificates(void)
{
    int n = (int)(sizeof(rows) / sizeof(rows[0]));
    for (int i = 0; i < n; i++)
        check_row(&rows[i]);
    check_identities();
    return n + check_anchors() + check_names();
}
