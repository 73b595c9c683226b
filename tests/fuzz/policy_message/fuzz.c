/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of a snapshot: unpacked, checked, and asked for an evidence request when they load. */
#include "policy/appraise/policyset.h"
#include "proto/base/buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lk_report report;
    struct lk_policyset *set = lk_policyset_new();
    struct lk_bytes message = lk_bytes(data, size), name = lk_bytes_str("disk/{board.serial}");
    LK_BUF_AUTO out = lk_buf(8192);
    if (set == NULL)
        return 0;
    report.n = 0;
    lk_result r = lk_policyset_add_policy(set, 1, message, &report);
    if (lk_ok(r))
        r = lk_policyset_evidence_request(set, &name, 1, &out);
    r = lk_policyset_add_reference(set, 1, message, &report);
    r = lk_policyset_finish(set, &report);
    (void)r;
    lk_policyset_free(set);
    return 0;
}
