/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/tpm/quote.h"

#include <string.h>

#include <tss2/tss2_mu.h>

#include "proto/tpm/attest.h"

#define TRIES 5

static TPMS_PCR_SELECTION *bank_of(TPML_PCR_SELECTION *all, uint16_t alg)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (all->pcrSelections[i].hash == alg)
            return &all->pcrSelections[i];
    return NULL;
}

static bool add_bank(const Latchkey__V1__PcrSelection *asked, TPML_PCR_SELECTION *out, struct lk_collector_failure *f)
{
    const struct lk_tpm_hash *hash = lk_tpm_hash_by_name(asked->bank);
    if (hash == NULL || bank_of(out, hash->alg) != NULL || out->count == LK_TPM_BANKS_MAX)
        return lk_collector_fail(f, LK_COLLECTOR_BAD_REQUEST, "bank %.32s is not known, or asked for twice",
                                 asked->bank);
    TPMS_PCR_SELECTION *s = &out->pcrSelections[out->count++];
    *s = (TPMS_PCR_SELECTION){.hash = hash->alg, .sizeofSelect = 3};
    for (size_t i = 0; i < asked->n_indexes; i++) {
        if (asked->indexes[i] > 23)
            return lk_collector_fail(f, LK_COLLECTOR_BAD_REQUEST, "there is no PCR %u", asked->indexes[i]);
        s->pcrSelect[asked->indexes[i] / 8] |= (uint8_t)(1U << asked->indexes[i] % 8);
    }
    return true;
}

bool lk_quote_selection(const Latchkey__V1__EvidenceItemRequest *request, TPML_PCR_SELECTION *out,
                        struct lk_collector_failure *f)
{
    *out = (TPML_PCR_SELECTION){0};
    for (size_t i = 0; i < request->n_pcrs; i++)
        if (!add_bank(request->pcrs[i], out, f))
            return false;
    if (out->count == 0) {
        out->count = 1;
        out->pcrSelections[0] = (TPMS_PCR_SELECTION){TPM2_ALG_SHA256, 3, {0xff, 0, 0, 0}};
    }
    return true;
}

static uint32_t bitmap(const TPMS_PCR_SELECTION *s)
{
    uint32_t pcrs = 0;
    for (unsigned i = 0; i < s->sizeofSelect && i < 4; i++)
        pcrs |= (uint32_t)s->pcrSelect[i] << (8 * i);
    return pcrs;
}

/* A TPM leaves out what it does not have, without an error. */
static bool quoted_all(const struct lk_tpm_attest *a, const TPML_PCR_SELECTION *asked)
{
    if (a->n_banks != asked->count)
        return false;
    for (size_t i = 0; i < a->n_banks; i++)
        if (a->banks[i].hash->alg != asked->pcrSelections[i].hash ||
            a->banks[i].pcrs != bitmap(&asked->pcrSelections[i]))
            return false;
    return true;
}

/* Values by bank and PCR: TPM2_PCR_Read gives eight at most, in an order of its own choice. */
struct pcr_table {
    struct {
        uint8_t value[LK_TPM_PCRS][LK_TPM_DIGEST_MAX];
    } bank[LK_TPM_BANKS_MAX];
};

/* Takes the digests of one reading and strikes their PCRs off left; false when it gave none. */
static bool take_values(struct pcr_table *table, TPML_PCR_SELECTION *left, const TPML_PCR_SELECTION *got,
                        const TPML_DIGEST *digests)
{
    uint32_t n = 0;
    for (uint32_t b = 0; b < got->count; b++) {
        TPMS_PCR_SELECTION *open = bank_of(left, got->pcrSelections[b].hash);
        uint32_t pcrs = bitmap(&got->pcrSelections[b]);
        for (unsigned i = 0; open != NULL && i < LK_TPM_PCRS && n < digests->count; i++) {
            if ((pcrs >> i & 1) == 0)
                continue;
            size_t slot = (size_t)(open - left->pcrSelections);
            memcpy(table->bank[slot].value[i], digests->digests[n].buffer, digests->digests[n].size);
            open->pcrSelect[i / 8] &= (uint8_t)~(1U << i % 8);
            n++;
        }
    }
    return n > 0;
}

static bool any_left(const TPML_PCR_SELECTION *left)
{
    for (uint32_t b = 0; b < left->count; b++)
        if (bitmap(&left->pcrSelections[b]) != 0)
            return true;
    return false;
}

static bool read_table(struct lk_device *d, const TPML_PCR_SELECTION *asked, struct pcr_table *table,
                       struct lk_collector_failure *f)
{
    TPML_PCR_SELECTION left = *asked;
    while (any_left(&left)) {
        TPML_PCR_SELECTION *got = NULL;
        TPML_DIGEST *digests = NULL;
        TSS2_RC rc = Esys_PCR_Read(d->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &left, NULL, &got, &digests);
        bool some = rc == TSS2_RC_SUCCESS && take_values(table, &left, got, digests);
        Esys_Free(got);
        Esys_Free(digests);
        if (!lk_device_ok(rc, "reading PCRs", f))
            return false;
        if (!some)
            return lk_collector_fail(f, LK_COLLECTOR_NO_BANK, "a PCR bank that was asked for is not active");
    }
    return true;
}

struct writer {
    const struct pcr_table *table;
    const struct lk_tpm_attest *attest;
    struct lk_buf *out;
};

static void write_value(void *arg, const struct lk_tpm_hash *bank, uint32_t index, size_t offset)
{
    struct writer *w = arg;
    (void)offset;
    for (size_t b = 0; b < w->attest->n_banks; b++)
        if (w->attest->banks[b].hash == bank)
            lk_put(w->out, lk_bytes(w->table->bank[b].value[index], bank->size));
}

/* The values are those of the quote: its digest, with the signature's hash, says so. */
static bool values_match(const struct lk_tpm_attest *a, const TPMT_SIGNATURE *sig, struct lk_bytes values)
{
    const struct lk_tpm_hash *hash = lk_tpm_hash(sig->signature.any.hashAlg);
    uint8_t digest[LK_TPM_DIGEST_MAX];
    return hash != NULL && lk_ok(lk_tpm_digest(hash, &values, 1, digest)) &&
           lk_bytes_eq(lk_bytes(digest, hash->size), a->pcr_digest);
}

struct taken {
    TPM2B_ATTEST *attest;
    TPMT_SIGNATURE *signature;
};

static bool take_quote(struct lk_device *d, const struct lk_tpm_key *ak, const TPML_PCR_SELECTION *selection,
                       struct lk_bytes nonce, struct taken *out, struct lk_collector_failure *f)
{
    static const TPMT_SIG_SCHEME own = {.scheme = TPM2_ALG_NULL};
    TPM2B_DATA data = {.size = (uint16_t)nonce.len};
    memcpy(data.buffer, nonce.data, nonce.len);
    TSS2_RC rc = Esys_Quote(d->esys, ak->handle, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &data, &own, selection,
                            &out->attest, &out->signature);
    return lk_device_ok(rc, "quoting", f);
}

/* Sets same to whether the values are those that were quoted. */
static bool read_values(struct lk_device *d, const TPML_PCR_SELECTION *selection, const struct taken *q, bool *same,
                        struct lk_buf *values, struct lk_collector_failure *f)
{
    struct lk_tpm_attest a;
    struct pcr_table table = {0};
    if (!lk_ok(lk_tpm_attest_parse(lk_bytes(q->attest->attestationData, q->attest->size), &a)))
        return lk_collector_fail(f, LK_COLLECTOR_INTERNAL, "the TPM's quote cannot be read");
    if (!quoted_all(&a, selection))
        return lk_collector_fail(f, LK_COLLECTOR_NO_BANK, "a PCR bank that was asked for is not active");
    if (!read_table(d, selection, &table, f))
        return false;
    struct writer w = {&table, &a, values};
    values->len = 0;
    lk_tpm_each_pcr(&a, write_value, &w);
    *same = values_match(&a, q->signature, lk_buf_bytes(values));
    return true;
}

static bool put_signature(const TPMT_SIGNATURE *sig, struct lk_buf *out, struct lk_collector_failure *f)
{
    uint8_t bytes[sizeof(TPMT_SIGNATURE)];
    size_t len = 0;
    TSS2_RC rc = Tss2_MU_TPMT_SIGNATURE_Marshal(sig, bytes, sizeof(bytes), &len);
    lk_put(out, lk_bytes(bytes, len));
    return lk_device_ok(rc, "the quote's signature", f);
}

static void taken_free(struct taken *q)
{
    Esys_Free(q->attest);
    Esys_Free(q->signature);
    *q = (struct taken){0};
}

bool lk_quote(struct lk_device *d, const struct lk_tpm_key *ak, const TPML_PCR_SELECTION *selection,
              struct lk_bytes nonce, struct lk_buf *attest, struct lk_buf *signature, struct lk_buf *values,
              struct lk_collector_failure *f)
{
    for (int i = 0; i < TRIES; i++) {
        struct taken q = {0};
        bool same = false;
        bool read = take_quote(d, ak, selection, nonce, &q, f) && read_values(d, selection, &q, &same, values, f);
        if (read && same) {
            lk_put(attest, lk_bytes(q.attest->attestationData, q.attest->size));
            read = put_signature(q.signature, signature, f);
        }
        taken_free(&q);
        if (!read || same)
            return read;
    }
    return lk_collector_fail(f, LK_COLLECTOR_DEVICE_BUSY, "PCRs change faster than they can be quoted");
}
