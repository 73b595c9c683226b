/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/appraise/judge.h"
#include "policy/appraise/lists.h"
#include "policy/appraise/records.h"
#include "policy/appraise/rules.h"

#include <stdio.h>
#include <string.h>

struct judge {
    const struct lk_policyset *set;
    const struct lk_policy *policy;
    const struct lk_accept *accept;
    struct lk_bundle bundle;
    struct lk_report *report;
    bool failed;
};

/* actual NULL: it is not in the evidence. */
static void refuse(struct judge *j, enum lk_reason_code code, const struct lk_family *family, const char *claim,
                   const char *expected, const char *actual)
{
    char rule[LK_FINDING_TEXT + 1];
    const char *name = family == NULL ? "" : family->name;
    snprintf(rule, sizeof(rule), "%s/%s%s%s%s%s", j->policy->name, j->accept->name, *name ? "/" : "", name,
             *claim ? "." : "", claim);
    lk_result r = actual == NULL ? lk_report_add_absent(j->report, code, name, rule, expected)
                                 : lk_report_add(j->report, code, name, rule, expected, actual);
    (void)r; /* the finding is the result here */
    j->failed = true;
}

static void refuse_members(struct judge *j, const struct lk_rule *rule, const struct lk_list_tally *t, const char *expected)
{
    enum lk_reason_code code = lk_claim_of(&rule->ref)->refusal;
    char actual[LK_FINDING_TEXT + 1];
    for (size_t i = 0; i < t->refused && i < LK_LIST_NAMED; i++) {
        LK_BUF_AUTO got = lk_buf(LK_RENDERED_MAX);
        lk_member_put(&got, t->first_refused[i]);
        refuse(j, code, rule->ref.family, rule->name, expected, lk_buf_text(&got, actual));
    }
    if (t->refused <= LK_LIST_NAMED)
        return;
    snprintf(actual, sizeof(actual), "%zu more of %zu", t->refused - LK_LIST_NAMED, t->members);
    refuse(j, code, rule->ref.family, rule->name, expected, actual);
}

static void judge_list(struct judge *j, const struct lk_rule *rule, const struct lk_value *v)
{
    struct lk_list_tally tally;
    const char *which;
    lk_result r = lk_list_judge(j->set, rule, v, &tally, &which);
    if (!lk_ok(r)) {
        refuse(j, r.code, rule->ref.family, rule->name, which, "none");
        return;
    }
    LK_BUF_AUTO want = lk_buf(LK_RENDERED_MAX);
    char expected[LK_FINDING_TEXT + 1];
    lk_rule_put_expected(&want, rule, v);
    if (tally.refused > 0)
        refuse_members(j, rule, &tally, lk_buf_text(&want, expected));
}

static void judge_rule(struct judge *j, const struct lk_judged *item, const struct lk_rule *rule)
{
    struct lk_value actual = lk_value_at(item->values, &rule->ref);
    if (actual.present && lk_rule_is_listing(rule)) {
        judge_list(j, rule, &actual);
        return;
    }
    if (lk_rule_holds(j->set, rule, &actual, j->bundle.at))
        return;
    LK_BUF_AUTO want = lk_buf(LK_RENDERED_MAX), got = lk_buf(LK_RENDERED_MAX);
    lk_rule_put_expected(&want, rule, &actual);
    lk_rule_put_actual(&got, rule, &actual);
    char expected[LK_FINDING_TEXT + 1], text[LK_FINDING_TEXT + 1];
    lk_texts_fit(&want, &got, expected, text);
    refuse(j, lk_claim_of(&rule->ref)->refusal, item->family, rule->name, expected, actual.present ? text : NULL);
}

/* VMPL 0 alone may write for the guest: at higher numbers runs what the guest's own firmware confines. */
static bool at_vmpl0(const struct lk_judged *item)
{
    struct lk_claim_ref ref;
    if (!lk_ok(lk_claim_find(item->family, "vmpl", &ref)))
        return true;
    struct lk_value v = lk_value_at(item->values, &ref);
    return v.present && v.kind == LK_KIND_UINT && v.number == 0;
}

static bool pinned(const struct judge *j, const struct lk_judged *writer)
{
    const struct lk_family_rules *rules = lk_accept_rules(j->accept, writer->family);
    for (size_t i = 0; rules != NULL && i < rules->n; i++)
        if (lk_rule_pins(&rules->rules[i]))
            return true;
    for (size_t g = 0; g < j->accept->n_groups; g++) {
        const char *group = j->accept->groups[g];
        /* Where no record passes, judge_records refuses and says why; a missing pin would only follow from it. */
        bool passes = lk_records_judge(j->set, group, &j->bundle, NULL);
        if (!passes || lk_records_pin(j->set, group, &j->bundle, writer->family))
            return true;
    }
    return false;
}

static void judge_link(struct judge *j, const struct lk_judged *item)
{
    if (item->parent < 0 || !item->guest_link)
        return;
    const struct lk_judged *writer = &j->bundle.items[item->parent];
    if (!pinned(j, writer) || !at_vmpl0(writer))
        refuse(j, LK_R_CHAIN_UNPINNED_WRITER, item->family, "", "a pin on the software, VMPL 0", writer->family->name);
}

static void judge_item(struct judge *j, const struct lk_family_rules *rules)
{
    const struct lk_judged *item = lk_bundle_item(&j->bundle, rules->family);
    if (item == NULL) {
        if (j->bundle.scope == LK_JUDGE_BUNDLE && !j->accept->any_chain)
            refuse(j, LK_R_CHAIN_MISSING_ITEM, rules->family, "", rules->family->name, NULL);
        return;
    }
    judge_link(j, item);
    for (size_t i = 0; i < rules->n; i++)
        judge_rule(j, item, &rules->rules[i]);
}

static bool separately_rooted(const struct lk_accept *a, const struct lk_family *family)
{
    for (size_t i = 0; i < a->n_separate; i++)
        if (a->separate[i] == family)
            return true;
    return false;
}

static void judge_roots(struct judge *j)
{
    const struct lk_judged *root = NULL;
    for (size_t i = 0; i < j->bundle.n; i++) {
        const struct lk_judged *item = &j->bundle.items[i];
        if (item->parent >= 0 || separately_rooted(j->accept, item->family))
            continue;
        if (root != NULL)
            refuse(j, LK_R_CHAIN_TWO_ROOTS, item->family, "", root->family->name, item->family->name);
        else if (!j->accept->any_chain && item->family != j->accept->families[0].family)
            refuse(j, LK_R_CHAIN_ROOT_FAMILY, item->family, "", j->accept->families[0].family->name,
                   item->family->name);
        root = item;
    }
}

static void judge_unlisted(struct judge *j)
{
    for (size_t i = 0; i < j->bundle.n; i++)
        if (lk_accept_rules(j->accept, j->bundle.items[i].family) == NULL)
            refuse(j, LK_R_CHAIN_UNLISTED_ITEM, j->bundle.items[i].family, "", "absent", j->bundle.items[i].family->name);
}

static void judge_records(struct judge *j)
{
    for (size_t g = 0; g < j->accept->n_groups; g++)
        if (!lk_records_judge(j->set, j->accept->groups[g], &j->bundle, j->report))
            j->failed = true;
}

/* Claims without a rule and without a safe default: a record that matched must have said something. */
static void judge_open(struct judge *j, const struct lk_family_rules *rules)
{
    if (lk_bundle_item(&j->bundle, rules->family) == NULL)
        return;
    for (size_t c = 0; c < rules->family->n_claims; c++) {
        bool covered = !rules->open[c];
        for (size_t g = 0; !covered && g < j->accept->n_groups; g++)
            covered = lk_records_cover(j->set, j->accept->groups[g], &j->bundle, rules->family, c);
        if (!covered)
            refuse(j, LK_R_POLICY_CLAIM_UNJUDGED, rules->family, rules->family->claims[c].name,
                   "a rule or a record's value", "neither");
    }
}

static void count(const struct judge *j, size_t *score)
{
    if (!j->failed)
        (*score)++;
}

bool lk_accept_judge(const struct lk_policyset *set, const struct lk_policy *policy, const struct lk_accept *accept,
                     const struct lk_judged *items, size_t n, int64_t at, enum lk_judge_scope scope,
                     struct lk_report *report, size_t *score)
{
    struct judge j = {.set = set, .policy = policy, .accept = accept, .report = report};
    j.bundle = (struct lk_bundle){items, n, at, scope};
    judge_roots(&j);
    judge_unlisted(&j);
    count(&j, score);
    for (size_t i = 0; i < accept->n; i++) {
        judge_item(&j, &accept->families[i]);
        count(&j, score);
    }
    judge_records(&j);
    count(&j, score);
    if (j.failed)
        return false;
    for (size_t i = 0; i < accept->n; i++)
        judge_open(&j, &accept->families[i]);
    return !j.failed;
}
