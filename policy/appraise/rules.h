/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_APPRAISE_RULES_H
#define LK_APPRAISE_RULES_H
/*
 * One rule against one value. A claim that an item does not carry fails every rule
 * but SKIP: what is absent was not judged.
 */
#include "policy/appraise/text.h"

/* The set gives the members of IN_SET's groups: of records in force at `at`. */
bool lk_rule_holds(const struct lk_policyset *set, const struct lk_rule *rule, const struct lk_value *actual, int64_t at);

/*
 * What the rule demands and what was there, for a finding: ">= microcode 72" and
 * "microcode 70" for the components of a vector that fail, else the whole values.
 */
void lk_rule_put_expected(struct lk_buf *out, const struct lk_rule *rule, const struct lk_value *actual);
void lk_rule_put_actual(struct lk_buf *out, const struct lk_rule *rule, const struct lk_value *actual);

/* The rule binds the claim to one value or to a list of values. */
bool lk_rule_pins(const struct lk_rule *rule);

/* "a", or "a, b, c" */
void lk_values_put(struct lk_buf *out, const struct lk_value *values, size_t n);

#endif
