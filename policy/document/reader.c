/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/document/reader.h"
#include "proto/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Memory for a document: rules take some hundred bytes for each byte of YAML. */
#define DOC_ARENA_LEAST (2u << 20)
#define DOC_ARENA_FACTOR 512

static void store(struct lk_document_error *list, size_t *n, enum lk_reason_code code, int line, int column,
                  const char *text)
{
    if (*n == LK_DOCUMENT_ERRORS_MAX)
        return;
    struct lk_document_error *e = &list[(*n)++];
    e->code = code;
    e->line = line;
    e->column = column;
    snprintf(e->text, sizeof(e->text), "%s", text);
}

/* The last error that libfyaml collected has the place. */
static const struct fy_diag_error *last_error(struct fy_diag *diag)
{
    const struct fy_diag_error *last = NULL;
    void *at = NULL;
    for (struct fy_diag_error *e; (e = fy_diag_errors_iterate(diag, &at)) != NULL;)
        last = e;
    return last;
}

static void at_node(struct lk_doc *d, struct fy_node *node, int *line, int *column)
{
    *line = *column = 1;
    if (node == NULL)
        return;
    fy_node_report(node, FYET_ERROR, "here");
    const struct fy_diag_error *e = last_error(d->diag);
    if (e != NULL) {
        *line = e->line;
        *column = e->column;
    }
}

void lk_doc_error(struct lk_doc *d, enum lk_reason_code code, struct fy_node *at, const char *fmt, ...)
{
    char text[512];
    int line, column;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    at_node(d, at, &line, &column);
    store(d->errors->e, &d->errors->n, code, line, column, text);
}

void lk_doc_note(struct lk_doc *d, struct fy_node *at, const char *fmt, ...)
{
    char text[512];
    int line, column;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    at_node(d, at, &line, &column);
    store(d->errors->notes, &d->errors->n_notes, LK_R_OK, line, column, text);
}

lk_result lk_doc_state(const struct lk_doc *d)
{
    return d->errors->n == 0 ? LK_OK : (lk_result){d->errors->e[0].code};
}

static lk_result parse(struct lk_doc *d, struct lk_bytes yaml)
{
    struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG, .diag = d->diag};
    d->tree = fy_document_build_from_string(&cfg, (const char *)yaml.data, yaml.len);
    if (d->tree != NULL && fy_document_root(d->tree) != NULL)
        return LK_OK;
    const struct fy_diag_error *e = last_error(d->diag);
    store(d->errors->e, &d->errors->n, LK_R_POLICY_SYNTAX, e == NULL ? 1 : e->line, e == NULL ? 1 : e->column,
          e == NULL ? "an empty document" : e->msg);
    return LK_FAIL(POLICY_SYNTAX);
}

static void say_nothing(struct fy_diag *diag, void *user, const char *text, size_t len)
{
    (void)diag; /* errors are collected and told with their code */
    (void)user;
    (void)text;
    (void)len;
}

lk_result lk_doc_open(struct lk_doc *d, struct lk_bytes yaml, struct lk_document_errors *errors)
{
    *d = (struct lk_doc){.errors = errors};
    errors->n = errors->n_notes = 0;
    if (yaml.len > LK_DOCUMENT_MAX) {
        store(errors->e, &errors->n, LK_R_TOO_LARGE, 1, 1, "the document is larger than 1 MiB");
        return LK_FAIL(TOO_LARGE);
    }
    int line;
    const char *flaw = lk_yaml_flaw(yaml, &line);
    if (flaw != NULL) {
        store(errors->e, &errors->n, LK_R_POLICY_SYNTAX, line, 1, flaw);
        return LK_FAIL(POLICY_SYNTAX);
    }
    struct fy_diag_cfg cfg;
    fy_diag_cfg_default(&cfg);
    cfg.fp = NULL;
    cfg.output_fn = say_nothing;
    d->diag = fy_diag_create(&cfg);
    d->arena = lk_arena_new(DOC_ARENA_LEAST + DOC_ARENA_FACTOR * yaml.len);
    LK_REQUIRE(d->diag != NULL && d->arena != NULL, MEMORY);
    d->places = lk_arena_array(d->arena, LK_DOC_PLACES_MAX, sizeof(*d->places));
    LK_REQUIRE(d->places != NULL, MEMORY);
    fy_diag_set_collect_errors(d->diag, true);
    return parse(d, yaml);
}

void lk_doc_close(struct lk_doc *d)
{
    if (d->tree != NULL)
        fy_document_destroy(d->tree);
    if (d->diag != NULL)
        fy_diag_destroy(d->diag);
    lk_arena_free(d->arena);
    *d = (struct lk_doc){.tree = NULL};
}

void lk_doc_place(struct lk_doc *d, struct fy_node *at, const char *fmt, ...)
{
    char path[LK_FINDING_TEXT + 1];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(path, sizeof(path), fmt, ap);
    va_end(ap);
    if (d->n_places < LK_DOC_PLACES_MAX)
        d->places[d->n_places++] = (struct lk_doc_place){lk_arena_str(d->arena, path, strlen(path)), at};
}

static struct fy_node *place_of(const struct lk_doc *d, const char *path)
{
    for (size_t i = 0; i < d->n_places; i++)
        if (d->places[i].path != NULL && strcmp(d->places[i].path, path) == 0)
            return d->places[i].node;
    return NULL;
}

/* Cuts the last step of a path; false at the top. */
static bool cut(char *path)
{
    char *end = strpbrk(path, "./[");
    if (end == NULL)
        return false;
    for (char *next = end; next != NULL; next = strpbrk(next + 1, "./["))
        end = next;
    *end = '\0';
    return true;
}

void lk_doc_take_findings(struct lk_doc *d, const struct lk_report *report)
{
    for (size_t i = 0; i < report->n; i++) {
        const struct lk_finding *f = &report->findings[i];
        char path[LK_FINDING_TEXT + 1];
        snprintf(path, sizeof(path), "%s", f->rule);
        struct fy_node *node = place_of(d, path);
        while (node == NULL && cut(path))
            node = place_of(d, path);
        if (node == NULL)
            node = fy_document_root(d->tree);
        lk_doc_error(d, f->code, node, "%s: expected %s%s%s", f->rule, f->expected, f->actual[0] != '\0' ? ", found " : "",
                     f->actual);
    }
}

char *lk_doc_text(struct lk_doc *d, struct fy_node *node, const char *key)
{
    size_t n = 0;
    bool plain = node != NULL && fy_node_is_scalar(node) && !fy_node_is_alias(node);
    const char *text = plain ? fy_node_get_scalar(node, &n) : NULL;
    if (text == NULL) {
        lk_doc_error(d, LK_R_POLICY_VALUE, node, "%s: expected a text or number", key);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            lk_doc_error(d, LK_R_POLICY_VALUE, node, "%s: a control character", key);
            return NULL;
        }
    char *copy = lk_arena_str(d->arena, text, n);
    if (copy == NULL)
        lk_doc_error(d, LK_R_MEMORY, node, "%s: the document is too large", key);
    return copy;
}

char *lk_doc_because(struct lk_doc *d, struct fy_node *node, const char *key)
{
    static char nothing[1];
    if (node == NULL || !fy_node_is_mapping(node))
        return nothing;
    struct fy_node *because = fy_node_mapping_lookup_by_string(node, "because", 7);
    if (because == NULL)
        return nothing;
    char *text = lk_doc_text(d, because, key);
    return text == NULL ? nothing : text;
}

void *lk_doc_array(struct lk_doc *d, size_t n, size_t size)
{
    void *at = lk_arena_array(d->arena, n == 0 ? 1 : n, size);
    if (at == NULL)
        lk_doc_error(d, LK_R_MEMORY, NULL, "the document is too large");
    return at;
}

size_t lk_doc_count(struct fy_node *node)
{
    return fy_node_is_sequence(node) ? (size_t)fy_node_sequence_item_count(node) : 1;
}

void lk_doc_each(struct lk_doc *d, struct fy_node *node, void (*item)(struct lk_doc *, struct fy_node *, void *), void *out)
{
    if (!fy_node_is_sequence(node)) {
        item(d, node, out);
        return;
    }
    void *at = NULL;
    for (struct fy_node *n; (n = fy_node_sequence_iterate(node, &at)) != NULL;)
        item(d, n, out);
}

struct texts {
    char **list;
    size_t n;
    const char *key;
};

static void add_text(struct lk_doc *d, struct fy_node *node, void *out)
{
    struct texts *t = out;
    char *text = lk_doc_text(d, node, t->key);
    if (text != NULL)
        t->list[t->n++] = text;
}

char **lk_doc_texts(struct lk_doc *d, struct fy_node *node, const char *key, size_t *n)
{
    struct texts t = {lk_doc_array(d, lk_doc_count(node), sizeof(char *)), 0, key};
    if (t.list != NULL)
        lk_doc_each(d, node, add_text, &t);
    *n = t.n;
    return t.list;
}

static const struct lk_doc_key *find_key(const struct lk_doc_key *keys, const char *name)
{
    for (; keys->name != NULL; keys++)
        if (strcmp(keys->name, name) == 0)
            return keys;
    return NULL;
}

static void list_keys(const struct lk_doc_key *keys, struct lk_buf *out)
{
    for (const struct lk_doc_key *k = keys; k->name != NULL; k++)
        lk_put_fmt(out, "%s%s", k == keys ? "" : ", ", k->name);
}

static void refuse_key(struct lk_doc *d, struct fy_node *at, const char *what, const struct lk_doc_key *keys, const char *name)
{
    LK_BUF_AUTO known = lk_buf(LK_FINDING_TEXT + 1);
    char text[LK_FINDING_TEXT + 1];
    list_keys(keys, &known);
    lk_doc_error(d, LK_R_POLICY_FIELD, at, "%s has no key \"%s\"; it has %s", what, name, lk_buf_text(&known, text));
}

void lk_doc_mapping(struct lk_doc *d, struct fy_node *node, const char *what, const struct lk_doc_key *keys,
                    void (*other)(struct lk_doc *, struct fy_node *, const char *, void *), void *out)
{
    if (!fy_node_is_mapping(node)) {
        lk_doc_error(d, LK_R_POLICY_VALUE, node, "%s: expected a mapping", what);
        return;
    }
    void *at = NULL;
    for (struct fy_node_pair *p; (p = fy_node_mapping_iterate(node, &at)) != NULL;) {
        char *name = lk_doc_text(d, fy_node_pair_key(p), what);
        struct fy_node *value = fy_node_pair_value(p);
        const struct lk_doc_key *key = name == NULL ? NULL : find_key(keys, name);
        if (name != NULL && value == NULL)
            lk_doc_error(d, LK_R_POLICY_VALUE, fy_node_pair_key(p), "%s: expected a value", name);
        else if (key != NULL)
            key->read(d, value, name, out);
        else if (name != NULL && other != NULL)
            other(d, value, name, out);
        else if (name != NULL)
            refuse_key(d, fy_node_pair_key(p), what, keys, name);
    }
    for (const struct lk_doc_key *k = keys; k->name != NULL; k++)
        if (k->required && fy_node_mapping_lookup_by_string(node, k->name, strlen(k->name)) == NULL)
            lk_doc_error(d, LK_R_POLICY_FIELD, node, "%s lacks the key \"%s\"", what, k->name);
}
