/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/chain/chain.h"
#include "policy/appraise/judge.h"
#include "policy/chain/links.h"
#include "policy/chain/secrets.h"

#include <string.h>

/* Which items are done, and in which order they became authentic: parents before children. */
struct run {
    const struct lk_chain_input *in;
    struct lk_appraisal *out;
    struct lk_links links;
    struct lk_item *parsed[LK_CHAIN_ITEMS_MAX];
    int order[LK_CHAIN_ITEMS_MAX];
    size_t n_order;
    bool bound[LK_CHAIN_ITEMS_MAX]; /* carries the binding */
};

static lk_result note(struct run *r, enum lk_reason_code code, size_t i, const char *rule, const char *expected,
                      const char *actual)
{
    return lk_report_add(&r->out->report, code, r->in->items[i].family->name, rule, expected, actual);
}

static struct lk_family_input family_input(struct run *r, size_t i)
{
    const struct lk_chain_input *in = r->in;
    return (struct lk_family_input){
        .parts = in->items[i].parts,
        .arena = in->arena,
        .at = in->at,
        .trust = in->trust,
        .activation = in->activation,
        .activation_context = in->activation_context,
        .report = &r->out->report,
    };
}

static lk_result check_parts(struct run *r, size_t i)
{
    const struct lk_chain_item *item = &r->in->items[i];
    for (size_t p = 0; p < item->family->n_parts; p++) {
        const struct lk_part *part = &item->family->parts[p];
        if (part->required && item->parts[p].data == NULL)
            return note(r, LK_R_CHAIN_MISSING_PART, i, part->name, part->name, "absent");
        if (item->parts[p].len > part->max_len)
            return lk_report_add_uint(&r->out->report, LK_R_CHAIN_PART_SIZE, item->family->name, part->name,
                                      part->max_len, item->parts[p].len);
    }
    for (size_t k = 0; k < i; k++)
        if (r->in->items[k].family == item->family)
            return note(r, LK_R_CHAIN_DUPLICATE_ITEM, i, "", "one", "two");
    return LK_OK;
}

static lk_result parse_item(struct run *r, size_t i)
{
    struct lk_chain_node *node = &r->out->nodes[i];
    *node = (struct lk_chain_node){.item = &r->in->items[i], .parent = -1};
    struct lk_family_input in = family_input(r, i);
    node->state = check_parts(r, i);
    if (lk_ok(node->state))
        node->state = node->item->family->parse(&in, &r->parsed[i]);
    return node->state;
}

/* Everything parses, or nothing is looked at further: a signature is not checked beside garbage. */
static lk_result parse_all(struct run *r)
{
    const struct lk_chain_input *in = r->in;
    if (in->n_items == 0)
        return lk_report_add(&r->out->report, LK_R_CHAIN_NO_ITEMS, "", "", "evidence", "none");
    if (in->n_items > LK_CHAIN_ITEMS_MAX)
        return lk_report_add_uint(&r->out->report, LK_R_CHAIN_TOO_MANY_ITEMS, "", "", LK_CHAIN_ITEMS_MAX, in->n_items);
    r->out->n_nodes = in->n_items;
    lk_result first = LK_OK;
    for (size_t i = 0; i < in->n_items; i++) {
        lk_result one = parse_item(r, i);
        if (lk_ok(first))
            first = one;
    }
    return first;
}

/* A 32-byte field carries the first half; a 32-byte binding (offline) fills a 64-byte field with zeros. */
static bool carries(struct lk_bytes binding, struct lk_bytes field)
{
    uint8_t want[64] = {0};
    if (binding.len > sizeof(want) || (field.len != 64 && field.len != 32))
        return false;
    memcpy(want, binding.data, binding.len);
    return lk_bytes_ct_eq(lk_bytes(want, field.len), field);
}

static lk_result binding_differs(struct run *r, size_t i, struct lk_bytes actual)
{
    return lk_report_add_hex(&r->out->report, LK_R_BINDING_MISMATCH, r->in->items[i].family->name, "binding",
                             r->in->binding, actual);
}

/* An item of the bundle may have its digest where this one would carry the binding: known once all links are. */
static bool may_be_displaced(const struct run *r, size_t i)
{
    bool may = false;
    for (size_t k = 0; k < r->in->n_items; k++)
        may = may || r->in->items[k].family->displaces_binding;
    return may && !r->in->items[i].family->displaces_binding;
}

static lk_result check_binding(struct run *r, size_t i)
{
    if (r->in->binding.data == NULL)
        return LK_OK;
    size_t found = 0;
    for (size_t p = 0; p < r->links.n; p++) {
        const struct lk_proof *proof = &r->links.proofs[p];
        if (r->links.owner[p] != (int)i || proof->kind != LK_PROOF_BINDING)
            continue;
        r->bound[i] = carries(r->in->binding, proof->value);
        if (!r->bound[i] && !may_be_displaced(r, i))
            return binding_differs(r, i, proof->value);
        found++;
    }
    bool missing = found == 0 && r->in->items[i].family->carries_binding;
    return missing ? note(r, LK_R_BINDING_MISSING, i, "binding", "the binding", "none") : LK_OK;
}

static bool displaced(const struct run *r, size_t i)
{
    for (size_t k = 0; k < r->out->n_nodes; k++) {
        const struct lk_chain_node *child = &r->out->nodes[k];
        if (child->parent == (int)i && lk_ok(child->state) && child->item->family->displaces_binding &&
            child->how.by->guest_chosen)
            return true;
    }
    return false;
}

/* What check_binding left open: a field that is neither the binding nor the digest of such an item. */
static lk_result check_displaced(struct run *r)
{
    for (size_t p = 0; r->in->binding.data != NULL && p < r->links.n; p++) {
        size_t i = (size_t)r->links.owner[p];
        if (r->links.proofs[p].kind == LK_PROOF_BINDING && !r->bound[i] && !displaced(r, i))
            return binding_differs(r, i, r->links.proofs[p].value);
    }
    return LK_OK;
}

/* The items that vouch for this one, root first, and the item itself: what its reading depends on. */
static size_t path_to(const struct run *r, size_t item, bool self, struct lk_judged *out)
{
    int path[LK_CHAIN_ITEMS_MAX];
    size_t n = 0;
    for (int i = self ? (int)item : r->out->nodes[item].parent; i >= 0 && n < LK_CHAIN_ITEMS_MAX; i = r->out->nodes[i].parent)
        path[n++] = i;
    for (size_t k = 0; k < n; k++) {
        const struct lk_chain_node *node = &r->out->nodes[path[n - 1 - k]];
        out[k] = (struct lk_judged){node->item->family, node->values, (int)k - 1,
                                    node->how.by != NULL && node->how.by->guest_chosen};
    }
    return n;
}

static bool parents_pass(struct run *r, size_t i)
{
    struct lk_judged path[LK_CHAIN_ITEMS_MAX];
    size_t n = path_to(r, i, false, path);
    return lk_secrets_some_accept_passes(r->in, path, n);
}

static lk_result read_item(struct run *r, size_t i)
{
    struct lk_chain_node *node = &r->out->nodes[i];
    const struct lk_family *family = node->item->family;
    struct lk_family_input in = family_input(r, i);
    if (family->read_vouched != NULL) {
        if (!parents_pass(r, i))
            return LK_FAIL(CHAIN_PARENT_REFUSED);
        struct lk_proofs proofs = {r->links.proofs, r->links.n};
        LK_TRY(family->read_vouched(&in, r->parsed[i], &proofs));
    }
    struct lk_value *values = lk_arena_array(r->in->arena, family->n_claims, sizeof(*values));
    LK_REQUIRE(values != NULL, MEMORY);
    LK_TRY(family->claim(&in, r->parsed[i], values));
    node->values = values;
    LK_TRY(lk_links_take(&r->links, family, r->parsed[i], (int)i));
    return check_binding(r, i);
}

/* True when the item is done with, for good or ill. */
static bool try_item(struct run *r, size_t i)
{
    struct lk_chain_node *node = &r->out->nodes[i];
    struct lk_family_input in = family_input(r, i);
    struct lk_proofs proofs = {r->links.proofs, r->links.n};
    node->how = (struct lk_anchoring){.by = NULL};
    node->state = node->item->family->authenticate(&in, r->parsed[i], &proofs, &node->how);
    if (node->state.code == LK_R_UNANCHORED)
        return false;
    if (lk_ok(node->state) && !node->how.rooted)
        node->state = lk_links_parent(&r->links, node->how.by, &node->parent);
    if (lk_ok(node->state))
        node->state = read_item(r, i);
    if (lk_ok(node->state))
        r->order[r->n_order++] = (int)i;
    return true;
}

static void run_to_fixed_point(struct run *r)
{
    bool done[LK_CHAIN_ITEMS_MAX] = {false}, moved = true;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < r->out->n_nodes; i++)
            if (!done[i] && try_item(r, i))
                done[i] = moved = true;
    }
}

/* An item was not read, since its parents' rules failed: they tell why, and the items that wait for it cannot. */
static bool some_unread(const struct run *r)
{
    for (size_t i = 0; i < r->out->n_nodes; i++)
        if (r->out->nodes[i].state.code == LK_R_CHAIN_PARENT_REFUSED)
            return true;
    return false;
}

/*
 * Items that nothing vouches for. When another item stopped for a reason of its own, that is
 * the reason to tell: its proofs may be what these waited for.
 */
static lk_result first_stopped(struct run *r)
{
    for (size_t i = 0; i < r->out->n_nodes; i++) {
        enum lk_reason_code code = r->out->nodes[i].state.code;
        if (code != LK_R_OK && code != LK_R_UNANCHORED && code != LK_R_CHAIN_PARENT_REFUSED)
            return r->out->nodes[i].state;
    }
    if (some_unread(r))
        return LK_OK;
    lk_result first = LK_OK;
    for (size_t i = 0; i < r->out->n_nodes; i++) {
        const char *wanted = r->out->nodes[i].how.wanted;
        if (r->out->nodes[i].state.code == LK_R_UNANCHORED)
            first = note(r, LK_R_UNANCHORED, i, "chain",
                         wanted != NULL ? wanted : "an anchor, or an item that vouches for it", "none");
    }
    return first;
}

static bool binding_near(const struct run *r, size_t item)
{
    for (size_t i = 0; i < r->out->n_nodes; i++) {
        if (!r->bound[i])
            continue;
        for (int up = (int)i; up >= 0; up = r->out->nodes[up].parent)
            if (up == (int)item)
                return true;
        for (int up = (int)item; up >= 0; up = r->out->nodes[up].parent)
            if (up == (int)i)
                return true;
    }
    return false;
}

/* An item whose kind cannot carry the binding counts only next to one that does: on its way, or signed by its key. */
static lk_result check_freshness(struct run *r)
{
    if (r->in->binding.data == NULL)
        return LK_OK;
    for (size_t i = 0; i < r->out->n_nodes; i++)
        if (lk_ok(r->out->nodes[i].state) && !binding_near(r, i))
            return note(r, LK_R_BINDING_MISSING, i, "binding", "an item of its chain that carries the binding", "none");
    return LK_OK;
}

static void take_activation(struct run *r)
{
    for (size_t i = 0; i < r->out->n_nodes; i++) {
        const struct lk_chain_node *node = &r->out->nodes[i];
        if (!lk_ok(node->state) || !node->how.activated)
            continue;
        r->out->needs_activation = true;
        memcpy(r->out->activation_context, node->how.context, sizeof(node->how.context));
    }
}

/* The authentic items, in the order in which they became so. */
static size_t judged_items(const struct run *r, struct lk_judged *out)
{
    int place[LK_CHAIN_ITEMS_MAX];
    for (size_t k = 0; k < r->n_order; k++) {
        const struct lk_chain_node *node = &r->out->nodes[r->order[k]];
        place[r->order[k]] = (int)k;
        out[k] = (struct lk_judged){node->item->family, node->values, node->parent < 0 ? -1 : place[node->parent],
                                    node->how.by != NULL && node->how.by->guest_chosen};
    }
    return r->n_order;
}

static lk_result evidence(struct run *r)
{
    LK_TRY(parse_all(r));
    run_to_fixed_point(r);
    LK_TRY(first_stopped(r));
    if (some_unread(r))
        return LK_OK; /* no bundle with an item left out is affirmed (secrets.c) */
    LK_TRY(check_displaced(r));
    LK_TRY(check_freshness(r));
    take_activation(r);
    return LK_OK;
}

lk_result lk_chain_appraise(const struct lk_chain_input *in, struct lk_appraisal *out)
{
    memset(out, 0, sizeof(*out));
    struct run *r = LK_ARENA_NEW(in->arena, struct run);
    if (r == NULL) {
        out->cls = LK_CLASS_UNAVAILABLE;
        return lk_report_add(&out->report, LK_R_MEMORY, "", "", "", "");
    }
    r->in = in;
    r->out = out;
    lk_result found = evidence(r);
    struct lk_judged items[LK_CHAIN_ITEMS_MAX];
    size_t n = judged_items(r, items);
    if (!lk_ok(found) && out->report.n == 0)
        found = lk_report_add(&out->report, found.code, "", "", "", "");
    lk_secrets_judge(in, items, n, lk_ok(found), out);
    bool fault = found.code == LK_R_INTERNAL || found.code == LK_R_MEMORY;
    return fault ? found : LK_OK;
}
