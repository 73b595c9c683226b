/* SPDX-License-Identifier: Apache-2.0 */
/* An EFI application: the same bytes give the same digest, and nothing outside of the file is read. */
#include "broker/cli/authenticode.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct lk_tpm_hash *hash = lk_tpm_hash(LK_TPM_SHA256);
    uint8_t first[LK_TPM_DIGEST_MAX], again[LK_TPM_DIGEST_MAX];
    lk_result r = lk_authenticode(lk_bytes(data, size), hash, first);
    if (r.code != LK_R_OK && r.code != LK_R_BOOT_IMAGE)
        __builtin_trap();
    if (lk_ok(r) && (!lk_ok(lk_authenticode(lk_bytes(data, size), hash, again)) || memcmp(first, again, hash->size) != 0))
        __builtin_trap();
    return 0;
}
