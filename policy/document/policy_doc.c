/* SPDX-License-Identifier: Apache-2.0 */
/* schema latchkey-policy/1 */
#include "policy/document/claims.h"
#include "policy/document/document.h"
#include "proto/msg/unpack.h"

#include <stdio.h>
#include <string.h>

struct accept_reader {
    Latchkey__V1__Accept *out;
    const char *where; /* "policy/accept" */
    size_t max;
};

static void read_schema(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    Latchkey__V1__Policy *p = out;
    char *text = lk_doc_text(d, node, key);
    p->schema = text != NULL && strcmp(text, "latchkey-policy/1") == 0 ? 1 : 0;
    if (text != NULL && p->schema == 0)
        lk_doc_error(d, LK_R_POLICY_SCHEMA, node, "expected latchkey-policy/1, found \"%s\"", text);
}

static void read_name(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    (void)key;
    (void)node;
    (void)d;
    (void)out; /* read first, for the places of everything else */
}

static void read_releases(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    Latchkey__V1__Policy *p = out;
    p->releases = lk_doc_texts(d, node, key, &p->n_releases);
    for (size_t i = 0; fy_node_is_sequence(node) && i < p->n_releases; i++)
        lk_doc_place(d, fy_node_sequence_get_by_index(node, (int)i), "%s/releases[%zu]", p->name, i);
    lk_doc_place(d, node, "%s/releases", p->name);
}

static void read_fleet_wide(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    Latchkey__V1__Policy *p = out;
    p->fleet_wide_because = lk_doc_because(d, node, key);
    if (p->fleet_wide_because[0] == '\0')
        lk_doc_error(d, LK_R_POLICY_BECAUSE, node, "expected {because: ...}");
}

static void read_kek(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    Latchkey__V1__Policy *p = out;
    char *text = lk_doc_text(d, node, key);
    lk_doc_place(d, node, "%s/kek", p->name);
    if (text != NULL)
        p->kek = text;
}

static void read_explain(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    Latchkey__V1__Policy *p = out;
    char *text = lk_doc_text(d, node, key);
    p->explain_to_guest = text != NULL && strcmp(text, "true") == 0;
    if (text != NULL && !p->explain_to_guest && strcmp(text, "false") != 0)
        lk_doc_error(d, LK_R_POLICY_VALUE, node, "%s: expected true or false, found \"%s\"", key, text);
}

static void read_budget(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    static const struct lk_claim number = {.name = "budget", .kind = LK_KIND_UINT};
    Latchkey__V1__Policy *p = out;
    struct lk_value v = {.number = 0};
    char *text = lk_doc_text(d, node, key);
    if (text != NULL && (!lk_ok(lk_value_parse(&number, text, d->arena, &v)) || v.number == 0))
        lk_doc_error(d, LK_R_POLICY_VALUE, node, "%s: expected releases per secret and day, from 1, found \"%s\"", key, text);
    p->budget = v.number;
}

#define CREATE_PER_DAY 1000 /* when the document does not say */

static bool read_number(struct lk_doc *d, struct fy_node *node, const char *key, uint64_t *out)
{
    static const struct lk_claim number = {.name = "number", .kind = LK_KIND_UINT};
    struct lk_value v = {.number = 0};
    char *text = lk_doc_text(d, node, key);
    bool ok = text != NULL && lk_ok(lk_value_parse(&number, text, d->arena, &v));
    if (text != NULL && !ok)
        lk_doc_error(d, LK_R_POLICY_VALUE, node, "%s: expected a number, found \"%s\"", key, text);
    *out = v.number;
    return ok;
}

static void read_create_bytes(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    Latchkey__V1__Create *c = out;
    uint64_t n = 0;
    if (read_number(d, node, key, &n))
        c->bytes = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static void read_create_per_day(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    Latchkey__V1__Create *c = out;
    (void)read_number(d, node, key, &c->per_day);
}

static const struct lk_doc_key create_keys[] = {
    {"bytes", read_create_bytes, true},
    {"per-day", read_create_per_day, false},
    {NULL, NULL, false},
};

static void read_create(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    Latchkey__V1__Policy *p = out;
    lk_doc_place(d, node, "%s/%s", p->name, key);
    p->create = lk_doc_array(d, 1, sizeof(*p->create));
    if (p->create == NULL)
        return;
    latchkey__v1__create__init(p->create);
    p->create->per_day = CREATE_PER_DAY;
    lk_doc_mapping(d, node, key, create_keys, NULL, p->create);
}

static void read_accept_name(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    read_name(d, node, key, out);
}

static void read_chain(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    struct accept_reader *a = out;
    lk_doc_place(d, node, "%s/chain", a->where);
    a->out->chain = lk_doc_texts(d, node, key, &a->out->n_chain);
}

static void read_reference(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    struct accept_reader *a = out;
    lk_doc_place(d, node, "%s/reference", a->where);
    a->out->references = lk_doc_texts(d, node, key, &a->out->n_references);
}

static void read_root_family(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    Latchkey__V1__SeparateRoot *r = out;
    char *text = lk_doc_text(d, node, key);
    if (text != NULL)
        r->family = text;
}

static void read_root_because(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    Latchkey__V1__SeparateRoot *r = out;
    char *text = lk_doc_text(d, node, key);
    if (text != NULL)
        r->because = text;
}

static const struct lk_doc_key root_keys[] = {
    {"family", read_root_family, true},
    {"because", read_root_because, true},
    {NULL, NULL, false},
};

static void add_root(struct lk_doc *d, struct fy_node *node, void *out)
{
    Latchkey__V1__Accept *a = out;
    Latchkey__V1__SeparateRoot *r = lk_doc_array(d, 1, sizeof(*r));
    if (r == NULL)
        return;
    latchkey__v1__separate_root__init(r);
    lk_doc_mapping(d, node, "separately-rooted", root_keys, NULL, r);
    a->separate_roots[a->n_separate_roots++] = r;
}

static void read_separate(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    (void)key;
    struct accept_reader *a = out;
    lk_doc_place(d, node, "%s/separately-rooted", a->where);
    a->out->separate_roots = lk_doc_array(d, lk_doc_count(node), sizeof(*a->out->separate_roots));
    if (a->out->separate_roots != NULL)
        lk_doc_each(d, node, add_root, a->out);
}

static const struct lk_doc_key accept_keys[] = {
    {"name", read_accept_name, true},
    {"chain", read_chain, true},
    {"reference", read_reference, false},
    {"separately-rooted", read_separate, false},
    {NULL, NULL, false},
};

/* Any other key of an alternative is a family's block. */
static void read_block(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    struct accept_reader *a = out;
    const struct lk_family *family = lk_family_by_name(lk_bytes_str(key));
    if (family == NULL) {
        lk_doc_error(d, LK_R_POLICY_FAMILY, node, "\"%s\" is no family, and none of name, chain, reference, separately-rooted",
                     key);
        return;
    }
    lk_doc_place(d, node, "%s/%s", a->where, key);
    Latchkey__V1__FamilyRules *rules = lk_doc_family(d, family, node, a->where);
    if (rules != NULL && a->out->n_families < a->max)
        a->out->families[a->out->n_families++] = rules;
}

/* The text of a key that is read ahead; "" when it is not there or no text. */
static char *ahead(struct lk_doc *d, struct fy_node *node, const char *key)
{
    static char nothing[1];
    struct fy_node *value = fy_node_is_mapping(node) ? fy_node_mapping_lookup_by_string(node, key, strlen(key)) : NULL;
    char *text = value == NULL ? NULL : lk_doc_text(d, value, key);
    return text == NULL ? nothing : text;
}

static void add_accept(struct lk_doc *d, struct fy_node *node, void *out)
{
    Latchkey__V1__Policy *p = out;
    char where[LK_FINDING_TEXT + 1];
    size_t max = fy_node_is_mapping(node) ? (size_t)fy_node_mapping_item_count(node) : 0;
    struct accept_reader a = {lk_doc_array(d, 1, sizeof(*a.out)), where, max};
    if (a.out == NULL)
        return;
    latchkey__v1__accept__init(a.out);
    a.out->name = ahead(d, node, "name");
    a.out->families = lk_doc_array(d, max, sizeof(*a.out->families));
    snprintf(where, sizeof(where), "%s/%s", p->name, a.out->name);
    lk_doc_place(d, node, "%s", where);
    if (a.out->families != NULL)
        lk_doc_mapping(d, node, "an alternative", accept_keys, read_block, &a);
    p->accept[p->n_accept++] = a.out;
}

static void read_accept(struct lk_doc *d, struct fy_node *node, const char *key, void *out)
{
    (void)key;
    Latchkey__V1__Policy *p = out;
    lk_doc_place(d, node, "%s/accept", p->name);
    p->accept = lk_doc_array(d, lk_doc_count(node), sizeof(*p->accept));
    if (p->accept != NULL)
        lk_doc_each(d, node, add_accept, p);
}

static const struct lk_doc_key policy_keys[] = {
    {"schema", read_schema, true},
    {"policy", read_name, true},
    {"releases", read_releases, false},
    {"fleet-wide", read_fleet_wide, false},
    {"accept", read_accept, true},
    {"kek", read_kek, false},
    {"explain-to-guest", read_explain, false},
    {"budget", read_budget, false},
    {"create-on-first-use", read_create, false},
    {NULL, NULL, false},
};

static bool ruled(const Latchkey__V1__Accept *a, const struct lk_family *f, const struct lk_claim *c)
{
    for (size_t i = 0; i < a->n_families; i++)
        for (size_t k = 0; strcmp(a->families[i]->family, f->name) == 0 && k < a->families[i]->n_rules; k++) {
            struct lk_claim_ref ref;
            if (lk_ok(lk_claim_find(f, a->families[i]->rules[k]->claim, &ref)) && lk_claim_of(&ref) == c)
                return true;
        }
    return false;
}

/* Claims that only the records of the alternative's groups judge: right, but worth seeing. */
static void note_open_claims(struct lk_doc *d, const Latchkey__V1__Policy *p, const Latchkey__V1__Accept *a)
{
    LK_BUF_AUTO open = lk_buf(400);
    for (size_t i = 0; i < a->n_chain; i++) {
        const struct lk_family *f = lk_family_by_name(lk_bytes_str(a->chain[i]));
        for (size_t c = 0; f != NULL && c < f->n_claims; c++)
            if (f->claims[c].safe_default == NULL && !ruled(a, f, &f->claims[c]))
                lk_put_fmt(&open, "%s%s.%s", open.len == 0 ? "" : ", ", f->name, f->claims[c].name);
    }
    if (open.len > 0 && a->n_references > 0)
        lk_doc_note(d, NULL, "%s/%s: judged by the records alone: %.*s", p->name, a->name, (int)open.len,
                    (const char *)open.data);
}

/* The same checks that a verifier makes when it loads the message. */
static lk_result check(struct lk_doc *d, struct lk_bytes message)
{
    struct lk_report report = {.n = 0};
    struct lk_policyset *set = lk_policyset_new();
    LK_REQUIRE(set != NULL, MEMORY);
    lk_result r = lk_policyset_add_policy(set, 1, message, &report);
    lk_policyset_free(set);
    lk_doc_take_findings(d, &report);
    return r;
}

static lk_result compile(struct lk_doc *d, struct lk_buf *message)
{
    static char sealed[] = "sealed";
    Latchkey__V1__Policy p = LATCHKEY__V1__POLICY__INIT;
    struct fy_node *root = fy_document_root(d->tree);
    p.kek = sealed;
    p.name = ahead(d, root, "policy");
    lk_doc_place(d, root, "%s", p.name);
    lk_doc_mapping(d, root, "a policy", policy_keys, NULL, &p);
    LK_TRY(lk_doc_state(d));
    size_t size = latchkey__v1__policy__get_packed_size(&p);
    uint8_t *packed = lk_arena_alloc(d->arena, size);
    LK_REQUIRE(packed != NULL, MEMORY);
    latchkey__v1__policy__pack(&p, packed);
    LK_TRY(check(d, lk_bytes(packed, size)));
    for (size_t i = 0; i < p.n_accept; i++)
        note_open_claims(d, &p, p.accept[i]);
    lk_put(message, lk_bytes(packed, size));
    return lk_buf_ok(message);
}

lk_result lk_document_policy(struct lk_bytes yaml, struct lk_buf *message, struct lk_document_errors *errors)
{
    struct lk_doc d;
    lk_result r = lk_doc_open(&d, yaml, errors);
    if (lk_ok(r))
        r = compile(&d, message);
    lk_doc_close(&d);
    return r;
}

lk_result lk_document_policy_name(struct lk_bytes message, char out[static 65])
{
    struct lk_arena *a = lk_arena_new(4u << 20);
    void *m = NULL;
    LK_REQUIRE(a != NULL, MEMORY);
    lk_result r = lk_msg_unpack(&latchkey__v1__policy__descriptor, message, a, &LK_MSG_LIMITS_DOCUMENT, &m);
    if (lk_ok(r))
        snprintf(out, 65, "%s", ((const Latchkey__V1__Policy *)m)->name);
    lk_arena_free(a);
    return r;
}
