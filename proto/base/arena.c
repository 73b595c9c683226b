/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/arena.h"

#include <openssl/crypto.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One block of the full cap: untouched pages cost nothing, and nothing moves. */
struct lk_arena {
    size_t cap, used;
    _Alignas(max_align_t) uint8_t data[];
};

struct lk_arena *lk_arena_new(size_t cap)
{
    if (cap > SIZE_MAX - sizeof(struct lk_arena))
        return NULL;
    struct lk_arena *a = calloc(1, sizeof(*a) + cap);
    if (a != NULL)
        a->cap = cap;
    return a;
}

void lk_arena_free(struct lk_arena *a)
{
    if (a == NULL)
        return;
    lk_arena_reset(a);
    free(a);
}

void *lk_arena_alloc(struct lk_arena *a, size_t n)
{
    const size_t align = _Alignof(max_align_t);
    if (n > SIZE_MAX - align)
        return NULL;
    size_t whole = (n + align - 1) / align * align;
    if (whole == 0)
        whole = align;
    if (whole > a->cap - a->used)
        return NULL;
    void *at = a->data + a->used;
    a->used += whole;
    return at;
}

void *lk_arena_array(struct lk_arena *a, size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size)
        return NULL;
    return lk_arena_alloc(a, n * size);
}

char *lk_arena_str(struct lk_arena *a, const void *text, size_t n)
{
    char *copy = n < SIZE_MAX ? lk_arena_alloc(a, n + 1) : NULL;
    if (copy != NULL && n > 0)
        memcpy(copy, text, n);
    return copy;
}

void lk_arena_reset(struct lk_arena *a)
{
    OPENSSL_cleanse(a->data, a->used);
    a->used = 0;
}
