/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_DCAP_COLLATERAL_H
#define LK_DCAP_COLLATERAL_H
/*
 * Intel's signed JSON: TCB Info (versions 2 and 3) and QE Identity (version 2), as the Provisioning Certification
 * Service answers ("Intel SGX and Intel TDX Provisioning Certification Service API", version 4). The signature covers
 * the exact bytes of the inner object: they are found by a scan, verified, and only then read.
 */
#include "policy/chain/cert.h"
#include "policy/evidence/dcap/pck.h"

#define LK_COLLATERAL_MAX 131072 /* bytes of one body */
#define LK_TCB_LEVELS_MAX 64
#define LK_TCB_MODULES_MAX 16
#define LK_TCB_MODULE_LEVELS_MAX 32
#define LK_TCB_ADVISORIES_MAX 64 /* of one level */

/* In Intel's spelling: lk_tcb_status_words. */
enum lk_tcb_status {
    LK_TCB_UP_TO_DATE,
    LK_TCB_SW_HARDENING,
    LK_TCB_CONFIGURATION,
    LK_TCB_CONFIGURATION_AND_SW_HARDENING,
    LK_TCB_OUT_OF_DATE,
    LK_TCB_OUT_OF_DATE_CONFIGURATION,
    LK_TCB_REVOKED,
    LK_TCB_IN_DOCUMENTS, /* the ones above stand in TCB Info, those below are only concluded */
    LK_TCB_RELAUNCH = LK_TCB_IN_DOCUMENTS,
    LK_TCB_RELAUNCH_CONFIGURATION,
    LK_TCB_STATUSES
};
extern const char *const lk_tcb_status_words[LK_TCB_STATUSES + 1]; /* NULL-terminated */

struct lk_tcb_advisories {
    const struct lk_bytes *ids; /* "INTEL-SA-00615" */
    size_t n;
};

/* A level of the platform's TCB. */
struct lk_tcb_level {
    uint8_t sgx[LK_TCB_COMPONENTS], tdx[LK_TCB_COMPONENTS];
    uint16_t pce_svn;
    enum lk_tcb_status status;
    int64_t date;
    struct lk_tcb_advisories advisories;
};

/* A level of a quoting enclave or TDX module: UpToDate, OutOfDate or Revoked. */
struct lk_svn_level {
    uint16_t isv_svn;
    enum lk_tcb_status status;
    int64_t date;
    struct lk_tcb_advisories advisories;
};

struct lk_svn_levels {
    const struct lk_svn_level *l; /* highest first */
    size_t n;
};

struct lk_tdx_module {
    struct lk_bytes id; /* "TDX_01"; absent for tdxModule */
    uint8_t mr_signer[48], attributes[8], attributes_mask[8];
    struct lk_svn_levels levels;
};

struct lk_tdx_modules {
    const struct lk_tdx_module *m;
    size_t n;
};

struct lk_tcb_info {
    bool tdx;
    uint32_t version, evaluation_number;
    int64_t issued, next_update;
    uint8_t fmspc[6], pce_id[2];
    struct lk_tdx_module module; /* tdxModule; TDX only */
    struct lk_tdx_modules modules; /* tdxModuleIdentities */
    const struct lk_tcb_level *levels; /* highest first */
    size_t n_levels;
};

struct lk_qe_identity {
    bool tdx;
    uint32_t evaluation_number;
    int64_t issued, next_update;
    uint8_t misc_select[4], misc_select_mask[4], attributes[16], attributes_mask[16], mr_signer[32];
    uint16_t isv_prod_id;
    struct lk_svn_levels levels;
};

struct lk_collateral_input {
    struct lk_bytes body; /* {"tcbInfo": {...}, "signature": "..."} */
    struct lk_cert_cache *cache;
    const struct lk_cert *signer; /* the TCB signing certificate */
    int64_t at;
    bool tdx; /* which kind is wanted */
    struct lk_arena *arena;
    const struct lk_dcap_say *say;
};

/*
 * Verifies and reads. Duplicate levels, a status that is not in the list and a member that its version lacks are
 * failures. DCAP_COLLATERAL_FORM, DCAP_COLLATERAL_SIGNATURE, DCAP_COLLATERAL_KIND (of the other TEE),
 * DCAP_COLLATERAL_NOT_YET_VALID, DCAP_COLLATERAL_EXPIRED (in force: issued <= at <= next update).
 */
LK_MUST_USE lk_result lk_tcb_info_read(const struct lk_collateral_input *in, struct lk_tcb_info *out);
LK_MUST_USE lk_result lk_qe_identity_read(const struct lk_collateral_input *in, struct lk_qe_identity *out);

#endif
