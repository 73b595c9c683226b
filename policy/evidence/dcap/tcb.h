/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_DCAP_TCB_H
#define LK_DCAP_TCB_H
/*
 * What Intel's documents say of a platform's TCB: Intel's rule (its Quote Verification Library, 2026), with the
 * second evaluation of TDX 1.5 for TDs whose module was updated under them.
 */
#include "policy/evidence/dcap/collateral.h"
#include "policy/evidence/dcap/quote.h"

#define LK_TCB_TEXT 512

struct lk_tcb_input {
    const struct lk_quote *quote;
    const struct lk_pck *pck;
    const struct lk_tcb_info *info;
    const struct lk_qe_identity *identity;
    const struct lk_dcap_say *say;
    struct lk_arena *arena;
};

struct lk_tcb_result {
    enum lk_tcb_status status;                /* converged, relaunch included */
    enum lk_tcb_status platform, module, qe;  /* at launch */
    enum lk_tcb_status current;               /* converged with TEE_TCB_SVN_2 */
    bool has_module, has_current;
    int64_t date;                             /* the earliest of the levels matched */
    const struct lk_member *advisories;       /* sorted, each once */
    size_t n_advisories;
    const char *shortfall;                    /* what is short of the highest levels; "none" */
};

/*
 * DCAP_QE_IDENTITY (the QE is not Intel's), DCAP_COLLATERAL_PLATFORM (documents of another FMSPC or PCE), DCAP_MODULE
 * (MRSIGNERSEAM or SEAMATTRIBUTES is not Intel's), DCAP_MODULE_UNKNOWN, DCAP_TCB_NOT_SUPPORTED,
 * DCAP_QE_NOT_SUPPORTED (below every level), MEMORY.
 */
LK_MUST_USE lk_result lk_tcb_evaluate(const struct lk_tcb_input *in, struct lk_tcb_result *out);

/* Intel's convergence of the platform's status with that of its module or quoting enclave. */
enum lk_tcb_status lk_tcb_converge(enum lk_tcb_status platform, enum lk_tcb_status part);

/* The status of a TD by what held at its launch and what holds now. */
enum lk_tcb_status lk_tcb_relaunch(enum lk_tcb_status launch, enum lk_tcb_status current);

#endif
