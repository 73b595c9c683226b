/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: every entry of one that parses lies inside it; settings: every line has a name and a value. */
#include "proto/link/settings.h"
#include "proto/link/snapshot.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct lk_bytes in)
{
    struct lk_snapshot s;
    struct lk_snapshot_entry e;
    if (!lk_ok(lk_snapshot_parse(in, &s)))
        return;
    size_t at = s.table;
    for (uint32_t i = 0; i < s.n; i++) {
        if (!lk_ok(lk_snapshot_next(&s, &at, &e)) || e.body.data < in.data || e.body.data + e.body.len > in.data + in.len)
            abort();
        (void)lk_bytes_zero(e.body);
        (void)lk_bytes_zero(e.name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    walk(lk_bytes(data, size));
    struct lk_settings s;
    if (lk_ok(lk_settings_parse(lk_bytes(data, size), &s))) {
        uint64_t v;
        lk_result r = lk_settings_uint(&s, "sessions", 1, 64, &v);
        if (lk_ok(r) && (v < 1 || v > 64))
            abort();
        lk_settings_free(&s);
    }
    return 0;
}
