/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CHAIN_LINKS_H
#define LK_CHAIN_LINKS_H
/* The proofs that authenticated items gave, and who gave each. Private to the engine. */
#include "policy/evidence/family.h"

#define LK_LINKS_MAX 256

struct lk_links {
    struct lk_proof proofs[LK_LINKS_MAX];
    int owner[LK_LINKS_MAX]; /* index of the item */
    size_t n;
};

/* Takes what the item vouches for. INTERNAL when there are more than LK_LINKS_MAX proofs. */
LK_MUST_USE lk_result lk_links_take(struct lk_links *l, const struct lk_family *family, const struct lk_item *item,
                                    int owner);

/* The item that gave the proof (a pointer into proofs). INTERNAL when it is none of them. */
LK_MUST_USE lk_result lk_links_parent(const struct lk_links *l, const struct lk_proof *by, int *parent);

#endif
