/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/appraise/compile_context.h"
#include "policy/appraise/lists.h"

#include <stdio.h>
#include <string.h>

void lk_compile_note(struct lk_compile *c, enum lk_reason_code code, const char *item, const char *where,
                     const char *expected, const char *actual)
{
    char rule[LK_FINDING_TEXT + 1];
    snprintf(rule, sizeof(rule), "%s%s%s%s%s", c->object, c->accept == NULL ? "" : "/",
             c->accept == NULL ? "" : c->accept, *where ? "/" : "", where);
    lk_result r = lk_report_add(c->report, code, item, rule, expected, actual);
    if (lk_ok(c->first))
        c->first = r;
}

void *lk_compile_array(struct lk_compile *c, size_t n, size_t size)
{
    void *at = lk_arena_array(c->arena, n == 0 ? 1 : n, size);
    if (at == NULL)
        lk_compile_note(c, LK_R_MEMORY, "", "", "", "");
    return at;
}

void lk_compile_name(struct lk_compile *c, const char *where, const char *name)
{
    if (!lk_policy_name_ok(name))
        lk_compile_note(c, LK_R_POLICY_NAME, "", where, "a name", name);
}

static void bad_operand(struct lk_compile *c, const struct lk_claim_ref *ref, const char *where, const char *got)
{
    LK_BUF_AUTO form = lk_buf(LK_FINDING_TEXT + 1);
    char expected[LK_FINDING_TEXT + 1];
    lk_value_form(lk_claim_of(ref), &form);
    lk_compile_note(c, LK_R_POLICY_OPERAND, ref->family->name, where, lk_buf_text(&form, expected), got);
}

static bool known_component(const struct lk_claim *claim, const char *name)
{
    for (const char *const *w = claim->words; w != NULL && *w != NULL; w++)
        if (strcmp(*w, name) == 0)
            return true;
    return false;
}

static bool vector_operand(struct lk_compile *c, const struct lk_claim *claim, const Latchkey__V1__Vector *m,
                           struct lk_value *out)
{
    struct lk_component *parts = lk_compile_array(c, m->n_components, sizeof(*parts));
    if (parts == NULL || m->n_components == 0)
        return false;
    for (size_t i = 0; i < m->n_components; i++) {
        if (!known_component(claim, m->components[i]->name))
            return false;
        for (size_t k = 0; k < i; k++)
            if (strcmp(parts[k].name, m->components[i]->name) == 0)
                return false;
        parts[i] = (struct lk_component){m->components[i]->name, m->components[i]->value};
    }
    out->vector.selector = m->selector;
    out->vector.parts = parts;
    out->vector.n = m->n_components;
    return true;
}

static bool word_operand(struct lk_compile *c, const struct lk_claim *claim, const char *word, struct lk_value *out)
{
    return lk_ok(lk_value_parse(claim, word, c->arena, out));
}

/* The message's case must be the kind's own: a number is no flag. */
static bool operand(struct lk_compile *c, const struct lk_claim_ref *ref, const Latchkey__V1__Operand *m,
                    struct lk_value *out)
{
    const struct lk_claim *claim = lk_claim_of(ref);
    enum lk_kind kind = claim->kind == LK_KIND_REGISTERS ? LK_KIND_BYTES : claim->kind;
    static const Latchkey__V1__Operand__ValueCase cases[] = {
        [LK_KIND_BOOL] = LATCHKEY__V1__OPERAND__VALUE_FLAG,   [LK_KIND_UINT] = LATCHKEY__V1__OPERAND__VALUE_NUMBER,
        [LK_KIND_BYTES] = LATCHKEY__V1__OPERAND__VALUE_DATA,  [LK_KIND_WORD] = LATCHKEY__V1__OPERAND__VALUE_WORD,
        [LK_KIND_TEXT] = LATCHKEY__V1__OPERAND__VALUE_WORD,   [LK_KIND_VECTOR] = LATCHKEY__V1__OPERAND__VALUE_VECTOR,
        [LK_KIND_WORDS] = LATCHKEY__V1__OPERAND__VALUE_WORD,  [LK_KIND_FILES] = LATCHKEY__V1__OPERAND__VALUE_WORD,
    };
    *out = (struct lk_value){.kind = kind, .present = true};
    if (m->value_case != cases[kind])
        return false;
    switch (kind) {
    case LK_KIND_BOOL:
        out->flag = m->flag;
        return true;
    case LK_KIND_UINT:
        out->number = m->number;
        return true;
    case LK_KIND_BYTES:
        out->bytes = lk_bytes(m->data.data, m->data.len);
        return m->data.len > 0 && m->data.len <= 1024;
    case LK_KIND_WORD:
    case LK_KIND_TEXT:
    case LK_KIND_WORDS:
    case LK_KIND_FILES:
        return word_operand(c, claim, m->word, out);
    case LK_KIND_VECTOR:
        return vector_operand(c, claim, m->vector, out);
    case LK_KIND_REGISTERS:
        break;
    }
    return false;
}

static bool group_operand(const Latchkey__V1__Operand *m, struct lk_value *out)
{
    *out = (struct lk_value){.kind = LK_KIND_TEXT, .present = true};
    if (m->value_case != LATCHKEY__V1__OPERAND__VALUE_WORD)
        return false;
    out->word = m->word;
    return m->word[0] != '\0';
}

struct lk_value *lk_compile_operands(struct lk_compile *c, const struct lk_claim_ref *ref, const char *where, bool group,
                                     Latchkey__V1__Operand *const *operands, size_t n)
{
    if (n > LK_POLICY_OPERANDS_MAX) {
        lk_compile_note(c, LK_R_POLICY_LIMIT, ref->family->name, where, "at most 4096 operands", "more");
        return NULL;
    }
    struct lk_value *values = lk_compile_array(c, n, sizeof(*values));
    for (size_t i = 0; values != NULL && i < n; i++) {
        bool ok = group ? group_operand(operands[i], &values[i]) : operand(c, ref, operands[i], &values[i]);
        if (!ok) {
            bad_operand(c, ref, where, "");
            return NULL;
        }
    }
    return values;
}

static bool operand_count_ok(enum lk_op op, enum lk_kind kind, size_t n)
{
    if (lk_kind_is_list(kind) && op == LK_OP_IN)
        return true; /* of nothing: no member may be there */
    if (lk_kind_is_list(kind) && op == LK_OP_IN_SET)
        return n >= 1;
    if (op == LK_OP_SKIP || op == LK_OP_ANY_GENUINE)
        return n == 0;
    if (op == LK_OP_IN || op == LK_OP_NOT_IN || kind == LK_KIND_VECTOR)
        return n >= 1;
    return n == 1;
}

static void compile_rule(struct lk_compile *c, const struct lk_family *family, const Latchkey__V1__Rule *m,
                         struct lk_rule *out)
{
    char where[LK_FINDING_TEXT + 1];
    snprintf(where, sizeof(where), "%s.%s", family->name, m->claim);
    *out = (struct lk_rule){.name = m->claim, .op = (enum lk_op)m->op, .n = m->n_operands, .because = m->because};
    if (!lk_ok(lk_claim_find(family, m->claim, &out->ref))) {
        lk_compile_note(c, LK_R_POLICY_CLAIM, family->name, where, "a claim of the family", m->claim);
        return;
    }
    enum lk_kind kind = lk_claim_of(&out->ref)->kind;
    bool fits = lk_op_fits(out->op, kind, out->ref.alg != 0);
    if (!fits || !operand_count_ok(out->op, kind, m->n_operands)) {
        lk_compile_note(c, LK_R_POLICY_OPERATOR, family->name, where, "an operator of the claim's kind",
                        lk_op_word(out->op));
        return;
    }
    if ((out->op == LK_OP_SKIP || out->op == LK_OP_ANY_GENUINE) && m->because[0] == '\0')
        lk_compile_note(c, LK_R_POLICY_BECAUSE, family->name, where, "because", "");
    out->operands = lk_compile_operands(c, &out->ref, where, out->op == LK_OP_IN_SET, m->operands, m->n_operands);
    lk_compile_exceptions(c, m, where, out);
}

static bool same_ref(const struct lk_claim_ref *a, const struct lk_claim_ref *b)
{
    return a->claim == b->claim && a->alg == b->alg && a->index == b->index;
}

static void refuse_twice(struct lk_compile *c, const struct lk_rule *rules, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (rules[k].ref.family != NULL && rules[i].ref.family != NULL && same_ref(&rules[k].ref, &rules[i].ref)) {
            char where[LK_FINDING_TEXT + 1];
            snprintf(where, sizeof(where), "%s.%s", rules[i].ref.family->name, rules[i].name);
            lk_compile_note(c, LK_R_POLICY_DUPLICATE, rules[i].ref.family->name, where, "one rule", "two");
            return;
        }
}

static bool mentioned(const struct lk_family_rules *f, size_t claim)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->rules[i].ref.family != NULL && f->rules[i].ref.claim == claim)
            return true;
    return false;
}

/* "0", "deny", "skip", or an operator and its operand as on one line of a document: "at-least: 2". */
static lk_result default_rule(struct lk_compile *c, const struct lk_family *family, size_t claim, struct lk_rule *out)
{
    const struct lk_claim *row = &family->claims[claim];
    *out = (struct lk_rule){.name = row->name, .ref = {.family = family, .claim = claim}, .op = LK_OP_SKIP,
                            .because = "safe default"};
    const char *text = row->safe_default;
    if (lk_kind_is_list(row->kind) && strcmp(text, "none") == 0) {
        out->op = LK_OP_IN;
        return LK_OK;
    }
    if (strcmp(text, "skip") == 0 || strcmp(text, "allow") == 0)
        return LK_OK;
    const char *colon = strstr(text, ": ");
    out->op = LK_OP_EQUALS;
    if (colon != NULL) {
        char word[16];
        snprintf(word, sizeof(word), "%.*s", (int)(colon - text), text);
        out->op = lk_op_by_word(word);
        text = colon + 2;
    }
    LK_REQUIRE(lk_op_fits(out->op, row->kind, false), POLICY_OPERATOR);
    struct lk_value *v = lk_compile_array(c, 1, sizeof(*v));
    LK_REQUIRE(v != NULL, MEMORY);
    LK_TRY(lk_value_parse(row, text, c->arena, v));
    out->operands = v;
    out->n = 1;
    return LK_OK;
}

/* Fills in safe defaults; what has none stays open for a record, or is an error where there are no records. */
static void close_world(struct lk_compile *c, const struct lk_family *family, bool strict, bool has_groups,
                        struct lk_rule *rules, struct lk_family_rules *out)
{
    size_t written = out->n;
    for (size_t i = 0; i < family->n_claims; i++) {
        struct lk_family_rules document = {.rules = rules, .n = written};
        if (mentioned(&document, i))
            continue;
        if (family->claims[i].safe_default != NULL) {
            lk_result r = default_rule(c, family, i, &rules[out->n++]);
            if (!lk_ok(r))
                lk_compile_note(c, r.code, family->name, family->claims[i].name, "a safe default", "");
            continue;
        }
        out->open[i] = strict;
        if (!strict || has_groups)
            continue;
        char where[LK_FINDING_TEXT + 1];
        snprintf(where, sizeof(where), "%s.%s", family->name, family->claims[i].name);
        lk_compile_note(c, LK_R_POLICY_OPEN_CLAIM, family->name, where, "a rule", "none");
    }
}

void lk_compile_family(struct lk_compile *c, const struct lk_family *family, const Latchkey__V1__FamilyRules *m,
                       bool has_groups, struct lk_family_rules *out)
{
    size_t n = m == NULL ? 0 : m->n_rules;
    *out = (struct lk_family_rules){.family = family};
    if (n > LK_POLICY_RULES_MAX) {
        lk_compile_note(c, LK_R_POLICY_LIMIT, family->name, family->name, "at most 256 rules", "more");
        return;
    }
    struct lk_rule *rules = lk_compile_array(c, n + family->n_claims, sizeof(*rules));
    if (rules == NULL)
        return;
    for (size_t i = 0; i < n; i++) {
        compile_rule(c, family, m->rules[i], &rules[i]);
        refuse_twice(c, rules, i);
    }
    out->rules = rules;
    out->n = n;
    close_world(c, family, m != NULL || c->accept != NULL, has_groups, rules, out);
}
