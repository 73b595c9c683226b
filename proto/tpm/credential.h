/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_TPM_CREDENTIAL_H
#define LK_TPM_CREDENTIAL_H
/*
 * MakeCredential without a TPM (TPM 2.0 Library Part 1, section 24; TCG EK Credential
 * Profile): bytes that only the TPM that holds both the EK and a key of the given
 * name can turn back into s, with TPM2_ActivateCredential.
 */
#include "proto/base/buffer.h"
#include "proto/tpm/public.h"

#define LK_TPM_CREDENTIAL_MAX 256       /* bytes of a TPM2B_ID_OBJECT */
#define LK_TPM_ENCRYPTED_SECRET_MAX 600 /* bytes of a TPM2B_ENCRYPTED_SECRET */

/*
 * Appends a TPM2B_ID_OBJECT to blob and a TPM2B_ENCRYPTED_SECRET to encrypted. s has 1 byte to
 * the digest size of the EK's nameAlg (32 fits every EK). The EK must be strong and a storage key
 * of the TPM (lk_tpm_ek_attributes): TPM_KEY_WEAK, TPM_EK_ATTRIBUTES, TPM_PUBLIC for a point off
 * its curve. TPM_CREDENTIAL_SIZE for s or a name of another size; TOO_LARGE; CRYPTO.
 */
LK_MUST_USE lk_result lk_tpm_make_credential(const struct lk_tpm_public *ek, struct lk_bytes ak_name,
                                             struct lk_bytes s, struct lk_buf *blob, struct lk_buf *encrypted);

/*
 * What GetChallenge does with a guest's EK and AK areas (TPMT_PUBLIC or TPM2B_PUBLIC): parses and checks both,
 * makes the credential over s and gives the ticket's context. As above, and TPM_PUBLIC*, TPM_AK_ATTRIBUTES.
 */
LK_MUST_USE lk_result lk_tpm_challenge(struct lk_bytes ek_public, struct lk_bytes ak_public, struct lk_bytes s,
                                       struct lk_buf *blob, struct lk_buf *encrypted,
                                       uint8_t context[static 32]);

#endif
