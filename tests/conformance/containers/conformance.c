/* SPDX-License-Identifier: Apache-2.0 */
/* A public TD's event log with an attestation agent's events: they are found, and RTMR3 is as documented. Exit 77 without it. */
#include "policy/evidence/aael/log.h"
#include "tests/harness/family_run.h"

#include <stdio.h>

static const char path[] = "../shared/vectors/trustee/ccel/CCEL_AAEL_alibabacloud";
static const uint8_t rtmr3[] = {0x5e, 0x4e, 0xcd, 0x49, 0xd3, 0xc7, 0x98, 0x3d}; /* as far as SOURCES.md prints it */

static bool judge(struct lk_arena *arena, struct lk_bytes log)
{
    struct lk_aael a;
    lk_result r = lk_aael_read_ccel(log, arena, &a);
    printf("%s: %zu events, %zu unknown\n", lk_reason(r.code)->name, a.n, a.unknown);
    if (!lk_ok(r) || a.n != 2 || a.unknown != 0 || !lk_bytes_eq(lk_bytes(a.end, sizeof(rtmr3)), LK_BYTES(rtmr3)))
        return false;
    return lk_bytes_eq(a.events[0].domain, lk_bytes_str("coco.com")) &&
           lk_bytes_eq(a.events[0].operation, lk_bytes_str("some-operation")) &&
           lk_bytes_eq(a.events[0].content, lk_bytes_str("some-content"));
}

int main(void)
{
    struct lk_arena *arena = lk_arena_new(8 << 20);
    struct lk_bytes log = lk_test_file(arena, path);
    if (log.data == NULL) {
        printf("SKIPPED: %s is not there\n", path);
        lk_arena_free(arena);
        return 77;
    }
    bool ok = judge(arena, log);
    printf("%s\n", ok ? "ok" : "FAIL");
    lk_arena_free(arena);
    return ok ? 0 : 1;
}
