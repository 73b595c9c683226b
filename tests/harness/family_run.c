/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/harness/family_run.h"

#include "policy/chain/cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lk_result run(const struct lk_family *family, const struct lk_family_input *in, struct lk_family_run *out)
{
    struct lk_item *item;
    struct lk_proofs none = {0};
    LK_TRY(family->parse(in, &item));
    LK_TRY(family->authenticate(in, item, &none, &out->how));
    return family->claim(in, item, out->values);
}

lk_result lk_family_run(const struct lk_family *family, const struct lk_bytes *parts, const struct lk_trust *trust,
                        int64_t at, struct lk_arena *arena, struct lk_family_run *out)
{
    memset(out, 0, sizeof(*out));
    struct lk_family_input in = {.parts = parts, .arena = arena, .at = at, .trust = trust, .report = &out->report};
    out->result = run(family, &in, out);
    lk_cert_cache_release(lk_trust_cache(trust));
    return out->result;
}

static bool default_holds(const struct lk_claim *claim, const struct lk_value *v)
{
    if (claim->safe_default == NULL || strcmp(claim->safe_default, "skip") == 0)
        return true;
    if (claim->kind == LK_KIND_BOOL)
        return v->present && v->flag == (strcmp(claim->safe_default, "required") == 0);
    if (claim->kind == LK_KIND_WORD)
        return v->present && strcmp(v->word, claim->safe_default) == 0;
    return claim->kind == LK_KIND_UINT && v->present && v->number == strtoull(claim->safe_default, NULL, 0);
}

lk_result lk_family_run_defaults(const struct lk_family *family, const struct lk_family_run *r)
{
    for (size_t i = 0; i < family->n_claims; i++)
        if (!default_holds(&family->claims[i], &r->values[i]))
            return (lk_result){family->claims[i].refusal};
    return LK_OK;
}

const struct lk_value *lk_family_run_value(const struct lk_family *family, const struct lk_family_run *r,
                                           const char *claim)
{
    for (size_t i = 0; i < family->n_claims; i++)
        if (strcmp(family->claims[i].name, claim) == 0)
            return &r->values[i];
    return NULL;
}

struct lk_bytes lk_test_file(struct lk_arena *arena, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return LK_BYTES_NONE;
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    rewind(f);
    uint8_t *data = size >= 0 ? lk_arena_alloc(arena, (size_t)size + 1) : NULL;
    bool ok = data != NULL && fread(data, 1, (size_t)size, f) == (size_t)size;
    fclose(f);
    return ok ? lk_bytes(data, (size_t)size) : LK_BYTES_NONE;
}
