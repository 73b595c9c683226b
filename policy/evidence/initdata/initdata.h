/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVIDENCE_INITDATA_H
#define LK_EVIDENCE_INITDATA_H
/*
 * The family "initdata": the document that a guest's agents were configured with at launch, linked to the hardware
 * report or PCR that holds its digest. docs/evidence-containers.md says what is checked and what is not.
 */
#include "policy/evidence/family.h"

extern const struct lk_family lk_family_initdata;

#endif
