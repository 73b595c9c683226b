/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern, a newline, a name: what matches both of two patterns makes them overlap. */
#include "policy/appraise/names.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct lk_bytes value(void *context, struct lk_bytes hole)
{
    (void)context;
    return hole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size == 0 ? NULL : memchr(data, '\n', size);
    char out[LK_NAME_MAX + 1];
    if (line == NULL)
        return 0;
    struct lk_bytes pattern = lk_bytes(data, (size_t)(line - data));
    struct lk_bytes name = lk_bytes(line + 1, size - pattern.len - 1);
    bool ok = lk_secret_name_ok(pattern, true) && lk_secret_name_ok(name, false);
    bool matches = lk_release_pattern_match(pattern, name);
    if (ok && matches && (!lk_release_pattern_covers(pattern, name) || !lk_release_patterns_overlap(pattern, name)))
        abort();
    if (lk_secret_name_ok(pattern, true) && !lk_release_pattern_covers(pattern, pattern) && !lk_release_pattern_open(pattern))
        abort();
    (void)lk_release_expand(pattern, value, NULL, out);
    return 0;
}
