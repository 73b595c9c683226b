/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy/evidence/tpm/fixture.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

static struct soft_cert certificate(const char *subject, EVP_PKEY *key, const char *issuer, EVP_PKEY *signer)
{
    return (struct soft_cert){.subject = subject, .key = key, .issuer = issuer, .signer = signer,
                              .not_before = FIXTURE_AT - 1000, .not_after = FIXTURE_AT + 1000};
}

static void set_certificates(struct fixture *f)
{
    f->root = certificate("Soft TPM Root", f->root_key, "Soft TPM Root", f->root_key);
    f->ca = certificate("Soft TPM CA", f->ca_key, "Soft TPM Root", f->root_key);
    f->root.ca = f->ca.ca = true;
    f->root.key_usage = f->ca.key_usage = "critical,keyCertSign";
    f->ek_cert = certificate("EK", f->ek_key, "Soft TPM CA", f->ca_key);
    f->ek_cert.key_usage = EVP_PKEY_is_a(f->ek_key, "RSA") ? "critical,keyEncipherment" : "critical,keyAgreement";
    f->ek_cert.eku = "2.23.133.8.1";
    f->ek_cert.tpm_san = true;
    f->ak_cert = certificate("AK", f->ak_key, "Soft TPM CA", f->ca_key);
    f->ak_cert.key_usage = "critical,digitalSignature";
    f->ak_cert.eku = "2.23.133.8.3";
}

void fixture_open(struct fixture *f, const char *ak_kind, const char *ek_kind)
{
    memset(f, 0, sizeof(*f));
    f->ak_key = f->signer = soft_key(ak_kind);
    f->ek_key = soft_key(ek_kind);
    f->root_key = soft_key("P-256");
    f->ca_key = soft_key("P-384");
    bool rsa = EVP_PKEY_is_a(f->ak_key, "RSA");
    uint16_t hash = EVP_PKEY_get_bits(f->ak_key) == 384 ? LK_TPM_SHA384 : LK_TPM_SHA256;
    uint16_t scheme = rsa ? LK_TPM_RSASSA : LK_TPM_ECDSA;
    f->ak = (struct soft_public){.key = f->ak_key, .attributes = SOFT_AK, .scheme = scheme, .scheme_hash = hash};
    f->ek = (struct soft_public){.key = f->ek_key, .attributes = SOFT_EK, .storage = true};
    for (size_t i = 0; i < sizeof(f->values); i++)
        f->values[i] = (uint8_t)(i + 1);
    f->quote = soft_quote(lk_bytes(f->values, 8 * 32));
    f->quote.scheme = scheme;
    f->quote.hash = hash;
    static const uint8_t nonce[32] = {0xaa};
    f->quote.extra_data = LK_BYTES(nonce);
    set_certificates(f);
    f->send_ek = f->add_anchor = true;
    f->activation = LK_ACTIVATION_TICKET;
    f->at = FIXTURE_AT;
    f->arena = lk_arena_new(1 << 20);
    f->trust = lk_trust_new();
}

static void check(bool done)
{
    if (!done)
        abort();
}

static void build_trust(struct fixture *f)
{
    LK_BUF_AUTO root = lk_buf(4096);
    soft_cert_put(&root, &f->root);
    if (f->add_anchor)
        check(lk_ok(lk_trust_add_anchor(f->trust, "tpm", "soft", lk_buf_bytes(&root))));
}

static void compute_context(struct fixture *f)
{
    struct lk_tpm_public ek, ak;
    if (!lk_bytes_zero(LK_BYTES(f->context)))
        return;
    if (lk_ok(lk_tpm_public_parse(lk_buf_bytes(&f->parts[P_EK_PUBLIC]), &ek)) &&
        lk_ok(lk_tpm_public_parse(lk_buf_bytes(&f->parts[P_PUBLIC]), &ak)))
        check(lk_ok(lk_tpm_activation_context(&ek, &ak, f->context)));
}

void fixture_build(struct fixture *f)
{
    for (size_t i = 0; i < P_COUNT; i++)
        f->parts[i] = lk_buf(16384);
    soft_public_put(&f->parts[P_PUBLIC], &f->ak);
    soft_attest_put(&f->parts[P_ATTEST], &f->quote);
    soft_signature_put(&f->parts[P_SIGNATURE], &f->quote, f->signer, lk_buf_bytes(&f->parts[P_ATTEST]));
    lk_put(&f->parts[P_PCRS], f->quote.values);
    soft_cert_put(&f->parts[P_CHAIN], &f->ca);
    if (f->send_ek) {
        soft_public_put(&f->parts[P_EK_PUBLIC], &f->ek);
        soft_cert_put(&f->parts[P_EK_CERT], &f->ek_cert);
    }
    if (f->send_ak_cert)
        soft_cert_put(&f->parts[P_AK_CERT], &f->ak_cert);
    compute_context(f);
    build_trust(f);
}

static lk_result judge(struct fixture *f, const struct lk_family_input *in)
{
    struct lk_proofs proofs = {&f->proof, f->send_proof ? 1 : 0};
    LK_TRY(lk_family_tpm.parse(in, &f->item));
    LK_TRY(lk_family_tpm.authenticate(in, f->item, &proofs, &f->how));
    return lk_family_tpm.claim(in, f->item, f->values_out);
}

enum lk_reason_code fixture_run(struct fixture *f)
{
    struct lk_bytes parts[P_COUNT];
    if (f->parts[P_ATTEST].data == NULL)
        fixture_build(f);
    for (size_t i = 0; i < P_COUNT; i++)
        parts[i] = f->parts[i].len > 0 ? lk_buf_bytes(&f->parts[i]) : LK_BYTES_NONE;
    struct lk_family_input in = {.parts = parts, .arena = f->arena, .at = f->at, .trust = f->trust,
                                 .activation = f->activation, .activation_context = LK_BYTES(f->context),
                                 .report = &f->report};
    return judge(f, &in).code;
}

void fixture_close(struct fixture *f)
{
    for (size_t i = 0; i < P_COUNT; i++)
        lk_buf_free(&f->parts[i]);
    if (f->signer != f->ak_key)
        EVP_PKEY_free(f->signer);
    EVP_PKEY_free(f->ak_key);
    EVP_PKEY_free(f->ek_key);
    EVP_PKEY_free(f->root_key);
    EVP_PKEY_free(f->ca_key);
    lk_trust_free(f->trust);
    lk_arena_free(f->arena);
}

const struct lk_value *fixture_claim(const struct fixture *f, const char *name)
{
    for (size_t i = 0; i < lk_family_tpm.n_claims; i++)
        if (strcmp(lk_family_tpm.claims[i].name, name) == 0)
            return &f->values_out[i];
    abort();
}
