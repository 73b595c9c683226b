/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/confirm.h"

#include <stdio.h>
#include <string.h>

#include "proto/seal/hash.h"

#define ROWS 1000 /* of one query: the keeper's most */

static const struct {
    const char *list;
    enum lk_change_kind set, del;
} kinds[] = {
    {"policy", LK_CHANGE_POLICY_SET, LK_CHANGE_POLICY_DELETE}, {"reference", LK_CHANGE_REFERENCE_SET, LK_CHANGE_REFERENCE_DELETE},
    {"anchor", LK_CHANGE_ANCHOR_SET, LK_CHANGE_ANCHOR_DELETE}, {"secret", LK_CHANGE_SECRET_PUT, LK_CHANGE_SECRET_DELETE},
    {"admin", LK_CHANGE_ADMIN_SET, LK_CHANGE_ADMIN_DELETE},    {"set", LK_CHANGE_SET_PUT, LK_CHANGE_SET_DELETE},
    {"collateral", LK_CHANGE_COLLATERAL_DROP, LK_CHANGE_COLLATERAL_DROP},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

const char *lk_confirm_list(enum lk_change_kind kind)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].set == kind || kinds[i].del == kind)
            return kinds[i].list;
    return NULL;
}

static bool deletes(enum lk_change_kind kind)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].del == kind)
            return true;
    return false;
}

static bool of_list(const struct lk_change_item *item, const char *list)
{
    return strcmp(lk_confirm_list(item->kind), list) == 0;
}

lk_result lk_confirm_begin(struct lk_confirm *c, const struct lk_change_item *items, size_t n, const uint64_t *revisions)
{
    LK_REQUIRE(n >= 1 && n <= LK_ENVELOPE_ITEMS_MAX, CHANGE_MALFORMED);
    *c = (struct lk_confirm){.items = items, .revisions = revisions, .n = n};
    for (size_t i = 0; i < n; i++) {
        LK_REQUIRE(lk_confirm_list(items[i].kind) != NULL, CHANGE_MALFORMED);
        LK_TRY(lk_sha256(&items[i].payload, 1, c->digests[i]));
    }
    return LK_OK;
}

void lk_confirm_prefix(const struct lk_confirm *c, const char *list, char prefix[static 256])
{
    bool first = true;
    prefix[0] = '\0';
    for (size_t i = 0; i < c->n; i++) {
        if (!of_list(&c->items[i], list))
            continue;
        if (first)
            snprintf(prefix, 256, "%s", c->items[i].object);
        first = false;
        size_t same = 0;
        while (prefix[same] != '\0' && prefix[same] == c->items[i].object[same])
            same++;
        prefix[same] = '\0';
    }
}

lk_result lk_confirm_row(struct lk_confirm *c, const Latchkey__V1__ObjectInfo *row)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct lk_change_item *item = &c->items[i];
        if (!of_list(item, row->kind) || strcmp(item->object, row->name) != 0)
            continue;
        LK_REQUIRE(!deletes(item->kind), CHANGE_NOT_IN_FORCE);
        LK_REQUIRE(lk_bytes_eq(lk_bytes(row->digest.data, row->digest.len), LK_BYTES(c->digests[i])), CHANGE_NOT_IN_FORCE);
        LK_REQUIRE(row->revision == c->revisions[i] && row->revision > item->revision, CHANGE_NOT_IN_FORCE);
        c->shown[i] = true;
        c->uncovered[i] = item->kind == LK_CHANGE_SECRET_PUT && row->policy[0] == '\0';
    }
    return LK_OK;
}

lk_result lk_confirm_end(const struct lk_confirm *c)
{
    for (size_t i = 0; i < c->n; i++)
        LK_REQUIRE(c->shown[i] || deletes(c->items[i].kind), CHANGE_NOT_IN_FORCE);
    return LK_OK;
}

/* Rows come by name, so a lone item's own is the first of its prefix: one row is enough. */
static lk_result read_list(struct lk_admin *a, struct lk_confirm *c, const char *list)
{
    char prefix[256];
    uint32_t limit = c->n == 1 ? 1 : ROWS;
    lk_confirm_prefix(c, list, prefix);
    for (uint64_t first = 0, total = 1; first < total;) {
        Latchkey__V1__QueryArgs args = LATCHKEY__V1__QUERY_ARGS__INIT;
        const Latchkey__V1__QueryResult *result = NULL;
        args.name = prefix;
        args.first = first;
        args.limit = limit;
        LK_REQUIRE(lk_ok(lk_admin_query(a, LK_QUERY_LIST, list, &args, &result)), CHANGE_UNCONFIRMED);
        for (size_t i = 0; i < result->n_objects; i++)
            LK_TRY(lk_confirm_row(c, result->objects[i]));
        total = c->n == 1 ? result->n_objects : result->total;
        first += result->n_objects;
        LK_REQUIRE(result->n_objects > 0 || first >= total, CHANGE_UNCONFIRMED);
    }
    return LK_OK;
}

lk_result lk_confirm(struct lk_admin *a, const struct lk_change_item *items, size_t n, const uint64_t *revisions)
{
    struct lk_confirm c;
    LK_TRY(lk_confirm_begin(&c, items, n, revisions));
    for (size_t k = 0; k < KINDS; k++)
        for (size_t i = 0; i < n; i++)
            if (of_list(&items[i], kinds[k].list)) {
                LK_TRY(read_list(a, &c, kinds[k].list));
                break;
            }
    LK_TRY(lk_confirm_end(&c));
    for (size_t i = 0; i < n; i++)
        if (c.uncovered[i])
            fprintf(stderr, "latchkey: warning: no policy covers %s: nobody gets it until one does\n", items[i].object);
    return LK_OK;
}
