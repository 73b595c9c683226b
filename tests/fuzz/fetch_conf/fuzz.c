/* SPDX-License-Identifier: Apache-2.0 */
/* fetch.conf and the kernel's command line, into the settings: taken, or an error text, never both. First byte: which. */
#include <stdlib.h>
#include <string.h>

#include "broker/guest/fetch/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > LK_SOURCE_MAX)
        return 0;
    char *text = malloc(size);
    if (text == NULL)
        abort();
    memcpy(text, data + 1, size - 1);
    struct lk_fetch_options o = {.timeout_s = 300};
    struct lk_settings s = {.o = &o, .source = (data[0] & 1) != 0 ? LK_FROM_FILE : LK_FROM_KERNEL};
    struct lk_source_error e;
    bool ok = ((data[0] & 1) != 0 ? lk_source_file : lk_source_kernel)(text, size - 1, lk_settings_put, &s, &e);
    if (ok != (e.text[0] == '\0') || o.n_secrets > LK_FETCH_SECRETS_MAX || o.n_brokers > LK_FETCH_BROKERS_MAX)
        abort();
    if (ok && lk_settings_settle(&s, &e) != (e.text[0] == '\0'))
        abort();
    free(text);
    return 0;
}
