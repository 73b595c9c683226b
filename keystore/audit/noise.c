/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/audit/noise.h"

#include <stdlib.h>
#include <string.h>

#define RECENT_ID 32
#define RECENT_RECORD 4096 /* longer ones are counted but not kept */

struct recent {
    uint8_t id[RECENT_ID], record[RECENT_RECORD];
    size_t id_len, record_len;
};

struct lk_noise {
    uint64_t counts[LK_R_COUNT];
    struct recent recent[LK_NOISE_RECENT];
    size_t next;
};

struct lk_noise *lk_noise_new(void)
{
    return calloc(1, sizeof(struct lk_noise));
}

void lk_noise_free(struct lk_noise *n)
{
    free(n);
}

void lk_noise_add(struct lk_noise *n, enum lk_reason_code code, struct lk_bytes decision, struct lk_bytes record)
{
    unsigned i = (unsigned)code;
    n->counts[i < LK_R_COUNT ? i : LK_R_INTERNAL]++;
    if (decision.len == 0 || decision.len > RECENT_ID || record.len == 0 || record.len > RECENT_RECORD)
        return;
    struct recent *r = &n->recent[n->next++ % LK_NOISE_RECENT];
    memcpy(r->id, decision.data, decision.len);
    memcpy(r->record, record.data, record.len);
    r->id_len = decision.len;
    r->record_len = record.len;
}

bool lk_noise_take(struct lk_noise *n, enum lk_reason_code *code, uint64_t *count)
{
    for (unsigned i = 0; i < LK_R_COUNT; i++) {
        if (n->counts[i] == 0)
            continue;
        *code = (enum lk_reason_code)i;
        *count = n->counts[i];
        n->counts[i] = 0;
        return true;
    }
    return false;
}

struct lk_bytes lk_noise_find(const struct lk_noise *n, struct lk_bytes decision)
{
    for (size_t i = 0; i < LK_NOISE_RECENT; i++)
        if (n->recent[i].id_len > 0 && lk_bytes_eq(decision, lk_bytes(n->recent[i].id, n->recent[i].id_len)))
            return lk_bytes(n->recent[i].record, n->recent[i].record_len);
    return LK_BYTES_NONE;
}
