/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An upload as a worker takes it: pieces of u16le size and bytes, up to the end. The first piece is an anchor of every vendor
 * when it is a certificate, so that what stands behind the signatures is reached by pieces that were made together.
 */
#include "policy/collateral/sort.h"
#include "proto/base/cursor.h"

#include <stdlib.h>

#define PIECES_MAX 32
#define AT 1767225600 /* 2026-01-01: the emulators' documents are in force */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t cut(struct lk_bytes in, struct lk_bytes raw[static PIECES_MAX])
{
    struct lk_cursor c = lk_cursor(in);
    size_t n = 0;
    while (n < PIECES_MAX && lk_left(&c) >= 2) {
        size_t len = lk_u16le(&c);
        raw[n++] = lk_take(&c, len < lk_left(&c) ? len : lk_left(&c));
    }
    return n;
}

static void check(const struct lk_collateral_piece *p)
{
    bool refused = p->why.code != LK_R_OK, kept = p->name[0] != '\0';
    if (refused && (kept || p->bytes.len != 0))
        abort();
    if (kept && (!lk_collateral_name_ok(lk_bytes_str(p->name)) || p->bytes.len == 0 || p->bytes.len > LK_COLLATERAL_PIECE_MAX ||
                 p->facts.until < p->facts.issued || p->facts.until < AT || lk_collateral_kind_name(p->facts.kind) == NULL))
        abort();
}

static void sort(struct lk_trust *trust, struct lk_arena *arena, const struct lk_bytes *raw, size_t n)
{
    static const char *const families[] = {"sev-snp", "tdx", "sgx"};
    struct lk_collateral_piece out[PIECES_MAX];
    struct lk_collateral_sorting in = {trust, AT, arena, raw, n};
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        (void)!lk_ok(lk_trust_add_anchor(trust, families[i], "first", raw[0]));
    if (!lk_ok(lk_collateral_sort(&in, out)))
        return;
    for (size_t i = 0; i < n; i++)
        check(&out[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_bytes raw[PIECES_MAX];
    size_t n = size > (256u << 10) ? 0 : cut(lk_bytes(data, size), raw);
    if (n == 0)
        return 0;
    struct lk_trust *trust = lk_trust_new();
    struct lk_arena *arena = lk_arena_new(16u << 20);
    if (trust != NULL && arena != NULL)
        sort(trust, arena, raw, n);
    lk_arena_free(arena);
    lk_trust_free(trust);
    return 0;
}
