/* SPDX-License-Identifier: Apache-2.0 */
/* A public area, and all that is computed from one. */
#include "proto/tpm/credential.h"

#include <openssl/evp.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t s[32] = {1};
    struct lk_tpm_public p;
    struct lk_tpm_name name, qualified;
    EVP_PKEY *key = NULL;
    uint8_t spki[32], context[32];
    if (!lk_ok(lk_tpm_public_parse(lk_bytes(data, size), &p)))
        return 0;
    if (!lk_ok(lk_tpm_name(&p, &name)) || !lk_ok(lk_tpm_qualified_primary(&p, LK_TPM_ENDORSEMENT, &qualified)))
        __builtin_trap();
    if (lk_ok(lk_tpm_public_key(&p, &key)) && !lk_ok(lk_tpm_spki_sha256(&p, spki)))
        __builtin_trap();
    EVP_PKEY_free(key);
    LK_BUF_AUTO blob = lk_buf(LK_TPM_CREDENTIAL_MAX);
    LK_BUF_AUTO encrypted = lk_buf(LK_TPM_ENCRYPTED_SECRET_MAX);
    lk_result r = lk_tpm_make_credential(&p, lk_tpm_name_bytes(&name), LK_BYTES(s), &blob, &encrypted);
    (void)r;
    r = lk_tpm_challenge(lk_bytes(data, size), lk_bytes(data, size), LK_BYTES(s), &blob, &encrypted, context);
    (void)r;
    return 0;
}
