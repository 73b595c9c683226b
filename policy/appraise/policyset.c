/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/appraise/policyset.h"
#include "policy/appraise/compile.h"
#include "policy/appraise/lists.h"
#include "policy/appraise/names.h"
#include "policy/appraise/sets.h"
#include "proto/msg/unpack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for everything that a broker judges by; pages that are not used cost nothing, but to a sanitizer. */
#ifdef LK_SANITIZED
#define SET_BYTES (4u << 20)
#else
#define SET_BYTES (64u << 20)
#endif

struct lk_policyset *lk_policyset_new(void)
{
    struct lk_policyset *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->arena = lk_arena_new(SET_BYTES);
    if (s->arena != NULL) {
        s->policies = lk_arena_array(s->arena, LK_POLICIES_MAX, sizeof(*s->policies));
        s->records = lk_arena_array(s->arena, LK_RECORDS_MAX, sizeof(*s->records));
        s->set_parts = lk_arena_array(s->arena, LK_SETS_PARTS_MAX, sizeof(*s->set_parts));
    }
    if (s->arena != NULL && s->policies != NULL && s->records != NULL && s->set_parts != NULL)
        return s;
    lk_policyset_free(s);
    return NULL;
}

void lk_policyset_free(struct lk_policyset *s)
{
    if (s == NULL)
        return;
    lk_arena_free(s->arena);
    free(s);
}

static lk_result twice(struct lk_report *report, const char *name)
{
    return lk_report_add(report, LK_R_POLICY_DUPLICATE, "", name, "another name", name);
}

lk_result lk_policyset_add_policy(struct lk_policyset *s, uint64_t revision, struct lk_bytes message,
                                  struct lk_report *report)
{
    void *m = NULL;
    const struct lk_policy *p = NULL;
    LK_REQUIRE(s->n_policies < LK_POLICIES_MAX, POLICY_LIMIT);
    LK_TRY(lk_msg_unpack(&latchkey__v1__policy__descriptor, message, s->arena, &LK_MSG_LIMITS_DOCUMENT, &m));
    LK_TRY(lk_compile_policy(s, m, revision, report, &p));
    for (size_t i = 0; i < s->n_policies; i++)
        if (strcmp(s->policies[i]->name, p->name) == 0)
            return twice(report, p->name);
    s->policies[s->n_policies++] = p;
    return LK_OK;
}

lk_result lk_policyset_add_reference(struct lk_policyset *s, uint64_t revision, struct lk_bytes message,
                                     struct lk_report *report)
{
    (void)revision;
    void *m = NULL;
    const struct lk_record *r = NULL;
    LK_REQUIRE(s->n_records < LK_RECORDS_MAX, POLICY_LIMIT);
    LK_TRY(lk_msg_unpack(&latchkey__v1__reference_record__descriptor, message, s->arena, &LK_MSG_LIMITS_DOCUMENT, &m));
    LK_TRY(lk_compile_record(s, m, report, &r));
    for (size_t i = 0; i < s->n_records; i++)
        if (strcmp(s->records[i]->id, r->id) == 0)
            return twice(report, r->id);
    s->records[s->n_records++] = r;
    return LK_OK;
}

static lk_result check_pair(const struct lk_policy *a, const struct lk_policy *b, struct lk_report *report)
{
    for (size_t i = 0; i < a->n_releases; i++)
        for (size_t k = 0; k < b->n_releases; k++)
            if (lk_release_patterns_overlap(lk_bytes_str(a->releases[i]), lk_bytes_str(b->releases[k]))) {
                char rule[LK_FINDING_TEXT + 1];
                snprintf(rule, sizeof(rule), "%s/releases[%zu]", b->name, k);
                return lk_report_add(report, LK_R_POLICY_OVERLAP, "", rule, a->releases[i], b->releases[k]);
            }
    return LK_OK;
}

static bool group_known(const struct lk_policyset *s, const char *group)
{
    for (size_t i = 0; i < s->n_records; i++)
        if (strcmp(s->records[i]->group, group) == 0)
            return true;
    return false;
}

static void tell_missing_groups(const struct lk_policyset *s, const struct lk_policy *p, struct lk_report *report)
{
    for (size_t a = 0; a < p->n_accepts; a++)
        for (size_t g = 0; g < p->accepts[a].n_groups; g++) {
            char rule[LK_FINDING_TEXT + 1];
            const char *group = p->accepts[a].groups[g];
            if (group_known(s, group))
                continue;
            snprintf(rule, sizeof(rule), "%s/%s/reference", p->name, p->accepts[a].name);
            lk_result r = lk_report_add(report, LK_R_REFERENCE_MISSING, "", rule, group, "none");
            (void)r; /* told, not refused: records may come after the policy */
        }
}

static void tell_missing_sets(const struct lk_policyset *s, const struct lk_policy *p, const struct lk_accept *a,
                              const struct lk_rule *r, struct lk_report *report)
{
    for (size_t i = 0; r->op == LK_OP_IN_SET && lk_rule_is_listing(r) && i < r->n; i++) {
        struct lk_set_view view;
        char rule[LK_FINDING_TEXT + 1];
        view.n = 0;
        lk_result state = lk_set_view_add(&view, s, r->operands[i].word);
        if (lk_ok(state))
            continue;
        snprintf(rule, sizeof(rule), "%s/%s/%s.%s", p->name, a->name, r->ref.family->name, r->name);
        state = lk_report_add(report, state.code, r->ref.family->name, rule, r->operands[i].word, "none");
        (void)state; /* told, not refused: sets may come after the policy */
    }
}

static void tell_sets(const struct lk_policyset *s, const struct lk_policy *p, struct lk_report *report)
{
    for (size_t a = 0; a < p->n_accepts; a++)
        for (size_t f = 0; f < p->accepts[a].n; f++)
            for (size_t i = 0; i < p->accepts[a].families[f].n; i++)
                tell_missing_sets(s, p, &p->accepts[a], &p->accepts[a].families[f].rules[i], report);
}

lk_result lk_policyset_finish(struct lk_policyset *s, struct lk_report *report)
{
    for (size_t i = 0; i < s->n_policies; i++)
        for (size_t k = i + 1; k < s->n_policies; k++)
            LK_TRY(check_pair(s->policies[i], s->policies[k], report));
    for (size_t i = 0; i < s->n_policies; i++)
        tell_missing_groups(s, s->policies[i], report);
    for (size_t i = 0; i < s->n_policies; i++)
        tell_sets(s, s->policies[i], report);
    return LK_OK;
}

struct lk_policyset *lk_policyset_defaults(void)
{
    struct lk_policyset *s = lk_policyset_new();
    if (s == NULL)
        return NULL;
    if (lk_ok(lk_compile_defaults(s, &s->policies[0]))) {
        s->n_policies = 1;
        return s;
    }
    lk_policyset_free(s);
    return NULL;
}

const struct lk_policy *lk_policyset_covering(const struct lk_policyset *s, struct lk_bytes asked)
{
    for (size_t i = 0; i < s->n_policies; i++)
        for (size_t k = 0; k < s->policies[i]->n_releases; k++)
            if (lk_release_pattern_covers(lk_bytes_str(s->policies[i]->releases[k]), asked))
                return s->policies[i];
    return NULL;
}

const struct lk_family_rules *lk_accept_rules(const struct lk_accept *a, const struct lk_family *family)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->families[i].family == family)
            return &a->families[i];
    return NULL;
}
