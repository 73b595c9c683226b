/* SPDX-License-Identifier: Apache-2.0 */
/* An initdata document. What is read is never longer than what it is read from. */
#include "policy/evidence/initdata/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_arena *arena = lk_arena_new(1 << 20);
    struct lk_initdata d;
    size_t total = 0;
    if (arena != NULL && lk_ok(lk_initdata_read(lk_bytes(data, size), arena, &d))) {
        for (size_t i = 0; i < d.n; i++)
            total += d.entries[i].name.len + d.entries[i].text.len;
        if (total > size)
            __builtin_trap();
    }
    lk_arena_free(arena);
    return 0;
}
