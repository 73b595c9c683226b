/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey audit` and `latchkey explain`: what the broker decided, and why. Everything shown is signed by the keeper. */
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "broker/cli/remote.h"
#include "proto/base/clock.h"

typedef Latchkey__V1__AuditRecord record;

static json_t *hex_json(ProtobufCBinaryData d)
{
    char text[2 * 64 + 1];
    lk_hex(lk_bytes(d.data, d.len), text, sizeof(text));
    return json_string(text);
}

static const char *remedy_of(const char *code)
{
    return lk_reason(lk_reason_by_name(code))->remedy;
}

static const char *text_of(const char *code)
{
    enum lk_reason_code known = lk_reason_by_name(code);
    return known == LK_R_COUNT ? "A reason that this version does not know." : lk_reason(known)->text;
}

static json_t *findings_json(const record *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_findings; i++) {
        const Latchkey__V1__Finding *f = r->findings[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "code", f->code, "class", f->class_,
                                              "item", f->item, "rule", f->rule, "expected", f->expected, "actual",
                                              f->actual, "text", text_of(f->code), "remedy", remedy_of(f->code)));
    }
    return list;
}

static json_t *secrets_json(const record *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_secrets; i++) {
        const Latchkey__V1__SecretDecision *s = r->secrets[i];
        json_array_append_new(list, json_pack("{s:s, s:I, s:s, s:I, s:s, s:s}", "name", s->name, "version",
                                              (json_int_t)s->version, "policy", s->policy, "policy_revision",
                                              (json_int_t)s->policy_revision, "class", s->class_, "code", s->code));
    }
    return list;
}

static json_t *changes_json(const record *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_changes; i++) {
        const Latchkey__V1__ChangedObject *c = r->changes[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:o, s:s}", "kind", c->kind, "name", c->name, "revision",
                                              (json_int_t)c->revision, "digest", hex_json(c->digest), "signer", c->signer));
    }
    return list;
}

static json_t *record_json(const record *r)
{
    char when[24];
    lk_time_format(r->time, when, sizeof(when));
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "index",
                     (json_int_t)r->index, "time", when, "kind", r->kind, "decision", r->decision_id, "class", r->class_,
                     "code", r->code, "statement_hash", hex_json(r->statement_hash), "secrets", secrets_json(r), "findings",
                     findings_json(r), "changes", changes_json(r), "count", (json_int_t)r->count, "generation",
                     (json_int_t)r->generation, "caller", hex_json(r->caller), "leaf_hash", hex_json(r->leaf_hash));
}

static int print_json(json_t *value)
{
    int failed = json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
    return failed == 0 ? 0 : lk_class_exit(LK_CLASS_INTERNAL);
}

/* What a line of the list says after kind and code. */
static void print_subject(const record *r)
{
    for (size_t i = 0; i < r->n_secrets; i++)
        printf(" %s", r->secrets[i]->name);
    for (size_t i = 0; i < r->n_changes; i++)
        printf(" %s/%s@%llu", r->changes[i]->kind, r->changes[i]->name, (unsigned long long)r->changes[i]->revision);
    if (r->count > 0)
        printf(" x%llu", (unsigned long long)r->count);
}

static void print_line(const record *r)
{
    char when[24];
    lk_time_format(r->time, when, sizeof(when));
    printf("%6llu  %s  %-8s %-28s %-34s", (unsigned long long)r->index, when, r->kind,
           r->code[0] != '\0' ? r->code : "-", r->decision_id[0] != '\0' ? r->decision_id : "-");
    print_subject(r);
    putchar('\n');
}

static lk_result query_records(struct lk_remote *r, enum lk_change_kind kind, const char *object, const uint64_t *first,
                               uint32_t limit, const Latchkey__V1__QueryResult **out)
{
    Latchkey__V1__QueryArgs args = LATCHKEY__V1__QUERY_ARGS__INIT;
    args.newest = first == NULL;
    args.first = first == NULL ? 0 : *first;
    args.limit = limit;
    LK_TRY(lk_remote_open(r));
    return lk_admin_query(r->admin, kind, object, &args, out);
}

static bool number(const char *text, uint64_t *out)
{
    char *end = NULL;
    if (!isdigit((unsigned char)text[0]))
        return false;
    *out = strtoull(text, &end, 10);
    return *end == '\0';
}

/* As it was signed (keystore/audit/audit.h): an auditor keeps it elsewhere, byte for byte. */
static json_t *checkpoint_json(ProtobufCBinaryData c)
{
    char text[2 * 512 + 1];
    lk_hex(lk_bytes(c.data, c.len), text, sizeof(text));
    return json_string(text);
}

static int print_list(const Latchkey__V1__QueryResult *result, bool json)
{
    if (json) {
        json_t *list = json_array();
        for (size_t i = 0; i < result->n_records; i++)
            json_array_append_new(list, record_json(result->records[i]));
        return print_json(json_pack("{s:I, s:o, s:o}", "total", (json_int_t)result->total, "checkpoint",
                                    checkpoint_json(result->checkpoint), "records", list));
    }
    printf("%6s  %-20s  %-8s %-28s %-34s %s\n", "INDEX", "TIME", "KIND", "CODE", "DECISION", "ABOUT");
    for (size_t i = 0; i < result->n_records; i++)
        print_line(result->records[i]);
    return 0;
}

static int audit_list(int argc, char **argv)
{
    LK_REMOTE_AUTO r = {0};
    const char *first_text = NULL, *limit_text = "100";
    const struct lk_remote_option extra[] = {{"first", &first_text, NULL, " INDEX: from this record on; else the newest"},
                                             {"limit", &limit_text, NULL, " N: at most so many records, 100 by default"}};
    int code;
    if (!lk_remote_args(&r, argc, argv, extra, 2, "audit list [--first INDEX] [--limit N]", &code))
        return code;
    if (r.name != NULL)
        return lk_cli_usage("usage: latchkey audit list [--first INDEX] [--limit N]");
    uint64_t first = 0, limit;
    if ((first_text != NULL && !number(first_text, &first)) || !number(limit_text, &limit) || limit < 1 || limit > 1000)
        return lk_cli_usage("audit list: --first is a number, --limit one from 1 to 1000");
    const Latchkey__V1__QueryResult *result = NULL;
    lk_result done = query_records(&r, LK_QUERY_AUDIT, "audit", first_text == NULL ? NULL : &first, (uint32_t)limit, &result);
    if (!lk_ok(done))
        return lk_admin_fail(r.admin, done, "audit list");
    return print_list(result, r.json);
}

static void field(const char *name, const char *value)
{
    if (value[0] != '\0')
        printf("  %-10s %s\n", name, value);
}

static void print_finding(const Latchkey__V1__Finding *f)
{
    printf("\n  %s: %s\n", f->code, text_of(f->code));
    field("  item", f->item);
    field("  rule", f->rule);
    field("  expected", f->expected);
    field("  actual", f->actual);
    field("  remedy", remedy_of(f->code));
}

static void print_explained(const record *r)
{
    char when[24];
    lk_time_format(r->time, when, sizeof(when));
    printf("decision %s: %s %s\n", r->decision_id[0] != '\0' ? r->decision_id : "-", r->kind, r->code);
    field("time", when);
    field("class", r->class_);
    printf("  %-10s %llu (audit), %llu (generation)\n", "index", (unsigned long long)r->index,
           (unsigned long long)r->generation);
    for (size_t i = 0; i < r->n_secrets; i++) {
        const Latchkey__V1__SecretDecision *s = r->secrets[i];
        printf("  %-10s %s, version %llu: %s %s\n", "secret", s->name, (unsigned long long)s->version, s->class_, s->code);
        if (s->policy[0] != '\0')
            printf("  %-10s %s, revision %llu\n", "policy", s->policy, (unsigned long long)s->policy_revision);
    }
    for (size_t i = 0; i < r->n_changes; i++) {
        const Latchkey__V1__ChangedObject *c = r->changes[i];
        printf("  %-10s %s/%s, revision %llu, signed by %s\n", "changed", c->kind, c->name, (unsigned long long)c->revision,
               c->signer);
    }
    for (size_t i = 0; i < r->n_findings; i++)
        print_finding(r->findings[i]);
    if (r->n_findings == 0 && r->code[0] != '\0' && strcmp(r->code, "OK") != 0)
        printf("\n  %s: %s\n    %-8s %s\n", r->code, text_of(r->code), "remedy", remedy_of(r->code));
}

/* A decision id, or an index of the log. */
static int show(int argc, char **argv, const char *usage)
{
    LK_REMOTE_AUTO r = {0};
    int code;
    if (!lk_remote_args(&r, argc, argv, NULL, 0, usage, &code))
        return code;
    if (r.name == NULL)
        return lk_cli_usage("usage: latchkey %s", usage);
    uint64_t index = 0;
    bool by_index = strlen(r.name) < 16 && number(r.name, &index); /* decision ids are longer */
    const Latchkey__V1__QueryResult *result = NULL;
    lk_result done = query_records(&r, by_index ? LK_QUERY_AUDIT : LK_QUERY_DECISION, by_index ? "audit" : r.name, &index,
                                   by_index ? 1 : 100, &result);
    if (lk_ok(done) && (result->n_records == 0 || (by_index && result->records[0]->index != index)))
        done = LK_FAIL(NOT_FOUND);
    if (!lk_ok(done))
        return lk_admin_fail(r.admin, done, "%s", r.name);
    if (r.json)
        return print_json(record_json(result->records[0]));
    for (size_t i = 0; i < result->n_records; i++)
        print_explained(result->records[i]);
    return 0;
}

static int audit_show(int argc, char **argv)
{
    return show(argc, argv, "audit show INDEX|DECISION");
}

int lk_cmd_explain(int argc, char **argv)
{
    return show(argc, argv, "explain DECISION");
}

int lk_cmd_audit(int argc, char **argv)
{
    static const struct lk_command verbs[] = {
        {"list", "[--first INDEX] [--limit N]: one line a record; the newest, or those from an index on", audit_list},
        {"show", "INDEX|DECISION: one record in full", audit_show},
    };
    return lk_cli_dispatch("latchkey audit", verbs, sizeof(verbs) / sizeof(*verbs), argc, argv);
}
