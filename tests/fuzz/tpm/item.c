/* SPDX-License-Identifier: Apache-2.0 */
/* The whole family: its parts, each after a u16 length, and an anchor in the end. */
#include "policy/evidence/tpm/item.h"
#include "proto/base/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *to, const struct lk_proof *proof)
{
    *(size_t *)to += proof->value.len;
}

static void judge(const struct lk_family_input *in)
{
    struct lk_item *item;
    struct lk_proofs none = {NULL, 0};
    struct lk_anchoring how = {0};
    struct lk_value values[LK_FAMILY_CLAIMS_MAX] = {0};
    size_t vouched = 0;
    if (!lk_ok(lk_family_tpm.parse(in, &item)) || !lk_ok(lk_family_tpm.authenticate(in, item, &none, &how)))
        return;
    if (!lk_ok(lk_family_tpm.claim(in, item, values)))
        __builtin_trap();
    lk_family_tpm.vouch(item, count, &vouched);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_cursor c = lk_cursor(lk_bytes(data, size));
    struct lk_bytes parts[LK_TPM_PARTS];
    struct lk_report report = {0};
    struct lk_trust *trust = lk_trust_new();
    struct lk_arena *arena = lk_arena_new(1 << 20);
    for (size_t i = 0; i < LK_TPM_PARTS; i++) {
        parts[i] = lk_take_u16be(&c, lk_family_tpm.parts[i].max_len);
        if (parts[i].len == 0)
            parts[i] = LK_BYTES_NONE;
    }
    lk_result added = lk_trust_add_anchor(trust, "tpm", "anchor", lk_take_u16be(&c, 8192));
    (void)added;
    struct lk_family_input in = {.parts = parts, .arena = arena, .at = 1800000000, .trust = trust,
                                 .activation = LK_ACTIVATION_ASSUMED, .report = &report};
    if (lk_ok(lk_cursor_ok(&c)))
        judge(&in);
    lk_arena_free(arena);
    lk_trust_free(trust);
    return 0;
}
