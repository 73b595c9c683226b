/* SPDX-License-Identifier: Apache-2.0 */
/* Signed envelopes: what parses is written again to the same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/seal/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lk_envelope e;
    struct lk_bytes key;
    if (!lk_ok(lk_envelope_parse(lk_bytes(data, size), &e)))
        return 0;
    LK_BUF_AUTO signed_part = lk_buf(LK_ENVELOPE_MAX);
    LK_BUF_AUTO whole = lk_buf(LK_ENVELOPE_MAX);
    lk_envelope_put_signed(&signed_part, &e);
    lk_envelope_put(&whole, lk_buf_bytes(&signed_part), e.signatures, e.n_signatures);
    if (!lk_bytes_eq(lk_buf_bytes(&whole), lk_bytes(data, size)))
        abort();
    for (size_t i = 0; i < e.n_signatures; i++)
        if (lk_ok(lk_sshsig_verify(e.signatures[i], e.signed_part, &key)) && key.data == NULL)
            abort();
    return 0;
}
