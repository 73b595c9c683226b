/* SPDX-License-Identifier: Apache-2.0 */
/* A services manifest, and the EK in it. */
#include "policy/evidence/svsm_vtpm/manifest.h"
#include "proto/tpm/public.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_svsm_manifest m;
    struct lk_tpm_public ek;
    if (!lk_ok(lk_svsm_manifest_read(lk_bytes(data, size), &m)))
        return 0;
    if (m.vtpm.len > 0 && (m.vtpm.data < data || m.vtpm.data + m.vtpm.len > data + size))
        __builtin_trap();
    lk_result r = lk_tpm_public_parse(m.vtpm, &ek);
    (void)r;
    return 0;
}
