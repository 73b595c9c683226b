/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/evidence/eventlog/registers.h"

#include <string.h>

#define RTMRS 4
#define LOCALITY_LEN 17 /* "StartupLocality", a NUL, the locality */

void lk_registers_reset(struct lk_registers *r, enum lk_register_kind kind, const struct lk_tpm_hash *hash)
{
    memset(r, 0, sizeof(*r));
    r->kind = kind;
    r->hash = hash;
    r->n = kind == LK_REGISTERS_PCR ? LK_REGISTERS_MAX : RTMRS;
    for (uint32_t i = 17; i <= 22 && i < r->n; i++)
        memset(r->value[i], 0xff, hash->size);
}

lk_result lk_registers_extend(struct lk_registers *r, uint32_t n, struct lk_bytes digest)
{
    uint8_t out[LK_TPM_DIGEST_MAX];
    LK_REQUIRE(n < r->n && digest.len == r->hash->size, EVENTLOG_REGISTER);
    struct lk_bytes parts[] = {lk_bytes(r->value[n], r->hash->size), digest};
    LK_TRY(lk_tpm_digest(r->hash, parts, 2, out));
    memcpy(r->value[n], out, r->hash->size);
    r->extends[n]++;
    return LK_OK;
}

struct lk_bytes lk_registers_value(const struct lk_registers *r, uint32_t n)
{
    return n < r->n ? lk_bytes(r->value[n], r->hash->size) : LK_BYTES_NONE;
}

bool lk_registers_is_reset(const struct lk_registers *r, uint32_t n, struct lk_bytes v)
{
    bool high = r->kind == LK_REGISTERS_PCR && n >= 17 && n <= 22;
    if (v.len != r->hash->size || n >= r->n)
        return false;
    for (size_t i = 0; i + 1 < v.len; i++)
        if (v.data[i] != (high ? 0xff : 0x00))
            return false;
    uint8_t last = v.data[v.len - 1];
    bool locality = r->kind == LK_REGISTERS_PCR && n == 0 && last <= 4;
    return locality || last == (high ? 0xff : 0x00);
}

static bool is_locality(const struct lk_tcg_event *e)
{
    return e->index == 0 && e->data.len == LOCALITY_LEN && memcmp(e->data.data, "StartupLocality", 16) == 0;
}

/* Localities 0, 3 and H-CRTM's 4; once, and before anything else. */
static lk_result start_at(struct lk_registers *r, uint8_t locality)
{
    uint8_t *last = &r->value[0][r->hash->size - 1];
    bool known = locality == 0 || locality == 3 || locality == 4;
    LK_REQUIRE(known && r->extends[0] == 0 && *last == 0, EVENTLOG_LOCALITY);
    *last = locality;
    return LK_OK;
}

static lk_result no_action(struct lk_registers *r, const struct lk_tcg_event *e)
{
    LK_REQUIRE(e->index < LK_REGISTERS_MAX || e->index == LK_TCG_NO_INDEX, EVENTLOG_REGISTER);
    if (r->kind == LK_REGISTERS_PCR && is_locality(e))
        return start_at(r, e->data.data[LOCALITY_LEN - 1]);
    return LK_OK;
}

static lk_result apply(struct lk_registers *r, const struct lk_tcg_event *e, struct lk_bytes digest)
{
    if (e->type == LK_TCG_NO_ACTION)
        return no_action(r, e);
    if (r->kind == LK_REGISTERS_PCR)
        return lk_registers_extend(r, e->index, digest);
    return e->index == 0 ? LK_OK : lk_registers_extend(r, e->index - 1, digest);
}

lk_result lk_tcg_replay(struct lk_bytes bytes, enum lk_register_kind kind, const struct lk_tpm_hash *hash,
                        struct lk_registers *out)
{
    struct lk_tcg_log log;
    struct lk_tcg_event e;
    bool more = true, has_bank = false;
    lk_registers_reset(out, kind, hash);
    LK_TRY(lk_tcg_open(bytes, &log));
    for (size_t i = 0; i < log.n_banks; i++)
        has_bank = has_bank || log.banks[i].alg == hash->alg;
    LK_REQUIRE(has_bank, EVENTLOG_BANK);
    for (;;) {
        LK_TRY(lk_tcg_next(&log, &e, &more));
        if (!more)
            return LK_OK;
        LK_TRY(apply(out, &e, lk_tcg_digest(&log, &e, hash->alg)));
    }
}
