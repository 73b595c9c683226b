/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/tpm/tpm.h"

#include <stdlib.h>
#include <string.h>

#include <tss2/tss2_mu.h>

#include "broker/guest/collectors/tpm/azure.h"
#include "broker/guest/collectors/tpm/certs.h"
#include "broker/guest/collectors/tpm/quote.h"
#include "proto/tpm/algs.h"

struct lk_tpm_collector {
    const struct lk_tpm_options *options;
    struct lk_device device;
    bool open, ready; /* the TPM; the keys */
    struct lk_tpm_key ek, ak;
    struct lk_buf ek_cert, ak_cert, chain;
    bool azure;               /* the bundle wants the paravisor's word on this TPM */
    struct lk_buf hcl_report; /* one for all items: each reading may give another. Empty: not read yet */
    struct lk_tpm_key hcl_ak;
};

struct lk_tpm_collector *lk_tpm_collector_new(const struct lk_tpm_options *options)
{
    struct lk_tpm_collector *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->options = options;
    c->ek.handle = c->ak.handle = c->hcl_ak.handle = ESYS_TR_NONE;
    c->ek_cert = lk_buf(LK_CERTIFICATE_MAX);
    c->ak_cert = lk_buf(LK_CERTIFICATE_MAX);
    c->chain = lk_buf(LK_CHAIN_BYTES_MAX);
    c->hcl_report = lk_buf(LK_AZURE_REPORT_MAX);
    return c;
}

void lk_tpm_collector_free(struct lk_tpm_collector *c)
{
    if (c == NULL)
        return;
    if (c->open) {
        lk_key_close(&c->device, &c->hcl_ak);
        lk_key_close(&c->device, &c->ak);
        lk_key_close(&c->device, &c->ek);
        lk_device_close(&c->device);
    }
    lk_buf_free(&c->ek_cert);
    lk_buf_free(&c->ak_cert);
    lk_buf_free(&c->chain);
    lk_buf_free(&c->hcl_report);
    free(c);
}

static bool ek_certificate(struct lk_tpm_collector *c, const struct lk_ek_kind *kind, struct lk_collector_failure *f)
{
    c->ek_cert.len = 0;
    if (c->options->ek_cert != NULL)
        return lk_certs_file(c->options->ek_cert, &c->ek_cert, f);
    if (lk_device_nv(&c->device, kind->certificate, &c->ek_cert))
        return true;
    c->ek_cert.len = 0;
    return lk_collector_fail(f, LK_COLLECTOR_NO_CERTIFICATE, "the TPM has no certificate for its %s EK", kind->name);
}

/* The first kind that has a certificate. */
static const struct lk_ek_kind *auto_kind(struct lk_tpm_collector *c, struct lk_collector_failure *f)
{
    const struct lk_ek_kind *kind = NULL;
    for (size_t i = 0; (kind = lk_ek_kind_at(i)) != NULL; i++)
        if (ek_certificate(c, kind, f))
            return kind;
    lk_collector_fail(f, LK_COLLECTOR_NO_CERTIFICATE, "the TPM has no EK certificate; name one with --ek-cert");
    return NULL;
}

/* An EK that is asked for by name is used without a certificate too: something else may vouch for it. */
static const struct lk_ek_kind *choose_kind(struct lk_tpm_collector *c, struct lk_collector_failure *f)
{
    if (strcmp(c->options->ek, "auto") == 0 && c->options->ek_cert == NULL)
        return auto_kind(c, f);
    const struct lk_ek_kind *kind = lk_ek_kind(strcmp(c->options->ek, "auto") == 0 ? "rsa" : c->options->ek);
    if (!ek_certificate(c, kind, f) && c->options->ek_cert != NULL)
        return NULL;
    return kind;
}

static uint16_t ak_hash(const struct lk_tpm_options *o, const struct lk_ak_kind *kind)
{
    if (o->hash != NULL)
        return lk_tpm_hash_by_name(o->hash)->alg;
    return kind->curve == TPM2_ECC_NIST_P384 ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256;
}

static bool open_keys(struct lk_tpm_collector *c, struct lk_collector_failure *f)
{
    const struct lk_tpm_options *o = c->options;
    const struct lk_ek_kind *kind = choose_kind(c, f);
    bool need_ek = o->ak_handle == 0 || o->ak_cert == NULL;
    if (kind == NULL && need_ek)
        return false;
    if (kind != NULL && !lk_ek_open(&c->device, kind, lk_buf_bytes(&c->ek_cert), &c->ek, f))
        return false;
    if (o->ak_handle != 0)
        return lk_key_at(&c->device, o->ak_handle, &c->ak, f);
    const struct lk_ak_kind *ak = lk_ak_kind(o->ak);
    return lk_ak_make(&c->device, &c->ek, ak, ak_hash(o, ak), &c->ak, f);
}

static bool open_files(struct lk_tpm_collector *c, struct lk_collector_failure *f)
{
    const struct lk_tpm_options *o = c->options;
    if (o->ak_cert != NULL && !lk_certs_file(o->ak_cert, &c->ak_cert, f))
        return false;
    return o->ek_chain == NULL || lk_certs_file(o->ek_chain, &c->chain, f);
}

static bool open_device(struct lk_tpm_collector *c, struct lk_collector_failure *f)
{
    c->open = c->open || lk_device_open(&c->device, c->options->tcti, f);
    return c->open;
}

/* Opens the TPM and the keys at the first call that needs them; they stay until the end. */
static bool make_ready(struct lk_tpm_collector *c, struct lk_collector_failure *f)
{
    if (c->ready)
        return true;
    if (!open_device(c, f))
        return false;
    c->chain.len = c->ak_cert.len = 0;
    lk_key_close(&c->device, &c->ak);
    lk_key_close(&c->device, &c->ek);
    c->ready = open_files(c, f) && open_keys(c, f);
    if (c->ready)
        lk_certs_nv_chain(&c->device, &c->chain);
    return c->ready;
}

static bool read_hcl(struct lk_tpm_collector *c, struct lk_collector_failure *f)
{
    if (c->hcl_report.len > 0)
        return true;
    if (open_device(c, f) && lk_azure_report(&c->device, c->options->hcl_index, &c->hcl_report, f))
        return true;
    c->hcl_report.len = 0;
    return false;
}

/* Its paravisor vouches for an AK, so that no EK is activated unless one is asked for. */
static bool has_paravisor(struct lk_tpm_collector *c)
{
    const struct lk_tpm_options *o = c->options;
    struct lk_collector_failure f;
    return strcmp(o->ek, "auto") == 0 && o->ek_cert == NULL && o->ak_handle == 0 &&
           (read_hcl(c, &f) || f.code == LK_COLLECTOR_UNSUPPORTED); /* the latter is told where its report is asked for */
}

static bool identify(void *self, struct lk_buf *ek_public, struct lk_buf *ak_public, struct lk_collector_failure *f)
{
    struct lk_tpm_collector *c = self;
    if (has_paravisor(c))
        return true;
    if (!make_ready(c, f))
        return false;
    if (c->ek.public == NULL)
        return true;
    lk_key_put_public(&c->ek, ek_public);
    lk_key_put_public(&c->ak, ak_public);
    return true;
}

static bool read_credential(struct lk_bytes blob, struct lk_bytes encrypted, TPM2B_ID_OBJECT *id,
                            TPM2B_ENCRYPTED_SECRET *secret)
{
    size_t a = 0, b = 0;
    return Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(blob.data, blob.len, &a, id) == TSS2_RC_SUCCESS && a == blob.len &&
           Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(encrypted.data, encrypted.len, &b, secret) == TSS2_RC_SUCCESS &&
           b == encrypted.len;
}

/* What the TPM says to a credential of other keys is an error of its first or second parameter. */
static bool activated(TSS2_RC rc, struct lk_collector_failure *f)
{
    if (rc == TSS2_RC_SUCCESS)
        return true;
    if (lk_device_ok(rc, "activating the credential", f) || f->code == LK_COLLECTOR_DEVICE_BUSY)
        return false;
    f->code = (rc & TPM2_RC_FMT1) != 0 && (rc & TPM2_RC_P) != 0 ? LK_COLLECTOR_CREDENTIAL : LK_COLLECTOR_DEVICE;
    return false;
}

static bool activate(void *self, struct lk_bytes blob, struct lk_bytes encrypted, struct lk_secret *s,
                     struct lk_collector_failure *f)
{
    struct lk_tpm_collector *c = self;
    TPM2B_ID_OBJECT id = {0};
    TPM2B_ENCRYPTED_SECRET secret = {0};
    TPM2B_DIGEST *out = NULL;
    ESYS_TR session;
    if (!make_ready(c, f))
        return false;
    if (c->ek.public == NULL)
        return lk_collector_fail(f, LK_COLLECTOR_BAD_REQUEST, "there is no EK to activate");
    if (!read_credential(blob, encrypted, &id, &secret))
        return lk_collector_fail(f, LK_COLLECTOR_BAD_REQUEST, "the credential is no TPM2B_ID_OBJECT and secret");
    bool high = (c->ek.public->publicArea.objectAttributes & TPMA_OBJECT_USERWITHAUTH) != 0;
    if (!lk_device_ek_session(&c->device, high, &session, f))
        return false;
    TSS2_RC rc = Esys_ActivateCredential(c->device.esys, c->ak.handle, c->ek.handle, ESYS_TR_PASSWORD, session,
                                         ESYS_TR_NONE, &id, &secret, &out);
    if (rc != TSS2_RC_SUCCESS)
        lk_device_flush(&c->device, &session);
    if (!activated(rc, f))
        return false;
    bool copied = lk_ok(lk_secret_copy(s, lk_bytes(out->buffer, out->size)));
    explicit_bzero(out, sizeof(*out));
    Esys_Free(out);
    return copied || lk_collector_fail(f, LK_COLLECTOR_INTERNAL, "out of memory");
}

static void put_key(struct lk_collector_item *item, const char *name, const struct lk_tpm_key *key)
{
    LK_BUF_AUTO area = lk_buf(LK_COLLECTOR_PART_MAX);
    lk_key_put_public(key, &area);
    lk_collector_put_part(item, name, lk_buf_bytes(&area));
}

static bool put_quote(struct lk_tpm_collector *c, const struct lk_tpm_key *ak, struct lk_bytes binding,
                      const TPML_PCR_SELECTION *selection, struct lk_collector_item *item, struct lk_collector_failure *f)
{
    LK_BUF_AUTO attest = lk_buf(LK_COLLECTOR_PART_MAX), signature = lk_buf(LK_COLLECTOR_PART_MAX),
                values = lk_buf(LK_QUOTE_VALUES_MAX);
    if (!lk_quote(&c->device, ak, selection, lk_bytes(binding.data, 32), &attest, &signature, &values, f))
        return false;
    lk_collector_put_part(item, "attest", lk_buf_bytes(&attest));
    lk_collector_put_part(item, "signature", lk_buf_bytes(&signature));
    put_key(item, "public", ak);
    lk_collector_put_part(item, "pcrs", lk_buf_bytes(&values));
    return true;
}

static bool collect_tpm(struct lk_tpm_collector *c, struct lk_bytes binding, const TPML_PCR_SELECTION *selection,
                        struct lk_collector_item *item, struct lk_collector_failure *f)
{
    if (!make_ready(c, f) || !put_quote(c, &c->ak, binding, selection, item, f))
        return false;
    put_key(item, "ek-public", &c->ek);
    lk_collector_put_part(item, "ek-cert", lk_buf_bytes(&c->ek_cert));
    lk_collector_put_part(item, "ak-cert", lk_buf_bytes(&c->ak_cert));
    lk_collector_put_part(item, "chain", lk_buf_bytes(&c->chain));
    return true;
}

static bool collect_hcl_quote(struct lk_tpm_collector *c, struct lk_bytes binding, const TPML_PCR_SELECTION *selection,
                              struct lk_collector_item *item, struct lk_collector_failure *f)
{
    if (c->hcl_ak.public == NULL && !lk_key_at(&c->device, c->options->hcl_ak, &c->hcl_ak, f))
        return false;
    return put_quote(c, &c->hcl_ak, binding, selection, item, f);
}

static bool collect_hcl_snp(struct lk_tpm_collector *c, struct lk_collector_item *item, struct lk_collector_failure *f)
{
    LK_BUF_AUTO certs = lk_buf(LK_CHAIN_BYTES_MAX);
    if (c->options->hcl_certs != NULL && !lk_certs_file(c->options->hcl_certs, &certs, f))
        return false;
    lk_collector_put_part(item, "report", lk_azure_snp(&c->hcl_report));
    if (certs.len == 0)
        return true;
    size_t first = lk_certs_first(lk_buf_bytes(&certs));
    lk_collector_put_part(item, "vek", lk_bytes(certs.data, first));
    lk_collector_put_part(item, "chain", lk_bytes(certs.data + first, certs.len - first));
    return true;
}

static void bundle(void *self, char *const *families, size_t n)
{
    struct lk_tpm_collector *c = self;
    c->azure = false;
    for (size_t i = 0; i < n; i++)
        c->azure = c->azure || strcmp(families[i], "azure-hcl") == 0;
}

static bool collect(void *self, struct lk_bytes binding, const Latchkey__V1__EvidenceItemRequest *request,
                    struct lk_collector_item *item, struct lk_collector_failure *f)
{
    struct lk_tpm_collector *c = self;
    TPML_PCR_SELECTION selection;
    bool quote = strcmp(request->family, "tpm") == 0;
    if (quote && !lk_quote_selection(request, &selection, f))
        return false;
    if (!c->azure)
        return quote ? collect_tpm(c, binding, &selection, item, f)
                     : lk_collector_fail(f, LK_COLLECTOR_UNSUPPORTED, "%.64s without azure-hcl", request->family);
    if (!read_hcl(c, f))
        return false;
    if (quote)
        return collect_hcl_quote(c, binding, &selection, item, f);
    if (strcmp(request->family, "sev-snp") == 0)
        return collect_hcl_snp(c, item, f);
    lk_collector_put_part(item, "report", lk_buf_bytes(&c->hcl_report));
    return true;
}

static const char *const families[] = {"tpm", "azure-hcl", "sev-snp", NULL};

const struct lk_collector_ops lk_tpm_collector_ops = {
    .program = "latchkey-evidence-tpm",
    .families = families,
    .identify = identify,
    .activate = activate,
    .bundle = bundle,
    .collect = collect,
};
