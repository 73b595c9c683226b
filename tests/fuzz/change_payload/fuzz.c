/* SPDX-License-Identifier: Apache-2.0 */
/* What administrators send: the request around an envelope, the check of it, and each kind of payload. */
#include "keystore/change/check.h"
#include "keystore/change/payload.h"
#include "latchkey.pb-c.h"
#include "proto/base/arena.h"
#include "proto/msg/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_request(struct lk_bytes in)
{
    struct lk_arena *arena = lk_arena_new(16u << 20);
    struct lk_state *state = lk_state_new();
    struct lk_bytes payloads[LK_ENVELOPE_ITEMS_MAX];
    static struct lk_change change;
    void *m = NULL;
    if (arena != NULL && state != NULL &&
        lk_ok(lk_msg_unpack(&latchkey__v1__change_request__descriptor, in, arena, &LK_MSG_LIMITS_DOCUMENT, &m))) {
        const Latchkey__V1__ChangeRequest *r = m;
        size_t n = r->n_payloads < LK_ENVELOPE_ITEMS_MAX ? r->n_payloads : LK_ENVELOPE_ITEMS_MAX;
        for (size_t i = 0; i < n; i++)
            payloads[i] = lk_bytes(r->payloads[i].data, r->payloads[i].len);
        if (lk_ok(lk_change_check(state, lk_bytes(r->envelope.data, r->envelope.len), payloads, n, 0, &change)))
            __builtin_trap(); /* a state without administrators accepts nothing */
    }
    lk_state_free(state);
    lk_arena_free(arena);
}

static void as_payload(struct lk_bytes in, uint8_t kind)
{
    struct lk_bytes name = lk_bytes_str("n");
    struct lk_policy_rules *rules = NULL;
    struct lk_buf out = lk_buf(1u << 20);
    enum lk_kek kek;
    lk_result r = LK_OK;
    switch (kind % 5) {
    case 0: r = lk_policy_rules_parse(in, name, &rules); break;
    case 1: r = lk_payload_reference(in, name); break;
    case 2: r = lk_payload_anchor(in, name); break;
    case 3: r = lk_payload_admin(in, name, &out); break;
    default: r = lk_payload_secret(in, name, &kek, &out); break;
    }
    if (lk_ok(r) && rules != NULL)
        (void)lk_policy_rules_cover(rules, in);
    lk_policy_rules_free(rules);
    lk_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct lk_bytes in = lk_bytes(data + 1, size - 1);
    if (data[0] < 0x80)
        as_payload(in, data[0]);
    else
        as_request(in);
    return 0;
}
