/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate part as NV gives it, and what is read out of it. */
#include "policy/evidence/tpm/item.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_leaf(const struct lk_trust *trust, struct lk_arena *arena, struct lk_bytes part)
{
    struct lk_bytes der[1];
    size_t n = 1;
    const struct lk_cert *leaf;
    struct lk_path path;
    struct lk_tpm_identity identity;
    if (!lk_ok(lk_certs_split(lk_cert_unpad(part), arena, der, &n)) ||
        !lk_ok(lk_cert_get(lk_trust_cache(trust), der[0], &leaf)))
        return;
    lk_result r = lk_path_find(trust, "tpm", leaf, der, 1, 1800000000, &path);
    if (lk_ok(r) || !lk_ok(lk_tpm_read_identity(leaf, arena, &identity)))
        __builtin_trap(); /* there is no anchor */
    r = lk_tpm_ek_cert_usage(leaf);
    r = lk_tpm_ak_cert_usage(leaf, &identity);
    (void)r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_trust *trust = lk_trust_new();
    struct lk_arena *arena = lk_arena_new(1 << 18);
    read_leaf(trust, arena, lk_bytes(data, size));
    lk_arena_free(arena);
    lk_trust_free(trust);
    return 0;
}
