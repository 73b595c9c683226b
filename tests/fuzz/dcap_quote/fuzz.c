/* SPDX-License-Identifier: Apache-2.0 */
/* A quote, as TDX's and as SGX's, through parse of its family. */
#include "policy/evidence/dcap/item.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as(uint32_t tee, struct lk_bytes in)
{
    struct lk_report report = {0};
    struct lk_dcap_say say = {&report, tee == LK_TEE_TDX ? "tdx" : "sgx"};
    struct lk_quote q;
    lk_result r = lk_quote_read(in, tee, &say, &q);
    /* What was read must be whole, and a failure must be told. */
    if (lk_ok(r) ? q.signature.len != 64 || q.qe_report.len != 384 || q.signed_part.data != in.data : report.n != 1)
        __builtin_trap();
}

static void run_family(const struct lk_family *family, struct lk_bytes in)
{
    struct lk_arena *arena = lk_arena_new(1 << 20);
    struct lk_report report = {0};
    struct lk_bytes parts[LK_DCAP_PARTS] = {in};
    struct lk_family_input input = {.parts = parts, .arena = arena, .report = &report};
    struct lk_item *item;
    if (arena != NULL)
        (void)!lk_ok(family->parse(&input, &item));
    lk_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_bytes in = lk_bytes(data, size);
    read_as(LK_TEE_TDX, in);
    read_as(LK_TEE_SGX, in);
    run_family(&lk_family_tdx, in);
    run_family(&lk_family_sgx, in);
    return 0;
}
