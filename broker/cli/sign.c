/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/sign.h"

#include <string.h>

#include "broker/client/child.h"
#include "proto/base/clock.h"
#include "proto/grpc/wire.h"
#include "proto/seal/envelope.h"

#define SIGN_TIMEOUT_MS 120000u /* a person may have to touch a security key */

lk_result lk_sshsig_dearmor(struct lk_bytes text, struct lk_buf *out)
{
    static const char begin[] = "-----BEGIN SSH SIGNATURE-----\n", end[] = "-----END SSH SIGNATURE-----";
    const uint8_t *from = memmem(text.data, text.len, begin, sizeof(begin) - 1);
    LK_REQUIRE(from != NULL, SIGN_FAILED);
    from += sizeof(begin) - 1;
    size_t left = text.len - (size_t)(from - text.data);
    const uint8_t *to = memmem(from, left, end, sizeof(end) - 1);
    LK_REQUIRE(to != NULL, SIGN_FAILED);
    LK_BUF_AUTO base64 = lk_buf(16u << 10);
    for (const uint8_t *p = from; p < to; p++)
        if (*p != '\n' && *p != '\r')
            lk_put_u8(&base64, *p);
    LK_REQUIRE(lk_ok(lk_buf_ok(&base64)) && lk_ok(lk_grpc_bin_decode(out, lk_buf_bytes(&base64))), SIGN_FAILED);
    return LK_OK;
}

lk_result lk_cli_sign(const char *key, struct lk_bytes message, struct lk_buf *out)
{
    const char *const argv[] = {"ssh-keygen", "-q", "-Y", "sign", "-n", LK_SSHSIG_NAMESPACE, "-f", key, NULL};
    LK_BUF_AUTO armoured = lk_buf(16u << 10);
    LK_REQUIRE(lk_ok(lk_child_run(argv, message, lk_clock_mono_ms() + SIGN_TIMEOUT_MS, &armoured)), SIGN_FAILED);
    return lk_sshsig_dearmor(lk_buf_bytes(&armoured), out);
}
