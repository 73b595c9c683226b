/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/appraise/records.h"
#include "policy/appraise/rules.h"
#include "proto/base/clock.h"

#include <stdio.h>
#include <string.h>

const struct lk_judged *lk_bundle_item(const struct lk_bundle *b, const struct lk_family *family)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].family == family)
            return &b->items[i];
    return NULL;
}

/* The value that the field speaks of; absent when the item is. *skip: not there yet. */
static struct lk_value actual_of(const struct lk_bundle *b, const struct lk_record_match *m, bool *skip)
{
    const struct lk_judged *item = lk_bundle_item(b, m->ref.family);
    *skip = item == NULL && b->scope == LK_JUDGE_PATH;
    return item == NULL ? (struct lk_value){.present = false} : lk_value_at(item->values, &m->ref);
}

static bool field_matches(const struct lk_bundle *b, const struct lk_record_match *m)
{
    bool skip = false;
    struct lk_value actual = actual_of(b, m, &skip);
    if (skip)
        return true;
    for (size_t i = 0; i < m->n; i++)
        if (lk_value_eq(&m->values[i], &actual))
            return true;
    return false;
}

static size_t differences(const struct lk_bundle *b, const struct lk_record *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += field_matches(b, &r->matches[i]) ? 0 : 1;
    return n;
}

bool lk_record_in_force(const struct lk_record *r, int64_t at)
{
    return r->state == LK_RECORD_ACTIVE && (r->valid_from == 0 || at >= r->valid_from) &&
           (r->valid_until == 0 || at <= r->valid_until);
}

static bool passes(const struct lk_bundle *b, const struct lk_record *r, const char *group)
{
    return strcmp(r->group, group) == 0 && lk_record_in_force(r, b->at) && differences(b, r) == 0;
}

static bool better(const struct lk_record *r, size_t n, const struct lk_record *best, size_t best_n)
{
    if (best == NULL || n != best_n)
        return best == NULL || n < best_n;
    return r->state == LK_RECORD_ACTIVE && best->state != LK_RECORD_ACTIVE;
}

static const struct lk_record *nearest(const struct lk_policyset *set, const char *group, const struct lk_bundle *b)
{
    const struct lk_record *best = NULL;
    size_t best_n = 0;
    for (size_t i = 0; i < set->n_records; i++) {
        const struct lk_record *r = set->records[i];
        if (strcmp(r->group, group) != 0)
            continue;
        size_t n = differences(b, r);
        if (better(r, n, best, best_n)) {
            best = r;
            best_n = n;
        }
    }
    return best;
}

static void tell_differences(const struct lk_bundle *b, const struct lk_record *r, struct lk_report *report)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct lk_record_match *m = &r->matches[i];
        if (field_matches(b, m))
            continue;
        bool skip = false;
        struct lk_value actual = actual_of(b, m, &skip);
        LK_BUF_AUTO want = lk_buf(LK_RENDERED_MAX), got = lk_buf(LK_RENDERED_MAX);
        lk_values_put(&want, m->values, m->n);
        lk_value_put(&got, &actual);
        char rule[LK_FINDING_TEXT + 1], expected[LK_FINDING_TEXT + 1], text[LK_FINDING_TEXT + 1];
        snprintf(rule, sizeof(rule), "%s/%s.%s", r->id, m->ref.family->name, m->name);
        const char *family = m->ref.family->name;
        lk_texts_fit(&want, &got, expected, text);
        lk_result res = actual.present ? lk_report_add(report, LK_R_REFERENCE_MISMATCH, family, rule, expected, text)
                                       : lk_report_add_absent(report, LK_R_REFERENCE_MISMATCH, family, rule, expected);
        (void)res;
    }
}

static void tell_validity(const struct lk_bundle *b, const struct lk_record *r, struct lk_report *report)
{
    char from[24] = "", until[24] = "", at[24], expected[64];
    if (r->valid_from != 0)
        lk_time_format(r->valid_from, from, sizeof(from));
    if (r->valid_until != 0)
        lk_time_format(r->valid_until, until, sizeof(until));
    lk_time_format(b->at, at, sizeof(at));
    snprintf(expected, sizeof(expected), "%s..%s", from, until);
    lk_result res = lk_report_add(report, LK_R_REFERENCE_EXPIRED, "", r->id, expected, at);
    (void)res;
}

static void tell(const struct lk_bundle *b, const struct lk_record *r, const char *group, struct lk_report *report)
{
    lk_result res = LK_OK;
    if (r == NULL)
        res = lk_report_add(report, LK_R_REFERENCE_MISSING, "", group, "a record of the group", "none");
    else if (differences(b, r) > 0)
        tell_differences(b, r, report);
    else if (r->state == LK_RECORD_STAGED)
        res = lk_report_add(report, LK_R_REFERENCE_STAGED, "", r->id, "active", "staged");
    else if (r->state == LK_RECORD_RETIRED)
        res = lk_report_add(report, LK_R_REFERENCE_RETIRED, "", r->id, "active", "retired");
    else
        tell_validity(b, r, report);
    (void)res; /* the findings are the result */
}

bool lk_records_judge(const struct lk_policyset *set, const char *group, const struct lk_bundle *b,
                      struct lk_report *report)
{
    for (size_t i = 0; i < set->n_records; i++)
        if (passes(b, set->records[i], group))
            return true;
    tell(b, nearest(set, group, b), group, report);
    return false;
}

static bool has_field(const struct lk_record *r, const struct lk_family *family, bool (*wanted)(const struct lk_record_match *, size_t),
                      size_t claim)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->matches[i].ref.family == family && wanted(&r->matches[i], claim))
            return true;
    return false;
}

static bool some_passing_has(const struct lk_policyset *set, const char *group, const struct lk_bundle *b,
                             const struct lk_family *family, bool (*wanted)(const struct lk_record_match *, size_t),
                             size_t claim)
{
    for (size_t i = 0; i < set->n_records; i++)
        if (passes(b, set->records[i], group) && has_field(set->records[i], family, wanted, claim))
            return true;
    return false;
}

static bool is_claim(const struct lk_record_match *m, size_t claim)
{
    return m->ref.claim == claim;
}

static bool is_pin(const struct lk_record_match *m, size_t unused)
{
    (void)unused;
    return (lk_claim_of(&m->ref)->flags & LK_CLAIM_PIN) != 0;
}

bool lk_records_cover(const struct lk_policyset *set, const char *group, const struct lk_bundle *b,
                      const struct lk_family *family, size_t claim)
{
    return some_passing_has(set, group, b, family, is_claim, claim);
}

bool lk_records_pin(const struct lk_policyset *set, const char *group, const struct lk_bundle *b,
                    const struct lk_family *family)
{
    return some_passing_has(set, group, b, family, is_pin, 0);
}
