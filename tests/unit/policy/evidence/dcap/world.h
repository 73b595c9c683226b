/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TEST_DCAP_WORLD_H
#define LK_TEST_DCAP_WORLD_H
/* One bundle of TDX or SGX evidence of the emulator, judged by its family under the emulator's root as an anchor. */
#include "policy/evidence/dcap/dcap.h"
#include "tests/emulators/intel_qe/intel_qe.h"
#include "tests/harness/family_run.h"

struct world {
    struct qe_settings s;
    int64_t at;
    bool no_anchor;
    unsigned omit;      /* bits by enum lk_dcap_part: not sent */
    bool as_collateral; /* the documents come from the broker's collateral, by their full names */
    bool as_other_tee;  /* the quote is sent to the other family */
};

void world_init(struct world *w, bool tdx, uint16_t body_type);

/* The values live until the next run. */
lk_result world_run(const struct world *w, struct lk_family_run *out);

const struct lk_family *world_family(const struct world *w);

#endif
