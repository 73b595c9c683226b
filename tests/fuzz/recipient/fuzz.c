/* SPDX-License-Identifier: Apache-2.0 */
/* Recipient keys: as SubjectPublicKeyInfo after a byte that picks the suite, and as they stand in frames. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/seal/recipient.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_spki(const uint8_t *data, size_t size)
{
    struct lk_recipient r;
    struct lk_bytes suite = lk_bytes_str(lk_suite_name((enum lk_suite)(1 + data[0] % 4)));
    LK_BUF_AUTO enc = lk_buf(65);
    LK_BUF_AUTO ct = lk_buf(64);
    if (!lk_ok(lk_recipient_from_spki(lk_bytes(data + 1, size - 1), suite, &r)))
        return;
    bool hpke = r.suite == LK_SUITE_HPKE_X25519 || r.suite == LK_SUITE_HPKE_P256;
    if (hpke != lk_ok(lk_hpke_seal(&r, LK_BYTES_NONE, lk_bytes_str("x"), &enc, &ct)))
        abort(); /* what was found good can be sealed to, and RSA is never sealed to here */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    as_spki(data, size);
    struct lk_cursor c = lk_cursor(lk_bytes(data, size));
    struct lk_recipient r;
    lk_recipient_get(&c, &r);
    if (!lk_ok(lk_cursor_end(&c)))
        return 0;
    LK_BUF_AUTO again = lk_buf(1024);
    lk_recipient_put(&again, &r);
    if (!lk_bytes_eq(lk_buf_bytes(&again), lk_bytes(data, size)))
        abort();
    (void)!lk_ok(lk_recipient_check(&r));
    return 0;
}
