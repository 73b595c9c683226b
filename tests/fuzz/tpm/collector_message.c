/* SPDX-License-Identifier: Apache-2.0 */
/* A request to a collector whose hardware answers everything. */
#include "broker/guest/collectors/frame.h"
#include "broker/guest/collectors/serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool identify(void *self, struct lk_buf *ek, struct lk_buf *ak, struct lk_collector_failure *f)
{
    (void)self;
    (void)f;
    lk_put_u8(ek, 1);
    lk_put_u8(ak, 2);
    return true;
}

static bool activate(void *self, struct lk_bytes blob, struct lk_bytes encrypted, struct lk_secret *s,
                     struct lk_collector_failure *f)
{
    (void)self;
    if (blob.len == 0)
        return lk_collector_fail(f, LK_COLLECTOR_BAD_REQUEST, "no blob");
    return lk_ok(lk_secret_copy(s, encrypted.len > 0 ? encrypted : blob));
}

static bool collect(void *self, struct lk_bytes binding, const Latchkey__V1__EvidenceItemRequest *request,
                    struct lk_collector_item *item, struct lk_collector_failure *f)
{
    (void)self;
    (void)f;
    lk_collector_put_part(item, "attest", binding);
    for (size_t i = 0; i < request->n_pcrs && i < 8; i++)
        lk_collector_put_part(item, "bank", lk_bytes_str(request->pcrs[i]->bank));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const families[] = {"tpm", NULL};
    static const struct lk_collector_ops ops = {
        .program = "fuzz", .families = families, .identify = identify, .activate = activate, .collect = collect};
    LK_BUF_AUTO response = lk_buf(LK_COLLECTOR_FRAME_MAX);
    lk_result r = lk_collector_answer(&ops, NULL, lk_bytes(data, size), &response);
    (void)r;
    return 0;
}
