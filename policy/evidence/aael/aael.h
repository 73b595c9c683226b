/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVIDENCE_AAEL_H
#define LK_EVIDENCE_AAEL_H
/*
 * The family "aael": an attestation agent's event log, linked to the quoted PCR or RTMR that its replay gives.
 * docs/evidence-containers.md says what is checked and what is not.
 */
#include "policy/evidence/family.h"

extern const struct lk_family lk_family_aael;

#endif
