/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/chain/cert.h"
#include "proto/base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_arena *arena = lk_arena_new(1 << 20);
    struct lk_bytes out[LK_CERT_CHAIN_MAX];
    size_t n = LK_CERT_CHAIN_MAX;
    if (arena != NULL && lk_ok(lk_certs_split(lk_bytes(data, size), arena, out, &n)) && n == 0)
        __builtin_trap();
    if (lk_cert_unpad(lk_bytes(data, size)).len > size)
        __builtin_trap();
    lk_arena_free(arena);
    return 0;
}
