/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey chain`: what vouches for what, as a tree: anchors at the roots, items below what vouches for them. */
#include "broker/cli/appraise.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "broker/cli/remote.h"
#include "policy/verifier/bundle.h"
#include "proto/base/clock.h"
#include "proto/msg/unpack.h"
#include "proto/seal/ticket.h"
#include "proto/tpm/algs.h"

static const char usage[] =
    "usage: latchkey chain [OPTION]... (BUNDLE | ITEM...)\n"
    "\n"
    "Shows the chain that a bundle of evidence forms: trust anchors at the roots, each item below what vouches for it.\n"
    "\n"
    "  BUNDLE              a request as it was sent (latchkey-fetch --save-bundle): its items, and its own binding\n"
    "  ITEM, OPTION        as for `latchkey appraise`\n"
    "\n"
    "exit: 0 affirmed, 1 refused, 2 not authentic, 3 cannot judge, 4 malformed, 64 wrong usage, 70 our fault\n";

/* ---- the bundle ---- */

static bool take_ticket(struct lk_appraise *a, struct lk_bytes bytes)
{
    struct lk_ticket ticket;
    struct lk_ticket_fields fields;
    if (bytes.len != sizeof(ticket.bytes))
        return false;
    memcpy(ticket.bytes, bytes.data, bytes.len);
    if (!lk_ok(lk_ticket_parse(&ticket, &fields)))
        return false;
    a->activated = fields.activated;
    memcpy(a->context, fields.context, sizeof(a->context));
    return true;
}

static struct lk_bytes bytes_of(ProtobufCBinaryData d)
{
    return lk_bytes(d.data, d.len);
}

static bool take_request(struct lk_appraise *a, const Latchkey__V1__ReleaseRequest *m, const char *file)
{
    struct lk_report report = {.n = 0};
    lk_result r = lk_bundle_items(m->items, m->n_items, &report, a->items, &a->n_items);
    if (!lk_ok(r)) {
        a->wrong = lk_cli_fail(r, "%s: %s", file, report.n > 0 ? report.findings[0].actual : "");
        return false;
    }
    if (!take_ticket(a, bytes_of(m->ticket))) {
        a->wrong = lk_cli_fail(LK_FAIL(TICKET_MALFORMED), "%s", file);
        return false;
    }
    if (a->any_binding || a->binding_len > 0)
        return true;
    a->binding_len = sizeof(a->binding);
    return lk_ok(lk_binding(bytes_of(m->ticket), bytes_of(m->s), bytes_of(m->statement), a->binding));
}

/* A ReleaseRequest; an AppraiseRequest has the same fields. */
static bool read_bundle(struct lk_appraise *a, const char *file)
{
    LK_BUF_AUTO bytes = lk_buf(16u << 20);
    void *m = NULL;
    lk_result r = lk_cli_read_file(file, &bytes);
    char *copy = lk_ok(r) ? lk_arena_str(a->arena, bytes.data, bytes.len) : NULL;
    if (lk_ok(r))
        r = copy == NULL ? LK_FAIL(MEMORY)
                         : lk_msg_unpack(&latchkey__v1__release_request__descriptor, lk_bytes(copy, bytes.len), a->arena,
                                         &LK_MSG_LIMITS_REQUEST, &m);
    if (lk_ok(r))
        return take_request(a, m, file);
    a->wrong = lk_cli_fail(r, "%s", file);
    return false;
}

/* ---- text and JSON alike ---- */

static const char *const proof_words[] = {
    [LK_PROOF_KEY] = "key",           [LK_PROOF_TPM_NAME] = "tpm-name", [LK_PROOF_DIGEST] = "digest",
    [LK_PROOF_REGISTER] = "register", [LK_PROOF_RTMR] = "rtmr",         [LK_PROOF_BINDING] = "binding",
};

static const char *algorithm(const struct lk_proof *by)
{
    const struct lk_tpm_hash *hash = lk_tpm_hash(by->alg);
    return hash == NULL ? "" : hash->name;
}

/* What the item's state rests on, if a finding says more than its code. */
static const struct lk_finding *finding_of(const struct lk_appraisal *out, const struct lk_chain_node *n)
{
    for (size_t i = 0; i < out->report.n; i++)
        if (out->report.findings[i].code == n->state.code && strcmp(out->report.findings[i].item, n->item->family->name) == 0)
            return &out->report.findings[i];
    return NULL;
}

enum place { PLACE_ROOT, PLACE_UNANCHORED, PLACE_STOPPED, PLACE_BELOW };

/* Where in the picture an item stands: under an anchor, under another item, or nowhere, and why. */
static enum place place_of(const struct lk_chain_node *n)
{
    if (n->parent >= 0)
        return PLACE_BELOW;
    if (n->state.code == LK_R_UNANCHORED)
        return PLACE_UNANCHORED;
    return n->how.rooted ? PLACE_ROOT : PLACE_STOPPED;
}

/* ---- text ---- */

static void print_vouching(const struct lk_appraisal *out, const struct lk_chain_node *n, int depth)
{
    const struct lk_proof *by = n->how.by;
    char hex[2 * 64 + 1] = "";
    if (n->parent < 0 || by == NULL)
        return;
    lk_hex(lk_bytes(by->value.data, by->value.len < 64 ? by->value.len : 64), hex, sizeof(hex));
    printf("%*svouched for by %s: %s", depth, "", out->nodes[n->parent].item->family->name, proof_words[by->kind]);
    if (by->kind == LK_PROOF_REGISTER || by->kind == LK_PROOF_RTMR)
        printf(" %u", (unsigned)by->index);
    printf("%s%s %.32s%s%s\n", by->alg == 0 ? "" : " ", algorithm(by), hex, strlen(hex) > 32 ? "..." : "",
           by->guest_chosen ? ", chosen by the guest" : "");
}

static void print_state(const struct lk_appraisal *out, const struct lk_chain_node *n, int depth)
{
    const struct lk_reason *r = lk_reason(n->state.code);
    const struct lk_finding *f = finding_of(out, n);
    if (lk_ok(n->state)) {
        printf("%*s%s  authentic\n", depth, "", n->item->family->name);
        return;
    }
    printf("%*s%s  %s (%s): %s\n", depth, "", n->item->family->name, r->name, lk_class_name(r->cls), r->text);
    if (n->state.code == LK_R_UNANCHORED)
        printf("%*swanted: %s\n", depth + 4, "", n->how.wanted != NULL ? n->how.wanted : "an anchor, or an item that vouches for it");
    else if (f != NULL && (f->rule[0] != '\0' || f->expected[0] != '\0'))
        printf("%*s%s: expected %s, found %s\n", depth + 4, "", f->rule, f->expected, f->actual);
}

static void print_item(const struct lk_appraisal *out, size_t i, int depth)
{
    const struct lk_chain_node *n = &out->nodes[i];
    print_state(out, n, depth);
    print_vouching(out, n, depth + 4);
    if (n->how.activated)
        printf("%*sEK and AK activated together: %s\n", depth + 4, "", n->how.activation_assumed ? "ASSUMED" : "by the ticket");
    for (size_t k = 0; k < out->n_nodes && depth < 4 * LK_CHAIN_ITEMS_MAX; k++)
        if (out->nodes[k].parent == (int)i)
            print_item(out, k, depth + 4);
}

static void print_root(const struct lk_appraisal *out, size_t i)
{
    const struct lk_anchoring *how = &out->nodes[i].how;
    printf("anchor  %s\n", how->anchor);
    for (size_t k = 0; k < how->n_path; k++)
        printf("  %s %s\n", k == 0 ? "  " : "->", how->path[k] == NULL ? "" : how->path[k]);
    print_item(out, i, 4);
}

static void print_tree(const struct lk_appraise *a, const struct lk_appraisal *out)
{
    char at[24];
    lk_time_format(a->at, at, sizeof(at));
    for (size_t i = 0; i < out->n_nodes; i++)
        if (place_of(&out->nodes[i]) == PLACE_ROOT)
            print_root(out, i);
    for (enum place p = PLACE_UNANCHORED; p <= PLACE_STOPPED; p++) {
        bool first = true;
        for (size_t i = 0; i < out->n_nodes; i++) {
            if (place_of(&out->nodes[i]) != p)
                continue;
            if (first)
                puts(p == PLACE_UNANCHORED ? "under no anchor" : "not authenticated");
            first = false;
            print_item(out, i, 4);
        }
    }
    printf("verdict  %s at %s, %s\n", lk_class_name(out->cls), at, a->any_binding ? "the binding was not looked at" : "binding checked");
    for (size_t i = 0; i < out->report.n; i++)
        printf("         %s %s\n", lk_reason(out->report.findings[i].code)->name, out->report.findings[i].rule);
}

/* ---- JSON ---- */

static json_t *text(const char *s)
{
    json_t *t = json_string(s); /* NULL for what is no UTF-8 */
    return t != NULL ? t : json_string("?");
}

static json_t *vouching_json(const struct lk_appraisal *out, const struct lk_chain_node *n)
{
    const struct lk_proof *by = n->how.by;
    char hex[2 * 64 + 1] = "";
    if (n->parent < 0 || by == NULL)
        return json_null();
    lk_hex(lk_bytes(by->value.data, by->value.len < 64 ? by->value.len : 64), hex, sizeof(hex));
    json_t *v = json_pack("{s:s, s:s, s:s, s:b}", "item", out->nodes[n->parent].item->family->name, "proof", proof_words[by->kind],
                          "value", hex, "guest-chosen", by->guest_chosen);
    if (by->alg != 0)
        json_object_set_new(v, "algorithm", json_string(algorithm(by)));
    if (by->kind == LK_PROOF_REGISTER || by->kind == LK_PROOF_RTMR)
        json_object_set_new(v, "index", json_integer((json_int_t)by->index));
    return v;
}

static json_t *reason_json(const struct lk_appraisal *out, const struct lk_chain_node *n)
{
    const struct lk_reason *r = lk_reason(n->state.code);
    const struct lk_finding *f = finding_of(out, n);
    if (lk_ok(n->state))
        return json_null();
    json_t *o = json_pack("{s:s, s:s, s:s}", "code", r->name, "class", lk_class_name(r->cls), "text", r->text);
    if (f != NULL) {
        json_object_set_new(o, "rule", text(f->rule));
        json_object_set_new(o, "expected", text(f->expected));
        json_object_set_new(o, "actual", text(f->actual));
    }
    return o;
}

static json_t *item_json(const struct lk_appraisal *out, size_t i, int depth)
{
    const struct lk_chain_node *n = &out->nodes[i];
    json_t *path = json_array(), *below = json_array();
    for (size_t k = 0; k < n->how.n_path; k++)
        json_array_append_new(path, text(n->how.path[k] == NULL ? "" : n->how.path[k]));
    for (size_t k = 0; k < out->n_nodes && depth < LK_CHAIN_ITEMS_MAX; k++)
        if (out->nodes[k].parent == (int)i)
            json_array_append_new(below, item_json(out, k, depth + 1));
    json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:o}", "item", n->item->family->name, "state",
                          lk_ok(n->state) ? "authentic" : lk_reason(n->state.code)->name, "reason", reason_json(out, n),
                          "vouched-by", vouching_json(out, n), "path", path);
    if (n->how.rooted)
        json_object_set_new(o, "anchor", text(n->how.anchor));
    if (n->state.code == LK_R_UNANCHORED)
        json_object_set_new(o, "wanted", text(n->how.wanted != NULL ? n->how.wanted : "an anchor, or an item that vouches for it"));
    if (n->how.activated)
        json_object_set_new(o, "activation", json_string(n->how.activation_assumed ? "assumed" : "by ticket"));
    json_object_set_new(o, "vouches-for", below);
    return o;
}

static json_t *place_json(const struct lk_appraisal *out, enum place place)
{
    json_t *list = json_array();
    for (size_t i = 0; i < out->n_nodes; i++)
        if (place_of(&out->nodes[i]) == place)
            json_array_append_new(list, item_json(out, i, 0));
    return list;
}

static void print_tree_json(const struct lk_appraise *a, const struct lk_appraisal *out)
{
    char at[24];
    json_t *codes = json_array();
    lk_time_format(a->at, at, sizeof(at));
    for (size_t i = 0; i < out->report.n; i++)
        json_array_append_new(codes, json_string(lk_reason(out->report.findings[i].code)->name));
    json_t *root = json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o}", "verdict", lk_class_name(out->cls), "at", at, "binding-checked",
                             !a->any_binding, "reasons", codes, "roots", place_json(out, PLACE_ROOT), "unanchored",
                             place_json(out, PLACE_UNANCHORED), "stopped", place_json(out, PLACE_STOPPED));
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(root);
}

int lk_cmd_chain(int argc, char **argv)
{
    static const struct lk_appraise_form form = {usage, read_bundle, print_tree, print_tree_json};
    return lk_appraise_main(argc, argv, &form);
}
