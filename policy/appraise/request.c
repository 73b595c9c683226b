/* SPDX-License-Identifier: Apache-2.0 */
/* What GetChallenge asks a guest for: the chains of the policies that cover the names, and the registers they judge. */
#include "policy/appraise/names.h"
#include "policy/appraise/text.h"

#include "latchkey.pb-c.h"

#include <string.h>

#define REQUEST_MAX 8192
#define REQUEST_ARENA (256u << 10)
#define ALTERNATIVES_MAX (16 * LK_POLICY_ACCEPTS_MAX)
#define REGISTERS_MAX 24 /* PCRs of a bank (PC Client Platform TPM Profile, 4.6.1) */

/* TPM_ALG_ID of the banks that a quote may cover. */
static const uint16_t banks[] = {0x000b, 0x000c, 0x000d};
#define BANKS (sizeof(banks) / sizeof(banks[0]))

struct wanted {
    uint32_t registers[BANKS]; /* bit i: register i */
    const struct lk_rule *vmpl;
};

static void want_register(struct wanted *w, const struct lk_claim_ref *ref)
{
    for (size_t b = 0; b < BANKS; b++)
        if (banks[b] == ref->alg && ref->index < REGISTERS_MAX)
            w->registers[b] |= UINT32_C(1) << ref->index;
}

static void want_vmpl(struct wanted *w, const struct lk_family_rules *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->rules[i].name, "vmpl") == 0)
            w->vmpl = &f->rules[i];
}

static void want_by_rules(struct wanted *w, const struct lk_family_rules *f)
{
    for (size_t i = 0; i < f->n; i++)
        want_register(w, &f->rules[i].ref);
}

static void want_by_records(struct wanted *w, const struct lk_policyset *s, const struct lk_accept *a,
                            const struct lk_family *family)
{
    for (size_t i = 0; i < s->n_records; i++) {
        const struct lk_record *r = s->records[i];
        bool named = false;
        for (size_t g = 0; g < a->n_groups; g++)
            named = named || strcmp(a->groups[g], r->group) == 0;
        for (size_t m = 0; named && m < r->n; m++)
            if (r->matches[m].ref.family == family)
                want_register(w, &r->matches[m].ref);
    }
}

/* What the chain's logs need quoted, into the banks that are wanted anyway. */
static void want_by_logs(struct wanted *w, const struct lk_accept *a)
{
    uint32_t pcrs = 0;
    for (size_t i = 0; i < a->n; i++) {
        const struct lk_family_rules *f = &a->families[i];
        if (f->family->pcrs == 0)
            continue;
        pcrs |= f->family->pcrs;
        for (size_t k = 0; k < f->n; k++)
            pcrs |= f->rules[k].op == LK_OP_SKIP ? 0 : lk_claim_of(&f->rules[k].ref)->flags >> 8;
        for (size_t c = 0; c < f->family->n_claims; c++)
            pcrs |= f->open[c] ? f->family->claims[c].flags >> 8 : 0;
    }
    bool any = false;
    for (size_t b = 0; b < BANKS; b++) {
        any = any || w->registers[b] != 0;
        w->registers[b] |= w->registers[b] != 0 ? pcrs : 0;
    }
    if (!any)
        w->registers[0] = pcrs;
}

/* Items that quote registers. A log may have claims that look alike, but carries no binding. */
static bool quotes(const struct lk_family *f)
{
    for (size_t i = 0; f->carries_binding && i < f->n_claims; i++)
        if (f->claims[i].kind == LK_KIND_REGISTERS)
            return true;
    return false;
}

/* A quote must select something: the firmware's registers when nothing else is asked for. */
static void want_something(struct wanted *w)
{
    uint32_t any = 0;
    for (size_t b = 0; b < BANKS; b++)
        any |= w->registers[b];
    if (any == 0)
        w->registers[0] = 0xff;
}

static void want_registers(struct wanted *w, const struct lk_policyset *s, const struct lk_accept *accept,
                           const struct lk_family_rules *f)
{
    want_by_rules(w, f);
    want_by_records(w, s, accept, f->family);
    want_by_logs(w, accept);
    want_something(w);
}

static Latchkey__V1__PcrSelection *selection(struct lk_arena *a, uint16_t bank, uint32_t bits)
{
    Latchkey__V1__PcrSelection *sel = LK_ARENA_NEW(a, Latchkey__V1__PcrSelection);
    uint32_t *indexes = lk_arena_array(a, REGISTERS_MAX, sizeof(*indexes));
    const char *name = lk_bank_name(bank);
    if (sel == NULL || indexes == NULL)
        return NULL;
    latchkey__v1__pcr_selection__init(sel);
    sel->bank = lk_arena_str(a, name, strlen(name));
    sel->indexes = indexes;
    for (uint32_t i = 0; i < REGISTERS_MAX; i++)
        if ((bits >> i & 1) != 0)
            indexes[sel->n_indexes++] = i;
    return sel->bank == NULL ? NULL : sel;
}

static bool put_registers(struct lk_arena *a, const struct wanted *w, Latchkey__V1__EvidenceItemRequest *item)
{
    item->pcrs = lk_arena_array(a, BANKS, sizeof(Latchkey__V1__PcrSelection *));
    for (size_t b = 0; item->pcrs != NULL && b < BANKS; b++) {
        if (w->registers[b] == 0)
            continue;
        Latchkey__V1__PcrSelection *sel = selection(a, banks[b], w->registers[b]);
        if (sel == NULL)
            return false;
        item->pcrs[item->n_pcrs++] = sel;
    }
    return item->pcrs != NULL;
}

static bool put_vmpl(struct lk_arena *a, const struct lk_rule *vmpl, Latchkey__V1__EvidenceItemRequest *item)
{
    if (vmpl == NULL || (vmpl->op != LK_OP_EQUALS && vmpl->op != LK_OP_IN))
        return true;
    item->vmpl = lk_arena_array(a, vmpl->n, sizeof(*item->vmpl));
    for (size_t i = 0; item->vmpl != NULL && i < vmpl->n; i++)
        item->vmpl[item->n_vmpl++] = (uint32_t)vmpl->operands[i].number;
    return item->vmpl != NULL;
}

static Latchkey__V1__EvidenceItemRequest *item_request(struct lk_arena *a, const struct lk_policyset *s,
                                                       const struct lk_accept *accept, const struct lk_family_rules *f)
{
    struct wanted w = {.vmpl = NULL};
    Latchkey__V1__EvidenceItemRequest *item = LK_ARENA_NEW(a, Latchkey__V1__EvidenceItemRequest);
    if (item == NULL)
        return NULL;
    latchkey__v1__evidence_item_request__init(item);
    item->family = lk_arena_str(a, f->family->name, strlen(f->family->name));
    want_vmpl(&w, f);
    if (quotes(f->family))
        want_registers(&w, s, accept, f);
    bool ok = item->family != NULL && put_registers(a, &w, item) && put_vmpl(a, w.vmpl, item);
    return ok ? item : NULL;
}

static Latchkey__V1__EvidenceAlternative *alternative(struct lk_arena *a, const char *policy, const char *name,
                                                      size_t items)
{
    Latchkey__V1__EvidenceAlternative *alt = LK_ARENA_NEW(a, Latchkey__V1__EvidenceAlternative);
    if (alt == NULL)
        return NULL;
    latchkey__v1__evidence_alternative__init(alt);
    alt->policy = lk_arena_str(a, policy, strlen(policy));
    alt->name = lk_arena_str(a, name, strlen(name));
    alt->items = lk_arena_array(a, items, sizeof(*alt->items));
    return alt->policy == NULL || alt->name == NULL || alt->items == NULL ? NULL : alt;
}

static lk_result add_accept(struct lk_arena *a, const struct lk_policyset *s, const struct lk_policy *p,
                            const struct lk_accept *accept, Latchkey__V1__EvidenceRequest *out)
{
    Latchkey__V1__EvidenceAlternative *alt = alternative(a, p->name, accept->name, accept->n);
    LK_REQUIRE(alt != NULL, MEMORY);
    for (size_t i = 0; i < accept->n; i++) {
        alt->items[i] = item_request(a, s, accept, &accept->families[i]);
        LK_REQUIRE(alt->items[i] != NULL, MEMORY);
        alt->n_items++;
    }
    out->alternatives[out->n_alternatives++] = alt;
    return LK_OK;
}

/* A name that no policy covers looks the same: any family, one a time. It is refused at Release. */
static lk_result add_default(struct lk_arena *a, const struct lk_policyset *s, Latchkey__V1__EvidenceRequest *out)
{
    size_t n = 0;
    const struct lk_family *const *families = lk_families(&n);
    static const struct lk_accept nothing;
    for (size_t i = 0; i < n && out->n_alternatives < ALTERNATIVES_MAX; i++) {
        struct lk_family_rules bare = {.family = families[i]};
        Latchkey__V1__EvidenceAlternative *alt = alternative(a, "", families[i]->name, 1);
        LK_REQUIRE(alt != NULL, MEMORY);
        alt->items[0] = item_request(a, s, &nothing, &bare);
        LK_REQUIRE(alt->items[0] != NULL, MEMORY);
        alt->n_items = 1;
        out->alternatives[out->n_alternatives++] = alt;
    }
    return LK_OK;
}

static lk_result add_secret(struct lk_arena *a, const struct lk_policyset *s, const struct lk_policy *p,
                            Latchkey__V1__EvidenceRequest *out)
{
    if (p == NULL)
        return add_default(a, s, out);
    for (size_t i = 0; i < p->n_accepts && out->n_alternatives < ALTERNATIVES_MAX; i++)
        LK_TRY(add_accept(a, s, p, &p->accepts[i], out));
    return LK_OK;
}

static lk_result build(struct lk_arena *a, const struct lk_policyset *s, const struct lk_bytes *secrets, size_t n,
                       struct lk_buf *out)
{
    Latchkey__V1__EvidenceRequest request = LATCHKEY__V1__EVIDENCE_REQUEST__INIT;
    const struct lk_policy *seen[16];
    request.alternatives = lk_arena_array(a, ALTERNATIVES_MAX, sizeof(*request.alternatives));
    LK_REQUIRE(request.alternatives != NULL, MEMORY);
    LK_REQUIRE(n <= sizeof(seen) / sizeof(seen[0]), REQUEST_LIMIT);
    for (size_t i = 0; i < n; i++) {
        seen[i] = lk_policyset_covering(s, secrets[i]);
        bool before = false;
        for (size_t k = 0; k < i; k++)
            before = before || seen[k] == seen[i];
        if (!before)
            LK_TRY(add_secret(a, s, seen[i], &request));
    }
    size_t size = latchkey__v1__evidence_request__get_packed_size(&request);
    LK_REQUIRE(size <= REQUEST_MAX, TOO_LARGE);
    uint8_t *room = lk_put_room(out, size);
    if (room != NULL)
        latchkey__v1__evidence_request__pack(&request, room);
    return lk_buf_ok(out);
}

lk_result lk_policyset_evidence_request(const struct lk_policyset *s, const struct lk_bytes *secrets, size_t n_secrets,
                                        struct lk_buf *out)
{
    struct lk_arena *a = lk_arena_new(REQUEST_ARENA);
    LK_REQUIRE(a != NULL, MEMORY);
    lk_result r = build(a, s, secrets, n_secrets, out);
    lk_arena_free(a);
    return r;
}
