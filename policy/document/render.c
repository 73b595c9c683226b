/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/appraise/text.h"
#include "policy/document/document.h"
#include "proto/base/clock.h"
#include "proto/msg/unpack.h"

#include "policy.pb-c.h"

#include <inttypes.h>
#include <string.h>

#define RENDER_ARENA_LEAST (64u << 10)
#define RENDER_ARENA_FACTOR 128 /* an empty submessage of two bytes takes some hundred */

/* A double-quoted YAML scalar (YAML 1.2, 7.3.1): nothing in it can end it. */
static void put_quoted(struct lk_buf *out, const char *text)
{
    lk_put_u8(out, '"');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            lk_put_u8(out, '\\');
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            lk_put_fmt(out, "\\x%02x", (unsigned)*p);
        else
            lk_put_u8(out, (uint8_t)*p);
    }
    lk_put_u8(out, '"');
}

static void put_key_text(struct lk_buf *out, const char *indent, const char *key, const char *text)
{
    lk_put_fmt(out, "%s%s: ", indent, key);
    put_quoted(out, text);
    lk_put_u8(out, '\n');
}

static void put_texts(struct lk_buf *out, const char *indent, const char *key, char *const *list, size_t n)
{
    lk_put_fmt(out, "%s%s: [", indent, key);
    for (size_t i = 0; i < n; i++) {
        lk_put_fmt(out, "%s", i == 0 ? "" : ", ");
        put_quoted(out, list[i]);
    }
    lk_put_fmt(out, "]\n");
}

static void put_vector(struct lk_buf *out, const Latchkey__V1__Vector *v)
{
    for (size_t i = 0; i < v->n_components; i++) {
        lk_put_fmt(out, "%s", i == 0 ? "{" : ", ");
        put_quoted(out, v->components[i]->name);
        lk_put_fmt(out, ": %" PRIu64, v->components[i]->value);
    }
    lk_put_u8(out, '}');
}

static void put_operand(struct lk_buf *out, const Latchkey__V1__Operand *o)
{
    switch (o->value_case) {
    case LATCHKEY__V1__OPERAND__VALUE_FLAG:
        lk_put_fmt(out, "%s", o->flag ? "required" : "deny");
        return;
    case LATCHKEY__V1__OPERAND__VALUE_NUMBER:
        lk_put_fmt(out, "%" PRIu64, o->number);
        return;
    case LATCHKEY__V1__OPERAND__VALUE_DATA:
        lk_put_u8(out, '"');
        for (size_t i = 0; i < o->data.len; i++)
            lk_put_fmt(out, "%02x", o->data.data[i]);
        lk_put_u8(out, '"');
        return;
    case LATCHKEY__V1__OPERAND__VALUE_WORD:
        put_quoted(out, o->word);
        return;
    case LATCHKEY__V1__OPERAND__VALUE_VECTOR:
        put_vector(out, o->vector);
        return;
    case LATCHKEY__V1__OPERAND__VALUE__NOT_SET:
    case _LATCHKEY__V1__OPERAND__VALUE__CASE_IS_INT_SIZE:
        break;
    }
    lk_put_fmt(out, "\"?\"");
}

static bool all_vectors(Latchkey__V1__Operand *const *ops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ops[i]->value_case != LATCHKEY__V1__OPERAND__VALUE_VECTOR)
            return false;
    return n > 0;
}

/* {genoa: {...}, milan: {...}}, or the parts alone when no selector is named. */
static void put_vectors(struct lk_buf *out, Latchkey__V1__Operand *const *ops, size_t n)
{
    if (n == 1 && ops[0]->vector->selector[0] == '\0') {
        put_vector(out, ops[0]->vector);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        lk_put_fmt(out, "%s", i == 0 ? "{" : ", ");
        put_quoted(out, ops[i]->vector->selector);
        lk_put_fmt(out, ": ");
        put_vector(out, ops[i]->vector);
    }
    lk_put_u8(out, '}');
}

static void put_operands(struct lk_buf *out, Latchkey__V1__Operand *const *ops, size_t n, bool list)
{
    if (all_vectors(ops, n)) {
        put_vectors(out, ops, n);
        return;
    }
    lk_put_fmt(out, "%s", list ? "[" : "");
    for (size_t i = 0; i < n; i++) {
        lk_put_fmt(out, "%s", i == 0 ? "" : ", ");
        put_operand(out, ops[i]);
    }
    lk_put_fmt(out, "%s", list ? "]" : "");
}

static void put_globs(struct lk_buf *out, char *const *globs, size_t n)
{
    lk_put_u8(out, '[');
    for (size_t i = 0; i < n; i++) {
        lk_put_fmt(out, "%s", i == 0 ? "" : ", ");
        put_quoted(out, globs[i]);
    }
    lk_put_u8(out, ']');
}

/* {in-set: ["a"], exclude: ["/run/x"], signed-by: {"key": ["/usr/x"]}} */
static void put_list_rule(struct lk_buf *out, const Latchkey__V1__Rule *r)
{
    lk_put_fmt(out, "{%s: ", lk_op_word((enum lk_op)r->op));
    put_operands(out, r->operands, r->n_operands, true);
    if (r->n_exclude > 0) {
        lk_put_fmt(out, ", exclude: ");
        put_globs(out, r->exclude, r->n_exclude);
    }
    for (size_t i = 0; i < r->n_signed_by; i++) {
        lk_put_fmt(out, "%s", i == 0 ? ", signed-by: {" : ", ");
        put_quoted(out, r->signed_by[i]->key);
        lk_put_fmt(out, ": ");
        put_globs(out, r->signed_by[i]->paths, r->signed_by[i]->n_paths);
    }
    lk_put_fmt(out, "%s}", r->n_signed_by > 0 ? "}" : "");
}

static void put_rule(struct lk_buf *out, const Latchkey__V1__Rule *r)
{
    enum lk_op op = (enum lk_op)r->op;
    lk_put_fmt(out, "      %s: ", r->claim);
    if (r->n_exclude > 0 || r->n_signed_by > 0 || (op == LK_OP_IN_SET && r->n_operands > 1)) {
        put_list_rule(out, r);
    } else if (op == LK_OP_SKIP || op == LK_OP_ANY_GENUINE) {
        lk_put_fmt(out, "{%s: {because: ", lk_op_word(op));
        put_quoted(out, r->because);
        lk_put_fmt(out, "}}");
    } else if (op == LK_OP_EQUALS || op == LK_OP_IN) {
        put_operands(out, r->operands, r->n_operands, op == LK_OP_IN);
    } else {
        lk_put_fmt(out, "{%s: ", lk_op_word(op));
        put_operands(out, r->operands, r->n_operands, op == LK_OP_NOT_IN);
        lk_put_u8(out, '}');
    }
    lk_put_u8(out, '\n');
}

static void put_roots(struct lk_buf *out, const Latchkey__V1__Accept *a)
{
    if (a->n_separate_roots == 0)
        return;
    lk_put_fmt(out, "    separately-rooted:\n");
    for (size_t i = 0; i < a->n_separate_roots; i++) {
        put_key_text(out, "      - ", "family", a->separate_roots[i]->family);
        put_key_text(out, "        ", "because", a->separate_roots[i]->because);
    }
}

static void put_accept(struct lk_buf *out, const Latchkey__V1__Accept *a)
{
    lk_put_fmt(out, "  - name: %s\n", a->name);
    put_texts(out, "    ", "chain", a->chain, a->n_chain);
    put_roots(out, a);
    for (size_t i = 0; i < a->n_families; i++) {
        lk_put_fmt(out, "    %s:%s\n", a->families[i]->family, a->families[i]->n_rules == 0 ? " {}" : "");
        for (size_t k = 0; k < a->families[i]->n_rules; k++)
            put_rule(out, a->families[i]->rules[k]);
    }
    if (a->n_references > 0)
        put_texts(out, "    ", "reference", a->references, a->n_references);
}

static void put_policy(struct lk_buf *out, const Latchkey__V1__Policy *p)
{
    lk_put_fmt(out, "schema: latchkey-policy/%u\npolicy: %s\n", p->schema, p->name);
    put_texts(out, "", "releases", p->releases, p->n_releases);
    if (p->fleet_wide_because[0] != '\0')
        put_key_text(out, "fleet-wide:\n  ", "because", p->fleet_wide_because);
    lk_put_fmt(out, "kek: %s\nexplain-to-guest: %s\n", p->kek, p->explain_to_guest ? "true" : "false");
    if (p->budget != 0)
        lk_put_fmt(out, "budget: %" PRIu64 "\n", p->budget);
    if (p->create != NULL)
        lk_put_fmt(out, "create-on-first-use: {bytes: %" PRIu32 ", per-day: %" PRIu64 "}\n", p->create->bytes,
                   p->create->per_day);
    lk_put_fmt(out, "accept:\n");
    for (size_t i = 0; i < p->n_accept; i++)
        put_accept(out, p->accept[i]);
}

static void put_time(struct lk_buf *out, const char *key, int64_t t)
{
    char text[24];
    if (t == 0)
        return;
    lk_time_format(t, text, sizeof(text));
    lk_put_fmt(out, "  %s: %s\n", key, text);
}

static void put_record(struct lk_buf *out, const Latchkey__V1__ReferenceRecord *r)
{
    static const char *const states[] = {"unspecified", "staged", "active", "retired"};
    unsigned state = (unsigned)r->state;
    lk_put_fmt(out, "schema: latchkey-reference/%u\nid: %s\ngroup: %s\nstate: %s\nmatch:\n", r->schema, r->id, r->group,
               state < 4 ? states[state] : "?");
    for (size_t i = 0; i < r->n_match; i++) {
        lk_put_fmt(out, "  %s.%s: ", r->match[i]->family, r->match[i]->claim);
        put_operands(out, r->match[i]->values, r->match[i]->n_values, r->match[i]->n_values != 1);
        lk_put_u8(out, '\n');
    }
    if (r->from[0] != '\0')
        put_key_text(out, "", "from", r->from);
    if (r->approved_by[0] != '\0')
        put_key_text(out, "", "approved-by", r->approved_by);
    if (r->valid_from != 0 || r->valid_until != 0)
        lk_put_fmt(out, "valid:\n");
    put_time(out, "from", r->valid_from);
    put_time(out, "until", r->valid_until);
}

static lk_result render(const ProtobufCMessageDescriptor *type, struct lk_bytes message, struct lk_buf *out)
{
    struct lk_arena *arena = lk_arena_new(RENDER_ARENA_LEAST + RENDER_ARENA_FACTOR * message.len);
    void *m = NULL;
    LK_REQUIRE(arena != NULL, MEMORY);
    lk_result r = lk_msg_unpack(type, message, arena, &LK_MSG_LIMITS_DOCUMENT, &m);
    if (lk_ok(r) && type == &latchkey__v1__policy__descriptor)
        put_policy(out, m);
    else if (lk_ok(r))
        put_record(out, m);
    lk_arena_free(arena);
    LK_TRY(r);
    return lk_buf_ok(out);
}

lk_result lk_document_render_policy(struct lk_bytes message, struct lk_buf *out)
{
    return render(&latchkey__v1__policy__descriptor, message, out);
}

lk_result lk_document_render_reference(struct lk_bytes message, struct lk_buf *out)
{
    return render(&latchkey__v1__reference_record__descriptor, message, out);
}
