/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log under the very PCRs that it gives, so that the rules run, in both banks; first byte: which PCRs are quoted. The values
 * that the replay gives must always be explained.
 */
#include "policy/evidence/eventlog/eventlog.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t quote(struct lk_bytes log, uint16_t alg, uint32_t pcrs, struct lk_registers *r, struct lk_proof *out)
{
    size_t n = 0;
    if (!lk_ok(lk_tcg_replay(log, LK_REGISTERS_PCR, lk_tpm_hash(alg), r)))
        return 0;
    for (uint32_t i = 0; i < r->n; i++)
        if (pcrs & (1u << i))
            out[n++] = (struct lk_proof){.kind = LK_PROOF_REGISTER, .alg = alg, .index = i, .value = lk_registers_value(r, i)};
    return n;
}

static void judge(struct lk_bytes log, uint16_t alg, uint32_t pcrs, struct lk_arena *arena)
{
    static struct lk_registers r;
    struct lk_proof proofs[LK_REGISTERS_MAX + 1] = {{.kind = LK_PROOF_TPM_NAME}};
    struct lk_report report = {.n = 0};
    struct lk_bytes parts[LK_EVENTLOG_PARTS] = {log};
    struct lk_family_input in = {.parts = parts, .arena = arena, .report = &report};
    struct lk_value values[LK_FAMILY_CLAIMS_MAX] = {{0}};
    struct lk_anchoring how = {0};
    struct lk_item *item;
    size_t n = quote(log, alg, pcrs, &r, proofs + 1);
    struct lk_proofs all = {proofs, n + 1};
    if (n == 0 || !lk_ok(lk_family_eventlog.parse(&in, &item)) ||
        !lk_ok(lk_family_eventlog.authenticate(&in, item, &all, &how)))
        return;
    lk_result read = lk_family_eventlog.read_vouched(&in, item, &all);
    if (read.code == LK_R_EVENTLOG_REPLAY || read.code == LK_R_EVENTLOG_BANK)
        __builtin_trap();
    if (lk_ok(read) && !lk_ok(lk_family_eventlog.claim(&in, item, values)))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct lk_arena *arena = lk_arena_new(4 << 20);
    uint32_t pcrs = data[0] == 0 ? 0xffffff : data[0] | (uint32_t)data[0] << 8;
    struct lk_bytes log = lk_bytes(data + 1, size - 1);
    judge(log, LK_TPM_SHA1, pcrs, arena);
    judge(log, LK_TPM_SHA256, pcrs, arena);
    lk_arena_free(arena);
    return 0;
}
