/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TPM_FIXTURE_H
#define TPM_FIXTURE_H
/*
 * A whole item of family "tpm" from a software TPM whose maker's CA is an anchor, in which a test changes one thing
 * before it is built: fixture_open, change, fixture_run, fixture_close.
 */
#include "policy/evidence/tpm/tpm.h"
#include "tests/emulators/tpm/softtpm.h"

enum { P_ATTEST, P_SIGNATURE, P_PUBLIC, P_PCRS, P_EK_CERT, P_EK_PUBLIC, P_AK_CERT, P_CHAIN, P_COUNT };

#define FIXTURE_AT 1800000000 /* 2027-01-15 */

struct fixture {
    /* What is built. */
    EVP_PKEY *ak_key, *signer;              /* signer: who signs the quote, ak_key unless changed */
    EVP_PKEY *ek_key, *root_key, *ca_key;
    struct soft_public ak, ek;
    struct soft_quote quote;
    struct soft_cert root, ca, ek_cert, ak_cert;
    bool send_ek, send_ak_cert, add_anchor; /* true; false; true */
    uint8_t values[4 * 8 * 64];
    /* How it is judged. */
    enum lk_activation activation; /* a ticket of this EK and AK, unless changed */
    uint8_t context[32];           /* computed when all zero */
    int64_t at;
    struct lk_proof proof;
    bool send_proof;
    /* What came out. */
    struct lk_buf parts[P_COUNT];
    struct lk_trust *trust;
    struct lk_arena *arena;
    struct lk_report report;
    struct lk_item *item;
    struct lk_anchoring how;
    struct lk_value values_out[LK_FAMILY_CLAIMS_MAX];
};

/* A good item with a P-256 AK under a P-256 EK; kinds as soft_key takes them. */
void fixture_open(struct fixture *f, const char *ak_kind, const char *ek_kind);
/* Builds parts and trust from the fields above; fixture_run does it when no part is there yet. */
void fixture_build(struct fixture *f);
/* parse, authenticate, claim: the code of the first that fails. */
enum lk_reason_code fixture_run(struct fixture *f);
void fixture_close(struct fixture *f);

/* The claim's value; NULL name is a fault of the test. */
const struct lk_value *fixture_claim(const struct fixture *f, const char *name);

#endif
