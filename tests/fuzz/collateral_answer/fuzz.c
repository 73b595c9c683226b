/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte says as what the rest is read: the body of a form, a header line, the value of an issuer chain. */
#include "broker/collateral/answer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct lk_bytes rest = lk_bytes(data + 1, size - 1);
    LK_BUF_AUTO out = lk_buf(LK_ANSWER_MAX);
    char text[LK_ANSWER_EXCERPT];
    lk_result r = LK_OK;
    if (data[0] % 7 <= LK_ANSWER_QE_IDENTITY)
        r = lk_answer_body((enum lk_answer_form)(data[0] % 7), rest, &out);
    else
        r = lk_answer_chain(data[0] % 7 == 5 ? lk_answer_chain_header(rest) : rest, &out);
    struct lk_want want = {.form = data[0] % 7 > LK_ANSWER_QE_IDENTITY ? LK_ANSWER_CHAIN : (enum lk_answer_form)(data[0] % 7)};
    (void)lk_answer_until(&want, rest);
    (void)lk_answer_until(&want, lk_buf_bytes(&out));
    if (lk_ok(r) && out.len == 0)
        __builtin_trap();
    lk_answer_excerpt(rest, text);
    if (strlen(text) >= sizeof(text))
        __builtin_trap();
    return 0;
}
