/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/appraise_lists.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/appraise/text.h"
#include "proto/base/clock.h"

/* Certificates may hold any bytes as text: what is no UTF-8 becomes "?" rather than invalid JSON. */
static json_t *text_json(const char *text)
{
    json_t *s = json_string(text);
    return s != NULL ? s : json_string("?");
}

static json_t *hex_json(struct lk_bytes b)
{
    char *hex = malloc(2 * b.len + 1);
    if (hex == NULL)
        return json_null();
    lk_hex(b, hex, 2 * b.len + 1);
    json_t *s = json_string(hex);
    free(hex);
    return s;
}

/* {genoa: {bootloader: 7}}: as in documents. */
static json_t *vector_json(const struct lk_value *v)
{
    json_t *parts = json_object(), *whole = json_object();
    for (size_t i = 0; i < v->vector.n; i++)
        json_object_set_new(parts, v->vector.parts[i].name, json_integer((json_int_t)v->vector.parts[i].value));
    json_object_set_new(whole, v->vector.selector, parts);
    return whole;
}

/* {sha256: {7: hex}}: as in documents. */
static json_t *registers_json(const struct lk_value *v)
{
    json_t *banks = json_object();
    for (size_t i = 0; i < v->registers.n; i++) {
        const struct lk_register *r = &v->registers.r[i];
        const char *name = lk_bank_name(r->alg);
        char index[16];
        snprintf(index, sizeof(index), "%u", (unsigned)r->index);
        if (name != NULL && json_object_get(banks, name) == NULL)
            json_object_set_new(banks, name, json_object());
        if (name != NULL)
            json_object_set_new(json_object_get(banks, name), index, hex_json(r->digest));
    }
    return banks;
}

static json_t *bytes_json(struct lk_bytes b)
{
    json_t *s = json_stringn((const char *)b.data, b.len);
    return s != NULL ? s : hex_json(b); /* a path that is no UTF-8 */
}

static json_t *file_json(const struct lk_member *m)
{
    const char *alg = lk_bank_name((uint16_t)(m->alg & ~LK_DIGEST_VERITY));
    json_t *o = json_pack("{s:o, s:o}", "name", bytes_json(m->name), "digest", hex_json(m->digest));
    json_object_set_new(o, "algorithm", alg == NULL ? json_null() : json_string(alg));
    if ((m->alg & LK_DIGEST_VERITY) != 0)
        json_object_set_new(o, "verity", json_true());
    if (m->signer != NULL)
        json_object_set_new(o, "signed-by", json_string(m->signer));
    return o;
}

static json_t *list_json(const struct lk_value *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->list.n; i++)
        json_array_append_new(list, v->kind == LK_KIND_FILES ? file_json(&v->list.m[i]) : bytes_json(v->list.m[i].name));
    return list;
}

static json_t *value_json(const struct lk_value *v)
{
    if (!v->present)
        return json_null();
    switch (v->kind) {
    case LK_KIND_BOOL:
        return json_boolean(v->flag);
    case LK_KIND_UINT:
        return json_integer((json_int_t)v->number);
    case LK_KIND_BYTES:
        return hex_json(v->bytes);
    case LK_KIND_WORD:
    case LK_KIND_TEXT:
        return text_json(v->word);
    case LK_KIND_VECTOR:
        return vector_json(v);
    case LK_KIND_REGISTERS:
        return registers_json(v);
    case LK_KIND_WORDS:
    case LK_KIND_FILES:
        return list_json(v);
    }
    return json_null();
}

static json_t *claims_json(const struct lk_appraisal *out)
{
    json_t *all = json_object();
    for (size_t i = 0; i < out->n_nodes; i++) {
        const struct lk_chain_node *n = &out->nodes[i];
        if (n->values == NULL || !lk_ok(n->state))
            continue;
        json_t *claims = json_object();
        for (size_t c = 0; c < n->item->family->n_claims; c++)
            json_object_set_new(claims, n->item->family->claims[c].name, value_json(&n->values[c]));
        json_object_set_new(all, n->item->family->name, claims);
    }
    return all;
}

static json_t *reason_json(const struct lk_finding *f)
{
    const struct lk_reason *r = lk_reason(f->code);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "code", r->name, "class", lk_class_name(r->cls), "item",
                     f->item, "rule", f->rule, "detail", r->text, "expected", f->expected, "actual", f->actual, "remedy",
                     r->remedy);
}

static json_t *node_json(const struct lk_appraisal *out, const struct lk_chain_node *n)
{
    static const char *const proofs[] = {"key", "tpm-name", "digest", "register", "rtmr", "binding"};
    json_t *path = json_array();
    for (size_t i = 0; i < n->how.n_path; i++)
        json_array_append_new(path, text_json(n->how.path[i] == NULL ? "" : n->how.path[i]));
    json_t *node = json_pack("{s:s, s:s, s:b, s:o}", "item", n->item->family->name, "state", lk_reason(n->state.code)->name,
                             "rooted", n->how.rooted, "path", path);
    if (n->how.rooted)
        json_object_set_new(node, "anchor", text_json(n->how.anchor));
    if (n->parent >= 0) {
        json_object_set_new(node, "linked-to", json_string(out->nodes[n->parent].item->family->name));
        json_object_set_new(node, "link", json_string(proofs[n->how.by->kind]));
        json_object_set_new(node, "guest-chosen", json_boolean(n->how.by->guest_chosen));
    }
    if (n->how.activated)
        json_object_set_new(node, "activation", json_string(n->how.activation_assumed ? "assumed" : "by ticket"));
    return node;
}

static json_t *policies_json(const struct lk_appraisal *out)
{
    json_t *list = json_array();
    for (size_t i = 0; i < out->n_secrets; i++) {
        const struct lk_secret_verdict *v = &out->secrets[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "policy", v->policy, "accept", v->accept, "class",
                                              lk_class_name(v->cls), "code", lk_reason(v->code)->name));
    }
    return list;
}

static void list_told(void *arg, const struct lk_list_told *told)
{
    const struct lk_list_tally *t = &told->tally;
    json_t *unseen = json_array();
    for (size_t i = 0; i < t->excluded && i < LK_LIST_NAMED; i++)
        json_array_append_new(unseen, bytes_json(t->first_excluded[i]->name));
    json_array_append_new(arg, json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "policy", told->policy, "accept",
                                         told->accept, "item", told->family, "claim", told->claim, "members",
                                         (json_int_t)t->members, "listed", (json_int_t)t->listed, "signed",
                                         (json_int_t)t->signed_, "excluded", (json_int_t)t->excluded, "first-excluded", unseen));
}

void lk_appraise_print_json(const struct lk_appraise *a, const struct lk_appraisal *out)
{
    char at[24];
    json_t *reasons = json_array(), *chain = json_array();
    lk_time_format(a->at, at, sizeof(at));
    for (size_t i = 0; i < out->report.n; i++)
        json_array_append_new(reasons, reason_json(&out->report.findings[i]));
    for (size_t i = 0; i < out->n_nodes; i++)
        json_array_append_new(chain, node_json(out, &out->nodes[i]));
    json_t *root = json_pack("{s:s, s:o, s:o, s:o, s:o, s:s, s:b}", "verdict", lk_class_name(out->cls), "reasons", reasons,
                             "claims", claims_json(out), "chain", chain, "policies", policies_json(out), "at", at,
                             "binding-checked", !a->any_binding);
    json_t *lists = json_array();
    lk_appraise_lists(a->judged_by, out, list_told, lists);
    json_object_set_new(root, "lists", lists);
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}
