/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/sev_snp/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_report report = {0};
    struct lk_snp_report r;
    lk_result result = lk_snp_report_read(lk_bytes(data, size), &report, &r);
    /* What was read must be whole, and a failure must be told. */
    if (lk_ok(result) ? r.signed_part.len != LK_SNP_SIGNED_SIZE : report.n != 1)
        __builtin_trap();
    return 0;
}
