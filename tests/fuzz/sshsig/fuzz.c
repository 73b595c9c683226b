/* SPDX-License-Identifier: Apache-2.0 */
/* SSH signatures over one message, and public key lines. */
#include <stdint.h>
#include <stdlib.h>

#include "proto/seal/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_bytes key = LK_BYTES_NONE, input = lk_bytes(data, size);
    LK_BUF_AUTO wire = lk_buf(16384);
    char fingerprint[51];
    if (lk_ok(lk_sshsig_verify(input, lk_bytes_str("a change"), &key)))
        lk_ssh_fingerprint(key, fingerprint);
    if (lk_ok(lk_ssh_public_line(input, &wire)) && wire.len == 0)
        abort();
    return 0;
}
