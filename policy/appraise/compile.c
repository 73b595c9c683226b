/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/appraise/compile.h"
#include "policy/appraise/compile_context.h"
#include "policy/appraise/lists.h"
#include "policy/appraise/names.h"
#include "policy/appraise/rules.h"

#include <stdio.h>
#include <string.h>

static bool over_limit(struct lk_compile *c, const char *where, size_t n, size_t max)
{
    char most[32], got[32];
    if (n <= max)
        return false;
    snprintf(most, sizeof(most), "at most %zu", max);
    snprintf(got, sizeof(got), "%zu", n);
    lk_compile_note(c, LK_R_POLICY_LIMIT, "", where, most, got);
    return true;
}

static const struct lk_family *family_of(struct lk_compile *c, const char *where, const char *name)
{
    const struct lk_family *f = lk_family_by_name(lk_bytes_str(name));
    if (f == NULL)
        lk_compile_note(c, LK_R_POLICY_FAMILY, "", where, "a family", name);
    return f;
}

static const Latchkey__V1__FamilyRules *rules_of(const Latchkey__V1__Accept *m, const char *family)
{
    for (size_t i = 0; i < m->n_families; i++)
        if (strcmp(m->families[i]->family, family) == 0)
            return m->families[i];
    return NULL;
}

/* Rules must be of families in the chain, one block each. */
static void check_blocks(struct lk_compile *c, const Latchkey__V1__Accept *m)
{
    for (size_t i = 0; i < m->n_families; i++) {
        const char *name = m->families[i]->family;
        bool listed = false;
        for (size_t k = 0; k < m->n_chain; k++)
            listed = listed || strcmp(m->chain[k], name) == 0;
        if (!listed || rules_of(m, name) != m->families[i])
            lk_compile_note(c, LK_R_POLICY_FAMILY, "", name, listed ? "one block of rules" : "a family of the chain", name);
    }
}

static void compile_chain(struct lk_compile *c, const Latchkey__V1__Accept *m, struct lk_accept *out)
{
    struct lk_family_rules *families = lk_compile_array(c, m->n_chain, sizeof(*families));
    if (families == NULL || over_limit(c, "chain", m->n_chain, LK_POLICY_CHAIN_MAX))
        return;
    if (m->n_chain == 0)
        lk_compile_note(c, LK_R_POLICY_FIELD, "", "chain", "at least one family", "none");
    out->families = families;
    for (size_t i = 0; i < m->n_chain; i++) {
        const struct lk_family *family = family_of(c, "chain", m->chain[i]);
        if (family == NULL)
            continue;
        if (lk_accept_rules(out, family) != NULL)
            lk_compile_note(c, LK_R_POLICY_FAMILY, "", "chain", "each family once", m->chain[i]);
        else
            lk_compile_family(c, family, rules_of(m, m->chain[i]), m->n_references > 0, &families[out->n++]);
    }
}

static void compile_separate(struct lk_compile *c, const Latchkey__V1__Accept *m, struct lk_accept *out)
{
    if (over_limit(c, "separately-rooted", m->n_separate_roots, LK_POLICY_CHAIN_MAX))
        return;
    for (size_t i = 0; i < m->n_separate_roots; i++) {
        const struct lk_family *family = family_of(c, "separately-rooted", m->separate_roots[i]->family);
        if (family != NULL && (out->n == 0 || lk_accept_rules(out, family) == NULL || family == out->families[0].family))
            lk_compile_note(c, LK_R_POLICY_FAMILY, "", "separately-rooted", "a later family of the chain", family->name);
        if (m->separate_roots[i]->because[0] == '\0')
            lk_compile_note(c, LK_R_POLICY_BECAUSE, "", "separately-rooted", "because", "");
        if (family != NULL)
            out->separate[out->n_separate++] = family;
    }
}

static void compile_groups(struct lk_compile *c, const Latchkey__V1__Accept *m, struct lk_accept *out)
{
    if (over_limit(c, "reference", m->n_references, LK_POLICY_GROUPS_MAX))
        return;
    for (size_t i = 0; i < m->n_references; i++)
        lk_compile_name(c, "reference", m->references[i]);
    out->groups = (const char *const *)m->references;
    out->n_groups = m->n_references;
}

/* The claim's rule, defaults included. */
static const struct lk_rule *rule_on(const struct lk_family_rules *f, const char *claim)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->rules[i].name, claim) == 0)
            return &f->rules[i];
    return NULL;
}

static bool writes_for_guests(const struct lk_family *f)
{
    for (size_t i = 0; i < f->n_claims; i++)
        if ((f->claims[i].flags & LK_CLAIM_PIN) != 0 && f->claims[i].kind != LK_KIND_REGISTERS)
            return true;
    return false;
}

static bool rules_pin(const struct lk_family_rules *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->rules[i].ref.family != NULL && lk_rule_pins(&f->rules[i]))
            return true;
    return false;
}

/* What hangs on the root hangs on bytes that its guest chose, unless the family has no such bytes. */
static void check_pins(struct lk_compile *c, const struct lk_accept *a)
{
    if (a->n < 2 + a->n_separate || !writes_for_guests(a->families[0].family))
        return;
    const struct lk_family_rules *root = &a->families[0];
    char where[64];
    snprintf(where, sizeof(where), "%.40s", root->family->name);
    if (a->n_groups == 0 && !rules_pin(root))
        lk_compile_note(c, LK_R_POLICY_UNPINNED, root->family->name, where, "a rule on the measurement or ID key", "none");
    const struct lk_rule *vmpl = rule_on(root, "vmpl");
    bool zero = vmpl == NULL || (vmpl->op == LK_OP_EQUALS && vmpl->n == 1 && vmpl->operands != NULL &&
                                 vmpl->operands[0].number == 0);
    if (!zero)
        lk_compile_note(c, LK_R_POLICY_UNPINNED, root->family->name, where, "vmpl: 0", "another rule");
}

static void compile_accept(struct lk_compile *c, const Latchkey__V1__Accept *m, struct lk_accept *out)
{
    *out = (struct lk_accept){.name = m->name};
    c->accept = m->name;
    lk_compile_name(c, "name", m->name);
    check_blocks(c, m);
    compile_chain(c, m, out);
    compile_separate(c, m, out);
    compile_groups(c, m, out);
    if (lk_ok(c->first))
        check_pins(c, out);
    c->accept = NULL;
}

static void compile_accepts(struct lk_compile *c, const Latchkey__V1__Policy *m, struct lk_policy *out)
{
    struct lk_accept *accepts = lk_compile_array(c, m->n_accept, sizeof(*accepts));
    if (accepts == NULL || over_limit(c, "accept", m->n_accept, LK_POLICY_ACCEPTS_MAX))
        return;
    if (m->n_accept == 0)
        lk_compile_note(c, LK_R_POLICY_FIELD, "", "accept", "at least one alternative", "none");
    for (size_t i = 0; i < m->n_accept; i++) {
        compile_accept(c, m->accept[i], &accepts[i]);
        for (size_t k = 0; k < i; k++)
            if (strcmp(accepts[k].name, accepts[i].name) == 0)
                lk_compile_note(c, LK_R_POLICY_DUPLICATE, "", "accept", "another name", accepts[i].name);
    }
    out->accepts = accepts;
    out->n_accepts = m->n_accept;
}

/* family.claim of a placeholder: flagged as one, and in every chain. */
static bool placeholder_known(const struct lk_policy *p, struct lk_bytes text)
{
    char name[LK_NAME_MAX + 1];
    snprintf(name, sizeof(name), "%.*s", (int)text.len, (const char *)text.data);
    char *dot = strchr(name, '.');
    if (dot == NULL)
        return false;
    *dot = '\0';
    const struct lk_family *f = lk_family_by_name(lk_bytes_str(name));
    struct lk_claim_ref ref;
    if (f == NULL || !lk_ok(lk_claim_find(f, dot + 1, &ref)) || (lk_claim_of(&ref)->flags & LK_CLAIM_PLACEHOLDER) == 0)
        return false;
    for (size_t i = 0; i < p->n_accepts; i++)
        if (lk_accept_rules(&p->accepts[i], f) == NULL)
            return false;
    return true;
}

static void check_pattern(struct lk_compile *c, const struct lk_policy *p, const char *text, const char *where)
{
    struct lk_bytes pattern = lk_bytes_str(text);
    if (!lk_secret_name_ok(pattern, true)) {
        lk_compile_note(c, LK_R_POLICY_PATTERN, "", where, "a name with placeholders", text);
        return;
    }
    for (size_t n = 0;; n++) {
        struct lk_bytes hole = lk_release_placeholder(pattern, n);
        if (hole.data == NULL)
            return;
        if (!placeholder_known(p, hole))
            lk_compile_note(c, LK_R_POLICY_PLACEHOLDER, "", where, "a claim that may stand in a name, in every chain", text);
    }
}

/* A claim of a known family: placeholder_known has told everything else. */
static bool names_a_machine(struct lk_bytes hole)
{
    const uint8_t *dot = memchr(hole.data, '.', hole.len);
    char claim[LK_NAME_MAX + 1];
    struct lk_claim_ref ref;
    if (dot == NULL)
        return false;
    size_t n = (size_t)(dot - hole.data);
    const struct lk_family *f = lk_family_by_name(lk_bytes(hole.data, n));
    snprintf(claim, sizeof(claim), "%.*s", (int)(hole.len - n - 1), (const char *)dot + 1);
    return f != NULL && lk_ok(lk_claim_find(f, claim, &ref)) && (lk_claim_of(&ref)->flags & LK_CLAIM_MACHINE) != 0;
}

static bool pattern_of_one_machine(struct lk_bytes pattern)
{
    bool named = false;
    struct lk_bytes hole;
    for (size_t n = 0; (hole = lk_release_placeholder(pattern, n)).data != NULL; n++)
        named = named || names_a_machine(hole);
    return named && lk_release_pattern_bound(pattern);
}

static void check_number(struct lk_compile *c, const char *where, uint64_t v, uint64_t min, uint64_t max)
{
    char expected[64], actual[32];
    if (v >= min && v <= max)
        return;
    snprintf(expected, sizeof(expected), "%llu to %llu", (unsigned long long)min, (unsigned long long)max);
    snprintf(actual, sizeof(actual), "%llu", (unsigned long long)v);
    lk_compile_note(c, LK_R_POLICY_VALUE, "", where, expected, actual);
}

static void check_create(struct lk_compile *c, const Latchkey__V1__Policy *m)
{
    if (m->create == NULL)
        return;
    check_number(c, "create-on-first-use", m->create->bytes, LK_CREATE_BYTES_MIN, LK_CREATE_BYTES_MAX);
    check_number(c, "create-on-first-use", m->create->per_day, 1, LK_CREATE_PER_DAY_MAX);
    for (size_t i = 0; i < m->n_releases; i++)
        if (!pattern_of_one_machine(lk_bytes_str(m->releases[i])))
            lk_compile_note(c, LK_R_POLICY_CREATE, "", "create-on-first-use", "a pattern that names one machine",
                            m->releases[i]);
}

static void compile_releases(struct lk_compile *c, const Latchkey__V1__Policy *m, struct lk_policy *out)
{
    if (over_limit(c, "releases", m->n_releases, LK_POLICY_RELEASES_MAX))
        return;
    out->releases = (const char *const *)m->releases;
    out->n_releases = m->n_releases;
    for (size_t i = 0; i < m->n_releases; i++) {
        char where[32];
        snprintf(where, sizeof(where), "releases[%zu]", i);
        check_pattern(c, out, m->releases[i], where);
        if (lk_release_pattern_open(lk_bytes_str(m->releases[i])) && m->fleet_wide_because[0] == '\0')
            lk_compile_note(c, LK_R_POLICY_FLEET_WIDE, "", where, "fleet-wide: {because: ...}", m->releases[i]);
    }
}

lk_result lk_compile_policy(struct lk_policyset *s, const Latchkey__V1__Policy *m, uint64_t revision,
                            struct lk_report *report, const struct lk_policy **out)
{
    struct lk_compile c = {.set = s, .arena = s->arena, .report = report, .object = m->name};
    struct lk_policy *p = lk_compile_array(&c, 1, sizeof(*p));
    LK_REQUIRE(p != NULL, MEMORY);
    *p = (struct lk_policy){.name = m->name, .revision = revision};
    if (m->schema != 1)
        lk_compile_note(&c, LK_R_POLICY_SCHEMA, "", "schema", "latchkey-policy/1", "");
    lk_compile_name(&c, "policy", m->name);
    if (strcmp(m->kek, "sealed") != 0 && strcmp(m->kek, "in-token") != 0)
        lk_compile_note(&c, LK_R_POLICY_VALUE, "", "kek", "sealed or in-token", m->kek);
    compile_accepts(&c, m, p);
    compile_releases(&c, m, p);
    check_create(&c, m);
    *out = p;
    return c.first;
}

static void compile_match(struct lk_compile *c, const Latchkey__V1__RecordMatch *m, struct lk_record_match *out)
{
    char where[LK_FINDING_TEXT + 1];
    snprintf(where, sizeof(where), "match/%s.%s", m->family, m->claim);
    const struct lk_family *f = family_of(c, where, m->family);
    if (f == NULL)
        return;
    *out = (struct lk_record_match){.name = m->claim, .n = m->n_values};
    if (!lk_ok(lk_claim_find(f, m->claim, &out->ref))) {
        lk_compile_note(c, LK_R_POLICY_CLAIM, f->name, where, "a claim of the family", m->claim);
        return;
    }
    enum lk_kind kind = lk_claim_of(&out->ref)->kind;
    bool whole_registers = kind == LK_KIND_REGISTERS && out->ref.alg == 0;
    if (lk_kind_is_list(kind)) {
        lk_compile_note(c, LK_R_POLICY_OPERATOR, f->name, where, "a value; lists are judged by rules and sets", m->claim);
        return;
    }
    if (whole_registers || m->n_values == 0)
        lk_compile_note(c, LK_R_POLICY_VALUE, f->name, where, whole_registers ? "claim.bank.index" : "a value", "none");
    else
        out->values = lk_compile_operands(c, &out->ref, where, false, m->values, m->n_values);
}

static void compile_matches(struct lk_compile *c, const Latchkey__V1__ReferenceRecord *m, struct lk_record *out)
{
    if (over_limit(c, "match", m->n_match, LK_POLICY_RULES_MAX))
        return;
    struct lk_record_match *matches = lk_compile_array(c, m->n_match, sizeof(*matches));
    if (matches == NULL)
        return;
    if (m->n_match == 0)
        lk_compile_note(c, LK_R_POLICY_FIELD, "", "match", "at least one value", "none");
    for (size_t i = 0; i < m->n_match; i++) {
        compile_match(c, m->match[i], &matches[i]);
        for (size_t k = 0; k < i; k++)
            if (strcmp(m->match[k]->family, m->match[i]->family) == 0 && strcmp(m->match[k]->claim, m->match[i]->claim) == 0)
                lk_compile_note(c, LK_R_POLICY_DUPLICATE, m->match[i]->family, "match", "one field", m->match[i]->claim);
    }
    out->matches = matches;
    out->n = m->n_match;
}

lk_result lk_compile_record(struct lk_policyset *s, const Latchkey__V1__ReferenceRecord *m, struct lk_report *report,
                            const struct lk_record **out)
{
    struct lk_compile c = {.set = s, .arena = s->arena, .report = report, .object = m->id};
    struct lk_record *r = lk_compile_array(&c, 1, sizeof(*r));
    LK_REQUIRE(r != NULL, MEMORY);
    *r = (struct lk_record){.id = m->id, .group = m->group, .state = (enum lk_record_state)m->state,
                            .valid_from = m->valid_from, .valid_until = m->valid_until};
    if (m->schema != 1)
        lk_compile_note(&c, LK_R_POLICY_SCHEMA, "", "schema", "latchkey-reference/1", "");
    lk_compile_name(&c, "id", m->id);
    lk_compile_name(&c, "group", m->group);
    if (r->state < LK_RECORD_STAGED || r->state > LK_RECORD_RETIRED)
        lk_compile_note(&c, LK_R_POLICY_VALUE, "", "state", "staged, active or retired", "");
    if (m->valid_from < 0 || m->valid_until < 0 || (m->valid_until != 0 && m->valid_until < m->valid_from))
        lk_compile_note(&c, LK_R_POLICY_VALUE, "", "valid", "a time before another", "");
    compile_matches(&c, m, r);
    *out = r;
    return c.first;
}

lk_result lk_compile_defaults(struct lk_policyset *s, const struct lk_policy **out)
{
    static const char *const everything[] = {"*"};
    struct lk_compile c = {.set = s, .arena = s->arena, .object = "default"};
    size_t n = 0;
    const struct lk_family *const *families = lk_families(&n);
    struct lk_policy *p = lk_compile_array(&c, 1, sizeof(*p));
    struct lk_accept *a = lk_compile_array(&c, 1, sizeof(*a));
    struct lk_family_rules *rules = lk_compile_array(&c, n, sizeof(*rules));
    LK_REQUIRE(p != NULL && a != NULL && rules != NULL, MEMORY);
    for (size_t i = 0; i < n; i++)
        lk_compile_family(&c, families[i], NULL, false, &rules[i]);
    *a = (struct lk_accept){.name = "safe-defaults", .families = rules, .n = n, .any_chain = true};
    *p = (struct lk_policy){.name = "default", .releases = everything, .n_releases = 1, .accepts = a, .n_accepts = 1};
    *out = p;
    return c.first;
}
