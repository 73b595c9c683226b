/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/front/callers.h"

#include <stdlib.h>
#include <string.h>

#define ENTRY 36

static lk_result read_all(struct lk_cursor *c, struct lk_front_caller *entries, size_t n)
{
    for (size_t i = 0; i < n; i++)
        LK_TRY(lk_front_caller_get(c, &entries[i]));
    return LK_OK;
}

lk_result lk_callers_set(struct lk_callers *c, struct lk_bytes payload)
{
    size_t n = payload.len / ENTRY;
    LK_REQUIRE(payload.len % ENTRY == 0 && n <= LK_CALLERS_MAX, FRAME_FORBIDDEN);
    struct lk_front_caller *entries = calloc(n + 1, sizeof(*entries));
    LK_REQUIRE(entries != NULL, MEMORY);
    struct lk_cursor cursor = lk_cursor(payload);
    lk_result r = read_all(&cursor, entries, n);
    if (!lk_ok(r)) {
        free(entries);
        return r;
    }
    lk_callers_free(c);
    *c = (struct lk_callers){entries, n};
    return LK_OK;
}

void lk_callers_free(struct lk_callers *c)
{
    free(c->entries);
    *c = (struct lk_callers){NULL, 0};
}

uint32_t lk_callers_roles(const struct lk_callers *c, const uint8_t certificate[static 32])
{
    for (size_t i = 0; i < c->n; i++)
        if (memcmp(c->entries[i].certificate, certificate, 32) == 0)
            return c->entries[i].roles;
    return 0;
}
