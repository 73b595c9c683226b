/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/collateral/missing.h"

#include <stdlib.h>
#include <string.h>

struct part {
    struct lk_missing_row *rows;
    size_t n, max;
};

struct lk_missing_table {
    struct part chips, others;
    struct lk_missing_row rows[LK_MISSING_CHIPS + LK_MISSING_OTHERS];
};

struct lk_missing_table *lk_missing_new(void)
{
    struct lk_missing_table *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->chips = (struct part){t->rows, 0, LK_MISSING_CHIPS};
    t->others = (struct part){t->rows + LK_MISSING_CHIPS, 0, LK_MISSING_OTHERS};
    return t;
}

void lk_missing_free(struct lk_missing_table *t)
{
    free(t);
}

static struct part *part_of(struct lk_missing_table *t, const char *name)
{
    bool chip = strncmp(name, "sev-snp/vek/", 12) == 0 || strncmp(name, "sev-snp/vlek/", 13) == 0;
    return chip ? &t->chips : &t->others;
}

static struct lk_missing_row *find(struct part *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->rows[i].what.name, name) == 0)
            return &p->rows[i];
    return NULL;
}

static struct lk_missing_row *room(struct part *p)
{
    if (p->n < p->max)
        return &p->rows[p->n++];
    struct lk_missing_row *least = &p->rows[0];
    for (size_t i = 1; i < p->n; i++) {
        struct lk_missing_row *r = &p->rows[i];
        if (r->count < least->count || (r->count == least->count && r->last_seen < least->last_seen))
            least = r;
    }
    return least;
}

void lk_missing_note(struct lk_missing_table *t, const struct lk_missing *what, int64_t now)
{
    if (!lk_collateral_name_ok(lk_bytes_str(what->name)))
        return;
    struct part *p = part_of(t, what->name);
    struct lk_missing_row *r = find(p, what->name);
    if (r == NULL) {
        r = room(p);
        *r = (struct lk_missing_row){.first_seen = now};
    }
    r->what = *what;
    r->last_seen = now;
    r->count++;
}

void lk_missing_clear(struct lk_missing_table *t, const char *name)
{
    struct part *p = part_of(t, name);
    struct lk_missing_row *r = find(p, name);
    if (r != NULL)
        *r = p->rows[--p->n];
}

const struct lk_missing_row *lk_missing_at(const struct lk_missing_table *t, size_t i)
{
    if (i < t->chips.n)
        return &t->chips.rows[i];
    i -= t->chips.n;
    return i < t->others.n ? &t->others.rows[i] : NULL;
}
