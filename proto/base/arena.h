/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_ARENA_H
#define LK_BASE_ARENA_H
/*
 * Memory for one request: taken piece by piece up to a cap, given back and wiped
 * at once. Pieces are aligned for any object and zeroed.
 */
#include <stddef.h>

struct lk_arena;

/* An arena that hands out at most cap bytes between resets. NULL without memory. */
struct lk_arena *lk_arena_new(size_t cap);
void lk_arena_free(struct lk_arena *a);

/* n zeroed bytes, or NULL when the cap is reached. */
void *lk_arena_alloc(struct lk_arena *a, size_t n);

/* n * size, or NULL on overflow too. */
void *lk_arena_array(struct lk_arena *a, size_t n, size_t size);

/* A NUL-terminated copy of n characters. */
char *lk_arena_str(struct lk_arena *a, const void *text, size_t n);

/* Wipes all that was handed out; every pointer into the arena is dead. */
void lk_arena_reset(struct lk_arena *a);

#define LK_ARENA_NEW(a, type) ((type *)lk_arena_alloc((a), sizeof(type)))

#endif
