/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/evidence.h"

#include "tests/emulators/amd_sp/amd_sp.h"
#include "tests/emulators/tpm/softtpm.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TD_SIGNED = 54 + 648, TD_REPORT_DATA_AT = 54 + 520, TD_SIGNATURE_AT = TD_SIGNED + 4 }; /* a version 5 quote, body of TDX 1.5 */
enum { PCRS = 8, PCR_SIZE = 32, REPORT_DATA_AT = 0x50 }; /* ABI specification, ATTESTATION_REPORT */

static _Noreturn void die(const char *what, const char *name)
{
    fprintf(stderr, "latchkey-bench: %s %s\n", what, name);
    exit(1);
}

static FILE *open_in(const char *dir, const char *name, const char *mode)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, mode);
    if (f == NULL)
        die("cannot open", path);
    return f;
}

static struct lk_buf read_file(const char *dir, const char *name)
{
    struct lk_buf b = lk_buf(64u << 10);
    uint8_t chunk[4096];
    FILE *f = open_in(dir, name, "rb");
    for (size_t n; (n = fread(chunk, 1, sizeof(chunk), f)) > 0;)
        lk_put(&b, lk_bytes(chunk, n));
    fclose(f);
    if (!lk_ok(lk_buf_ok(&b)) || b.len == 0)
        die("cannot read", name);
    return b;
}

static void write_file(const char *dir, const char *name, const struct lk_buf *b)
{
    FILE *f = open_in(dir, name, "wb");
    if (fwrite(b->data, 1, b->len, f) != b->len || fclose(f) != 0)
        die("cannot write", name);
}

static EVP_PKEY *read_key(const char *dir, const char *name)
{
    FILE *f = open_in(dir, name, "rb");
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    if (key == NULL)
        die("no key in", name);
    return key;
}

void bench_prepare_tpm(const char *dir)
{
    EVP_PKEY *ca = soft_key("P-384"), *ak = soft_key("RSA2048");
    LK_BUF_AUTO root = lk_buf(8192), cert = lk_buf(8192), public = lk_buf(1024);
    struct soft_cert ca_cert = {.subject = "bench CA", .key = ca, .issuer = "bench CA", .signer = ca, .ca = true,
                                .key_usage = "critical,keyCertSign", .not_before = 1700000000, .not_after = 4000000000};
    struct soft_cert ak_cert = {.subject = "bench AK", .key = ak, .issuer = "bench CA", .signer = ca,
                                .key_usage = "critical,digitalSignature", .eku = "2.23.133.8.3", .tpm_san = true,
                                .not_before = 1700000000, .not_after = 4000000000};
    soft_cert_put(&root, &ca_cert);
    soft_cert_put(&cert, &ak_cert);
    soft_public_put(&public, &(struct soft_public){.key = ak, .attributes = SOFT_AK, .scheme = LK_TPM_RSASSA,
                                                   .scheme_hash = LK_TPM_SHA256});
    write_file(dir, "ca.der", &root);
    write_file(dir, "ak.der", &cert);
    write_file(dir, "ak.public", &public);
    FILE *f = open_in(dir, "ak.key", "wb");
    if (PEM_write_PrivateKey(f, ak, NULL, NULL, 0, NULL, NULL) != 1 || fclose(f) != 0)
        die("cannot write", "ak.key");
    EVP_PKEY_free(ca);
    EVP_PKEY_free(ak);
}

static void make_td(struct qe_output *out)
{
    struct qe_settings s;
    qe_settings_init(&s, true, 3);
    s.now = (int64_t)time(NULL);
    qe_make(&s, out);
}

static struct qe_output *new_td(void)
{
    struct qe_output *td = malloc(sizeof(*td));
    if (td == NULL)
        die("no memory for", "a quote");
    return td;
}

void bench_load(struct bench_maker *m, const char *family, const char *dir, bool cold)
{
    *m = (struct bench_maker){.family = family, .cold = cold};
    if (strcmp(family, "tdx") == 0) {
        qe_keys_in(dir);
        m->td = new_td();
        make_td(m->td);
        return;
    }
    if (strcmp(family, "tpm") == 0) {
        m->key = read_key(dir, "ak.key");
        m->public = read_file(dir, "ak.public");
        m->certificate = read_file(dir, "ak.der");
        return;
    }
    m->key = read_key(dir, "vcek.key");
    m->report = read_file(dir, "report/outblob");
    m->vek = read_file(dir, "report/vek.der");
    m->chain = read_file(dir, "cert_chain.pem");
}

static void part(struct bench_item *o, const char *name, struct lk_bytes data)
{
    size_t i = o->item.n_parts++;
    latchkey__v1__evidence_part__init(&o->parts[i]);
    o->parts[i].name = (char *)(uintptr_t)name;
    o->parts[i].data = (ProtobufCBinaryData){data.len, (uint8_t *)(uintptr_t)data.data};
    o->pointers[i] = &o->parts[i];
}

static void make_report(const struct bench_maker *m, const uint8_t binding[static 64], struct bench_item *o)
{
    memcpy(o->report, m->report.data, sizeof(o->report));
    memcpy(o->report + REPORT_DATA_AT, binding, 64);
    amd_sp_report_sign(o->report, m->key);
    part(o, "report", LK_BYTES(o->report));
    part(o, "vek", lk_buf_bytes(&m->vek));
    part(o, "chain", lk_buf_bytes(&m->chain));
}

/* PCR i holds i + 1 in every byte: nothing that firmware would leave, and not the reset value. */
static const uint8_t *pcr_values(void)
{
    static uint8_t values[PCRS * PCR_SIZE];
    for (size_t i = 0; i < sizeof(values); i++)
        values[i] = (uint8_t)(i / PCR_SIZE + 1);
    return values;
}

static void make_quote(const struct bench_maker *m, const uint8_t binding[static 64], struct bench_item *o)
{
    struct lk_bytes values = lk_bytes(pcr_values(), PCRS * PCR_SIZE);
    struct soft_quote q = soft_quote(values);
    q.extra_data = lk_bytes(binding, 32);
    q.scheme = LK_TPM_RSASSA;
    o->made[0] = lk_buf(1024);
    o->made[1] = lk_buf(1024);
    soft_attest_put(&o->made[0], &q);
    soft_signature_put(&o->made[1], &q, m->key, lk_buf_bytes(&o->made[0]));
    part(o, "attest", lk_buf_bytes(&o->made[0]));
    part(o, "signature", lk_buf_bytes(&o->made[1]));
    part(o, "public", lk_buf_bytes(&m->public));
    part(o, "pcrs", values);
    part(o, "ak-cert", lk_buf_bytes(&m->certificate));
}

static struct lk_bytes blob(const struct qe_blob *b)
{
    return lk_bytes(b->data, b->len);
}

/* The emulator makes one machine at a time. */
static void make_td_quote(const struct bench_maker *m, const uint8_t binding[static 64], struct bench_item *o)
{
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
    o->td = new_td();
    if (m->cold) {
        pthread_mutex_lock(&one);
        make_td(o->td);
        pthread_mutex_unlock(&one);
    } else {
        *o->td = *m->td;
    }
    uint8_t *quote = o->td->quote.data;
    memcpy(quote + TD_REPORT_DATA_AT, binding, 64);
    qe_sign(QE_ATTESTATION, quote, TD_SIGNED, quote + TD_SIGNATURE_AT);
    part(o, "quote", blob(&o->td->quote));
    part(o, "tcb-info", blob(&o->td->tcb_info));
    part(o, "qe-identity", blob(&o->td->qe_identity));
    part(o, "tcb-chain", blob(&o->td->tcb_chain));
    part(o, "pck-crl", blob(&o->td->pck_crl));
    part(o, "root-crl", blob(&o->td->root_crl));
}

void bench_item_make(const struct bench_maker *m, const uint8_t binding[static 64], struct bench_item *o)
{
    memset(o, 0, sizeof(*o));
    latchkey__v1__evidence_item__init(&o->item);
    o->item.family = (char *)(uintptr_t)m->family;
    o->item.parts = o->pointers;
    if (strcmp(m->family, "tpm") == 0)
        make_quote(m, binding, o);
    else if (m->td != NULL)
        make_td_quote(m, binding, o);
    else
        make_report(m, binding, o);
}

void bench_item_free(struct bench_item *o)
{
    lk_buf_free(&o->made[0]);
    lk_buf_free(&o->made[1]);
    free(o->td);
}
