/* SPDX-License-Identifier: Apache-2.0 */
/* A u16 length and a quote, then a PCR file. */
#include "policy/evidence/tpm/json/pcrs.h"
#include "proto/base/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_cursor c = lk_cursor(lk_bytes(data, size));
    struct lk_bytes attest = lk_take_u16be(&c, 1024);
    LK_BUF_AUTO out = lk_buf(16384);
    lk_result r = lk_tpm_pcrs_convert(attest, lk_take(&c, lk_left(&c)), &out);
    (void)r;
    return 0;
}
