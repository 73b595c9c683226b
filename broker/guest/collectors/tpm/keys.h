/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLECTOR_TPM_KEYS_H
#define LK_COLLECTOR_TPM_KEYS_H
/*
 * Endorsement keys from the templates of the TCG EK Credential Profile (L-1 RSA-2048, L-2 P-256,
 * H-3 P-384), and attestation keys under them.
 */
#include "broker/guest/collectors/tpm/device.h"

#define LK_CERTIFICATE_MAX 8192

struct lk_ek_kind {
    const char *name;      /* "rsa", "ecc", "ecc384": what --ek takes */
    uint32_t certificate;  /* NV index */
    uint32_t persistent;   /* handle at which provisioning may have left the key */
    const TPM2B_PUBLIC *template;
};

/* NULL for another name. */
const struct lk_ek_kind *lk_ek_kind(const char *name);
/* All kinds, in the order in which `auto` looks for a certificate; NULL after the last. */
const struct lk_ek_kind *lk_ek_kind_at(size_t i);

struct lk_ak_kind {
    const char *name; /* "rsa", "rsapss", "ecc", "ecc384": what --ak takes */
    uint16_t type, scheme, curve;
};
const struct lk_ak_kind *lk_ak_kind(const char *name);

struct lk_tpm_key {
    ESYS_TR handle;
    TPM2B_PUBLIC *public; /* Esys_Free */
    bool transient;       /* ours to flush */
};

/* Gives back what is ours. Safe on a zeroed struct. */
void lk_key_close(struct lk_device *d, struct lk_tpm_key *key);

/* TPMT_PUBLIC appended to out. */
void lk_key_put_public(const struct lk_tpm_key *key, struct lk_buf *out);

/*
 * The EK of this kind: the persistent one, if it has the template and (when a certificate is given) the certificate's
 * key, else made from the template. DEVICE when the TPM cannot make it; NO_CERTIFICATE when the certificate, DER with any
 * padding, is for no key that it makes.
 */
bool lk_ek_open(struct lk_device *d, const struct lk_ek_kind *kind, struct lk_bytes certificate, struct lk_tpm_key *ek,
                struct lk_collector_failure *f);

/* A fresh restricted signing key under the EK; hash is a TPM_ALG_ID. */
bool lk_ak_make(struct lk_device *d, const struct lk_tpm_key *ek, const struct lk_ak_kind *kind, uint16_t hash,
                struct lk_tpm_key *ak, struct lk_collector_failure *f);

/* The key at a persistent handle. */
bool lk_key_at(struct lk_device *d, uint32_t handle, struct lk_tpm_key *key, struct lk_collector_failure *f);

#endif
