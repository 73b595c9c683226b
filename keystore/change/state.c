/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/change/state.h"

#include "keystore/change/payload.h"
#include "policy/appraise/policyset.h"
#include "proto/seal/hash.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct nonce {
    uint8_t value[32];
};

struct lk_state {
    void *objects[LK_OBJECT_COUNT]; /* search trees of struct lk_object, by name */
    size_t live[LK_OBJECT_COUNT];
    void *nonces;
    struct lk_head head;
    uint8_t installation_id[32];
    struct lk_buf installation_key;
};

static const char *const kind_names[LK_OBJECT_COUNT] = {
    [LK_OBJECT_POLICY] = "policy", [LK_OBJECT_REFERENCE] = "reference", [LK_OBJECT_ANCHOR] = "anchor",
    [LK_OBJECT_SECRET] = "secret", [LK_OBJECT_ADMIN] = "admin",
    [LK_OBJECT_SET] = "set", [LK_OBJECT_COLLATERAL] = "collateral",
};

static const struct {
    enum lk_change_kind change;
    enum lk_object_kind object;
    bool deletes;
} change_kinds[] = {
    {LK_CHANGE_POLICY_SET, LK_OBJECT_POLICY, false},       {LK_CHANGE_POLICY_DELETE, LK_OBJECT_POLICY, true},
    {LK_CHANGE_REFERENCE_SET, LK_OBJECT_REFERENCE, false}, {LK_CHANGE_REFERENCE_DELETE, LK_OBJECT_REFERENCE, true},
    {LK_CHANGE_ANCHOR_SET, LK_OBJECT_ANCHOR, false},       {LK_CHANGE_ANCHOR_DELETE, LK_OBJECT_ANCHOR, true},
    {LK_CHANGE_SECRET_PUT, LK_OBJECT_SECRET, false},       {LK_CHANGE_SECRET_DELETE, LK_OBJECT_SECRET, true},
    {LK_CHANGE_ADMIN_SET, LK_OBJECT_ADMIN, false},         {LK_CHANGE_ADMIN_DELETE, LK_OBJECT_ADMIN, true},
    {LK_CHANGE_SET_PUT, LK_OBJECT_SET, false},             {LK_CHANGE_SET_DELETE, LK_OBJECT_SET, true},
    {LK_CHANGE_COLLATERAL_DROP, LK_OBJECT_COLLATERAL, true},
};

const char *lk_object_kind_name(enum lk_object_kind k)
{
    return kind_names[k];
}

bool lk_object_kind_by_name(struct lk_bytes name, enum lk_object_kind *out)
{
    for (int k = 0; k < LK_OBJECT_COUNT; k++) {
        if (!lk_bytes_eq(name, lk_bytes_str(kind_names[k])))
            continue;
        *out = (enum lk_object_kind)k;
        return true;
    }
    return false;
}

bool lk_change_kind_of(enum lk_change_kind k, enum lk_object_kind *kind, bool *deletes)
{
    for (size_t i = 0; i < sizeof(change_kinds) / sizeof(change_kinds[0]); i++) {
        if (change_kinds[i].change != k)
            continue;
        *kind = change_kinds[i].object;
        *deletes = change_kinds[i].deletes;
        return true;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct lk_object *)a)->name, ((const struct lk_object *)b)->name);
}

static int by_value(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct nonce));
}

static void object_clear(struct lk_object *o)
{
    free(o->payload);
    lk_policy_rules_free(o->rules);
    free(o->made_by);
    o->payload = NULL;
    o->payload_len = 0;
    o->rules = NULL;
    o->made_by = NULL;
}

static void object_free(void *p)
{
    struct lk_object *o = p;
    object_clear(o);
    free(o->name);
    free(o);
}

struct lk_state *lk_state_new(void)
{
    return calloc(1, sizeof(struct lk_state));
}

void lk_state_free(struct lk_state *s)
{
    if (s == NULL)
        return;
    for (int k = 0; k < LK_OBJECT_COUNT; k++)
        tdestroy(s->objects[k], object_free);
    tdestroy(s->nonces, free);
    lk_buf_free(&s->installation_key);
    free(s);
}

const struct lk_head *lk_state_head(const struct lk_state *s)
{
    return &s->head;
}

const uint8_t *lk_state_installation_id(const struct lk_state *s)
{
    return s->installation_id;
}

/* Object names are at most 255 bytes without a NUL: whoever wrote one has checked that. */
static bool name_copy(struct lk_bytes name, char out[static 256])
{
    if (name.len == 0 || name.len > 255 || memchr(name.data, 0, name.len) != NULL)
        return false;
    memcpy(out, name.data, name.len);
    out[name.len] = '\0';
    return true;
}

static struct lk_object *find(const struct lk_state *s, enum lk_object_kind kind, struct lk_bytes name)
{
    char text[256];
    struct lk_object key = {.name = text};
    if (!name_copy(name, text))
        return NULL;
    struct lk_object *const *found = tfind(&key, &s->objects[kind], by_name);
    return found == NULL ? NULL : *found;
}

const struct lk_object *lk_state_trace(const struct lk_state *s, enum lk_object_kind kind, struct lk_bytes name)
{
    return find(s, kind, name);
}

const struct lk_object *lk_state_find(const struct lk_state *s, enum lk_object_kind kind, struct lk_bytes name)
{
    const struct lk_object *o = find(s, kind, name);
    return o == NULL || o->deleted ? NULL : o;
}

size_t lk_state_count(const struct lk_state *s, enum lk_object_kind kind)
{
    return s->live[kind];
}

struct walk {
    lk_state_fn fn;
    void *arg;
    bool stopped;
};

static void walk_node(const void *node, VISIT which, void *closure)
{
    struct walk *w = closure;
    const struct lk_object *o = *(const struct lk_object *const *)node;
    if (w->stopped || o->deleted || (which != postorder && which != leaf))
        return;
    w->stopped = !w->fn(w->arg, o);
}

void lk_state_each(const struct lk_state *s, enum lk_object_kind kind, lk_state_fn fn, void *arg)
{
    struct walk w = {fn, arg, false};
    twalk_r(s->objects[kind], walk_node, &w);
}

struct key_search {
    struct lk_bytes key;
    const struct lk_object *found;
};

static bool same_key(void *arg, const struct lk_object *o)
{
    struct key_search *k = arg;
    if (lk_bytes_eq(k->key, lk_bytes(o->payload, o->payload_len)))
        k->found = o;
    return k->found == NULL;
}

const struct lk_object *lk_state_admin_by_key(const struct lk_state *s, struct lk_bytes ssh_key)
{
    struct key_search k = {ssh_key, NULL};
    lk_state_each(s, LK_OBJECT_ADMIN, same_key, &k);
    return k.found;
}

struct cover_search {
    struct lk_bytes name;
    const struct lk_object *first;
    size_t n;
};

static bool covers(void *arg, const struct lk_object *o)
{
    struct cover_search *c = arg;
    if (lk_policy_rules_cover(o->rules, c->name) && c->n++ == 0)
        c->first = o;
    return true;
}

size_t lk_state_policies_for(const struct lk_state *s, struct lk_bytes name, const struct lk_object **first)
{
    struct cover_search c = {name, NULL, 0};
    lk_state_each(s, LK_OBJECT_POLICY, covers, &c);
    *first = c.first;
    return c.n;
}

bool lk_state_nonce_used(const struct lk_state *s, struct lk_bytes nonce)
{
    return nonce.len == 32 && tfind(nonce.data, &s->nonces, by_value) != NULL;
}

static lk_result nonce_add(struct lk_state *s, struct lk_bytes nonce)
{
    struct nonce *n = malloc(sizeof(*n));
    LK_REQUIRE(n != NULL && nonce.len == 32, MEMORY);
    memcpy(n->value, nonce.data, 32);
    struct nonce **at = tsearch(n, &s->nonces, by_value);
    if (at == NULL || *at != n)
        free(n);
    return at == NULL ? LK_FAIL(MEMORY) : LK_OK;
}

static lk_result object_make(struct lk_state *s, enum lk_object_kind kind, struct lk_bytes name, struct lk_object **out)
{
    char text[256];
    LK_REQUIRE(name_copy(name, text), STORE_DAMAGED);
    *out = find(s, kind, name);
    if (*out != NULL)
        return LK_OK;
    struct lk_object *o = calloc(1, sizeof(*o));
    LK_REQUIRE(o != NULL, MEMORY);
    *o = (struct lk_object){.kind = kind, .name = strdup(text), .deleted = true};
    if (o->name == NULL || tsearch(o, &s->objects[kind], by_name) == NULL) {
        object_free(o);
        return LK_FAIL(MEMORY);
    }
    *out = o;
    return LK_OK;
}

static lk_result payload_keep(struct lk_object *o, struct lk_bytes payload)
{
    uint8_t *copy = malloc(payload.len == 0 ? 1 : payload.len);
    LK_REQUIRE(copy != NULL, MEMORY);
    if (payload.len > 0)
        memcpy(copy, payload.data, payload.len);
    o->payload = copy;
    o->payload_len = payload.len;
    return LK_OK;
}

static lk_result set_admin(struct lk_object *o, struct lk_bytes payload)
{
    LK_BUF_AUTO key = lk_buf(LK_SSH_KEY_MAX);
    LK_TRY(lk_payload_admin(payload, lk_bytes_str(o->name), &key));
    return payload_keep(o, lk_buf_bytes(&key));
}

static lk_result set_policy(struct lk_object *o, struct lk_bytes payload)
{
    LK_TRY(lk_policy_rules_parse(payload, lk_bytes_str(o->name), &o->rules));
    return payload_keep(o, payload);
}

static lk_result set_secret(struct lk_object *o, uint8_t note)
{
    LK_REQUIRE(note == LK_KEK_SEALED || note == LK_KEK_IN_TOKEN, STORE_DAMAGED);
    o->kek = (enum lk_kek)note;
    return LK_OK;
}

static lk_result object_set(struct lk_state *s, struct lk_object *o, struct lk_bytes payload, uint8_t note)
{
    object_clear(o);
    if (o->kind == LK_OBJECT_SECRET)
        LK_TRY(set_secret(o, note));
    else if (o->kind == LK_OBJECT_POLICY)
        LK_TRY(set_policy(o, payload));
    else if (o->kind == LK_OBJECT_ADMIN)
        LK_TRY(set_admin(o, payload));
    else
        LK_TRY(payload_keep(o, payload));
    if (o->deleted) {
        s->live[o->kind]++;
        o->first_version = o->revision + 1;
    }
    o->deleted = false;
    o->revision++;
    return LK_OK;
}

static void object_delete(struct lk_state *s, struct lk_object *o)
{
    object_clear(o);
    if (!o->deleted)
        s->live[o->kind]--;
    o->deleted = true;
}

lk_result lk_state_genesis(struct lk_state *s, struct lk_bytes genesis)
{
    struct lk_genesis g;
    LK_TRY(lk_genesis_get(genesis, &g));
    memcpy(s->installation_id, g.installation_id, 32);
    s->installation_key = lk_buf(1024);
    lk_put(&s->installation_key, g.installation_key);
    LK_TRY(lk_buf_ok(&s->installation_key));
    for (size_t i = 0; i < g.n_admins; i++) {
        struct lk_object *o;
        LK_TRY(object_make(s, LK_OBJECT_ADMIN, g.admins[i].name, &o));
        LK_REQUIRE(o->deleted, STORE_DAMAGED);
        LK_TRY(payload_keep(o, g.admins[i].ssh_key));
        LK_TRY(lk_sha256(LK_PARTS(g.admins[i].ssh_key), o->digest));
        o->deleted = false;
        o->revision = 1;
        o->changed = g.time;
        s->live[LK_OBJECT_ADMIN]++;
    }
    s->head.index = 1;
    return lk_genesis_hash(genesis, s->head.hash);
}

static lk_result apply_item(struct lk_state *s, const struct lk_envelope_item *item, const struct lk_change_record *r,
                            size_t i)
{
    enum lk_object_kind kind;
    bool deletes;
    struct lk_object *o;
    LK_REQUIRE(lk_change_kind_of(item->kind, &kind, &deletes), STORE_DAMAGED);
    LK_TRY(object_make(s, kind, item->object, &o));
    LK_REQUIRE(item->revision == (o->deleted ? 0 : o->revision), STORE_DAMAGED);
    if (deletes)
        object_delete(s, o);
    else
        LK_TRY(object_set(s, o, r->items[i].payload, r->items[i].note));
    memcpy(o->digest, item->payload_digest.data, 32);
    o->changed = r->time;
    o->entry = s->head.index;
    return LK_OK;
}

static lk_result apply_envelope(struct lk_state *s, const struct lk_change_record *r)
{
    struct lk_envelope e;
    LK_REQUIRE(lk_ok(lk_envelope_parse(r->envelope, &e)) && e.n_items == r->n && !e.query, STORE_DAMAGED);
    for (size_t i = 0; i < r->n; i++)
        LK_TRY(apply_item(s, &e.items[i], r, i));
    return nonce_add(s, e.nonce);
}

/* ---- what the keeper made ---- */

bool lk_state_may_make(const struct lk_state *s, const struct lk_made_secret *m)
{
    const struct lk_object *policy;
    if (!lk_secret_name_ok(m->name, false) || lk_state_trace(s, LK_OBJECT_SECRET, m->name) != NULL ||
        lk_state_policies_for(s, m->name, &policy) != 1)
        return false;
    return lk_bytes_eq(lk_bytes_str(policy->name), m->policy) && policy->revision == m->policy_revision &&
           policy->rules->kek == m->kek && lk_policy_rules_make(policy->rules, m->name);
}

lk_result lk_state_made_ok(const struct lk_state *s, const struct lk_made *m)
{
    LK_REQUIRE(lk_bytes_eq(m->installation_id, LK_BYTES(s->installation_id)), STORE_DAMAGED);
    LK_REQUIRE(m->index == s->head.index && lk_bytes_eq(m->prev, LK_BYTES(s->head.hash)), STORE_DAMAGED);
    for (size_t i = 0; i < m->n; i++) {
        LK_REQUIRE(lk_state_may_make(s, &m->secrets[i]), STORE_DAMAGED);
        for (size_t j = 0; j < i; j++)
            LK_REQUIRE(!lk_bytes_eq(m->secrets[i].name, m->secrets[j].name), STORE_DAMAGED);
    }
    return LK_OK;
}

static lk_result name_maker(struct lk_object *o, const struct lk_made_secret *m)
{
    LK_BUF_AUTO text = lk_buf(512);
    lk_put_fmt(&text, "policy %.*s %llu, decision %.*s", (int)m->policy.len, (const char *)m->policy.data,
               (unsigned long long)m->policy_revision, (int)m->decision.len, (const char *)m->decision.data);
    lk_put_u8(&text, 0);
    LK_TRY(lk_buf_ok(&text));
    o->made_by = strdup((const char *)text.data);
    return o->made_by == NULL ? LK_FAIL(MEMORY) : LK_OK;
}

static lk_result apply_made_secret(struct lk_state *s, const struct lk_made *m, size_t i)
{
    struct lk_object *o;
    LK_TRY(object_make(s, LK_OBJECT_SECRET, m->secrets[i].name, &o));
    LK_TRY(object_set(s, o, LK_BYTES_NONE, (uint8_t)m->secrets[i].kek));
    LK_TRY(name_maker(o, &m->secrets[i]));
    LK_TRY(lk_made_message(m->signed_part, o->digest));
    o->changed = m->time;
    o->entry = s->head.index;
    return LK_OK;
}

static lk_result apply_made(struct lk_state *s, const struct lk_change_record *r)
{
    struct lk_made m;
    LK_TRY(lk_made_get(r->envelope, &m));
    LK_REQUIRE(m.n == r->n && m.time == r->time, STORE_DAMAGED);
    for (size_t i = 0; i < m.n; i++)
        LK_REQUIRE(r->items[i].note == m.secrets[i].kek && r->items[i].payload.len == 0, STORE_DAMAGED);
    LK_TRY(lk_made_verify(&m, lk_buf_bytes(&s->installation_key)));
    LK_TRY(lk_state_made_ok(s, &m));
    for (size_t i = 0; i < m.n; i++)
        LK_TRY(apply_made_secret(s, &m, i));
    return LK_OK;
}

lk_result lk_state_apply(struct lk_state *s, struct lk_bytes raw_record)
{
    struct lk_change_record r;
    uint8_t hash[32];
    LK_TRY(lk_change_record_get(raw_record, &r));
    LK_REQUIRE(lk_bytes_eq(r.prev, LK_BYTES(s->head.hash)), STORE_DAMAGED);
    LK_TRY(lk_change_record_hash(s->head.index, &r, hash));
    LK_TRY(lk_made_is(r.envelope) ? apply_made(s, &r) : apply_envelope(s, &r));
    s->head.index++;
    memcpy(s->head.hash, hash, 32);
    return LK_OK;
}
