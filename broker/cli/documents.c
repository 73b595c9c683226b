/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/documents.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/cli/remote.h"
#include "policy/document/document.h"

lk_result lk_cli_documents_open(struct lk_cli_documents *d)
{
    *d = (struct lk_cli_documents){.set = lk_policyset_new()};
    d->objects = calloc(LK_CLI_OBJECTS_MAX, sizeof(*d->objects));
    return d->set == NULL || d->objects == NULL ? LK_FAIL(MEMORY) : LK_OK;
}

void lk_cli_documents_close(struct lk_cli_documents *d)
{
    for (size_t i = 0; d->objects != NULL && i < d->n; i++)
        lk_buf_free(&d->objects[i].message);
    free(d->objects);
    lk_policyset_free(d->set);
    for (size_t i = 0; i < d->n_sets; i++) {
        lk_set_parts_free(d->sets[i]);
        free(d->sets[i]);
    }
    *d = (struct lk_cli_documents){.set = NULL};
}

static void tell(const char *file, const struct lk_document_errors *errors)
{
    for (size_t i = 0; i < errors->n; i++) {
        const struct lk_document_error *e = &errors->e[i];
        const struct lk_reason *r = lk_reason(e->code);
        fprintf(stderr, "%s:%d:%d: error: %s: %s\n    %s %s\n", file, e->line, e->column, r->name, e->text, r->text,
                r->remedy);
    }
    for (size_t i = 0; errors->n == 0 && i < errors->n_notes; i++)
        fprintf(stderr, "%s:%d:%d: note: %s\n", file, errors->notes[i].line, errors->notes[i].column, errors->notes[i].text);
}

static lk_result keep(struct lk_cli_documents *d, enum lk_cli_kind kind, const char *name, struct lk_bytes message)
{
    LK_REQUIRE(d->n < LK_CLI_OBJECTS_MAX, POLICY_LIMIT);
    struct lk_cli_object *o = &d->objects[d->n++];
    o->kind = kind;
    snprintf(o->name, sizeof(o->name), "%s", name);
    o->message = lk_buf(LK_DOCUMENT_MAX);
    lk_put(&o->message, message);
    return lk_buf_ok(&o->message);
}

static void tell_findings(const char *file, const struct lk_report *report)
{
    for (size_t i = 0; i < report->n; i++) {
        const struct lk_finding *f = &report->findings[i];
        const struct lk_reason *r = lk_reason(f->code);
        /* Records and sets may come after the policy. */
        bool note = f->code == LK_R_REFERENCE_MISSING || f->code == LK_R_REFERENCE_SET_MISSING ||
                    f->code == LK_R_REFERENCE_SET_PART;
        fprintf(stderr, "%s: %s: %s: %s: expected %s, found %s\n    %s %s\n", file, note ? "note" : "error", r->name,
                f->rule, f->expected, f->actual, r->text, r->remedy);
    }
}

static lk_result add_policy(struct lk_cli_documents *d, const char *file, struct lk_bytes yaml,
                            struct lk_document_errors *errors)
{
    struct lk_report report = {.n = 0};
    char name[65];
    LK_BUF_AUTO message = lk_buf(LK_DOCUMENT_MAX);
    LK_TRY(lk_document_policy(yaml, &message, errors));
    LK_TRY(lk_document_policy_name(lk_buf_bytes(&message), name));
    lk_result r = lk_policyset_add_policy(d->set, 0, lk_buf_bytes(&message), &report);
    tell_findings(file, &report);
    LK_TRY(r);
    return keep(d, LK_CLI_POLICY, name, lk_buf_bytes(&message));
}

struct adding {
    struct lk_cli_documents *d;
    const char *file;
};

static lk_result add_record(void *context, const char *id, struct lk_bytes message)
{
    struct adding *a = context;
    struct lk_report report = {.n = 0};
    lk_result r = lk_policyset_add_reference(a->d->set, 0, message, &report);
    tell_findings(a->file, &report);
    LK_TRY(r);
    return keep(a->d, LK_CLI_REFERENCE, id, message);
}

static lk_result add_file(struct lk_cli_documents *d, enum lk_cli_kind kind, const char *file,
                          struct lk_document_errors *errors)
{
    LK_BUF_AUTO yaml = lk_buf(LK_DOCUMENT_MAX + 1);
    lk_result r = lk_cli_read_file(file, &yaml);
    if (!lk_ok(r)) {
        fprintf(stderr, "%s: error: %s: %s\n", file, lk_reason(r.code)->name, lk_reason(r.code)->text);
        return r;
    }
    if (kind == LK_CLI_POLICY)
        return add_policy(d, file, lk_buf_bytes(&yaml), errors);
    struct adding a = {d, file};
    return lk_document_references(lk_buf_bytes(&yaml), add_record, &a, errors);
}

lk_result lk_cli_documents_add(struct lk_cli_documents *d, enum lk_cli_kind kind, const char *file)
{
    struct lk_document_errors *errors = calloc(1, sizeof(*errors));
    LK_REQUIRE(errors != NULL, MEMORY);
    lk_result r = add_file(d, kind, file, errors);
    tell(file, errors);
    free(errors);
    return r;
}

static lk_result add_parts(struct lk_cli_documents *d, const char *file, struct lk_set_parts *s)
{
    s->bytes = lk_buf(LK_SET_FILE_MAX);
    LK_TRY(lk_cli_read_file(file, &s->bytes));
    LK_TRY(lk_set_parts_read(s));
    for (size_t i = 0; i < s->n; i++)
        LK_TRY(lk_policyset_add_set(d->set, s->messages[i], NULL));
    return LK_OK;
}

lk_result lk_cli_documents_add_set(struct lk_cli_documents *d, const char *file)
{
    LK_REQUIRE(d->n_sets < LK_CLI_SETS_MAX, POLICY_LIMIT);
    struct lk_set_parts *s = calloc(1, sizeof(*s));
    LK_REQUIRE(s != NULL, MEMORY);
    d->sets[d->n_sets++] = s;
    lk_result r = add_parts(d, file, s);
    if (!lk_ok(r))
        fprintf(stderr, "%s: error: %s: %s\n", file, lk_reason(r.code)->name, lk_reason(r.code)->text);
    return r;
}

lk_result lk_cli_documents_finish(struct lk_cli_documents *d)
{
    struct lk_report report = {.n = 0};
    lk_result r = lk_policyset_finish(d->set, &report);
    tell_findings("latchkey", &report);
    return r;
}
