/* SPDX-License-Identifier: Apache-2.0 */
/* latchkeyd's configuration: a struct or an error text, never both, never neither. */
#include "broker/supervisor/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_config *c;
    struct lk_config_error e;
    lk_result r = lk_config_parse("/fuzz/latchkeyd.conf", (const char *)data, size, &c, &e);
    if (lk_ok(r) != (c != NULL) || lk_ok(r) != (e.text[0] == '\0'))
        abort();
    lk_config_free(c);
    return 0;
}
