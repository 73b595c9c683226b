/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/appraise/lists.h"
#include "policy/appraise/glob.h"
#include "policy/appraise/sets.h"
#include "policy/appraise/text.h"

#include <string.h>

#define PATH_SHOWN 64 /* bytes of a path in a finding */

bool lk_kind_is_list(enum lk_kind kind)
{
    return kind == LK_KIND_WORDS || kind == LK_KIND_FILES;
}

bool lk_rule_is_listing(const struct lk_rule *r)
{
    bool op = r->op == LK_OP_IN || r->op == LK_OP_NOT_IN || r->op == LK_OP_IN_SET;
    return op && r->ref.family != NULL && lk_kind_is_list(lk_claim_of(&r->ref)->kind);
}

/* An operand's name or digest that is absent stands for any. */
static bool is_operand(const struct lk_value *operand, const struct lk_member *m)
{
    const struct lk_member *want = &operand->list.m[0];
    if (want->name.data != NULL && !lk_bytes_eq(want->name, m->name))
        return false;
    return want->digest.data == NULL || (want->alg == m->alg && lk_bytes_eq(want->digest, m->digest));
}

static bool inline_has(const struct lk_rule *r, const struct lk_member *m)
{
    for (size_t i = 0; i < r->n; i++)
        if (is_operand(&r->operands[i], m))
            return true;
    return false;
}

static bool may_sign(const struct lk_rule *r, const struct lk_member *m)
{
    for (size_t i = 0; m->signer != NULL && i < r->n_signed_by; i++)
        if (strcmp(r->signed_by[i].key, m->signer) == 0 && lk_globs_match(r->signed_by[i].paths, r->signed_by[i].n, m->name))
            return true;
    return false;
}

static void keep_first(const struct lk_member *list[static LK_LIST_NAMED], size_t n, const struct lk_member *m)
{
    if (n < LK_LIST_NAMED)
        list[n] = m;
}

static lk_result judge_member(const struct lk_rule *r, const struct lk_set_view *sets, const struct lk_member *m,
                              struct lk_list_tally *out)
{
    bool listed = false;
    if (r->op == LK_OP_IN_SET)
        LK_TRY(lk_set_view_find(sets, m, &listed));
    else
        listed = inline_has(r, m) == (r->op == LK_OP_IN);
    if (listed)
        out->listed++;
    else if (may_sign(r, m))
        out->signed_++;
    else if (lk_globs_match(r->exclude, r->n_exclude, m->name))
        keep_first(out->first_excluded, out->excluded++, m);
    else
        keep_first(out->first_refused, out->refused++, m);
    return LK_OK;
}

lk_result lk_list_judge(const struct lk_policyset *set, const struct lk_rule *r, const struct lk_value *v,
                        struct lk_list_tally *out, const char **which)
{
    struct lk_set_view sets;
    sets.n = 0;
    *out = (struct lk_list_tally){.members = v->list.n};
    *which = "";
    for (size_t i = 0; r->op == LK_OP_IN_SET && i < r->n; i++) {
        *which = r->operands[i].word;
        LK_TRY(lk_set_view_add(&sets, set, *which));
    }
    for (size_t i = 0; i < v->list.n; i++)
        LK_TRY(judge_member(r, &sets, &v->list.m[i], out));
    return LK_OK;
}

void lk_member_put(struct lk_buf *out, const struct lk_member *m)
{
    struct lk_bytes name = m->name;
    if (name.len > PATH_SHOWN) {
        lk_put_fmt(out, "...");
        name = lk_bytes(name.data + name.len - (PATH_SHOWN - 3), PATH_SHOWN - 3);
    }
    lk_put(out, name);
    if (m->signer != NULL)
        lk_put_fmt(out, " signed by %.40s", m->signer);
    if (m->digest.data == NULL)
        return;
    const char *alg = lk_bank_name((uint16_t)(m->alg & ~LK_DIGEST_VERITY));
    lk_put_fmt(out, "%s%s%s:", m->name.len > 0 ? " " : "", (m->alg & LK_DIGEST_VERITY) != 0 ? "verity:" : "", alg == NULL ? "?" : alg);
    for (size_t i = 0; i < m->digest.len; i++)
        lk_put_fmt(out, "%02x", m->digest.data[i]);
}
