/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TEST_SNP_WORLD_H
#define LK_TEST_SNP_WORLD_H
/*
 * One bundle of sev-snp evidence and all that made it: a test changes one thing, the
 * world makes keys, certificates, lists and the report anew, and runs the family.
 */
#include "policy/evidence/sev_snp/sev_snp.h"
#include "tests/emulators/amd_sp/amd_sp.h"
#include "tests/harness/family_run.h"

#define WORLD_NOW 1767225600 /* 2026-01-01 */

enum world_rsa { WORLD_ARK, WORLD_ASK, WORLD_ASVK, WORLD_RSA_KEYS };

/* Which file brings the certificates. */
enum world_form { WORLD_PARTS, WORLD_TABLE };

struct world_patch {
    size_t offset;
    uint8_t value;
    bool used;
};

struct world {
    enum amd_sp_product product;
    enum amd_sp_key kind;
    enum amd_sp_key offered; /* the kind of certificate that is sent: as kind, unless a test lies */

    struct amd_sp_profile ark, ask, asvk, vek;
    EVP_PKEY *ark_key, *ask_key, *asvk_key, *vek_key; /* whose certificates they are */
    EVP_PKEY *ark_signer, *ask_signer, *asvk_signer, *vek_signer;
    EVP_PKEY *report_signer;
    struct amd_sp_report report;
    struct amd_sp_crl crl;
    EVP_PKEY *crl_signer;
    size_t crl_cut; /* bytes that its end lacks */

    struct world_patch before_signing, after_signing; /* of the report */
    int flip_ark_byte;                                /* byte from the certificate's end that is altered; 0: none */

    /* What is sent, and what is trusted. */
    enum world_form form;
    bool send_vek, send_intermediate, send_ark, send_crl, send_other_intermediate, send_vek_in_chain;
    bool both_veks;              /* in the table: a good one and one of the other kind, in front */
    bool anchor_ark, anchor_ask; /* an admin added them */
    bool keep_ark;               /* the anchor is the ARK of before the test's changes */
    bool collateral;             /* vek, chain and crl come from the collateral instead */
    bool keep_list;              /* a list of the broker's own beside the guest's: */
    struct amd_sp_crl kept;
    int64_t at;
};

/* A world that is affirmed. */
void world_init(struct world *w, enum amd_sp_product product, enum amd_sp_key kind);

/* Makes all and runs the family; the values live until the next run. */
void world_run(struct world *w, struct lk_family_run *out);

/* RSA keys (keys/README) and P-384 keys, read or made once for the process. */
EVP_PKEY *world_rsa(enum world_rsa which);
EVP_PKEY *world_vek_key(int which);

#endif
