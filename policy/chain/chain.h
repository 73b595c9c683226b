/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CHAIN_CHAIN_H
#define LK_CHAIN_CHAIN_H
/*
 * The chain engine: a set of evidence items in, one verdict about the chain they
 * form out. Exactly one item is rooted in an anchor; every other item is linked to
 * it by a proof of an item whose rules have passed; what nothing vouches for is
 * UNANCHORED. It is the library that both latchkey-verifier and
 * `latchkey appraise` run.
 */
#include "policy/appraise/policyset.h"
#include "policy/evidence/family.h"

#define LK_CHAIN_ITEMS_MAX 12
#define LK_SECRETS_MAX 16
#define LK_SECRET_NAME_MAX 255 /* bytes, UTF-8 */

struct lk_chain_item {
    const struct lk_family *family;
    struct lk_bytes parts[LK_FAMILY_PARTS_MAX]; /* by index of family->parts */
};

struct lk_chain_input {
    const struct lk_chain_item *items;
    size_t n_items;
    const struct lk_trust *trust;
    const struct lk_policyset *policies; /* never NULL: lk_policyset_defaults() has the safe defaults */
    int64_t at;
    struct lk_bytes binding; /* 64 bytes that items must carry (or its first 32); absent: any (offline only) */
    enum lk_activation activation;
    struct lk_bytes activation_context;
    /* Names asked for, placeholders allowed; none: judge against every policy of the set (offline). */
    const struct lk_bytes *secrets;
    size_t n_secrets;
    struct lk_arena *arena;
};

/* An item as the engine left it, for explanation and claims output. */
struct lk_chain_node {
    const struct lk_chain_item *item;
    lk_result state; /* OK, or why the item stopped */
    struct lk_anchoring how;
    int parent;               /* index of the item that vouched for it, -1 when rooted or unanchored */
    struct lk_value *values;  /* by index of family->claims; NULL before authentication */
};

/* The verdict for one secret (or, offline, for one policy). */
struct lk_secret_verdict {
    const char *name;   /* placeholders expanded; as asked when they could not be */
    const char *policy; /* "" when no policy covers the name */
    uint64_t policy_revision;
    const char *accept; /* the alternative that passed, "" */
    enum lk_class cls;
    enum lk_reason_code code;
};

struct lk_appraisal {
    struct lk_report report; /* findings of all secrets; empty when all are affirmed */
    struct lk_chain_node nodes[LK_CHAIN_ITEMS_MAX];
    size_t n_nodes;
    struct lk_secret_verdict secrets[LK_SECRETS_MAX];
    size_t n_secrets;
    enum lk_class cls; /* of the whole: affirmed when every secret is */
    bool needs_activation;         /* the evidence holds only with an `activated` ticket... */
    uint8_t activation_context[32]; /* ...of this context */
};

/*
 * Judges. out is filled always, also on failure; INTERNAL and MEMORY are the only results
 * other than OK, and leave out->cls at internal or unavailable.
 */
LK_MUST_USE lk_result lk_chain_appraise(const struct lk_chain_input *in, struct lk_appraisal *out);

#endif
