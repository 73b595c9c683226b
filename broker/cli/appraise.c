/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey appraise`: judges evidence offline with the verifier's own library. */
#include "broker/cli/appraise.h"
#include "broker/cli/appraise_bundle.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/clock.h"

static const char usage[] =
    "usage: latchkey appraise [--policy FILE]... [--reference FILE]... [--set FILE]... [--trust [FAMILY:]FILE]... [--collateral DIR]\n"
    "                         [--at TIME] (--binding HEX | --any-binding) [--assume-activated] [--json] ITEM...\n"
    "\n"
    "  ITEM                family:part=file[,part=file...]    sev-snp:report=r.bin,vek=vcek.der,chain=ask_ark.pem\n"
    "  --policy FILE       judge by this policy; without one each family's safe defaults hold\n"
    "  --reference FILE    reference records that the policy names\n"
    "  --set FILE          a reference set that it names, as latchkey reference set make writes it\n"
    "  --trust FILE        more anchors: certificates (PEM, DER) for FAMILY, or for the families of the items,\n"
    "                      or a document of schema latchkey-trust/1\n"
    "  --collateral DIR    certificates and revocation lists at hand, named as the family's page says, / written as _\n"
    "  --at TIME           judge at this time (2026-11-21T10:00:00Z), not now\n"
    "  --binding HEX       what the evidence must carry: 64 bytes, or 32\n"
    "  --any-binding       do not look at the binding: the evidence may be of any time and for anyone\n"
    "  --assume-activated  take it that the TPM's EK and AK were activated together\n"
    "  --json              machine-readable output\n"
    "\n"
    "exit: 0 affirmed, 1 refused, 2 not authentic, 3 cannot judge, 4 malformed, 64 wrong usage, 70 our fault\n";

enum { OPT_POLICY = 1, OPT_REFERENCE, OPT_TRUST, OPT_COLLATERAL, OPT_AT, OPT_BINDING, OPT_ANY, OPT_ASSUME, OPT_JSON, OPT_SET, OPT_HELP };

static const struct option options[] = {
    {"policy", required_argument, NULL, OPT_POLICY},   {"reference", required_argument, NULL, OPT_REFERENCE},
    {"trust", required_argument, NULL, OPT_TRUST},     {"collateral", required_argument, NULL, OPT_COLLATERAL},
    {"at", required_argument, NULL, OPT_AT},           {"binding", required_argument, NULL, OPT_BINDING},
    {"set", required_argument, NULL, OPT_SET},
    {"any-binding", no_argument, NULL, OPT_ANY},       {"assume-activated", no_argument, NULL, OPT_ASSUME},
    {"json", no_argument, NULL, OPT_JSON},             {"help", no_argument, NULL, OPT_HELP},
    {0},
};

static bool add_file(const char **list, size_t *n, const char *file, const char *what)
{
    if (*n < LK_APPRAISE_FILES_MAX) {
        list[(*n)++] = file;
        return true;
    }
    lk_cli_usage("at most %d of --%s", LK_APPRAISE_FILES_MAX, what);
    return false;
}

static bool take_binding(struct lk_appraise *a, const char *hex)
{
    ptrdiff_t n = a->binding_len > 0 ? -1 : lk_unhex(hex, strlen(hex), a->binding, sizeof(a->binding));
    if (n == 32 || n == 64) {
        a->binding_len = (size_t)n;
        return true;
    }
    lk_cli_usage("--binding takes 32 or 64 bytes in hex, once");
    return false;
}

static bool take_time(struct lk_appraise *a, const char *text)
{
    if (lk_time_parse(text, &a->at))
        return true;
    lk_cli_usage("--at takes a time such as 2026-11-21T10:00:00Z, not \"%s\"", text);
    return false;
}

static bool take_option(struct lk_appraise *a, int opt)
{
    switch (opt) {
    case OPT_POLICY:
        return add_file(a->policies, &a->n_policies, optarg, "policy");
    case OPT_REFERENCE:
        return add_file(a->references, &a->n_references, optarg, "reference");
    case OPT_SET:
        return add_file(a->sets, &a->n_sets, optarg, "set");
    case OPT_TRUST:
        return add_file(a->trusts, &a->n_trusts, optarg, "trust");
    case OPT_COLLATERAL:
        a->collateral = optarg;
        return true;
    case OPT_AT:
        return take_time(a, optarg);
    case OPT_BINDING:
        return take_binding(a, optarg);
    case OPT_ANY:
        return a->any_binding = true;
    case OPT_ASSUME:
        return a->assume_activated = true;
    case OPT_JSON:
        return a->json = true;
    default:
        return false; /* getopt has said why */
    }
}

/* "family:part=file": a file of a bundle has no such name. */
static bool is_item(const char *text)
{
    const char *colon = strchr(text, ':');
    return colon != NULL && strchr(colon, '=') != NULL;
}

static bool read_items(struct lk_appraise *a, const struct lk_appraise_form *form, char *const *items, int n)
{
    bool bundle = form->bundle != NULL && n == 1 && !is_item(items[0]);
    if (a->any_binding && a->binding_len > 0) {
        lk_cli_usage("--binding or --any-binding, not both");
        return false;
    }
    if (!bundle && !a->any_binding && a->binding_len == 0) {
        lk_cli_usage("one of --binding and --any-binding is needed");
        return false;
    }
    if (n == 0) {
        lk_cli_usage("an item is needed: family:part=file");
        return false;
    }
    if (bundle)
        return form->bundle(a, items[0]) && lk_appraise_trust(a);
    for (int i = 0; i < n; i++)
        if (!lk_appraise_argument(a, items[i]))
            return false;
    return lk_appraise_trust(a);
}

static lk_result load_policies(const struct lk_appraise *a, struct lk_cli_documents *d)
{
    LK_TRY(lk_cli_documents_open(d));
    for (size_t i = 0; i < a->n_references; i++)
        LK_TRY(lk_cli_documents_add(d, LK_CLI_REFERENCE, a->references[i]));
    for (size_t i = 0; i < a->n_sets; i++)
        LK_TRY(lk_cli_documents_add_set(d, a->sets[i]));
    for (size_t i = 0; i < a->n_policies; i++)
        LK_TRY(lk_cli_documents_add(d, LK_CLI_POLICY, a->policies[i]));
    return lk_cli_documents_finish(d);
}

static enum lk_activation activation_of(const struct lk_appraise *a)
{
    return a->assume_activated ? LK_ACTIVATION_ASSUMED : a->activated ? LK_ACTIVATION_TICKET : LK_ACTIVATION_NONE;
}

static int judge(struct lk_appraise *a, const struct lk_policyset *set, const struct lk_appraise_form *form)
{
    a->judged_by = set;
    struct lk_appraisal *out = LK_ARENA_NEW(a->arena, struct lk_appraisal);
    struct lk_chain_input in = {.items = a->items, .n_items = a->n_items, .trust = a->trust, .policies = set, .at = a->at,
                                .arena = a->arena,
                                .activation = activation_of(a), .activation_context = LK_BYTES(a->context)};
    if (out == NULL)
        return lk_cli_fail(LK_FAIL(MEMORY), "appraise");
    if (!a->any_binding)
        in.binding = lk_bytes(a->binding, a->binding_len);
    lk_result r = lk_chain_appraise(&in, out);
    (void)r; /* out->cls says it */
    if (a->json)
        form->print_json(a, out);
    else
        form->print(a, out);
    return lk_class_exit(out->cls);
}

static int judge_by_documents(struct lk_appraise *a, const struct lk_appraise_form *form)
{
    LK_DOCUMENTS_AUTO d = {.set = NULL};
    lk_result r = load_policies(a, &d);
    return lk_ok(r) ? judge(a, d.set, form) : LK_EXIT_USAGE;
}

static int judge_by_defaults(struct lk_appraise *a, const struct lk_appraise_form *form)
{
    struct lk_policyset *set = lk_policyset_defaults();
    int code = set == NULL ? lk_cli_fail(LK_FAIL(MEMORY), "appraise") : judge(a, set, form);
    lk_policyset_free(set);
    return code;
}

static int run(struct lk_appraise *a, int argc, char **argv, const struct lk_appraise_form *form)
{
    optind = 0;
    for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (opt == OPT_HELP)
            return fputs(form->usage, stdout) < 0;
        if (!take_option(a, opt))
            return LK_EXIT_USAGE;
    }
    if (a->n_policies == 0 && a->n_references + a->n_sets > 0)
        return lk_cli_usage("--reference or --set without --policy: nothing would name them");
    if (!read_items(a, form, argv + optind, argc - optind))
        return a->wrong != 0 ? a->wrong : LK_EXIT_USAGE;
    return a->n_policies > 0 ? judge_by_documents(a, form) : judge_by_defaults(a, form);
}

int lk_appraise_main(int argc, char **argv, const struct lk_appraise_form *form)
{
    struct lk_appraise a = {.at = lk_clock_wall(), .arena = lk_arena_new(LK_APPRAISE_ARENA), .trust = lk_trust_new()};
    int code = a.arena == NULL || a.trust == NULL ? lk_cli_fail(LK_FAIL(MEMORY), "appraise") : run(&a, argc, argv, form);
    lk_trust_free(a.trust);
    lk_arena_free(a.arena);
    return code;
}

int lk_cmd_appraise(int argc, char **argv)
{
    static const struct lk_appraise_form form = {usage, NULL, lk_appraise_print, lk_appraise_print_json};
    return lk_appraise_main(argc, argv, &form);
}
