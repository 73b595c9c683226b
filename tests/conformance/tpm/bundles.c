/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quotes through the chain engine with the safe defaults. Their nonces are not bindings of ours, so any binding
 * is taken, but where it is given: the self-made set has the 32 bytes of its SOURCES.md.
 */
#include "policy/evidence/tpm/json/pcrs.h"
#include "policy/evidence/tpm/tpm.h"
#include "tests/conformance/tpm/conformance.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>

#define S "swtpm-selfmade/"
#define G "gce-cos-85/"
#define NONCE "broker-nonce-0123456789abcdef-32"
#define AT_SELF 1796083200 /* 2026-12-01 */
#define AT_GCE 1700000000  /* 2023-11-14 */

struct row {
    const char *what;
    const char *attest, *signature, *public, *pcrs, *ek_cert, *ek_public, *ak_cert, *chain;
    const char *anchor, *nonce;
    enum lk_activation activation;
    int64_t at;
    enum lk_reason_code wanted;
};

#define QUOTE(q) S q ".attest", S q ".sig"
#define EK S "ek-rsa2048.der", S "ek-rsa2048.tpm2b", NULL, S "swtpm-local-ca.pem", S "swtpm-root-ca.pem"
#define BY_EK(what, q, ak, code) \
    {what, QUOTE(q), S ak ".tpm2b", S q ".pcrvalues", EK, NONCE, LK_ACTIVATION_ASSUMED, AT_SELF, LK_R_##code}
#define BY_AK_CERT(what, q, pcrs, code)                                                                            \
    {what, QUOTE(q), S "ak-rsa.tpm2b", S pcrs ".pcrvalues", NULL, NULL, S "ak-rsa-cert.pem", NULL, S "privacy-ca.pem", \
     NONCE, LK_ACTIVATION_NONE, AT_SELF, LK_R_##code}
#define GCE(what, bank, anchor, at, code)                                                                           \
    {what, G "quote-pcrs-" bank ".attest", G "quote-pcrs-" bank ".sig", G "ak-public.tpmt", G "pcrs.json", NULL, NULL, \
     G "ak-cert.der", "gcp-ca/tpm_ek_intermediate_2.crt", anchor, NULL, LK_ACTIVATION_NONE, at, LK_R_##code}

static const struct row rows[] = {
    /* The self-made set under an EK, activation assumed. */
    BY_EK("RSASSA, SHA-256", "quote-rsa-sha256", "ak-rsa", OK),
    BY_EK("RSAPSS, SHA-256", "quote-rsapss-sha256", "ak-pss", OK),
    BY_EK("ECDSA P-256, SHA-256", "quote-p256-sha256", "ak-p256", OK),
    BY_EK("ECDSA P-384, SHA-384", "quote-p384-sha384", "ak-p384", OK),
    BY_EK("PCR 23 as PCR 23", "quote-rsa-pcr23", "ak-rsa", OK),
    BY_EK("three banks: sha1 is refused by default", "quote-rsa-threebanks", "ak-rsa", TPM_SHA1_BANK),
    BY_EK("before a reset, nothing measured: all firmware PCRs zero", "reset-before", "ak-reset", TPM_PCR_RESET),
    BY_EK("after a reset: all firmware PCRs zero", "reset-after", "ak-reset", TPM_PCR_RESET),
    BY_EK("a quote of another AK", "quote-rsa-sha256", "ak-reset", TPM_SIGNATURE),
    {"made up under an unrestricted key", QUOTE("forged-by-unrestricted"), S "unrestricted-p256.tpm2b",
     S "quote-p256-sha256.pcrvalues", EK, NONCE, LK_ACTIVATION_ASSUMED, AT_SELF, LK_R_TPM_AK_ATTRIBUTES},
    {"a certification by the IAK", QUOTE("certify-ak-rsa-by-iak"), S "iak.tpm2b", S "quote-rsa-sha256.pcrvalues", EK,
     NULL, LK_ACTIVATION_ASSUMED, AT_SELF, LK_R_TPM_NOT_A_QUOTE},
    {"a certification of an unrestricted key", QUOTE("certify-unrestricted-by-ak-rsa"), S "ak-rsa.tpm2b",
     S "quote-rsa-sha256.pcrvalues", EK, NULL, LK_ACTIVATION_ASSUMED, AT_SELF, LK_R_TPM_NOT_A_QUOTE},
    {"an EK certificate without activation", QUOTE("quote-rsa-sha256"), S "ak-rsa.tpm2b",
     S "quote-rsa-sha256.pcrvalues", EK, NONCE, LK_ACTIVATION_NONE, AT_SELF, LK_R_UNANCHORED},
    {"another EK than the certificate's", QUOTE("quote-rsa-sha256"), S "ak-rsa.tpm2b", S "quote-rsa-sha256.pcrvalues",
     S "ek-rsa2048.der", S "ek-p256.tpm2b", NULL, S "swtpm-local-ca.pem", S "swtpm-root-ca.pem", NONCE,
     LK_ACTIVATION_ASSUMED, AT_SELF, LK_R_TPM_EK_MISMATCH},
    {"before the EK certificate's time", QUOTE("quote-rsa-sha256"), S "ak-rsa.tpm2b", S "quote-rsa-sha256.pcrvalues",
     EK, NONCE, LK_ACTIVATION_ASSUMED, AT_GCE, LK_R_CERT_NOT_YET_VALID},
    {"without the intermediate", QUOTE("quote-rsa-sha256"), S "ak-rsa.tpm2b", S "quote-rsa-sha256.pcrvalues",
     S "ek-rsa2048.der", S "ek-rsa2048.tpm2b", NULL, NULL, S "swtpm-root-ca.pem", NONCE, LK_ACTIVATION_ASSUMED, AT_SELF,
     LK_R_UNANCHORED},
    {"another nonce", QUOTE("quote-rsa-sha256"), S "ak-rsa.tpm2b", S "quote-rsa-sha256.pcrvalues", EK,
     "broker-nonce-0123456789abcdef-33", LK_ACTIVATION_ASSUMED, AT_SELF, LK_R_BINDING_MISMATCH},
    /* Under an AK certificate. */
    BY_AK_CERT("an AK certificate vouches by itself", "quote-rsa-sha256", "quote-rsa-sha256", OK),
    BY_AK_CERT("PCR 23's value under the names of another quote", "quote-rsa-sha256", "quote-rsa-pcr23", TPM_PCR_VALUES),
    {"an AK certificate for another AK", QUOTE("quote-p256-sha256"), S "ak-p256.tpm2b", S "quote-p256-sha256.pcrvalues",
     NULL, NULL, S "ak-rsa-cert.pem", NULL, S "privacy-ca.pem", NONCE, LK_ACTIVATION_NONE, AT_SELF, LK_R_TPM_AK_MISMATCH},
    {"an AK certificate under another anchor", QUOTE("quote-rsa-sha256"), S "ak-rsa.tpm2b",
     S "quote-rsa-sha256.pcrvalues", NULL, NULL, S "ak-rsa-cert.pem", NULL, S "swtpm-root-ca.pem", NONCE,
     LK_ACTIVATION_NONE, AT_SELF, LK_R_UNANCHORED},
    {"an EK certificate in the AK certificate's place", QUOTE("quote-rsa-sha256"), S "ak-rsa.tpm2b",
     S "quote-rsa-sha256.pcrvalues", NULL, NULL, S "ek-rsa2048.der", S "swtpm-local-ca.pem", S "swtpm-root-ca.pem", NONCE,
     LK_ACTIVATION_NONE, AT_SELF, LK_R_TPM_AK_MISMATCH},
    {"the AK of another machine, given as SubjectPublicKeyInfo", QUOTE("quote-rsa-sha256"), "trustee-tpm/tpm_evidence.json",
     S "quote-rsa-sha256.pcrvalues", EK, NONCE, LK_ACTIVATION_ASSUMED, AT_SELF, LK_R_TPM_SIGNATURE},
    {"an AK given as PEM has no attributes", QUOTE("quote-rsa-sha256"), S "ak-rsa.pem", S "quote-rsa-sha256.pcrvalues",
     EK, NONCE, LK_ACTIVATION_ASSUMED, AT_SELF, LK_R_TPM_PUBLIC},
    /* A Shielded VM of Google Compute Engine. */
    GCE("GCE, sha256", "sha256", "gcp-ca/tpm_ek_root_1.cer", AT_GCE, OK),
    GCE("GCE, sha384", "sha384", "gcp-ca/tpm_ek_root_1.cer", AT_GCE, OK),
    GCE("GCE, sha1", "sha1", "gcp-ca/tpm_ek_root_1.cer", AT_GCE, TPM_SHA1_BANK),
    GCE("GCE, the other root", "sha256", "gcp-ca/gcp_ek_ak_ca_root.crt", AT_GCE, UNANCHORED),
    GCE("GCE, before its time", "sha256", "gcp-ca/tpm_ek_root_1.cer", 1600000000, CERT_NOT_YET_VALID),
    {"GCE, Windows: a SHA-1 signature", "gcp-windows-shielded/quote.attest", "gcp-windows-shielded/quote.sig",
     "gcp-windows-shielded/ak-public.tpmt", "gcp-windows-shielded/pcrs.json", NULL, NULL, NULL, NULL, NULL, NULL,
     LK_ACTIVATION_NONE, AT_GCE, LK_R_TPM_SCHEME},
    {"GCE, Windows: a creation", "gcp-windows-shielded/ak-create.attest", "gcp-windows-shielded/ak-create.sig",
     "gcp-windows-shielded/ak-public.tpmt", "gcp-windows-shielded/pcrs.json", NULL, NULL, NULL, NULL, NULL, NULL,
     LK_ACTIVATION_NONE, AT_GCE, LK_R_TPM_SCHEME},
};

/* The vectors' JSON wraps the banks in other members; the command line's has the banks alone. */
static struct lk_bytes unwrap_json(struct lk_bytes file, struct lk_arena *arena)
{
    json_t *all = json_loadb((const char *)file.data, file.len, 0, NULL);
    json_t *banks = json_object_get(all, "pcrs");
    char *text = json_dumps(banks, 0);
    struct lk_bytes out = file;
    if (text != NULL)
        out = lk_bytes(lk_arena_str(arena, text, strlen(text)), strlen(text));
    free(text);
    json_decref(all);
    return out;
}

static struct lk_bytes pcrs_of(const struct row *row, struct lk_bytes attest, struct lk_arena *arena)
{
    struct lk_bytes file = read_vector(arena, row->pcrs);
    if (strstr(row->pcrs, ".json") == NULL)
        return file;
    LK_BUF_AUTO out = lk_buf(16384);
    if (!lk_ok(lk_tpm_pcrs_convert(attest, unwrap_json(file, arena), &out)))
        return file;
    return lk_bytes(lk_arena_str(arena, out.data, out.len), out.len);
}

/* The AK of that bundle is base64 in its JSON. */
static struct lk_bytes public_of(const struct row *row, struct lk_arena *arena)
{
    struct lk_bytes file = read_vector(arena, row->public);
    if (strstr(row->public, ".json") == NULL)
        return file;
    json_t *all = json_loadb((const char *)file.data, file.len, 0, NULL);
    const char *text = json_string_value(json_object_get(all, "ak_public"));
    size_t len = text != NULL ? strlen(text) : 0;
    uint8_t *der = lk_arena_alloc(arena, len + 1);
    int n = EVP_DecodeBlock(der, (const unsigned char *)text, (int)len);
    json_decref(all);
    expect_true("the bundle's AK", n > 0);
    return lk_bytes(der, n > 0 ? (size_t)n : 0);
}

static struct lk_trust *trust_of(const struct row *row, struct lk_arena *arena)
{
    struct lk_trust *trust = lk_trust_new();
    if (row->anchor != NULL)
        add_certificate(trust, arena, row->anchor, true);
    return trust;
}

static void appraise(const struct row *row, struct lk_arena *arena, struct lk_policyset *defaults)
{
    struct lk_trust *trust = trust_of(row, arena);
    struct lk_bytes attest = read_vector(arena, row->attest);
    struct lk_chain_item item = {
        .family = &lk_family_tpm,
        .parts = {attest, read_vector(arena, row->signature), public_of(row, arena),
                  pcrs_of(row, attest, arena), read_vector(arena, row->ek_cert), read_vector(arena, row->ek_public),
                  read_vector(arena, row->ak_cert), read_vector(arena, row->chain)},
    };
    struct lk_chain_input in = {.items = &item, .n_items = 1, .trust = trust, .policies = defaults, .at = row->at,
                                .binding = row->nonce != NULL ? lk_bytes_str(row->nonce) : LK_BYTES_NONE,
                                .activation = row->activation, .arena = arena};
    struct lk_appraisal *out = LK_ARENA_NEW(arena, struct lk_appraisal);
    lk_result r = lk_chain_appraise(&in, out);
    const struct lk_finding *first = lk_report_first(&out->report);
    expect_code(row->what, first != NULL ? first->code : r.code, row->wanted);
    expect_true(row->what, out->cls == lk_reason(row->wanted)->cls);
    lk_trust_free(trust);
}

/* Each bit of a quote that passes: altered, it does not parse or is not authentic. */
static void flip_all(const struct row *row, struct lk_policyset *defaults)
{
    struct lk_arena *arena = lk_arena_new(16U << 20);
    struct lk_trust *trust = trust_of(row, arena);
    struct lk_bytes attest = read_vector(arena, row->attest);
    struct lk_chain_item item = {
        .family = &lk_family_tpm,
        .parts = {attest, read_vector(arena, row->signature), public_of(row, arena),
                  pcrs_of(row, attest, arena), read_vector(arena, row->ek_cert), read_vector(arena, row->ek_public),
                  LK_BYTES_NONE, read_vector(arena, row->chain)},
    };
    uint8_t *bytes = (uint8_t *)(uintptr_t)attest.data;
    for (size_t bit = 0; bit < attest.len * 8; bit++) {
        struct lk_arena *once = lk_arena_new(1 << 20);
        struct lk_appraisal out;
        struct lk_chain_input in = {.items = &item, .n_items = 1, .trust = trust, .policies = defaults, .at = row->at,
                                    .activation = row->activation, .arena = once};
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        lk_result r = lk_chain_appraise(&in, &out);
        expect_true("a flipped bit", lk_ok(r) && (out.cls == LK_CLASS_MALFORMED || out.cls == LK_CLASS_NOT_AUTHENTIC));
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        lk_arena_free(once);
    }
    lk_trust_free(trust);
    lk_arena_free(arena);
}

int run_bundles(void)
{
    int n = (int)(sizeof(rows) / sizeof(rows[0]));
    struct lk_policyset *defaults = lk_policyset_defaults();
    for (int i = 0; i < n; i++) {
        struct lk_arena *arena = lk_arena_new(16U << 20);
        appraise(&rows[i], arena, defaults);
        lk_arena_free(arena);
    }
    flip_all(&rows[0], defaults);
    lk_policyset_free(defaults);
    return n;
}
