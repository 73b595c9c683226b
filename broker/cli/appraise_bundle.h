/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_APPRAISE_BUNDLE_H
#define LK_CLI_APPRAISE_BUNDLE_H
/*
 * Chains of one platform written as one item: "azure-hcl:report=...,vek=...,attest=..." becomes the items azure-hcl, sev-snp
 * (or tdx) and tpm, "svsm:report=...,manifest=..." the items sev-snp, svsm-vtpm and tpm. Each part goes to the family that
 * has it; what one part says of another item is filled in. docs/man/latchkey-appraise.1 lists the forms.
 */
#include "broker/cli/appraise.h"

/* Reads one ITEM of the command line, of either kind. False after it said what is wrong on standard error. */
bool lk_appraise_argument(struct lk_appraise *a, const char *text);

#endif
