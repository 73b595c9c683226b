/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/tpm/keys.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <tss2/tss2_mu.h>

#include "proto/tpm/public.h"

void lk_key_close(struct lk_device *d, struct lk_tpm_key *key)
{
    if (key->transient)
        lk_device_flush(d, &key->handle);
    Esys_Free(key->public);
    *key = (struct lk_tpm_key){.handle = ESYS_TR_NONE};
}

void lk_key_put_public(const struct lk_tpm_key *key, struct lk_buf *out)
{
    uint8_t bytes[sizeof(TPM2B_PUBLIC)];
    size_t len = 0;
    if (key->public == NULL ||
        Tss2_MU_TPMT_PUBLIC_Marshal(&key->public->publicArea, bytes, sizeof(bytes), &len) != TSS2_RC_SUCCESS)
        return;
    lk_put(out, lk_bytes(bytes, len));
}

/* The certificate's public key; NULL when it is none. Whatever follows the certificate is padding. */
static EVP_PKEY *certified_key(struct lk_bytes certificate)
{
    const unsigned char *p = certificate.data;
    X509 *x = d2i_X509(NULL, &p, (long)certificate.len);
    EVP_PKEY *key = x != NULL ? X509_get_pubkey(x) : NULL;
    X509_free(x);
    return key;
}

static bool is_certified(const struct lk_tpm_key *key, struct lk_bytes certificate)
{
    LK_BUF_AUTO area = lk_buf(LK_TPM_PUBLIC_MAX);
    struct lk_tpm_public p;
    EVP_PKEY *own = NULL, *certified = certified_key(certificate);
    lk_key_put_public(key, &area);
    bool same = certified != NULL && lk_ok(lk_tpm_public_parse(lk_buf_bytes(&area), &p)) &&
                lk_ok(lk_tpm_public_key(&p, &own)) && EVP_PKEY_eq(own, certified) == 1;
    EVP_PKEY_free(own);
    EVP_PKEY_free(certified);
    return same;
}

bool lk_key_at(struct lk_device *d, uint32_t handle, struct lk_tpm_key *key, struct lk_collector_failure *f)
{
    *key = (struct lk_tpm_key){.handle = ESYS_TR_NONE};
    TSS2_RC rc = Esys_TR_FromTPMPublic(d->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &key->handle);
    if (!lk_device_ok(rc, "the key at the persistent handle", f))
        return false;
    rc = Esys_ReadPublic(d->esys, key->handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &key->public, NULL, NULL);
    return lk_device_ok(rc, "the key at the persistent handle", f);
}

static bool has_template(const struct lk_tpm_key *key, const TPM2B_PUBLIC *template)
{
    const TPMT_PUBLIC *a = &key->public->publicArea, *b = &template->publicArea;
    return a->type == b->type && a->nameAlg == b->nameAlg && a->objectAttributes == b->objectAttributes &&
           a->authPolicy.size == b->authPolicy.size &&
           memcmp(a->authPolicy.buffer, b->authPolicy.buffer, b->authPolicy.size) == 0 &&
           (a->type != TPM2_ALG_ECC ||
            a->parameters.eccDetail.curveID == b->parameters.eccDetail.curveID);
}

/* Making an RSA key takes some TPMs a minute, so one that provisioning left is used. */
static bool open_persistent(struct lk_device *d, const struct lk_ek_kind *kind, struct lk_bytes certificate,
                            struct lk_tpm_key *ek)
{
    struct lk_collector_failure none;
    if (lk_key_at(d, kind->persistent, ek, &none) && has_template(ek, kind->template) &&
        (certificate.len == 0 || is_certified(ek, certificate)))
        return true;
    lk_key_close(d, ek);
    return false;
}

static bool make_primary(struct lk_device *d, const TPM2B_PUBLIC *template, struct lk_tpm_key *ek,
                         struct lk_collector_failure *f)
{
    static const TPM2B_SENSITIVE_CREATE sensitive;
    static const TPM2B_DATA outside;
    static const TPML_PCR_SELECTION pcrs;
    *ek = (struct lk_tpm_key){.handle = ESYS_TR_NONE};
    TSS2_RC rc = Esys_CreatePrimary(d->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                    &sensitive, template, &outside, &pcrs, &ek->handle, &ek->public, NULL, NULL, NULL);
    ek->transient = rc == TSS2_RC_SUCCESS;
    return lk_device_ok(rc, "making the EK", f);
}

/* The high-range template leaves unique empty; some makers filled it with zeros, which gives another key. */
static TPM2B_PUBLIC with_zero_unique(const TPM2B_PUBLIC *template)
{
    TPM2B_PUBLIC filled = *template;
    if (filled.publicArea.type == TPM2_ALG_ECC && filled.publicArea.unique.ecc.x.size == 0)
        filled.publicArea.unique.ecc.x.size = filled.publicArea.unique.ecc.y.size = 48;
    return filled;
}

bool lk_ek_open(struct lk_device *d, const struct lk_ek_kind *kind, struct lk_bytes certificate, struct lk_tpm_key *ek,
                struct lk_collector_failure *f)
{
    if (open_persistent(d, kind, certificate, ek))
        return true;
    const TPM2B_PUBLIC variants[] = {*kind->template, with_zero_unique(kind->template)};
    for (size_t i = 0; i < 2; i++) {
        if (!make_primary(d, &variants[i], ek, f))
            return false;
        if (certificate.len == 0 || is_certified(ek, certificate))
            return true;
        lk_key_close(d, ek);
    }
    return lk_collector_fail(f, LK_COLLECTOR_NO_CERTIFICATE, "the certificate is not for the TPM's %s EK", kind->name);
}

static TPM2B_PUBLIC ak_template(const struct lk_ak_kind *kind, uint16_t hash)
{
    TPM2B_PUBLIC t = {0};
    TPMT_PUBLIC *a = &t.publicArea;
    a->type = kind->type;
    a->nameAlg = TPM2_ALG_SHA256;
    a->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                          TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED |
                          TPMA_OBJECT_SIGN_ENCRYPT;
    if (kind->type == TPM2_ALG_RSA) {
        a->parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_NULL;
        a->parameters.rsaDetail.scheme.scheme = kind->scheme;
        a->parameters.rsaDetail.scheme.details.anySig.hashAlg = hash;
        a->parameters.rsaDetail.keyBits = 2048;
        return t;
    }
    a->parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
    a->parameters.eccDetail.scheme.scheme = kind->scheme;
    a->parameters.eccDetail.scheme.details.anySig.hashAlg = hash;
    a->parameters.eccDetail.curveID = kind->curve;
    a->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
    return t;
}

static bool user_with_auth(const struct lk_tpm_key *ek)
{
    return (ek->public->publicArea.objectAttributes & TPMA_OBJECT_USERWITHAUTH) != 0;
}

static bool create(struct lk_device *d, const struct lk_tpm_key *ek, const TPM2B_PUBLIC *template,
                   TPM2B_PRIVATE **private, TPM2B_PUBLIC **public, struct lk_collector_failure *f)
{
    static const TPM2B_SENSITIVE_CREATE sensitive;
    static const TPM2B_DATA outside;
    static const TPML_PCR_SELECTION pcrs;
    ESYS_TR session;
    if (!lk_device_ek_session(d, user_with_auth(ek), &session, f))
        return false;
    TSS2_RC rc = Esys_Create(d->esys, ek->handle, session, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, template, &outside,
                             &pcrs, private, public, NULL, NULL, NULL);
    if (rc != TSS2_RC_SUCCESS)
        lk_device_flush(d, &session);
    return lk_device_ok(rc, "making the AK", f);
}

static bool load(struct lk_device *d, const struct lk_tpm_key *ek, const TPM2B_PRIVATE *private,
                 struct lk_tpm_key *ak, struct lk_collector_failure *f)
{
    ESYS_TR session;
    if (!lk_device_ek_session(d, user_with_auth(ek), &session, f))
        return false;
    TSS2_RC rc = Esys_Load(d->esys, ek->handle, session, ESYS_TR_NONE, ESYS_TR_NONE, private, ak->public, &ak->handle);
    if (rc != TSS2_RC_SUCCESS)
        lk_device_flush(d, &session);
    ak->transient = rc == TSS2_RC_SUCCESS;
    return lk_device_ok(rc, "loading the AK", f);
}

bool lk_ak_make(struct lk_device *d, const struct lk_tpm_key *ek, const struct lk_ak_kind *kind, uint16_t hash,
                struct lk_tpm_key *ak, struct lk_collector_failure *f)
{
    TPM2B_PUBLIC template = ak_template(kind, hash);
    TPM2B_PRIVATE *private = NULL;
    *ak = (struct lk_tpm_key){.handle = ESYS_TR_NONE};
    bool done = create(d, ek, &template, &private, &ak->public, f) && load(d, ek, private, ak, f);
    Esys_Free(private);
    if (!done)
        lk_key_close(d, ak);
    return done;
}
