/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/verifier/judge_with.h"
#include "proto/msg/unpack.h"

#include "policy.pb-c.h"

#include <stdio.h>
#include <string.h>

struct loader {
    struct lk_judge_with *to;
    struct lk_report report;
    struct lk_arena *arena;
};

typedef lk_result (*load_fn)(struct loader *l, const struct lk_snapshot_entry *e);

static lk_result load_policy(struct loader *l, const struct lk_snapshot_entry *e)
{
    return lk_policyset_add_policy(l->to->policies, e->revision, e->body, &l->report);
}

static lk_result load_reference(struct loader *l, const struct lk_snapshot_entry *e)
{
    return lk_policyset_add_reference(l->to->policies, e->revision, e->body, &l->report);
}

static lk_result add_anchor(struct lk_trust *t, const Latchkey__V1__Anchor *a)
{
    LK_TRY(lk_trust_add_anchor(t, a->family, a->name, lk_bytes(a->certificate.data, a->certificate.len)));
    for (size_t i = 0; i < a->n_intermediates; i++)
        LK_TRY(lk_trust_add_intermediate(t, a->family, lk_bytes(a->intermediates[i].data, a->intermediates[i].len)));
    return LK_OK;
}

static lk_result load_anchor(struct loader *l, const struct lk_snapshot_entry *e)
{
    void *message;
    LK_TRY(lk_msg_unpack(&latchkey__v1__anchor__descriptor, e->body, l->arena, &LK_MSG_LIMITS_DOCUMENT, &message));
    return add_anchor(l->to->trust, message);
}

static lk_result load_collateral(struct loader *l, const struct lk_snapshot_entry *e)
{
    return lk_trust_lend_collateral(l->to->trust, e->name, e->body);
}

static lk_result load_suites(struct loader *l, const struct lk_snapshot_entry *e)
{
    l->to->suites = e->body;
    return LK_OK;
}

static lk_result load_set(struct loader *l, const struct lk_snapshot_entry *e)
{
    return lk_policyset_add_set(l->to->policies, e->body, &l->report);
}

static const struct {
    const char *word;
    load_fn load;
} kinds[] = {
    [LK_SNAP_POLICY] = {"policy", load_policy},          [LK_SNAP_REFERENCE] = {"reference", load_reference},
    [LK_SNAP_ANCHOR] = {"anchor", load_anchor},          [LK_SNAP_COLLATERAL] = {"collateral", load_collateral},
    [LK_SNAP_SUITES] = {"suites", load_suites},          [LK_SNAP_SET] = {"set", load_set},
};

static void explain(const struct loader *l, const char *word, struct lk_bytes name, lk_result r, char *why, size_t size)
{
    const struct lk_finding *f = lk_report_first(&l->report);
    snprintf(why, size, "%s %.*s: %s%s%s%s%s%s%s", word, (int)name.len, name.data == NULL ? "" : (const char *)name.data,
             lk_reason(r.code)->name, f == NULL ? "" : " ", f == NULL ? "" : f->rule, f == NULL ? "" : " expected ",
             f == NULL ? "" : f->expected, f == NULL ? "" : " actual ", f == NULL ? "" : f->actual);
}

static lk_result load_entries(struct loader *l, const struct lk_snapshot *s, char *why, size_t why_size)
{
    size_t at = s->table;
    for (uint32_t i = 0; i < s->n; i++) {
        struct lk_snapshot_entry e;
        LK_TRY(lk_snapshot_next(s, &at, &e));
        l->report = (struct lk_report){0};
        lk_result r = kinds[e.kind].load(l, &e);
        lk_arena_reset(l->arena);
        if (lk_ok(r))
            continue;
        explain(l, kinds[e.kind].word, e.name, r, why, why_size);
        return r;
    }
    l->report = (struct lk_report){0};
    lk_result r = lk_policyset_finish(l->to->policies, &l->report);
    if (!lk_ok(r))
        explain(l, "policies", LK_BYTES_NONE, r, why, why_size);
    return r;
}

lk_result lk_judge_with_load(const struct lk_snapshot *snapshot, struct lk_judge_with *out, char *why, size_t why_size)
{
    static struct loader l; /* its report is large, and this runs once in a process */
    *out = (struct lk_judge_with){.snapshot = *snapshot, .policies = lk_policyset_new(), .trust = lk_trust_new()};
    snprintf(why, why_size, "out of memory");
    l = (struct loader){.to = out, .arena = lk_arena_new(8u << 20)};
    lk_result r = LK_FAIL(MEMORY);
    if (l.arena != NULL && out->policies != NULL && out->trust != NULL)
        r = load_entries(&l, snapshot, why, why_size);
    lk_arena_free(l.arena);
    if (!lk_ok(r))
        lk_judge_with_free(out);
    return r;
}

void lk_judge_with_free(struct lk_judge_with *w)
{
    lk_policyset_free(w->policies);
    lk_trust_free(w->trust);
    *w = (struct lk_judge_with){0};
}
