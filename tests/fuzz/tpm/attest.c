/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tpm/attest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(void *arg, const struct lk_tpm_hash *bank, uint32_t index, size_t offset)
{
    size_t *end = arg;
    if (offset != *end || index >= LK_TPM_PCRS)
        __builtin_trap();
    *end = offset + bank->size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_tpm_attest a;
    size_t end = 0;
    if (!lk_ok(lk_tpm_attest_parse(lk_bytes(data, size), &a)))
        return 0;
    lk_tpm_each_pcr(&a, walk, &end);
    if (end != lk_tpm_values_len(&a))
        __builtin_trap();
    return 0;
}
