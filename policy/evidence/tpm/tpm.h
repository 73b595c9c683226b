/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVIDENCE_TPM_H
#define LK_EVIDENCE_TPM_H
/*
 * The family "tpm": a TPM 2.0 quote (TPM 2.0 Library Part 3, section 18.4) with what vouches for its AK.
 * docs/evidence-tpm.md says what is checked and what is not.
 *
 * The part `pcrs` is the raw PCR values in the order of the quote's selection, as `tpm2_quote -o FILE
 * -F values` writes them. The command line also takes JSON and converts it first
 * (policy/evidence/tpm/json/pcrs.h), so that no JSON reaches a verifier.
 *
 * The AK is vouched for by exactly one of
 *   - a proof of another item for the AK's name or key;
 *   - an AK certificate that chains to an anchor of family "tpm": rooted;
 *   - an EK certificate that does, or a proof for the EK, together with activation: the ticket's context
 *     is SHA-256(EK name || AK name). An EK certificate alone vouches for no AK.
 */
#include "policy/evidence/family.h"

extern const struct lk_family lk_family_tpm;

#endif
