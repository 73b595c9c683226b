/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey doc`: the pages of docs/ that are made from tables. A test compares them with the files. */
#include <stdio.h>

#include "broker/cli/command.h"
#include "policy/appraise/text.h"

static int print_reasons(int argc, char **argv)
{
    if (lk_cli_help(argc, argv, "usage: latchkey doc reasons\n\nPrints docs/reason-codes.md: every code, what happened, what to do.\n"))
        return 0;
    if (argc != 1)
        return lk_cli_usage("doc reasons takes no argument");
    puts("<!-- Made by `latchkey doc reasons` from proto/base/reasons/*.def. -->\n# Reason codes\n\n"
         "Every refusal and every fault carries one of these codes; the class says what a caller does about it\n"
         "(docs/protocol.md).");
    for (int cls = LK_CLASS_AFFIRMED; cls < LK_CLASS_COUNT; cls++) {
        printf("\n## %s (exit code of `latchkey appraise`: %d)\n\n| code | what happened | what to do |\n|---|---|---|\n",
               lk_class_name((enum lk_class)cls), lk_class_exit((enum lk_class)cls));
        for (int code = 0; code < LK_R_COUNT; code++) {
            const struct lk_reason *r = lk_reason((enum lk_reason_code)code);
            if (r->cls == (enum lk_class)cls)
                printf("| %s | %s | %s |\n", r->name, r->text, r->remedy);
        }
    }
    return 0;
}

/* What the table's default means in a document's words. */
static const char *default_words(const struct lk_claim *c)
{
    if (c->safe_default == NULL)
        return "**must be mentioned**";
    return c->safe_default;
}

static const char *kind_name(enum lk_kind kind)
{
    static const char *const names[] = {
        [LK_KIND_BOOL] = "flag",   [LK_KIND_UINT] = "number", [LK_KIND_BYTES] = "hex",          [LK_KIND_WORD] = "word",
        [LK_KIND_TEXT] = "text",   [LK_KIND_VECTOR] = "vector", [LK_KIND_REGISTERS] = "registers",
        [LK_KIND_WORDS] = "words", [LK_KIND_FILES] = "files",
    };
    return names[kind];
}

static void print_words(const struct lk_claim *c)
{
    for (size_t i = 0; c->words != NULL && c->words[i] != NULL; i++)
        printf("%s`%s`", i == 0 ? ": " : ", ", c->words[i]);
}

static void print_flags(const struct lk_claim *c)
{
    if ((c->flags & LK_CLAIM_PIN) != 0)
        fputs(" Pins the software.", stdout);
    if ((c->flags & LK_CLAIM_PLACEHOLDER) != 0)
        fputs(" May stand in a release pattern.", stdout);
    if ((c->flags & LK_CLAIM_MACHINE) != 0)
        fputs(" Names one machine (`create-on-first-use`).", stdout);
}

static void print_operators(enum lk_kind kind, bool one_register)
{
    bool first = true;
    for (int op = 1; op < LK_OP_COUNT; op++)
        if (lk_op_fits((enum lk_op)op, kind, one_register)) {
            printf("%s`%s`", first ? "" : ", ", lk_op_word((enum lk_op)op));
            first = false;
        }
}

static void print_kinds(void)
{
    puts("## Kinds and their operators\n\n| kind | operators |\n|---|---|");
    for (int kind = LK_KIND_BOOL; kind <= LK_KIND_FILES; kind++) {
        printf("| %s | ", kind_name((enum lk_kind)kind));
        print_operators((enum lk_kind)kind, kind == LK_KIND_REGISTERS);
        puts(" |");
    }
}

static void print_family(const struct lk_family *f)
{
    printf("\n## %s\n\n%s.%s\n\n| part | bytes at most | | what it is |\n|---|---|---|---|\n", f->name, f->doc,
           f->carries_binding ? " Carries the binding." : "");
    for (size_t i = 0; i < f->n_parts; i++)
        printf("| `%s` | %u | %s | %s |\n", f->parts[i].name, (unsigned)f->parts[i].max_len,
               f->parts[i].required ? "required" : "", f->parts[i].doc);
    puts("\n| claim | kind | safe default | refusal | what it is |\n|---|---|---|---|---|");
    for (size_t i = 0; i < f->n_claims; i++) {
        const struct lk_claim *c = &f->claims[i];
        printf("| `%s` | %s", c->name, kind_name(c->kind));
        print_words(c);
        printf(" | %s | %s | %s.", default_words(c), lk_reason(c->refusal)->name, c->doc);
        print_flags(c);
        puts(" |");
    }
}

static int print_policy(int argc, char **argv)
{
    if (lk_cli_help(argc, argv, "usage: latchkey doc policy\n\nPrints docs/policy-reference.md: every family, its parts and claims.\n"))
        return 0;
    if (argc != 1)
        return lk_cli_usage("doc policy takes no argument");
    puts("<!-- Made by `latchkey doc policy` from the claim tables of policy/evidence. -->\n# Policy reference\n\n"
         "Families, the parts of their evidence, and the claims that rules and reference records speak of.\n"
         "docs/policy.md explains documents. A claim whose safe default is *must be mentioned* needs a rule, a\n"
         "reference record that holds it, or `skip: {because: ...}`; another is judged by its default when a document\n"
         "does not mention it. `skip` as a default: the claim informs and is not checked.\n");
    print_kinds();
    size_t n = 0;
    const struct lk_family *const *families = lk_families(&n);
    for (size_t i = 0; i < n; i++)
        print_family(families[i]);
    return 0;
}

static const struct lk_command pages[] = {
    {"reasons", "docs/reason-codes.md", print_reasons},
    {"policy", "docs/policy-reference.md", print_policy},
};

int lk_cmd_doc(int argc, char **argv)
{
    return lk_cli_dispatch("latchkey doc", pages, sizeof(pages) / sizeof(pages[0]), argc, argv);
}
