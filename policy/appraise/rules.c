/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/appraise/rules.h"
#include "policy/appraise/lists.h"
#include "policy/appraise/records.h"

#include <inttypes.h>
#include <string.h>

static bool among(const struct lk_rule *r, const struct lk_value *v)
{
    for (size_t i = 0; i < r->n; i++)
        if (lk_value_eq(&r->operands[i], v))
            return true;
    return false;
}

/* The operand for the item's selector ("genoa"); one without a selector is for all. */
static const struct lk_value *for_selector(const struct lk_rule *r, const struct lk_value *v)
{
    for (size_t i = 0; i < r->n; i++) {
        const char *selector = r->operands[i].vector.selector;
        if (selector[0] == '\0' || strcmp(selector, v->vector.selector) == 0)
            return &r->operands[i];
    }
    return NULL;
}

static const struct lk_component *component(const struct lk_value *v, const char *name)
{
    for (size_t i = 0; i < v->vector.n; i++)
        if (strcmp(v->vector.parts[i].name, name) == 0)
            return &v->vector.parts[i];
    return NULL;
}

static bool number_holds(enum lk_op op, uint64_t actual, uint64_t operand)
{
    switch (op) {
    case LK_OP_AT_LEAST:
        return actual >= operand;
    case LK_OP_AT_MOST:
        return actual <= operand;
    case LK_OP_ALL_SET:
        return (actual & operand) == operand;
    case LK_OP_NONE_SET:
        return (actual & operand) == 0;
    case LK_OP_EQUALS:
    case LK_OP_IN:
        return actual == operand;
    case LK_OP_NOT_IN:
    case LK_OP_SKIP:
    case LK_OP_ANY_GENUINE:
    case LK_OP_IN_SET:
    case LK_OP_COUNT:
        break;
    }
    return false;
}

static bool component_holds(enum lk_op op, const struct lk_value *actual, const struct lk_component *want)
{
    const struct lk_component *got = component(actual, want->name);
    return got != NULL && number_holds(op, got->value, want->value);
}

static bool vector_holds(const struct lk_rule *r, const struct lk_value *v)
{
    const struct lk_value *want = for_selector(r, v);
    if (want == NULL)
        return false;
    for (size_t i = 0; i < want->vector.n; i++)
        if (!component_holds(r->op, v, &want->vector.parts[i]))
            return false;
    return true;
}

static bool in_group(const struct lk_policyset *set, const char *group, const struct lk_rule *r,
                     const struct lk_value *v, int64_t at)
{
    for (size_t i = 0; i < set->n_records; i++) {
        const struct lk_record *rec = set->records[i];
        if (!lk_record_in_force(rec, at) || strcmp(rec->group, group) != 0)
            continue;
        for (size_t m = 0; m < rec->n; m++) {
            const struct lk_record_match *match = &rec->matches[m];
            struct lk_rule one = {.operands = match->values, .n = match->n};
            if (match->ref.family == r->ref.family && strcmp(match->name, r->name) == 0 && among(&one, v))
                return true;
        }
    }
    return false;
}

bool lk_rule_holds(const struct lk_policyset *set, const struct lk_rule *r, const struct lk_value *v, int64_t at)
{
    if (r->op == LK_OP_SKIP)
        return true;
    if (!v->present)
        return false;
    if (r->op == LK_OP_ANY_GENUINE)
        return true;
    if (r->op == LK_OP_IN_SET)
        return in_group(set, r->operands[0].word, r, v, at);
    if (v->kind == LK_KIND_VECTOR)
        return vector_holds(r, v);
    if (r->op == LK_OP_EQUALS || r->op == LK_OP_IN)
        return among(r, v);
    if (r->op == LK_OP_NOT_IN)
        return !among(r, v);
    return v->kind == LK_KIND_UINT && number_holds(r->op, v->number, r->operands[0].number);
}

bool lk_rule_pins(const struct lk_rule *r)
{
    return (r->op == LK_OP_EQUALS || r->op == LK_OP_IN) && (lk_claim_of(&r->ref)->flags & LK_CLAIM_PIN) != 0;
}

void lk_values_put(struct lk_buf *out, const struct lk_value *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        lk_put_fmt(out, "%s", i == 0 ? "" : ", ");
        lk_value_put(out, &values[i]);
    }
}

static const char *sign(enum lk_op op)
{
    static const char *const signs[LK_OP_COUNT] = {
        [LK_OP_NOT_IN] = "not ",   [LK_OP_AT_LEAST] = ">= ",        [LK_OP_AT_MOST] = "<= ",
        [LK_OP_ALL_SET] = "all bits of ", [LK_OP_NONE_SET] = "no bit of ", [LK_OP_IN_SET] = "in ",
    };
    return signs[op] == NULL ? "" : signs[op];
}

/* The failing components only: a vector of nine numbers would hide the one that matters. */
static void put_failing(struct lk_buf *out, const struct lk_rule *r, const struct lk_value *v, bool expected)
{
    const struct lk_value *want = for_selector(r, v);
    if (want == NULL) {
        lk_put_fmt(out, expected ? "a rule for %s" : "%s", v->vector.selector);
        return;
    }
    lk_put_fmt(out, "%s", v->vector.selector);
    for (size_t i = 0; i < want->vector.n; i++) {
        const struct lk_component *c = &want->vector.parts[i], *got = component(v, c->name);
        if (component_holds(r->op, v, c))
            continue;
        if (expected)
            lk_put_fmt(out, " %s %s%" PRIu64, c->name, sign(r->op), c->value);
        else if (got != NULL)
            lk_put_fmt(out, " %s %" PRIu64, c->name, got->value);
        else
            lk_put_fmt(out, " %s absent", c->name);
    }
}

/* What stands before the inline list or the names of sets: who may sign first, for the list may be long. */
static void put_allowed(struct lk_buf *out, const struct lk_rule *r)
{
    for (size_t i = 0; i < r->n_signed_by; i++)
        lk_put_fmt(out, "%s%s", i == 0 ? "signed by " : ", ", r->signed_by[i].key);
    lk_put_fmt(out, "%s%s", r->n_signed_by > 0 && r->n > 0 ? ", or " : "", r->n > 0 ? sign(r->op) : "");
    if (r->op == LK_OP_IN && r->n == 0 && r->n_signed_by == 0)
        lk_put_fmt(out, "none");
}

void lk_rule_put_expected(struct lk_buf *out, const struct lk_rule *r, const struct lk_value *v)
{
    if (r->op == LK_OP_ANY_GENUINE) {
        lk_put_fmt(out, "any genuine value");
        return;
    }
    if (v->present && v->kind == LK_KIND_VECTOR) {
        put_failing(out, r, v, true);
        return;
    }
    if (lk_rule_is_listing(r))
        put_allowed(out, r);
    else
        lk_put_fmt(out, "%s", sign(r->op));
    lk_values_put(out, r->operands, r->n);
}

void lk_rule_put_actual(struct lk_buf *out, const struct lk_rule *r, const struct lk_value *v)
{
    if (v->present && v->kind == LK_KIND_VECTOR && r->op != LK_OP_ANY_GENUINE)
        put_failing(out, r, v, false);
    else
        lk_value_put(out, v);
}
