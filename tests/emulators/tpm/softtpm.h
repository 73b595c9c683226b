/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EMULATORS_SOFTTPM_H
#define LK_EMULATORS_SOFTTPM_H
/*
 * The signing half of a TPM in software, and the CA of its maker: keys, public areas,
 * quotes and certificates in which a test can make one thing wrong. Unlike a real TPM it signs
 * whatever it is told. Failures end the test program.
 */
#include "proto/base/buffer.h"
#include "proto/tpm/attest.h"
#include "proto/tpm/public.h"

#include <openssl/types.h>

#define SOFT_AK 0x00050072U /* fixedTPM fixedParent sensitiveDataOrigin userWithAuth restricted sign */
#define SOFT_EK 0x000300b2U /* fixedTPM fixedParent sensitiveDataOrigin adminWithPolicy restricted decrypt */

/* "RSA2048", "RSA1024", "P-256", "P-384", "P-521". The caller frees with EVP_PKEY_free. */
EVP_PKEY *soft_key(const char *kind);

/* SHA-256 of the SubjectPublicKeyInfo as OpenSSL encodes it. */
void soft_spki_sha256(EVP_PKEY *key, uint8_t out[static 32]);

struct soft_public {
    EVP_PKEY *key;
    uint32_t attributes;
    uint16_t name_alg;            /* 0: SHA-256 */
    uint16_t scheme, scheme_hash; /* 0: none */
    bool storage;                 /* an EK: AES-128-CFB (AES-256 for P-384), a policy */
};

/* Appends a TPMT_PUBLIC. */
void soft_public_put(struct lk_buf *out, const struct soft_public *p);

struct soft_quote {
    uint32_t magic;
    uint16_t type;
    struct lk_bytes qualified_signer, extra_data;
    uint64_t clock;
    uint32_t reset_count, restart_count;
    uint8_t safe;
    uint64_t firmware_version;
    struct {
        uint16_t alg;
        uint32_t pcrs;
    } banks[4];
    size_t n_banks;
    uint8_t select_size; /* bytes of each bitmap */
    uint16_t hash;       /* of pcrDigest and signature */
    uint16_t scheme;
    struct lk_bytes values; /* all PCR values in selection order */
};

/* A quote that a real TPM could give: magic, QUOTE, safe, sha256 PCR 0-7, SHA-256; the caller sets what differs. */
struct soft_quote soft_quote(struct lk_bytes values);

/* Appends the TPMS_ATTEST, and the TPMT_SIGNATURE over an attest. */
void soft_attest_put(struct lk_buf *out, const struct soft_quote *q);
void soft_signature_put(struct lk_buf *out, const struct soft_quote *q, EVP_PKEY *key, struct lk_bytes attest);

struct soft_cert {
    const char *subject; /* CN */
    EVP_PKEY *key;       /* public half is certified */
    const char *issuer;  /* CN */
    EVP_PKEY *signer;
    bool ca;
    const char *key_usage; /* OpenSSL's words, "critical,keyEncipherment"; NULL: none */
    const char *eku;       /* OIDs; NULL: none */
    bool tpm_san;          /* manufacturer id:4C4B4559, model soft, version id:00010002 */
    const uint8_t *gce;    /* DER of extension 1.3.6.1.4.1.11129.2.1.21; NULL: none */
    size_t gce_len;
    int64_t not_before, not_after;
};

/* Appends the certificate as DER. */
void soft_cert_put(struct lk_buf *out, const struct soft_cert *c);

#endif
