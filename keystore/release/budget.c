/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/release/budget.h"

#include "proto/base/cursor.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400

struct count {
    char name[256]; /* first: the tree's key */
    int64_t day;
    uint64_t n;
};

struct lk_budget {
    void *tree;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

struct lk_budget *lk_budget_new(void)
{
    return calloc(1, sizeof(struct lk_budget));
}

void lk_budget_free(struct lk_budget *b)
{
    if (b == NULL)
        return;
    tdestroy(b->tree, free);
    free(b);
}

static struct count *find(struct lk_budget *b, struct lk_bytes name, bool make)
{
    struct count *c = calloc(1, sizeof(*c));
    if (c == NULL || name.len >= sizeof(c->name)) {
        free(c);
        return NULL;
    }
    memcpy(c->name, name.data, name.len);
    struct count **at = make ? tsearch(c, &b->tree, by_name) : tfind(c, &b->tree, by_name);
    struct count *found = at == NULL ? NULL : *at;
    if (found != c)
        free(c);
    return found;
}

static lk_result load_one(void *arg, struct lk_bytes key, uint64_t version, struct lk_bytes value, bool *stop)
{
    struct lk_cursor c = lk_cursor(value);
    int64_t day = (int64_t)lk_u64be(&c);
    uint64_t n = lk_u64be(&c);
    (void)version;
    (void)stop;
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)), STORE_DAMAGED);
    struct count *count = find(arg, key, true);
    LK_REQUIRE(count != NULL, MEMORY);
    count->day = day;
    count->n = n;
    return LK_OK;
}

lk_result lk_budget_load(struct lk_budget *b, struct lk_store *s)
{
    return lk_store_each(s, LK_TABLE_COUNTS, LK_BYTES_NONE, load_one, b);
}

lk_result lk_budget_take(struct lk_budget *b, struct lk_bytes name, uint64_t limit, int64_t now, uint64_t *count)
{
    struct count *c = find(b, name, true);
    LK_REQUIRE(c != NULL, MEMORY);
    if (c->day != now / DAY) {
        c->day = now / DAY;
        c->n = 0;
    }
    LK_REQUIRE(limit == 0 || c->n < limit, BUDGET_SPENT);
    *count = ++c->n;
    return LK_OK;
}

void lk_budget_give_back(struct lk_budget *b, struct lk_bytes name)
{
    struct count *c = find(b, name, false);
    if (c != NULL && c->n > 0)
        c->n--;
}

void lk_budget_make_key(const char *policy, char out[static LK_BUDGET_KEY_MAX])
{
    snprintf(out, LK_BUDGET_KEY_MAX, "\x01%s", policy); /* a name has printable text only */
}

lk_result lk_budget_put(struct lk_txn *t, struct lk_bytes name, int64_t now, uint64_t count)
{
    LK_BUF_AUTO value = lk_buf(16);
    lk_put_u64be(&value, (uint64_t)(now / DAY));
    lk_put_u64be(&value, count);
    LK_TRY(lk_buf_ok(&value));
    return lk_txn_put(t, LK_TABLE_COUNTS, name, 1, lk_buf_bytes(&value));
}
