/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_AZURE_HCL_H
#define LK_AZURE_HCL_H
/*
 * The family "azure-hcl": what the paravisor of an Azure confidential VM says of the VM and of its virtual TPM, linked to
 * the hardware report (sev-snp or tdx) whose REPORT_DATA is the digest of these bytes. docs/evidence-azure.md says what
 * is checked and what is not.
 */
#include "policy/evidence/family.h"

extern const struct lk_family lk_family_azure_hcl;

#endif
