/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SVSM_VTPM_H
#define LK_SVSM_VTPM_H
/*
 * The family "svsm-vtpm": the services manifest of a secure VM service module (AMD publication 58019, Secure VM Service
 * Module for SEV-SNP Guests, chapter "Attestation Protocol"), linked to the SNP report of VMPL 0 whose REPORT_DATA is
 * SHA-512(nonce || manifest). It vouches for the EK of the module's virtual TPM. docs/evidence-svsm.md says what is
 * checked and what is not.
 */
#include "policy/evidence/family.h"

extern const struct lk_family lk_family_svsm_vtpm;

#endif
