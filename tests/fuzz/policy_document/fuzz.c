/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: what compiles renders, and what is rendered compiles to the same bytes. */
#include "policy/document/document.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct lk_document_errors errors;

static lk_result ignore(void *context, const char *id, struct lk_bytes message)
{
    (void)context;
    (void)id;
    (void)message;
    return LK_OK;
}

static void policy(struct lk_bytes yaml)
{
    LK_BUF_AUTO message = lk_buf(LK_DOCUMENT_MAX), text = lk_buf(LK_DOCUMENT_MAX), again = lk_buf(LK_DOCUMENT_MAX);
    if (!lk_ok(lk_document_policy(yaml, &message, &errors)))
        return;
    if (!lk_ok(lk_document_render_policy(lk_buf_bytes(&message), &text)))
        abort();
    if (!lk_ok(lk_document_policy(lk_buf_bytes(&text), &again, &errors)) ||
        !lk_bytes_eq(lk_buf_bytes(&message), lk_buf_bytes(&again)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    policy(lk_bytes(data, size));
    lk_result r = lk_document_references(lk_bytes(data, size), ignore, NULL, &errors);
    (void)r;
    return 0;
}
