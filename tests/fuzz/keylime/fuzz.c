/* SPDX-License-Identifier: Apache-2.0 */
/* A runtime policy of Keylime: whatever opens becomes a set that reads back, or is refused. */
#include <stdio.h>
#include <stdlib.h>

#include "broker/cli/keylime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void convert(json_t *policy)
{
    static const struct lk_set_head head = {.name = "list", .from = "", .approved_by = ""};
    struct lk_set_making *making = lk_set_making_new();
    struct lk_set_parts *set = calloc(1, sizeof(*set));
    LK_BUF_AUTO rules = lk_buf(1u << 20);
    if (making == NULL || set == NULL)
        abort();
    set->bytes = lk_buf(1u << 20);
    lk_result r = lk_keylime_rules(policy, "list", &rules);
    if (lk_ok(lk_keylime_members(policy, making)) && lk_ok(lk_set_making_put(making, &head, &set->bytes)) &&
        !lk_ok(lk_set_parts_read(set)))
        __builtin_trap();
    (void)r;
    lk_set_parts_free(set);
    free(set);
    lk_set_making_free(making);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool quiet;
    json_t *policy = NULL;
    if (!quiet && freopen("/dev/null", "w", stderr) == NULL)
        abort();
    quiet = true;
    if (lk_ok(lk_keylime_open(lk_bytes(data, size), NULL, &policy)))
        convert(policy);
    json_decref(policy);
    return 0;
}
