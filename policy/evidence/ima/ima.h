/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVIDENCE_IMA_H
#define LK_EVIDENCE_IMA_H
/*
 * The family "ima": an IMA measurement list, linked to the quoted PCR 10 that a prefix of it must give.
 * docs/evidence-ima.md says what is checked and what is not.
 */
#include "policy/evidence/family.h"
#include "policy/evidence/ima/replay.h"

extern const struct lk_family lk_family_ima;

#endif
