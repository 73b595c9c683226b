/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/document/claims.h"
#include "policy/appraise/lists.h"
#include "policy/document/lists.h"

#include <stdio.h>
#include <string.h>

/* What documents may say shorter: a key that stands for a claim, with the operator that it implies. */
static const struct {
    const char *key, *claim;
    enum lk_op op;
} sugar[] = {
    {"tcb-floor", "reported-tcb", LK_OP_AT_LEAST},
    {"pcrs", "pcr", LK_OP_EQUALS},
};

/* Keys that only group: guest-policy: {debug: deny} is the claim debug where a family has no guest-policy.debug. */
static const struct {
    const char *key, *prefix;
} groups[] = {
    {"guest-policy", ""},
    {"platform-info", "platform-"},
};

struct block {
    const struct lk_family *family;
    const char *where;
    Latchkey__V1__FamilyRules *out;
    Latchkey__V1__Rule *rules;
    size_t max;
};

static bool from_value(struct lk_doc *d, const struct lk_value *v, Latchkey__V1__Operand *out)
{
    (void)d;
    switch (v->kind) {
    case LK_KIND_BOOL:
        out->value_case = LATCHKEY__V1__OPERAND__VALUE_FLAG;
        out->flag = v->flag;
        return true;
    case LK_KIND_UINT:
        out->value_case = LATCHKEY__V1__OPERAND__VALUE_NUMBER;
        out->number = v->number;
        return true;
    case LK_KIND_BYTES:
        out->value_case = LATCHKEY__V1__OPERAND__VALUE_DATA;
        out->data = (ProtobufCBinaryData){v->bytes.len, (uint8_t *)(uintptr_t)v->bytes.data};
        return true;
    case LK_KIND_WORD:
    case LK_KIND_TEXT:
        out->value_case = LATCHKEY__V1__OPERAND__VALUE_WORD;
        out->word = (char *)(uintptr_t)v->word;
        return true;
    case LK_KIND_WORDS:
    case LK_KIND_FILES:
    case LK_KIND_VECTOR:
    case LK_KIND_REGISTERS:
        break;
    }
    return false;
}

static Latchkey__V1__Operand *new_operand(struct lk_doc *d)
{
    Latchkey__V1__Operand *o = lk_doc_array(d, 1, sizeof(*o));
    if (o != NULL)
        latchkey__v1__operand__init(o);
    return o;
}

struct operands {
    const struct lk_claim *claim;
    const char *name;
    Latchkey__V1__Operand **list;
    size_t n;
};

static void add_operand(struct lk_doc *d, struct fy_node *node, void *out)
{
    struct operands *ops = out;
    struct lk_value v;
    Latchkey__V1__Operand *o = new_operand(d);
    char *text = lk_doc_text(d, node, ops->name);
    if (o == NULL || text == NULL)
        return;
    bool fine = lk_ok(lk_value_parse(ops->claim, text, d->arena, &v));
    if (fine && lk_kind_is_list(v.kind)) { /* the text itself: a list's member has no shorter form */
        o->value_case = LATCHKEY__V1__OPERAND__VALUE_WORD;
        o->word = text;
        ops->list[ops->n++] = o;
        return;
    }
    if (fine && from_value(d, &v, o)) {
        ops->list[ops->n++] = o;
        return;
    }
    LK_BUF_AUTO form = lk_buf(LK_FINDING_TEXT + 1);
    char expected[LK_FINDING_TEXT + 1];
    lk_value_form(ops->claim, &form);
    lk_doc_error(d, LK_R_POLICY_OPERAND, node, "%s: expected %s, found \"%s\"", ops->name, lk_buf_text(&form, expected), text);
}

static Latchkey__V1__Vector *new_vector(struct lk_doc *d, char *selector, size_t n)
{
    Latchkey__V1__Vector *v = lk_doc_array(d, 1, sizeof(*v));
    Latchkey__V1__Component *c = lk_doc_array(d, n, sizeof(*c));
    Latchkey__V1__Component **list = lk_doc_array(d, n, sizeof(*list));
    if (v == NULL || c == NULL || list == NULL)
        return NULL;
    latchkey__v1__vector__init(v);
    v->selector = selector;
    v->components = list;
    for (size_t i = 0; i < n; i++) {
        latchkey__v1__component__init(&c[i]);
        list[i] = &c[i];
    }
    return v;
}

static const struct lk_claim number_row = {.name = "number", .kind = LK_KIND_UINT};

/* {bootloader: 7, tee: 0} */
static void read_components(struct lk_doc *d, struct fy_node *node, const char *name, Latchkey__V1__Vector *v)
{
    void *at = NULL;
    for (struct fy_node_pair *p; (p = fy_node_mapping_iterate(node, &at)) != NULL;) {
        char *part = lk_doc_text(d, fy_node_pair_key(p), name), *text = lk_doc_text(d, fy_node_pair_value(p), name);
        struct lk_value value;
        if (part == NULL || text == NULL)
            return;
        if (!lk_ok(lk_value_parse(&number_row, text, d->arena, &value))) {
            lk_doc_error(d, LK_R_POLICY_OPERAND, fy_node_pair_value(p), "%s.%s: expected a number, found \"%s\"", name, part, text);
            return;
        }
        v->components[v->n_components]->name = part;
        v->components[v->n_components++]->value = value.number;
    }
}

static void add_vector(struct lk_doc *d, struct fy_node *node, char *selector, struct operands *ops)
{
    Latchkey__V1__Operand *o = new_operand(d);
    Latchkey__V1__Vector *v =
        fy_node_is_mapping(node) ? new_vector(d, selector, (size_t)fy_node_mapping_item_count(node)) : NULL;
    if (o == NULL || v == NULL) {
        lk_doc_error(d, LK_R_POLICY_OPERAND, node, "%s: expected {part: number, ...}", ops->name);
        return;
    }
    read_components(d, node, ops->name, v);
    o->value_case = LATCHKEY__V1__OPERAND__VALUE_VECTOR;
    o->vector = v;
    ops->list[ops->n++] = o;
}

/* {milan: {...}, genoa: {...}}, or the parts themselves for any selector. */
static void add_vectors(struct lk_doc *d, struct fy_node *node, struct operands *ops)
{
    static char any[1];
    void *at = NULL;
    struct fy_node_pair *first = fy_node_is_mapping(node) ? fy_node_mapping_iterate(node, &at) : NULL;
    if (first == NULL || !fy_node_is_mapping(fy_node_pair_value(first))) {
        add_vector(d, node, any, ops);
        return;
    }
    for (struct fy_node_pair *p = first; p != NULL; p = fy_node_mapping_iterate(node, &at)) {
        char *selector = lk_doc_text(d, fy_node_pair_key(p), ops->name);
        if (selector != NULL)
            add_vector(d, fy_node_pair_value(p), selector, ops);
    }
}

Latchkey__V1__Operand **lk_doc_operands(struct lk_doc *d, const struct lk_claim *claim, const char *name,
                                        struct fy_node *node, size_t *n)
{
    bool vector = claim->kind == LK_KIND_VECTOR;
    size_t max = vector && fy_node_is_mapping(node) ? (size_t)fy_node_mapping_item_count(node) + 1 : lk_doc_count(node);
    struct operands ops = {claim, name, lk_doc_array(d, max, sizeof(Latchkey__V1__Operand *)), 0};
    if (ops.list != NULL && vector)
        add_vectors(d, node, &ops);
    else if (ops.list != NULL)
        lk_doc_each(d, node, add_operand, &ops);
    *n = ops.n;
    return ops.list;
}

static Latchkey__V1__Rule *new_rule(struct lk_doc *d, struct block *b, const char *claim, struct fy_node *at)
{
    if (b->out->n_rules == b->max) {
        lk_doc_error(d, LK_R_POLICY_LIMIT, at, "%s: more than %zu rules", b->family->name, b->max);
        return NULL;
    }
    Latchkey__V1__Rule *r = &b->rules[b->out->n_rules];
    latchkey__v1__rule__init(r);
    r->claim = lk_arena_str(d->arena, claim, strlen(claim));
    if (r->claim == NULL)
        return NULL;
    b->out->rules[b->out->n_rules++] = r;
    lk_doc_place(d, at, "%s/%s.%s", b->where, b->family->name, claim);
    return r;
}

static Latchkey__V1__Operand **group_operand(struct lk_doc *d, struct fy_node *node, const char *name, size_t *n)
{
    Latchkey__V1__Operand **list = lk_doc_array(d, 1, sizeof(*list)), *o = new_operand(d);
    char *text = lk_doc_text(d, node, name);
    if (list == NULL || o == NULL || text == NULL)
        return NULL;
    o->value_case = LATCHKEY__V1__OPERAND__VALUE_WORD;
    o->word = text;
    list[0] = o;
    *n = 1;
    return list;
}

static void fill_rule(struct lk_doc *d, const struct lk_claim *claim, Latchkey__V1__Rule *r, enum lk_op op,
                      struct fy_node *node)
{
    r->op = (Latchkey__V1__Rule__Op)op;
    if (op == LK_OP_SKIP || op == LK_OP_ANY_GENUINE)
        r->because = lk_doc_because(d, node, r->claim);
    else if (op == LK_OP_IN_SET)
        r->operands = group_operand(d, node, r->claim, &r->n_operands);
    else
        r->operands = lk_doc_operands(d, claim, r->claim, node, &r->n_operands);
}

/* The operator of {operator: operand}, or 0 when the mapping is something else. */
static enum lk_op operator_of(struct lk_doc *d, struct fy_node *node, struct fy_node **operand)
{
    void *at = NULL;
    if (!fy_node_is_mapping(node) || fy_node_mapping_item_count(node) != 1)
        return (enum lk_op)0;
    struct fy_node_pair *p = fy_node_mapping_iterate(node, &at);
    char *word = lk_doc_text(d, fy_node_pair_key(p), "operator");
    *operand = fy_node_pair_value(p);
    return word == NULL ? (enum lk_op)0 : lk_op_by_word(word);
}

/* A word that says what is not checked: skip, any-genuine; "allow" for a flag needs no reason, it is one. */
static bool bare_word(struct lk_doc *d, const struct lk_claim *claim, struct fy_node *node, Latchkey__V1__Rule *r)
{
    static char allowed[] = "allowed by the policy";
    size_t n = 0;
    const char *text = fy_node_is_scalar(node) ? fy_node_get_scalar(node, &n) : NULL;
    char word[16];
    if (text == NULL || n >= sizeof(word))
        return false;
    snprintf(word, sizeof(word), "%.*s", (int)n, text);
    enum lk_op op = lk_op_by_word(word);
    bool allow = claim->kind == LK_KIND_BOOL && strcmp(word, "allow") == 0;
    if (!allow && op != LK_OP_SKIP && op != LK_OP_ANY_GENUINE)
        return false;
    r->op = (Latchkey__V1__Rule__Op)(allow ? LK_OP_SKIP : op);
    if (allow)
        r->because = allowed;
    (void)d;
    return true;
}

static void add_rule(struct lk_doc *d, struct block *b, const struct lk_claim_ref *ref, const char *name, enum lk_op implied,
                     struct fy_node *key, struct fy_node *value)
{
    const struct lk_claim *claim = lk_claim_of(ref);
    Latchkey__V1__Rule *r = new_rule(d, b, name, key);
    struct fy_node *operand = value;
    if (r == NULL || bare_word(d, claim, value, r))
        return;
    if (lk_kind_is_list(claim->kind)) {
        lk_doc_list(d, claim, value, r);
        return;
    }
    enum lk_op op = operator_of(d, value, &operand);
    if (op == 0) {
        operand = value;
        op = implied != 0 ? implied : fy_node_is_sequence(value) ? LK_OP_IN : LK_OP_EQUALS;
    }
    if (op == LK_OP_EQUALS && fy_node_is_sequence(operand))
        op = LK_OP_IN;
    fill_rule(d, claim, r, op, operand);
}

static bool prefix_of_some_claim(const struct lk_family *f, const char *path)
{
    size_t n = strlen(path);
    for (size_t i = 0; i < f->n_claims; i++) {
        const struct lk_claim *c = &f->claims[i];
        size_t own = strlen(c->name);
        if (strncmp(c->name, path, n) == 0 && (c->name[n] == '.' || c->name[n] == '\0'))
            return true;
        if (c->kind == LK_KIND_REGISTERS && strncmp(path, c->name, own) == 0 && path[own] == '.')
            return true;
    }
    return false;
}

static void walk(struct lk_doc *d, struct block *b, struct fy_node *map, const char *prefix);

static const char *unsweeten(const char *key, enum lk_op *implied)
{
    *implied = (enum lk_op)0;
    for (size_t i = 0; i < sizeof(sugar) / sizeof(sugar[0]); i++)
        if (strcmp(sugar[i].key, key) == 0) {
            *implied = sugar[i].op == LK_OP_EQUALS ? (enum lk_op)0 : sugar[i].op;
            return sugar[i].claim;
        }
    return key;
}

/* A map under a claim of registers, or under the first part of a longer name, goes on; else it is a rule. */
static bool goes_on(struct lk_doc *d, const struct block *b, const char *path, bool found, const struct lk_claim_ref *ref,
                    struct fy_node *value)
{
    struct fy_node *operand = NULL;
    if (!fy_node_is_mapping(value) || (found && lk_claim_of(ref)->kind != LK_KIND_REGISTERS))
        return false;
    if (found && (ref->alg != 0 || operator_of(d, value, &operand) != 0))
        return false;
    return prefix_of_some_claim(b->family, path);
}

static void walk_entry(struct lk_doc *d, struct block *b, struct fy_node *key, const char *text, struct fy_node *value,
                       const char *prefix);

/* True when the key was a group of this family. */
static bool walk_group(struct lk_doc *d, struct block *b, const char *text, struct fy_node *value)
{
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (strcmp(groups[i].key, text) != 0 || !fy_node_is_mapping(value) || prefix_of_some_claim(b->family, text))
            continue;
        void *at = NULL;
        for (struct fy_node_pair *p; (p = fy_node_mapping_iterate(value, &at)) != NULL;) {
            char name[128];
            char *own = lk_doc_text(d, fy_node_pair_key(p), text);
            if (own == NULL)
                continue;
            snprintf(name, sizeof(name), "%s%s", groups[i].prefix, own);
            walk_entry(d, b, fy_node_pair_key(p), name, fy_node_pair_value(p), "");
        }
        return true;
    }
    return false;
}

static void walk_entry(struct lk_doc *d, struct block *b, struct fy_node *key, const char *text, struct fy_node *value,
                       const char *prefix)
{
    char path[160];
    enum lk_op implied = (enum lk_op)0;
    const char *step = prefix[0] == '\0' ? unsweeten(text, &implied) : text;
    snprintf(path, sizeof(path), "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".", step);
    struct lk_claim_ref ref;
    bool found = lk_ok(lk_claim_find(b->family, path, &ref));
    if (value != NULL && !found && prefix[0] == '\0' && walk_group(d, b, text, value))
        return;
    if (value == NULL)
        lk_doc_error(d, LK_R_POLICY_VALUE, key, "%s.%s: expected a value", b->family->name, path);
    else if (goes_on(d, b, path, found, &ref, value))
        walk(d, b, value, path);
    else if (found)
        add_rule(d, b, &ref, path, implied, key, value);
    else
        lk_doc_error(d, LK_R_POLICY_CLAIM, key, "%s has no claim \"%s\" (docs/policy-reference.md)", b->family->name, path);
}

static void walk(struct lk_doc *d, struct block *b, struct fy_node *map, const char *prefix)
{
    void *at = NULL;
    for (struct fy_node_pair *p; (p = fy_node_mapping_iterate(map, &at)) != NULL;) {
        char *text = lk_doc_text(d, fy_node_pair_key(p), b->family->name);
        if (text != NULL)
            walk_entry(d, b, fy_node_pair_key(p), text, fy_node_pair_value(p), prefix);
    }
}

static bool new_block(struct lk_doc *d, const struct lk_family *family, const char *where, size_t max, struct block *b)
{
    *b = (struct block){.family = family, .where = where, .max = max};
    b->out = lk_doc_array(d, 1, sizeof(*b->out));
    b->rules = lk_doc_array(d, max, sizeof(*b->rules));
    Latchkey__V1__Rule **list = lk_doc_array(d, max, sizeof(*list));
    if (b->out == NULL || b->rules == NULL || list == NULL)
        return false;
    latchkey__v1__family_rules__init(b->out);
    b->out->family = (char *)(uintptr_t)family->name;
    b->out->rules = list;
    return true;
}

Latchkey__V1__FamilyRules *lk_doc_family(struct lk_doc *d, const struct lk_family *family, struct fy_node *node,
                                         const char *where)
{
    struct block b;
    if (!new_block(d, family, where, LK_POLICY_RULES_MAX, &b))
        return NULL;
    if (fy_node_is_mapping(node))
        walk(d, &b, node, "");
    else
        lk_doc_error(d, LK_R_POLICY_VALUE, node, "%s: expected a mapping of claims", family->name);
    return b.out;
}

Latchkey__V1__FamilyRules *lk_doc_claim(struct lk_doc *d, const struct lk_family *family, const char *claim,
                                        struct fy_node *key, struct fy_node *value, const char *where)
{
    struct block b;
    if (!new_block(d, family, where, LK_POLICY_RULES_MAX, &b))
        return NULL;
    walk_entry(d, &b, key, claim, value, "");
    return b.out;
}
