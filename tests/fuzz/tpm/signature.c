/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tpm/attest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t fields[] = {32, 48, 66};
    struct lk_tpm_signature s;
    uint8_t pair[132];
    if (!lk_ok(lk_tpm_signature_parse(lk_bytes(data, size), &s)))
        return 0;
    for (size_t i = 0; i < 3; i++) {
        lk_result r = lk_tpm_signature_pair(&s, fields[i], pair);
        (void)r;
    }
    return 0;
}
