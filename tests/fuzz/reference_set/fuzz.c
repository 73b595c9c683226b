/* SPDX-License-Identifier: Apache-2.0 */
/* A part of a reference set: what loads finds every one of its members, and stands where it stood. */
#include <string.h>

#include "policy/appraise/sets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up(const struct lk_policyset *set, const struct lk_set_part *p)
{
    struct lk_set_view view;
    view.n = 0;
    if (p->files || !lk_ok(lk_set_view_add(&view, set, p->set)))
        return;
    for (size_t i = 0; i < p->n; i++) {
        struct lk_member m = {.alg = p->alg, .digest = lk_bytes(p->members + i * p->width, p->width)};
        bool found = false;
        if (!lk_ok(lk_set_view_find(&view, &m, &found)) || !found)
            __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_policyset *set = lk_policyset_new();
    struct lk_report report = {.n = 0};
    if (set != NULL && lk_ok(lk_policyset_add_set(set, lk_bytes(data, size), &report))) {
        const struct lk_set_part *p = &set->set_parts[0];
        if (p->members < data || p->members + p->n * p->width > data + size)
            __builtin_trap();
        look_up(set, p);
    }
    lk_policyset_free(set);
    return 0;
}
