/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TPM_SEED_H
#define LK_TPM_SEED_H
/* Secret sharing with an EK (TPM 2.0 Library Part 1, annexes B.10.3 and C.6.4), label "IDENTITY". */
#include "proto/base/buffer.h"
#include "proto/base/secret.h"
#include "proto/tpm/public.h"

/*
 * A fresh seed of the size of the EK's nameAlg digest, and the TPM2B_ENCRYPTED_SECRET that tells it to the EK's
 * TPM: RSA-OAEP, or a point and one-pass ECDH. TPM_PUBLIC for an EK that is no key; MEMORY; CRYPTO.
 */
LK_MUST_USE lk_result lk_tpm_share_seed(const struct lk_tpm_public *ek, struct lk_secret *seed,
                                        struct lk_buf *encrypted);

#endif
