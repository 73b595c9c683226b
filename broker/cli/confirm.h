/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_CONFIRM_H
#define LK_CLI_CONFIRM_H
/*
 * Whether a change is in force. The answer to Change is not signed, so it is only what the broker's front says; the
 * signed list of objects is the keeper's word. What a set must show there: its name, the digest of its payload, the
 * revision that was told, higher than the one that it replaced. What a delete must show: nothing of that name.
 */
#include "broker/cli/submit.h"

struct lk_confirm {
    const struct lk_change_item *items; /* borrowed */
    const uint64_t *revisions;          /* as told; borrowed */
    size_t n;
    uint8_t digests[LK_ENVELOPE_ITEMS_MAX][32];
    bool shown[LK_ENVELOPE_ITEMS_MAX];
    bool uncovered[LK_ENVELOPE_ITEMS_MAX]; /* a secret that no policy, or more than one, covers */
};

/* 1 to 64 items, none of which is a query. CHANGE_MALFORMED, CRYPTO. */
LK_MUST_USE lk_result lk_confirm_begin(struct lk_confirm *c, const struct lk_change_item *items, size_t n,
                                       const uint64_t *revisions);

/* "policy", "secret", ...: what LK_QUERY_LIST calls the object of a change; NULL for a query. */
const char *lk_confirm_list(enum lk_change_kind kind);

/* What the names of the items in that list have in common at their beginning: the prefix to ask for. */
void lk_confirm_prefix(const struct lk_confirm *c, const char *list, char prefix[static 256]);

/* A row of the signed list. CHANGE_NOT_IN_FORCE when it contradicts an item; other objects' rows are passed over. */
LK_MUST_USE lk_result lk_confirm_row(struct lk_confirm *c, const Latchkey__V1__ObjectInfo *row);

/* After the last row of every list: CHANGE_NOT_IN_FORCE when a set was not shown. */
LK_MUST_USE lk_result lk_confirm_end(const struct lk_confirm *c);

/*
 * Asks for the signed lists (one query for each kind of object in the change, but for lists of over 1000 rows with the
 * prefix) and compares. CHANGE_NOT_IN_FORCE; CHANGE_UNCONFIRMED when there is no signed answer, whatever stood in
 * its way: also when the change took the right to ask from the key that signs. Warns on standard error of secrets that no policy
 * covers.
 */
LK_MUST_USE lk_result lk_confirm(struct lk_admin *a, const struct lk_change_item *items, size_t n,
                                 const uint64_t *revisions);

#endif
