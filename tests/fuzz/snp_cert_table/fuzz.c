/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/sev_snp/cert_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_report report = {0};
    struct lk_bytes out[LK_SNP_ENTRIES] = {0};
    if (!lk_ok(lk_snp_cert_table_read(lk_bytes(data, size), &report, out)))
        return 0;
    for (int i = 0; i < LK_SNP_ENTRIES; i++)
        if (out[i].data != NULL && (out[i].data < data || out[i].len > size - (size_t)(out[i].data - data)))
            __builtin_trap();
    return 0;
}
