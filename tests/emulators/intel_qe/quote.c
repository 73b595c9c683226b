/* SPDX-License-Identifier: Apache-2.0 */
/* Quotes, and what makes all of it. */
#include "tests/emulators/intel_qe/intel_qe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SGX_BODY 384

static const size_t sizes[] = {0, SGX_BODY, 584, 648, 885};

static void put(struct qe_blob *b, const void *data, size_t n)
{
    QE_MUST(b->len + n <= sizeof(b->data));
    memcpy(b->data + b->len, data, n);
    b->len += n;
}

static void put_le(struct qe_blob *b, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        put(b, &(uint8_t){(uint8_t)(v >> 8 * i)}, 1);
}

void qe_settings_init(struct qe_settings *s, bool tdx, uint16_t body_type)
{
    *s = (struct qe_settings){
        .now = QE_NOW,
        .tdx = tdx,
        .version = !tdx ? 3 : body_type == 2 ? 4 : 5,
        .body_type = body_type,
        .pce_svn = 10,
        .status = {"UpToDate", "OutOfDate"},
        .module_status = {"UpToDate", "OutOfDate"},
        .qe_status = {"UpToDate", "OutOfDate"},
        .tee_svn = {5, 1},
        .tee_svn2 = {5, 1},
        .qe_svn = 5,
        .body_suffix = "",
        .document_signer = QE_SIGNER,
        .td_attributes = {0, 0, 0, 0x10},
        .sgx_attributes = {0x05},
        .certification = 5,
        .quote_signer = QE_ATTESTATION,
        .qe_signer = QE_PCK,
        .ca_name = "Intel SGX PCK Platform CA",
        .pck_name = "Intel SGX PCK Certificate",
        .signer_name = "Intel SGX TCB Signing",
        .pck_issuer = QE_CA,
        .crl_signer = QE_CA,
        .extension_patch = -1,
    };
    memset(s->components, 5, sizeof(s->components));
    memset(s->tee_svn + 2, 5, sizeof(s->tee_svn) - 2);
    memset(s->tee_svn2 + 2, 5, sizeof(s->tee_svn2) - 2);
    memset(s->report_data, 0xab, sizeof(s->report_data));
    memset(s->mr_td, 0x02, sizeof(s->mr_td));
    for (size_t i = 0; i < 4; i++)
        memset(s->rtmr[i], 0x10 + (int)i, sizeof(s->rtmr[i]));
}

static void sgx_body(uint8_t out[static SGX_BODY], const uint8_t attributes[static 16], uint16_t prod, uint16_t svn)
{
    memset(out, 0, SGX_BODY);
    memcpy(out + 48, attributes, 16);
    memset(out + 64, 0x11, 32);
    out[256] = (uint8_t)prod;
    out[258] = (uint8_t)svn;
}

/* Every field has its own byte, so that a test sees which came where. */
static void td_body(const struct qe_settings *s, uint8_t out[static QE_BODY_MAX])
{
    static const struct {
        size_t at, len;
        uint8_t byte;
    } fields[] = {{16, 48, 0x01},  {184, 48, 0x03}, {232, 48, 0x04}, {280, 48, 0x05}, {648, 1, 0x20},  {649, 32, 0x21},
                  {681, 48, 0x22}, {729, 48, 0x23}, {777, 1, 0x24},  {785, 16, 0x25}, {801, 16, 0x26}, {817, 12, 0x27},
                  {829, 48, 0x28}, {877, 1, 0x29}};
    memset(out, 0, QE_BODY_MAX);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        memset(out + fields[i].at, fields[i].byte, fields[i].len);
    memcpy(out, s->tee_svn, 16);
    memcpy(out + 120, s->td_attributes, 8);
    memcpy(out + 136, s->mr_td, 48);
    for (size_t i = 0; i < 4; i++)
        memcpy(out + 328 + 48 * i, s->rtmr[i], 48);
    memcpy(out + 128, (const uint8_t[]){0xe7, 0x02, 0x06}, 3);
    memcpy(out + 520, s->report_data, 64);
    memcpy(out + 584, s->tee_svn2, 16);
}

static void put_body(const struct qe_settings *s, struct qe_blob *q)
{
    uint8_t body[QE_BODY_MAX];
    if (s->tdx)
        td_body(s, body);
    else {
        sgx_body(body, s->sgx_attributes, 3, 4);
        memset(body + 128, 0x12, 32);
        memcpy(body + 320, s->report_data, 64);
    }
    if (s->body_patch != 0)
        body[s->body_patch_at] = s->body_patch;
    put(q, body, sizes[s->body_type]);
}

static void put_header(const struct qe_settings *s, struct qe_blob *q)
{
    static const uint8_t vendor[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                       0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
    put_le(q, s->version, 2);
    put_le(q, 2, 2);
    put_le(q, s->tdx ? 0x81 : 0, 4);
    put_le(q, 0, 4);
    put(q, vendor, sizeof(vendor));
    for (int i = 0; i < 20; i++)
        put_le(q, 0x30, 1);
    if (s->version == 5) {
        put_le(q, s->body_type, 2);
        put_le(q, sizes[s->body_type], 4);
    }
}

static void point(enum qe_key key, uint8_t out[static 64])
{
    uint8_t *encoded = NULL;
    QE_MUST(EVP_PKEY_get1_encoded_public_key(qe_key(key), &encoded) == 65);
    memcpy(out, encoded + 1, 64);
    OPENSSL_free(encoded);
}

static void put_qe(const struct qe_settings *s, const uint8_t key[static 64], const struct qe_blob *chain, struct qe_blob *out)
{
    uint8_t report[SGX_BODY], bound[96], signature[64];
    static const uint8_t attributes[16] = {0x11}, auth[32] = {1, 2, 3};
    sgx_body(report, attributes, s->tdx ? 2 : 1, s->qe_svn);
    report[159] = (uint8_t)(7 + s->qe_patch_at_mrsigner);
    memcpy(bound, key, 64);
    memcpy(bound + 64, auth, sizeof(auth));
    QE_MUST(EVP_Digest(bound, sizeof(bound), report + 320, NULL, EVP_sha256(), NULL) == 1);
    report[383] = s->qe_upper_half;
    qe_sign(s->qe_signer, report, sizeof(report), signature);
    put(out, report, sizeof(report));
    put(out, signature, sizeof(signature));
    put_le(out, sizeof(auth), 2);
    put(out, auth, sizeof(auth));
    put_le(out, s->certification, 2);
    put_le(out, chain->len, 4);
    put(out, chain->data, chain->len);
}

static void put_signature_data(const struct qe_settings *s, const struct qe_blob *chain, struct qe_blob *q)
{
    static struct qe_blob qe;
    uint8_t signature[64], key[64];
    qe.len = 0;
    point(QE_ATTESTATION, key);
    if (s->key_off_curve)
        key[63] ^= 1;
    qe_sign(s->quote_signer, q->data, q->len, signature);
    put_qe(s, key, chain, &qe);
    put_le(q, 128 + qe.len + (s->version > 3 ? 6 : 0), 4);
    put(q, signature, sizeof(signature));
    put(q, key, sizeof(key));
    if (s->version > 3) {
        put_le(q, 6, 2);
        put_le(q, qe.len, 4);
    }
    put(q, qe.data, qe.len);
}

void qe_make(const struct qe_settings *s, struct qe_output *out)
{
    static struct qe_blob chain;
    memset(out, 0, sizeof(*out));
    chain.len = 0;
    qe_certificates(s, out, &chain);
    qe_documents(s, out);
    put_header(s, &out->quote);
    put_body(s, &out->quote);
    put_signature_data(s, &chain, &out->quote);
    for (size_t i = 0; i < s->trailing_zeros; i++)
        put_le(&out->quote, 0, 1);
    if (s->patch_by != 0)
        out->quote.data[s->patch_at] ^= s->patch_by;
}
