/* SPDX-License-Identifier: Apache-2.0 */
/* An HCL report, read before anything vouches for it; its runtime data, and the input itself as runtime data. */
#include "policy/evidence/azure_hcl/report.h"
#include "policy/evidence/azure_hcl/runtime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_runtime(struct lk_bytes text)
{
    struct lk_arena *arena = lk_arena_new(1 << 16);
    struct lk_hcl_runtime r;
    uint8_t spki[32];
    if (arena == NULL)
        return;
    if (lk_ok(lk_hcl_runtime_read(text, arena, &r)) &&
        (lk_tpm_public_word(&r.ak) == NULL || !lk_ok(lk_tpm_spki_sha256(&r.ak, spki))))
        __builtin_trap();
    lk_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_bytes in = lk_bytes(data, size);
    struct lk_report report = {.n = 0};
    struct lk_hcl_report hcl;
    read_runtime(in);
    lk_result r = lk_hcl_report_read(in, &report, &hcl);
    if (lk_ok(r) != (report.n == 0))
        __builtin_trap();
    if (lk_ok(r))
        read_runtime(hcl.runtime);
    return 0;
}
