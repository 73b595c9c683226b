/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/appraise_lists.h"
#include "policy/appraise/text.h"

#include <stdio.h>
#include <string.h>

#include "proto/base/clock.h"

static const char *link_word(const struct lk_proof *by)
{
    static const char *const words[] = {
        [LK_PROOF_KEY] = "its key",
        [LK_PROOF_TPM_NAME] = "its TPM name",
        [LK_PROOF_DIGEST] = "its digest",
        [LK_PROOF_REGISTER] = "a register's value",
        [LK_PROOF_RTMR] = "an RTMR's value",
        [LK_PROOF_BINDING] = "the binding",
    };
    return by == NULL ? "?" : words[by->kind];
}

static void print_anchoring(const struct lk_appraisal *out, const struct lk_chain_node *n, const char *indent)
{
    for (size_t i = 0; i < n->how.n_path; i++)
        printf("%s%s %s\n", indent, i == 0 ? "root  " : "  ->  ", n->how.path[i] == NULL ? "" : n->how.path[i]);
    if (n->how.rooted && n->how.n_path == 0)
        printf("%sroot   %s\n", indent, n->how.anchor);
    if (n->parent >= 0)
        printf("%s%s vouches for %s%s\n", indent, out->nodes[n->parent].item->family->name, link_word(n->how.by),
               n->how.by != NULL && n->how.by->guest_chosen ? ", in bytes that the guest chose" : "");
    if (n->how.activation_assumed)
        printf("%sASSUMED: EK and AK were activated together (--assume-activated)\n", indent);
}

static void print_node(const struct lk_appraisal *out, size_t i, int depth)
{
    const struct lk_chain_node *n = &out->nodes[i];
    char indent[2 * LK_CHAIN_ITEMS_MAX + 8];
    snprintf(indent, sizeof(indent), "%*s", 2 * depth + 6, "");
    printf("%*s%s  %s\n", 2 * depth + 2, "", n->item->family->name,
           lk_ok(n->state) ? "authentic" : lk_reason(n->state.code)->name);
    print_anchoring(out, n, indent);
    for (size_t k = 0; k < out->n_nodes && depth < LK_CHAIN_ITEMS_MAX; k++)
        if (out->nodes[k].parent == (int)i)
            print_node(out, k, depth + 1);
}

static void print_field(const char *name, const char *value)
{
    if (value[0] != '\0')
        printf("      %-9s %s\n", name, value);
}

static void print_finding(const struct lk_finding *f, size_t i)
{
    const struct lk_reason *r = lk_reason(f->code);
    printf("  %zu. %s (%s)%s%s\n      %s\n", i + 1, r->name, lk_class_name(r->cls), f->item[0] != '\0' ? " in " : "", f->item,
           r->text);
    print_field("rule", f->rule);
    print_field("expected", f->expected);
    print_field("actual", f->actual);
    print_field("remedy", r->remedy);
}

static void print_policies(const struct lk_appraisal *out)
{
    for (size_t i = 0; i < out->n_secrets; i++) {
        const struct lk_secret_verdict *v = &out->secrets[i];
        printf("  %s%s%s: %s\n", v->policy, v->accept[0] != '\0' ? "/" : "", v->accept, lk_class_name(v->cls));
    }
}

static void print_list(void *arg, const struct lk_list_told *told)
{
    const struct lk_list_tally *t = &told->tally;
    bool *begun = arg;
    if (t->members == 0)
        return;
    if (!*begun)
        printf("\nlists\n");
    *begun = true;
    printf("  %s.%s: %zu members, %zu listed, %zu signed, %zu excluded", told->family, told->claim, t->members, t->listed,
           t->signed_, t->excluded);
    for (size_t i = 0; i < t->excluded && i < LK_LIST_NAMED; i++) {
        LK_BUF_AUTO text = lk_buf(512);
        char line[LK_FINDING_TEXT + 1];
        lk_member_put(&text, t->first_excluded[i]);
        lk_buf_text(&text, line);
        for (char *p = line; *p != '\0'; p++)
            *p = (unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e ? '?' : *p;
        printf("\n    accepted unseen: %s", line);
    }
    printf("%s\n", t->excluded > LK_LIST_NAMED ? " and more" : "");
}

/* What nothing vouches for, although a switch would have said so. */
static void print_hints(const struct lk_appraise *a, const struct lk_appraisal *out)
{
    for (size_t i = 0; i < out->n_nodes; i++) {
        const struct lk_chain_node *n = &out->nodes[i];
        if (n->state.code == LK_R_UNANCHORED && strcmp(n->item->family->name, "tpm") == 0 && !a->assume_activated)
            printf("\nnote: an EK certificate alone vouches for no AK; --assume-activated takes the activation for granted\n");
    }
    if (a->any_binding)
        printf("\nnote: the binding was not looked at (--any-binding): the evidence may be old, or someone else's\n");
    if (a->n_policies == 0)
        printf("\nnote: judged by the families' safe defaults; a policy says more (--json shows every claim)\n");
}

void lk_appraise_print(const struct lk_appraise *a, const struct lk_appraisal *out)
{
    char at[24];
    lk_time_format(a->at, at, sizeof(at));
    printf("verdict: %s\nat:      %s\n\nchain\n", lk_class_name(out->cls), at);
    for (size_t i = 0; i < out->n_nodes; i++)
        if (out->nodes[i].parent < 0)
            print_node(out, i, 0);
    printf("\npolicy\n");
    print_policies(out);
    if (out->report.n > 0)
        printf("\nfindings\n");
    for (size_t i = 0; i < out->report.n; i++)
        print_finding(&out->report.findings[i], i);
    if (out->report.truncated)
        printf("  (there are more)\n");
    bool begun = false;
    lk_appraise_lists(a->judged_by, out, print_list, &begun);
    print_hints(a, out);
}
