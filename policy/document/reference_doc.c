/* SPDX-License-Identifier: Apache-2.0 */
/* schema latchkey-reference/1, and latchkey-trust/1 of `latchkey appraise --trust` */
#include "policy/document/claims.h"
#include "policy/document/document.h"
#include "proto/base/clock.h"

#include <stdio.h>
#include <string.h>

#define FIELDS_MAX 256

struct record_reader {
    Latchkey__V1__ReferenceRecord *out;
    struct fy_node *node;
};

static void read_schema(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    struct record_reader *r = out;
    char *text = lk_doc_text(d, node, key);
    r->out->schema = text != NULL && strcmp(text, "latchkey-reference/1") == 0 ? 1 : 0;
    if (text != NULL && r->out->schema == 0)
        lk_doc_error(d, LK_R_POLICY_SCHEMA, node, "expected latchkey-reference/1, found \"%s\"", text);
}

/* Keys whose value is a text: where it goes. */
static char **text_field(Latchkey__V1__ReferenceRecord *r, const char *key)
{
    if (strcmp(key, "id") == 0)
        return &r->id;
    if (strcmp(key, "group") == 0)
        return &r->group;
    return strcmp(key, "from") == 0 ? &r->from : &r->approved_by;
}

static void read_text(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    struct record_reader *r = out;
    char *text = lk_doc_text(d, node, key);
    if (text != NULL)
        *text_field(r->out, key) = text;
}

static void read_state(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    static const char *const states[] = {"", "staged", "active", "retired"};
    struct record_reader *r = out;
    char *text = lk_doc_text(d, node, key);
    for (int i = 1; text != NULL && i <= 3; i++)
        if (strcmp(text, states[i]) == 0)
            r->out->state = (Latchkey__V1__ReferenceRecord__State)i;
    if (text != NULL && r->out->state == 0)
        lk_doc_error(d, LK_R_POLICY_VALUE, node, "state: expected staged, active or retired, found \"%s\"", text);
}

static void read_time(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    int64_t *bounds = out;
    char *text = lk_doc_text(d, node, key);
    if (text != NULL && !lk_time_parse(text, &bounds[strcmp(key, "from") == 0 ? 0 : 1]))
        lk_doc_error(d, LK_R_POLICY_VALUE, node, "%s: expected a time such as 2026-11-21T10:00:00Z, found \"%s\"", key, text);
}

static const struct lk_doc_key valid_keys[] = {{"from", read_time, false}, {"until", read_time, false}, {NULL, NULL, false}};

static void read_valid(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    struct record_reader *r = out;
    int64_t bounds[2] = {0, 0};
    lk_doc_mapping(d, node, key, valid_keys, NULL, bounds);
    r->out->valid_from = bounds[0];
    r->out->valid_until = bounds[1];
}

static void add_field(struct lk_doc *d, struct record_reader *r, const char *family, Latchkey__V1__Rule *rule,
                      struct fy_node *at)
{
    if (rule->op != LATCHKEY__V1__RULE__OP__EQUALS && rule->op != LATCHKEY__V1__RULE__OP__IN) {
        lk_doc_error(d, LK_R_POLICY_OPERATOR, at, "%s.%s: a record holds a value or a list of values", family, rule->claim);
        return;
    }
    Latchkey__V1__RecordMatch *m = lk_doc_array(d, 1, sizeof(*m));
    if (m == NULL || r->out->n_match == FIELDS_MAX)
        return;
    latchkey__v1__record_match__init(m);
    m->family = (char *)(uintptr_t)family;
    m->claim = rule->claim;
    m->values = rule->operands;
    m->n_values = rule->n_operands;
    r->out->match[r->out->n_match++] = m;
}

static void read_match_entry(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    struct record_reader *r = out;
    size_t dot = strcspn(key, ".");
    const struct lk_family *f = lk_family_by_name(lk_bytes(key, dot));
    if (f == NULL) {
        lk_doc_error(d, LK_R_POLICY_FAMILY, node, "\"%s\" does not begin with a family", key);
        return;
    }
    char where[LK_FINDING_TEXT + 1];
    snprintf(where, sizeof(where), "%s/match", r->out->id);
    Latchkey__V1__FamilyRules *rules =
        key[dot] == '.' ? lk_doc_claim(d, f, key + dot + 1, node, node, where) : lk_doc_family(d, f, node, where);
    for (size_t i = 0; rules != NULL && i < rules->n_rules; i++)
        add_field(d, r, f->name, rules->rules[i], node);
}

static void read_match(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    static const struct lk_doc_key none[] = {{NULL, NULL, false}};
    struct record_reader *r = out;
    r->out->match = lk_doc_array(d, FIELDS_MAX, sizeof(*r->out->match));
    if (r->out->match != NULL)
        lk_doc_mapping(d, node, key, none, read_match_entry, r);
}

static const struct lk_doc_key record_keys[] = {
    {"schema", read_schema, true}, {"id", read_text, true},         {"group", read_text, true},
    {"state", read_state, true},   {"match", read_match, true},     {"from", read_text, false},
    {"approved-by", read_text, false}, {"valid", read_valid, false}, {NULL, NULL, false},
};

struct records {
    struct lk_policyset *set;
    struct lk_bytes packed[LK_DOCUMENT_RECORDS_MAX];
    const char *ids[LK_DOCUMENT_RECORDS_MAX];
    size_t n;
};

static void keep_record(struct lk_doc *d, struct records *all, const Latchkey__V1__ReferenceRecord *m, struct fy_node *node)
{
    struct lk_report report = {.n = 0};
    size_t size = latchkey__v1__reference_record__get_packed_size(m);
    uint8_t *packed = lk_doc_array(d, size, 1);
    if (packed == NULL)
        return;
    latchkey__v1__reference_record__pack(m, packed);
    lk_doc_place(d, node, "%s", m->id);
    lk_result r = lk_policyset_add_reference(all->set, 1, lk_bytes(packed, size), &report);
    lk_doc_take_findings(d, &report);
    if (!lk_ok(r) && report.n == 0)
        lk_doc_error(d, r.code, node, "%s", lk_reason(r.code)->text);
    all->packed[all->n] = lk_bytes(packed, size);
    all->ids[all->n++] = m->id;
}

static void add_record(struct lk_doc *d, struct fy_node *node, void *out)
{
    struct records *all = out;
    Latchkey__V1__ReferenceRecord m = LATCHKEY__V1__REFERENCE_RECORD__INIT;
    struct record_reader r = {&m, node};
    size_t before = d->errors->n;
    if (all->n == LK_DOCUMENT_RECORDS_MAX) {
        lk_doc_error(d, LK_R_POLICY_LIMIT, node, "more than %d records in a file", LK_DOCUMENT_RECORDS_MAX);
        return;
    }
    lk_doc_mapping(d, node, "a reference record", record_keys, NULL, &r);
    if (d->errors->n == before)
        keep_record(d, all, &m, node);
}

static lk_result read_records(struct lk_doc *d, struct records *all, lk_document_record_fn *put, void *context)
{
    lk_doc_each(d, fy_document_root(d->tree), add_record, all);
    LK_TRY(lk_doc_state(d));
    for (size_t i = 0; i < all->n; i++)
        LK_TRY(put(context, all->ids[i], all->packed[i]));
    return LK_OK;
}

lk_result lk_document_references(struct lk_bytes yaml, lk_document_record_fn *put, void *context,
                                 struct lk_document_errors *errors)
{
    struct lk_doc d;
    struct lk_policyset *set = lk_policyset_new();
    lk_result r = lk_doc_open(&d, yaml, errors);
    struct records *all = lk_ok(r) ? lk_doc_array(&d, 1, sizeof(*all)) : NULL;
    if (lk_ok(r) && (all == NULL || set == NULL))
        r = LK_FAIL(MEMORY);
    if (lk_ok(r)) {
        all->set = set;
        r = read_records(&d, all, put, context);
    }
    lk_doc_close(&d);
    lk_policyset_free(set);
    return r;
}

struct trust_reader {
    lk_document_anchor_fn *put;
    void *context;
    const char *family, *name, *file;
    lk_result state;
};

static void read_trust_schema(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    (void)out;
    char *text = lk_doc_text(d, node, key);
    if (text != NULL && strcmp(text, "latchkey-trust/1") != 0)
        lk_doc_error(d, LK_R_POLICY_SCHEMA, node, "expected latchkey-trust/1, found \"%s\"", text);
}

static void read_anchor_text(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    struct trust_reader *t = out;
    const char **to = strcmp(key, "family") == 0 ? &t->family : strcmp(key, "name") == 0 ? &t->name : &t->file;
    *to = lk_doc_text(d, node, key);
}

static const struct lk_doc_key anchor_keys[] = {
    {"family", read_anchor_text, true},
    {"name", read_anchor_text, true},
    {"certificate", read_anchor_text, true},
    {NULL, NULL, false},
};

static void read_anchor(struct lk_doc *d, struct fy_node *node, void *out)
{
    struct trust_reader *t = out;
    t->family = t->name = t->file = NULL;
    lk_doc_mapping(d, node, "an anchor", anchor_keys, NULL, t);
    if (t->family == NULL || t->name == NULL || t->file == NULL)
        return;
    if (lk_family_by_name(lk_bytes_str(t->family)) == NULL) {
        lk_doc_error(d, LK_R_POLICY_FAMILY, node, "\"%s\" is no family", t->family);
        return;
    }
    lk_result r = t->put(t->context, t->family, t->name, t->file);
    if (!lk_ok(r))
        lk_doc_error(d, r.code, node, "%s: %s", t->file, lk_reason(r.code)->text);
}

static void read_anchors(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    (void)key;
    lk_doc_each(d, node, read_anchor, out);
}

static const struct lk_doc_key trust_keys[] = {
    {"schema", read_trust_schema, true}, {"anchors", read_anchors, true}, {NULL, NULL, false}};

lk_result lk_document_trust(struct lk_bytes yaml, lk_document_anchor_fn *put, void *context, struct lk_document_errors *errors)
{
    struct lk_doc d;
    struct trust_reader t = {.put = put, .context = context};
    lk_result r = lk_doc_open(&d, yaml, errors);
    if (lk_ok(r)) {
        lk_doc_mapping(&d, fy_document_root(d.tree), "a trust document", trust_keys, NULL, &t);
        r = lk_doc_state(&d);
    }
    lk_doc_close(&d);
    return r;
}
