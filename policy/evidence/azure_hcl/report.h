/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_AZURE_HCL_REPORT_H
#define LK_AZURE_HCL_REPORT_H
/*
 * The report that the paravisor keeps in NV index 0x01400001 of the virtual TPM: a header, the hardware report, and the
 * runtime data whose digest is in that report's REPORT_DATA. Little-endian. Offsets as in OpenHCL's structures
 * (openhcl_attestation_protocol, igvm_attest::get and the attestation report header).
 */
#include "proto/base/bytes.h"
#include "proto/base/report.h"

#define LK_HCL_REPORT_MAX 4096
#define LK_HCL_HARDWARE_AT 32     /* where the hardware report stands... */
#define LK_HCL_HARDWARE_SIZE 1184 /* ...and the room for it: an SNP report, or a TDREPORT and zeros */

enum lk_hcl_type { LK_HCL_SNP = 2, LK_HCL_TDX = 4 };

struct lk_hcl_report {
    enum lk_hcl_type type;
    struct lk_bytes hardware; /* LK_HCL_HARDWARE_SIZE bytes */
    uint16_t hash;            /* TPM_ALG_ID of the digest over the runtime data: SHA-256, SHA-384 or SHA-512 */
    struct lk_bytes runtime;  /* JSON */
};

/*
 * Reads and checks the form; runs borrow from the input. What follows the runtime data must be zeros, as an NV index is
 * padded. AZURE_REPORT with a finding that names the field.
 */
LK_MUST_USE lk_result lk_hcl_report_read(struct lk_bytes in, struct lk_report *report, struct lk_hcl_report *out);

#endif
