/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/chain/links.h"

struct taking {
    struct lk_links *links;
    int owner;
    bool full;
};

static void put(void *to, const struct lk_proof *proof)
{
    struct taking *t = to;
    struct lk_links *l = t->links;
    if (l->n == LK_LINKS_MAX) {
        t->full = true;
        return;
    }
    l->owner[l->n] = t->owner;
    l->proofs[l->n++] = *proof;
}

lk_result lk_links_take(struct lk_links *l, const struct lk_family *family, const struct lk_item *item, int owner)
{
    struct taking t = {l, owner, false};
    if (family->vouch != NULL)
        family->vouch(item, put, &t);
    return t.full ? LK_FAIL(INTERNAL) : LK_OK;
}

lk_result lk_links_parent(const struct lk_links *l, const struct lk_proof *by, int *parent)
{
    for (size_t i = 0; i < l->n; i++)
        if (&l->proofs[i] == by) {
            *parent = l->owner[i];
            return LK_OK;
        }
    return LK_FAIL(INTERNAL);
}
