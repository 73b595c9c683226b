/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_APPRAISE_POLICY_H
#define LK_APPRAISE_POLICY_H
/*
 * Policies and reference records as the engine uses them: names resolved to table
 * rows, operands to typed values, safe defaults filled in. Built by policyset.c
 * from the signed messages; everything lives in the set's arena. Private to policy/.
 */
#include "policy/appraise/policyset.h"
#include "policy/evidence/family.h"

/* Limits on a document: an administrator's mistake must not exhaust a verifier. */
#define LK_POLICY_ACCEPTS_MAX 16
#define LK_POLICY_RELEASES_MAX 64
#define LK_POLICY_GROUPS_MAX 8
#define LK_POLICY_RULES_MAX 256
#define LK_POLICY_OPERANDS_MAX 4096
#define LK_POLICY_CHAIN_MAX 12
#define LK_POLICY_GLOBS_MAX 128 /* of one rule, exclusions and signers each */
#define LK_POLICIES_MAX 1024
#define LK_RECORDS_MAX 16384

/* The numbers of latchkey.v1.Rule.Op. */
enum lk_op {
    LK_OP_EQUALS = 1,
    LK_OP_IN,
    LK_OP_NOT_IN,
    LK_OP_AT_LEAST,
    LK_OP_AT_MOST,
    LK_OP_ALL_SET,
    LK_OP_NONE_SET,
    LK_OP_SKIP,
    LK_OP_ANY_GENUINE,
    LK_OP_IN_SET,
    LK_OP_COUNT
};

/* A claim, or one register of it: "vmpl", "pcr.sha256.7". */
struct lk_claim_ref {
    const struct lk_family *family;
    size_t claim; /* index in family->claims */
    uint16_t alg; /* of a register; 0 for the whole claim */
    uint32_t index;
};

struct lk_signed_by {
    const char *key; /* of an anchor, or of the certificates that a keyring under it learned: "ca/.ima" */
    const char *const *paths;
    size_t n;
};

struct lk_rule {
    const char *name; /* as written: "pcr.sha256.7" */
    struct lk_claim_ref ref;
    enum lk_op op;
    const struct lk_value *operands;
    size_t n;
    const char *because;
    /* Lists of files. */
    const char *const *exclude;
    size_t n_exclude;
    const struct lk_signed_by *signed_by;
    size_t n_signed_by;
};

/* Rules for one family of a chain, safe defaults included, in the order of the document. */
struct lk_family_rules {
    const struct lk_family *family;
    const struct lk_rule *rules;
    size_t n;
    bool open[LK_FAMILY_CLAIMS_MAX]; /* claims that only a matching record can judge */
};

struct lk_accept {
    const char *name;
    const struct lk_family_rules *families; /* the chain, root first */
    size_t n;
    const char *const *groups;
    size_t n_groups;
    const struct lk_family *separate[LK_POLICY_CHAIN_MAX];
    size_t n_separate;
    bool any_chain; /* the defaults: families may be missing, in any order */
};

struct lk_policy {
    const char *name;
    uint64_t revision;
    const char *const *releases;
    size_t n_releases;
    const struct lk_accept *accepts;
    size_t n_accepts;
};

enum lk_record_state { LK_RECORD_STAGED = 1, LK_RECORD_ACTIVE = 2, LK_RECORD_RETIRED = 3 };

struct lk_record_match {
    const char *name;
    struct lk_claim_ref ref;
    const struct lk_value *values;
    size_t n;
};

struct lk_record {
    const char *id, *group;
    enum lk_record_state state;
    const struct lk_record_match *matches;
    size_t n;
    int64_t valid_from, valid_until; /* 0: no bound */
};

struct lk_policyset {
    struct lk_arena *arena;
    const struct lk_policy **policies;
    size_t n_policies;
    const struct lk_record **records;
    size_t n_records;
    struct lk_set_part *set_parts; /* sets.h */
    size_t n_set_parts;
};

/* The policy that covers the name as it is asked for (placeholders allowed); NULL when none does. */
const struct lk_policy *lk_policyset_covering(const struct lk_policyset *s, struct lk_bytes asked);

/* The rules that judge this family in the accept; NULL when its chain does not list it. */
const struct lk_family_rules *lk_accept_rules(const struct lk_accept *a, const struct lk_family *family);

#endif
