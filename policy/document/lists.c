/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/document/lists.h"
#include "policy/document/claims.h"

#include <string.h>

struct list_rule {
    const struct lk_claim *claim;
    Latchkey__V1__Rule *out;
    bool has_op;
};

static void read_sets(struct lk_doc *d, struct fy_node *node, Latchkey__V1__Rule *r)
{
    size_t n = 0;
    char **names = lk_doc_texts(d, node, r->claim, &n);
    Latchkey__V1__Operand *operands = lk_doc_array(d, n, sizeof(*operands));
    r->operands = lk_doc_array(d, n, sizeof(*r->operands));
    if (names == NULL || operands == NULL || r->operands == NULL)
        return;
    for (size_t i = 0; i < n; i++) {
        latchkey__v1__operand__init(&operands[i]);
        operands[i].value_case = LATCHKEY__V1__OPERAND__VALUE_WORD;
        operands[i].word = names[i];
        r->operands[r->n_operands++] = &operands[i];
    }
}

static void read_operator(struct lk_doc *d, struct fy_node *node, enum lk_op op, struct list_rule *rule)
{
    Latchkey__V1__Rule *r = rule->out;
    if (rule->has_op) {
        lk_doc_error(d, LK_R_POLICY_OPERATOR, node, "%s: expected one operator, found two", r->claim);
        return;
    }
    rule->has_op = true;
    r->op = (Latchkey__V1__Rule__Op)op;
    if (op == LK_OP_SKIP || op == LK_OP_ANY_GENUINE)
        r->because = lk_doc_because(d, node, r->claim);
    else if (op == LK_OP_IN_SET)
        read_sets(d, node, r);
    else
        r->operands = lk_doc_operands(d, rule->claim, r->claim, node, &r->n_operands);
}

static void read_exclude(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    struct list_rule *rule = out;
    rule->out->exclude = lk_doc_texts(d, node, key, &rule->out->n_exclude);
}

static void read_key(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    Latchkey__V1__Rule *r = out;
    Latchkey__V1__SignedBy *s = lk_doc_array(d, 1, sizeof(*s));
    if (s == NULL)
        return;
    latchkey__v1__signed_by__init(s);
    s->key = lk_arena_str(d->arena, key, strlen(key));
    s->paths = lk_doc_texts(d, node, key, &s->n_paths);
    if (s->key != NULL)
        r->signed_by[r->n_signed_by++] = s;
}

static void read_signed_by(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    static const struct lk_doc_key none[] = {{NULL, NULL, false}};
    Latchkey__V1__Rule *r = ((struct list_rule *)out)->out;
    size_t max = fy_node_is_mapping(node) ? (size_t)fy_node_mapping_item_count(node) : 1;
    r->signed_by = lk_doc_array(d, max, sizeof(*r->signed_by));
    if (r->signed_by != NULL)
        lk_doc_mapping(d, node, key, none, read_key, r);
}

/* Any other key is an operator. */
static void read_other(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    struct list_rule *rule = out;
    enum lk_op op = lk_op_by_word(key);
    if (op != 0)
        read_operator(d, node, op, rule);
    else
        lk_doc_error(d, LK_R_POLICY_OPERATOR, node, "%s: \"%s\" is no operator, and neither exclude nor signed-by",
                     rule->out->claim, key);
}

static bool says_none(struct fy_node *node)
{
    size_t n = 0;
    const char *text = fy_node_is_scalar(node) ? fy_node_get_scalar(node, &n) : NULL;
    return text != NULL && lk_bytes_eq(lk_bytes(text, n), lk_bytes_str("none"));
}

void lk_doc_list(struct lk_doc *d, const struct lk_claim *claim, struct fy_node *value, Latchkey__V1__Rule *r)
{
    static const struct lk_doc_key keys[] = {
        {"exclude", read_exclude, false}, {"signed-by", read_signed_by, false}, {NULL, NULL, false}};
    struct list_rule rule = {claim, r, false};
    r->op = LATCHKEY__V1__RULE__OP__IN;
    if (says_none(value))
        return;
    if (fy_node_is_mapping(value))
        lk_doc_mapping(d, value, r->claim, keys, read_other, &rule);
    else
        r->operands = lk_doc_operands(d, claim, r->claim, value, &r->n_operands);
}
