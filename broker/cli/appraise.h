/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_APPRAISE_H
#define LK_CLI_APPRAISE_H
/* What `latchkey appraise` is given, and the two forms in which it tells. docs/man/latchkey-appraise.1 is the contract. */
#include "broker/cli/documents.h"
#include "policy/chain/chain.h"

#define LK_APPRAISE_FILES_MAX 16
#define LK_APPRAISE_ARENA (256u << 20) /* parts have limits of their own; pages that are not used cost nothing */

struct lk_appraise {
    const char *policies[LK_APPRAISE_FILES_MAX], *references[LK_APPRAISE_FILES_MAX], *trusts[LK_APPRAISE_FILES_MAX];
    size_t n_policies, n_references, n_trusts;
    const char *sets[LK_APPRAISE_FILES_MAX];
    size_t n_sets;
    const struct lk_policyset *judged_by; /* the documents, or the defaults */
    const char *collateral;
    int64_t at;
    bool any_binding, assume_activated, json;
    uint8_t binding[64];
    size_t binding_len;
    bool activated; /* the ticket of a bundle says so, of this context; its MACs are the broker's alone to check */
    uint8_t context[32];
    int wrong; /* exit code, when it is not LK_EXIT_USAGE: a bundle that cannot be read */
    struct lk_chain_item items[LK_CHAIN_ITEMS_MAX];
    size_t n_items;
    struct lk_arena *arena;
    struct lk_trust *trust;
};

/*
 * Reads "family:part=file[,part=file...]" into the next item. False after it said what is wrong on
 * standard error: an unknown family or part, a part twice, a file that cannot be read.
 */
bool lk_appraise_item(struct lk_appraise *a, const char *text);

/* Reads the anchors and the collateral of the options into a->trust. False after it said what is wrong. */
bool lk_appraise_trust(struct lk_appraise *a);

/* One of the two commands that judge offline. */
struct lk_appraise_form {
    const char *usage;
    /* Reads one argument that is no ITEM, and the binding with it; false after it said what is wrong. NULL: there is none. */
    bool (*bundle)(struct lk_appraise *a, const char *file);
    void (*print)(const struct lk_appraise *a, const struct lk_appraisal *out);
    void (*print_json)(const struct lk_appraise *a, const struct lk_appraisal *out);
};

/* Reads options and items, judges, prints. The exit code. */
int lk_appraise_main(int argc, char **argv, const struct lk_appraise_form *form);

/* A page for people. */
void lk_appraise_print(const struct lk_appraise *a, const struct lk_appraisal *out);

/* The JSON of the contract. */
void lk_appraise_print_json(const struct lk_appraise *a, const struct lk_appraisal *out);

#endif
