/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule on a list of files accepts besides its sets and its inline list. */
#include "policy/appraise/compile_context.h"
#include "policy/appraise/glob.h"
#include "policy/appraise/lists.h"

#include <stdio.h>
#include <string.h>

static bool within(struct lk_compile *c, const char *where, size_t n)
{
    if (n > LK_POLICY_GLOBS_MAX)
        lk_compile_note(c, LK_R_POLICY_LIMIT, "", where, "at most 128 globs", "more");
    return n <= LK_POLICY_GLOBS_MAX;
}

static void compile_exclude(struct lk_compile *c, const Latchkey__V1__Rule *m, const char *where, struct lk_rule *out)
{
    if (!within(c, where, m->n_exclude))
        return;
    for (size_t i = 0; i < m->n_exclude; i++)
        if (!lk_glob_ok(m->exclude[i]))
            lk_compile_note(c, LK_R_POLICY_GLOB, "", where, "a glob that does not take every name", m->exclude[i]);
    out->exclude = (const char *const *)m->exclude;
    out->n_exclude = m->n_exclude;
}

/* "release-key", "release-ca/.ima": what stands behind the slash is a keyring's name, as the kernel gives it. */
static bool key_ok(const char *key)
{
    char anchor[65];
    size_t n = strcspn(key, "/"), rest = strlen(key) - n;
    if (n >= sizeof(anchor) || rest == 1 || rest > 65)
        return false;
    snprintf(anchor, sizeof(anchor), "%.*s", (int)n, key);
    return lk_policy_name_ok(anchor);
}

static void compile_key(struct lk_compile *c, const Latchkey__V1__SignedBy *m, const char *where, struct lk_signed_by *out)
{
    *out = (struct lk_signed_by){.key = m->key, .paths = (const char *const *)m->paths, .n = m->n_paths};
    if (!key_ok(m->key))
        lk_compile_note(c, LK_R_POLICY_NAME, "", where, "an anchor, or anchor/keyring", m->key);
    if (m->n_paths == 0)
        lk_compile_note(c, LK_R_POLICY_VALUE, "", where, "globs of what the key may sign", "none");
    if (!within(c, where, m->n_paths))
        return;
    for (size_t i = 0; i < m->n_paths; i++)
        if (!lk_glob_form_ok(m->paths[i]))
            lk_compile_note(c, LK_R_POLICY_GLOB, "", where, "a glob", m->paths[i]);
}

static void compile_signed_by(struct lk_compile *c, const Latchkey__V1__Rule *m, const char *where, struct lk_rule *out)
{
    struct lk_signed_by *keys = within(c, where, m->n_signed_by) ? lk_compile_array(c, m->n_signed_by, sizeof(*keys)) : NULL;
    if (keys == NULL)
        return;
    for (size_t i = 0; i < m->n_signed_by; i++) {
        compile_key(c, m->signed_by[i], where, &keys[i]);
        for (size_t k = 0; k < i; k++)
            if (strcmp(keys[k].key, keys[i].key) == 0)
                lk_compile_note(c, LK_R_POLICY_DUPLICATE, "", where, "each key once", keys[i].key);
    }
    out->signed_by = keys;
    out->n_signed_by = m->n_signed_by;
}

void lk_compile_exceptions(struct lk_compile *c, const Latchkey__V1__Rule *m, const char *where, struct lk_rule *out)
{
    if (m->n_exclude == 0 && m->n_signed_by == 0)
        return;
    bool files = lk_claim_of(&out->ref)->kind == LK_KIND_FILES;
    if (!files || (out->op != LK_OP_IN && out->op != LK_OP_IN_SET)) {
        lk_compile_note(c, LK_R_POLICY_OPERATOR, out->ref.family->name, where, "exclude and signed-by beside in or in-set of files",
                        lk_op_word(out->op));
        return;
    }
    compile_exclude(c, m, where, out);
    compile_signed_by(c, m, where, out);
}
