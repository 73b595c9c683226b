/* SPDX-License-Identifier: Apache-2.0 */
/* The log of an attestation agent, of either form, and the images that it names. */
#include "policy/evidence/aael/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lk_result (*const readers[])(struct lk_bytes, struct lk_arena *, struct lk_aael *) = {lk_aael_read_raw, lk_aael_read_ccel};
    struct lk_arena *arena = lk_arena_new(4 << 20);
    struct lk_aael a;
    struct lk_value images;
    for (size_t i = 0; arena != NULL && i < 2; i++) {
        lk_arena_reset(arena);
        if (lk_ok(readers[i](lk_bytes(data, size), arena, &a)) && lk_ok(lk_aael_images(&a, arena, &images)) && images.list.n > a.n)
            __builtin_trap();
    }
    lk_arena_free(arena);
    return 0;
}
