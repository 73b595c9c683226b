/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/policy/evidence/dcap/world.h"

#include <stdlib.h>

static struct lk_bytes bytes(const struct qe_blob *b)
{
    return lk_bytes(b->data, b->len);
}

void world_init(struct world *w, bool tdx, uint16_t body_type)
{
    *w = (struct world){.at = QE_NOW};
    qe_settings_init(&w->s, tdx, body_type);
}

const struct lk_family *world_family(const struct world *w)
{
    return w->s.tdx != w->as_other_tee ? &lk_family_tdx : &lk_family_sgx;
}

static void must(lk_result r)
{
    if (!lk_ok(r))
        abort();
}

/* The same bytes as collateral of the broker, by the names of dcap.h. */
static void to_collateral(struct lk_trust *trust, bool tdx, struct lk_bytes parts[static LK_DCAP_PARTS])
{
    static const char *const sgx_names[LK_DCAP_PARTS] = {NULL,            "sgx/tcb-info/00806f050000", "sgx/qe-identity",
                                                         "sgx/tcb-chain", "sgx/pck-crl/platform",      "sgx/root-crl"};
    for (size_t i = 1; i < LK_DCAP_PARTS; i++) {
        const char *name = tdx && i == LK_DCAP_PART_TCB_INFO      ? "tdx/tcb-info/00806f050000"
                           : tdx && i == LK_DCAP_PART_QE_IDENTITY ? "tdx/qe-identity"
                                                                  : sgx_names[i];
        must(lk_trust_add_collateral(trust, name, parts[i]));
        parts[i] = LK_BYTES_NONE;
    }
}

lk_result world_run(const struct world *w, struct lk_family_run *out)
{
    static struct qe_output made;
    static struct lk_arena *arena;
    static struct lk_trust *trust;
    qe_make(&w->s, &made);
    lk_arena_free(arena);
    lk_trust_free(trust);
    arena = lk_arena_new(1 << 20);
    trust = lk_trust_new();
    if (arena == NULL || trust == NULL)
        abort();
    struct lk_bytes parts[LK_DCAP_PARTS] = {bytes(&made.quote),     bytes(&made.tcb_info), bytes(&made.qe_identity),
                                            bytes(&made.tcb_chain), bytes(&made.pck_crl),  bytes(&made.root_crl)};
    if (!w->no_anchor)
        must(lk_trust_add_anchor(trust, world_family(w)->name, "test root", bytes(&made.root)));
    if (w->as_collateral)
        to_collateral(trust, w->s.tdx, parts);
    for (size_t i = 0; i < LK_DCAP_PARTS; i++)
        if ((w->omit >> i & 1) != 0)
            parts[i] = LK_BYTES_NONE;
    return lk_family_run(world_family(w), parts, trust, w->at, arena, out);
}
