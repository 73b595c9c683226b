/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_APPRAISE_COMPILE_CONTEXT_H
#define LK_APPRAISE_COMPILE_CONTEXT_H
/* What the files of the compiler share. */
#include "policy/appraise/compile.h"
#include "policy/appraise/text.h"

struct lk_compile {
    struct lk_policyset *set;
    struct lk_arena *arena;
    struct lk_report *report;
    const char *object; /* the policy's name or the record's id */
    const char *accept; /* NULL outside of one */
    lk_result first;    /* of the findings */
};

/* Adds a finding for "object/accept/where" and remembers its code. */
void lk_compile_note(struct lk_compile *c, enum lk_reason_code code, const char *item, const char *where,
                     const char *expected, const char *actual);

/* Array of n from the arena, or NULL with a MEMORY note. */
void *lk_compile_array(struct lk_compile *c, size_t n, size_t size);

/* [a-z0-9][a-z0-9._-]{0,63}: else POLICY_NAME. */
void lk_compile_name(struct lk_compile *c, const char *where, const char *name);

/* Operands as values of the claim's kind. where: "family.claim". NULL after a note. */
struct lk_value *lk_compile_operands(struct lk_compile *c, const struct lk_claim_ref *ref, const char *where, bool group,
                                     Latchkey__V1__Operand *const *operands, size_t n);

/* exclude and signed-by of a rule on a list of files: else there must be none. */
void lk_compile_exceptions(struct lk_compile *c, const Latchkey__V1__Rule *m, const char *where, struct lk_rule *out);

/* Rules of one family, defaults filled in; m NULL: the defaults alone. */
void lk_compile_family(struct lk_compile *c, const struct lk_family *family, const Latchkey__V1__FamilyRules *m,
                       bool has_groups, struct lk_family_rules *out);

#endif
