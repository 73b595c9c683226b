/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLECTOR_TPM_AZURE_H
#define LK_COLLECTOR_TPM_AZURE_H
/*
 * The virtual TPM of an Azure confidential VM: the paravisor's HCL report in its NV (docs/evidence-azure.md). Only what cutting
 * it up takes is read here; what it says is the broker's to judge.
 */
#include "broker/guest/collectors/tpm/device.h"

#define LK_AZURE_REPORT_MAX 4096
#define LK_AZURE_INDEX 0x01400001 /* NV index of the report */
#define LK_AZURE_AK 0x81000003    /* persistent handle of the AK that it names */

/*
 * Reads the report at the NV index into out, which is emptied first. NO_DEVICE when there is none or it is none; UNSUPPORTED
 * when it is not an SEV-SNP machine's.
 */
bool lk_azure_report(struct lk_device *d, uint32_t index, struct lk_buf *out, struct lk_collector_failure *f);

/* The SEV-SNP report inside; borrowed. */
struct lk_bytes lk_azure_snp(const struct lk_buf *report);

#endif
