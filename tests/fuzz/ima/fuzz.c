/* SPDX-License-Identifier: Apache-2.0 */
/* A list under the very PCR 10 that it gives: whatever parses must be covered by that value. */
#include "policy/evidence/ima/ima.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t banks[] = {LK_TPM_SHA1, LK_TPM_SHA256};
    struct lk_bytes list = lk_bytes(data, size);
    for (size_t i = 0; i < 2; i++) {
        struct lk_ima_replay first, again;
        uint8_t value[LK_TPM_DIGEST_MAX], last[LK_TPM_DIGEST_MAX];
        const struct lk_tpm_hash *hash = lk_tpm_hash(banks[i]);
        if (!lk_ok(lk_ima_replay(list, hash, LK_BYTES_NONE, &first, value)))
            return 0;
        if (lk_bytes_zero(lk_bytes(value, hash->size)))
            continue; /* no entry for PCR 10 */
        lk_result r = lk_ima_replay(list, hash, lk_bytes(value, hash->size), &again, last);
        if (!lk_ok(r) || !again.matched || again.covered > first.covered)
            __builtin_trap();
    }
    return 0;
}
