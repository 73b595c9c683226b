/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/chain/secrets.h"
#include "policy/appraise/names.h"
#include "policy/appraise/text.h"

#include <stdio.h>
#include <string.h>

/* One policy's outcome, kept so that secrets under one policy are judged once. */
struct outcome {
    const struct lk_policy *policy;
    const struct lk_accept *accept; /* that passed */
    enum lk_class cls;
    enum lk_reason_code code;
};

struct context {
    const struct lk_chain_input *in;
    const struct lk_judged *items;
    size_t n;
    bool authentic;
    bool complete; /* no item was left unread because of its parents' rules */
    struct lk_appraisal *out;
    struct outcome outcomes[LK_SECRETS_MAX];
    size_t n_outcomes;
};

/* The policies that the request is judged by: of the names asked for, or all. */
static const struct lk_policy *policy_at(const struct lk_chain_input *in, size_t i)
{
    return in->n_secrets == 0 ? in->policies->policies[i] : lk_policyset_covering(in->policies, in->secrets[i]);
}

static size_t policies(const struct lk_chain_input *in)
{
    return in->n_secrets == 0 ? in->policies->n_policies : in->n_secrets;
}

bool lk_secrets_some_accept_passes(const struct lk_chain_input *in, const struct lk_judged *path, size_t n)
{
    for (size_t i = 0; i < policies(in); i++) {
        const struct lk_policy *p = policy_at(in, i);
        for (size_t a = 0; p != NULL && a < p->n_accepts; a++) {
            size_t score = 0;
            if (lk_accept_judge(in->policies, p, &p->accepts[a], path, n, in->at, LK_JUDGE_PATH, NULL, &score))
                return true;
        }
    }
    return false;
}

/* The class and the code that the findings from `from` on give. */
static void conclude(const struct lk_report *all, size_t from, struct outcome *o)
{
    struct lk_report part = {.n = 0};
    for (size_t i = from; i < all->n; i++)
        part.findings[part.n++] = all->findings[i];
    const struct lk_finding *first = lk_report_first(&part);
    o->code = first == NULL ? LK_R_OK : first->code;
    o->cls = lk_reason(o->code)->cls;
}

/* Findings did not fit any more, or an item was left unread: no pass, whatever the findings say. */
static void refuse_at_least(struct context *c, struct outcome *o)
{
    if (o->code != LK_R_OK)
        return;
    o->code = lk_report_add(&c->out->report, LK_R_CHAIN_PARENT_REFUSED, "", o->policy->name, "", "").code;
    o->cls = lk_reason(o->code)->cls;
}

static bool passes(const struct context *c, const struct lk_policy *p, const struct lk_accept *a, struct lk_report *report,
                   size_t *score)
{
    enum lk_judge_scope scope = c->complete ? LK_JUDGE_BUNDLE : LK_JUDGE_PATH;
    *score = 0;
    return lk_accept_judge(c->in->policies, p, a, c->items, c->n, c->in->at, scope, report, score) && c->complete;
}

static void judge_policy(struct context *c, const struct lk_policy *p, struct outcome *o)
{
    size_t best = 0, best_score = 0, from = c->out->report.n, score = 0;
    *o = (struct outcome){.policy = p};
    for (size_t a = 0; a < p->n_accepts; a++) {
        if (passes(c, p, &p->accepts[a], NULL, &score)) {
            o->accept = &p->accepts[a];
            return;
        }
        if (score > best_score) {
            best = a;
            best_score = score;
        }
    }
    (void)passes(c, p, &p->accepts[best], &c->out->report, &score); /* again, for its findings */
    conclude(&c->out->report, from, o);
    refuse_at_least(c, o);
}

static const struct outcome *outcome_of(struct context *c, const struct lk_policy *p)
{
    for (size_t i = 0; i < c->n_outcomes; i++)
        if (c->outcomes[i].policy == p)
            return &c->outcomes[i];
    struct outcome *o = &c->outcomes[c->n_outcomes++];
    judge_policy(c, p, o);
    return o;
}

/* Text of a claim that may stand in a name, from an authentic item. */
static struct lk_bytes placeholder_value(void *context, struct lk_bytes hole)
{
    const struct context *c = context;
    char name[LK_NAME_MAX + 1];
    snprintf(name, sizeof(name), "%.*s", (int)hole.len, (const char *)hole.data);
    char *dot = strchr(name, '.');
    for (size_t i = 0; dot != NULL && i < c->n; i++) {
        const struct lk_family *f = c->items[i].family;
        struct lk_claim_ref ref;
        bool here = strlen(f->name) == (size_t)(dot - name) && strncmp(f->name, name, (size_t)(dot - name)) == 0;
        if (!here || !lk_ok(lk_claim_find(f, dot + 1, &ref)) || (lk_claim_of(&ref)->flags & LK_CLAIM_PLACEHOLDER) == 0)
            continue;
        struct lk_value v = lk_value_at(c->items[i].values, &ref);
        LK_BUF_AUTO text = lk_buf(LK_NAME_MAX);
        if (!v.present)
            return LK_BYTES_NONE;
        lk_value_put(&text, &v);
        char *copy = lk_ok(lk_buf_ok(&text)) ? lk_arena_str(c->in->arena, text.data, text.len) : NULL;
        return copy == NULL ? LK_BYTES_NONE : lk_bytes_str(copy);
    }
    return LK_BYTES_NONE;
}

/* The finding that decides the secret, when the policy itself passed. actual NULL: it is not in the evidence. */
static enum lk_reason_code refuse_name(struct context *c, enum lk_reason_code code, const struct lk_policy *p,
                                       const char *expected, const char *actual)
{
    char rule[LK_FINDING_TEXT + 1];
    snprintf(rule, sizeof(rule), "%s/releases", p == NULL ? "" : p->name);
    if (actual == NULL)
        return lk_report_add_absent(&c->out->report, code, "", rule, expected).code;
    return lk_report_add(&c->out->report, code, "", rule, expected, actual).code;
}

/* The name must be what a pattern of the policy gives for this machine, not only look like it. */
static enum lk_reason_code name_is_ours(struct context *c, const struct lk_policy *p, const char *name)
{
    char own[LK_NAME_MAX + 1] = "";
    for (size_t i = 0; i < p->n_releases; i++) {
        struct lk_bytes pattern = lk_bytes_str(p->releases[i]);
        if (!lk_release_pattern_match(pattern, lk_bytes_str(name)))
            continue;
        if (!lk_release_expand(pattern, placeholder_value, c, own))
            return refuse_name(c, LK_R_RELEASE_PLACEHOLDER, p, p->releases[i], NULL);
        if (lk_release_pattern_match(lk_bytes_str(own), lk_bytes_str(name)))
            return LK_R_OK;
    }
    return refuse_name(c, LK_R_RELEASE_OTHER_MACHINE, p, own, name);
}

static const char *keep(struct context *c, struct lk_bytes text)
{
    const char *copy = lk_arena_str(c->in->arena, text.data, text.len);
    return copy == NULL ? "" : copy;
}

static void settle(struct lk_secret_verdict *v, enum lk_reason_code code)
{
    v->code = code;
    v->cls = lk_reason(code)->cls;
    if (code != LK_R_OK)
        v->accept = "";
}

static void name_policy(struct lk_secret_verdict *v, const struct outcome *o)
{
    v->policy = o->policy->name;
    v->policy_revision = o->policy->revision;
    v->accept = o->accept == NULL ? "" : o->accept->name;
    v->cls = o->cls;
    v->code = o->code;
}

static void judge_secret(struct context *c, struct lk_bytes asked, struct lk_secret_verdict *v)
{
    char name[LK_NAME_MAX + 1];
    *v = (struct lk_secret_verdict){.name = keep(c, asked), .policy = "", .accept = ""};
    if (!lk_secret_name_ok(asked, true) || lk_release_pattern_open(asked)) {
        settle(v, refuse_name(c, LK_R_SECRET_NAME, NULL, "a name", v->name));
        return;
    }
    const struct lk_policy *p = lk_policyset_covering(c->in->policies, asked);
    if (p == NULL) {
        settle(v, refuse_name(c, LK_R_SECRET_UNKNOWN, NULL, "a policy", v->name));
        return;
    }
    name_policy(v, outcome_of(c, p));
    if (v->code != LK_R_OK)
        return;
    if (!lk_release_expand(asked, placeholder_value, c, name)) {
        settle(v, refuse_name(c, LK_R_RELEASE_PLACEHOLDER, p, v->name, NULL));
        return;
    }
    v->name = keep(c, lk_bytes_str(name));
    settle(v, name_is_ours(c, p, name));
}

/* What is not authentic is judged by no policy. */
static void fail_secret(struct context *c, const char *name, struct lk_secret_verdict *v)
{
    struct outcome o = {.policy = NULL};
    conclude(&c->out->report, 0, &o);
    *v = (struct lk_secret_verdict){.name = name, .policy = "", .accept = "", .cls = o.cls, .code = o.code};
}

static void judge_all_policies(struct context *c)
{
    if (c->in->policies->n_policies > LK_SECRETS_MAX) {
        lk_result r = lk_report_add_uint(&c->out->report, LK_R_REQUEST_LIMIT, "", "policies", LK_SECRETS_MAX,
                                         c->in->policies->n_policies);
        (void)r; /* the finding fails the whole */
    }
    for (size_t i = 0; i < c->in->policies->n_policies && i < LK_SECRETS_MAX; i++) {
        struct lk_secret_verdict *v = &c->out->secrets[c->out->n_secrets++];
        const struct lk_policy *p = c->in->policies->policies[i];
        if (!c->authentic) {
            fail_secret(c, "", v);
            v->policy = p->name;
            continue;
        }
        *v = (struct lk_secret_verdict){.name = ""};
        name_policy(v, outcome_of(c, p));
    }
}

static void judge_names(struct context *c)
{
    for (size_t i = 0; i < c->in->n_secrets && i < LK_SECRETS_MAX; i++) {
        struct lk_secret_verdict *v = &c->out->secrets[c->out->n_secrets++];
        if (c->authentic)
            judge_secret(c, c->in->secrets[i], v);
        else
            fail_secret(c, keep(c, c->in->secrets[i]), v);
    }
}

/* The whole is affirmed only when there was something to affirm and each secret is. */
static enum lk_class whole(const struct lk_appraisal *out, bool authentic)
{
    enum lk_class worst = lk_report_class(&out->report);
    for (size_t i = 0; worst == LK_CLASS_AFFIRMED && i < out->n_secrets; i++)
        worst = out->secrets[i].cls;
    bool nothing = out->n_secrets == 0 || !authentic;
    return nothing && worst == LK_CLASS_AFFIRMED ? LK_CLASS_INTERNAL : worst;
}

void lk_secrets_judge(const struct lk_chain_input *in, const struct lk_judged *items, size_t n, bool authentic,
                      struct lk_appraisal *out)
{
    struct context c = {.in = in, .items = items, .n = n, .authentic = authentic, .complete = n == in->n_items, .out = out};
    if (in->n_secrets == 0)
        judge_all_policies(&c);
    else
        judge_names(&c);
    out->cls = whole(out, authentic);
}
