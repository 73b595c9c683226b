/* SPDX-License-Identifier: Apache-2.0 */
/* A TD's log under the very RTMRs that it gives, so that the rules run: they must always be explained. */
#include "policy/evidence/eventlog/eventlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(struct lk_bytes log, struct lk_arena *arena)
{
    static struct lk_registers r;
    struct lk_proof proofs[4];
    struct lk_report report = {.n = 0};
    struct lk_bytes parts[LK_EVENTLOG_PARTS] = {[LK_EVENTLOG_CCEL] = log};
    struct lk_family_input in = {.parts = parts, .arena = arena, .report = &report};
    struct lk_value values[LK_FAMILY_CLAIMS_MAX] = {{0}};
    struct lk_anchoring how = {0};
    struct lk_proofs all = {proofs, 4};
    struct lk_item *item;
    if (!lk_ok(lk_tcg_replay(log, LK_REGISTERS_RTMR, lk_tpm_hash(LK_TPM_SHA384), &r)))
        return;
    for (uint32_t i = 0; i < 4; i++)
        proofs[i] = (struct lk_proof){.kind = LK_PROOF_RTMR, .alg = LK_TPM_SHA384, .index = i, .value = lk_registers_value(&r, i)};
    if (!lk_ok(lk_family_eventlog.parse(&in, &item)) || !lk_ok(lk_family_eventlog.authenticate(&in, item, &all, &how)))
        return;
    lk_result read = lk_family_eventlog.read_vouched(&in, item, &all);
    if (read.code == LK_R_EVENTLOG_REPLAY || read.code == LK_R_EVENTLOG_BANK)
        __builtin_trap();
    if (lk_ok(read) && !lk_ok(lk_family_eventlog.claim(&in, item, values)))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_arena *arena = lk_arena_new(4 << 20);
    judge(lk_bytes(data, size), arena);
    lk_arena_free(arena);
    return 0;
}
