/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TEST_INTEL_QE_H
#define LK_TEST_INTEL_QE_H
/*
 * A software stand-in for Intel's quoting enclave and its authorities: a root of its own, PCK and TCB signing
 * certificates, revocation lists, TCB Info, QE Identity and quotes of every body type. A test changes one setting, makes all
 * anew and sees one reason. Faults abort.
 */
#include "proto/base/bytes.h"

#include <openssl/evp.h>

#define QE_NOW 1767225600 /* 2026-01-01 */
#define QE_BODY_MAX 885
#define QE_QUOTE_MAX 16384
#define QE_TEXT_MAX 16384

enum qe_key { QE_ROOT, QE_CA, QE_PCK, QE_SIGNER, QE_ATTESTATION, QE_STRANGER, QE_KEYS };

/* A text for another, in a document before it is signed. */
struct qe_replace {
    const char *from, *to; /* NULL: none */
};

struct qe_settings {
    int64_t now; /* QE_NOW; dates of certificates, lists and documents lie around it */
    bool tdx;
    uint16_t version, body_type; /* 3 to 5; 1 to 4 */

    /* The platform, and what the documents say of it: highest level and a lower one. */
    uint8_t components[16]; /* of the PCK certificate: 5; the levels are at 5 and 2 */
    uint16_t pce_svn;       /* 10; levels 10 and 5 */
    const char *status[2], *module_status[2], *qe_status[2];
    uint8_t tee_svn[16], tee_svn2[16]; /* {5, 1, 5...}; module levels at 5 and 2 */
    uint16_t qe_svn;                   /* 5; levels 5 and 2 */
    bool v2;                           /* TCB Info of version 2 */
    struct qe_replace tcb_info, qe_identity;
    const char *body_suffix; /* after the signed document */
    enum qe_key document_signer; /* QE_SIGNER */

    /* The quote. */
    uint8_t td_attributes[8], report_data[64];
    uint8_t mr_td[48], rtmr[4][48]; /* 02..., 10... to 13... */
    uint8_t sgx_attributes[16];
    size_t patch_at; /* byte of the quote that is altered after signing; 0: none */
    uint8_t patch_by;
    size_t body_patch_at; /* byte of the body, before signing; patched when body_patch is not 0 */
    uint8_t body_patch;
    uint8_t qe_patch_at_mrsigner, qe_upper_half; /* not 0: put there before signing */
    uint16_t certification;                      /* 5 */
    size_t trailing_zeros;
    enum qe_key quote_signer, qe_signer;
    bool key_off_curve; /* an attestation key that is no point of the curve, vouched for all the same */

    /* Certificates and lists. */
    const char *ca_name, *pck_name, *signer_name;
    enum qe_key pck_issuer; /* whose key signs the PCK certificate */
    bool pck_revoked, ca_revoked, signer_revoked, crl_without_number;
    enum qe_key crl_signer; /* of the PCK CA's list */
    bool pck_expired, signer_expired, crl_stale;
    const uint8_t *extension; /* instead of the PCK extension */
    size_t extension_len;
    int extension_patch; /* index of a byte of it that is altered; -1: none */
};

struct qe_blob {
    size_t len;
    uint8_t data[QE_QUOTE_MAX];
};

struct qe_output {
    struct qe_blob root, quote, tcb_info, qe_identity, tcb_chain, pck_crl, root_crl; /* root: DER, for an anchor */
};

/* An up-to-date platform and a quote that is affirmed. */
void qe_settings_init(struct qe_settings *s, bool tdx, uint16_t body_type);

/* Makes everything. */
void qe_make(const struct qe_settings *s, struct qe_output *out);

/* Reads the keys from files of this folder, or makes them there. Without it they live as long as the process. */
void qe_keys_in(const char *folder);

/* ---- between the sources of the emulator ---- */

EVP_PKEY *qe_key(enum qe_key which); /* made once */
void qe_sign(enum qe_key key, const void *data, size_t len, uint8_t out[static 64]); /* r || s */
size_t qe_pck_extension(const struct qe_settings *s, uint8_t *out);
void qe_certificates(const struct qe_settings *s, struct qe_output *out, struct qe_blob *pck_chain);
void qe_documents(const struct qe_settings *s, struct qe_output *out);

#define QE_MUST(x)                                                             \
    do {                                                                       \
        if (!(x)) {                                                            \
            fprintf(stderr, "intel_qe: %s:%d: %s\n", __FILE__, __LINE__, #x); \
            abort();                                                           \
        }                                                                      \
    } while (0)

#endif
