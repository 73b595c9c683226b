/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/appraise_lists.h"
#include "policy/appraise/text.h"

#include <string.h>

static const struct lk_accept *passed(const struct lk_policyset *set, const struct lk_secret_verdict *v)
{
    for (size_t i = 0; v->accept[0] != '\0' && i < set->n_policies; i++)
        for (size_t a = 0; strcmp(set->policies[i]->name, v->policy) == 0 && a < set->policies[i]->n_accepts; a++)
            if (strcmp(set->policies[i]->accepts[a].name, v->accept) == 0)
                return &set->policies[i]->accepts[a];
    return NULL;
}

static const struct lk_value *values_of(const struct lk_appraisal *out, const struct lk_family *family)
{
    for (size_t i = 0; i < out->n_nodes; i++)
        if (out->nodes[i].item->family == family)
            return out->nodes[i].values;
    return NULL;
}

void lk_appraise_lists(const struct lk_policyset *set, const struct lk_appraisal *out,
                       void (*fn)(void *arg, const struct lk_list_told *told), void *arg)
{
    for (size_t i = 0; i < out->n_secrets; i++) {
        const struct lk_secret_verdict *v = &out->secrets[i];
        const struct lk_accept *a = passed(set, v);
        for (size_t f = 0; a != NULL && f < a->n; f++) {
            const struct lk_value *values = values_of(out, a->families[f].family);
            for (size_t k = 0; values != NULL && k < a->families[f].n; k++) {
                const struct lk_rule *r = &a->families[f].rules[k];
                struct lk_list_told told = {v->policy, v->accept, a->families[f].family->name, r->name, {0}};
                const char *which;
                if (!lk_rule_is_listing(r))
                    continue;
                struct lk_value value = lk_value_at(values, &r->ref);
                if (value.present && lk_ok(lk_list_judge(set, r, &value, &told.tally, &which)))
                    fn(arg, &told);
            }
        }
    }
}
