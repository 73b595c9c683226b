/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVIDENCE_EVENTLOG_H
#define LK_EVIDENCE_EVENTLOG_H
/*
 * The family "eventlog": a TCG event log, linked to the item whose quoted PCRs its replay must give, or a confidential
 * computing event log (CCEL), linked to the quote whose RTMRs it must give. docs/evidence-eventlog.md says what is
 * checked and what is not.
 */
#include "policy/evidence/eventlog/boot.h"
#include "policy/evidence/family.h"

extern const struct lk_family lk_family_eventlog;

/* Parts, one of them: which one says whose registers it is about. */
enum lk_eventlog_part { LK_EVENTLOG_LOG, LK_EVENTLOG_CCEL, LK_EVENTLOG_PARTS };

/* What the quoted PCRs and a log make of each other. */
struct lk_eventlog_judged {
    const struct lk_tpm_hash *hash; /* the bank that claims are read in: of those quoted, the one with most explained PCRs, then the longest */
    uint32_t explained;             /* in that bank: bit i for PCR i, or RTMR i */
    bool unexplained;               /* a quoted PCR from 8 up, without 10, is neither explained nor at its reset value */
};

/*
 * Replays the log in every quoted bank and compares. registers: proofs of kind LK_PROOF_REGISTER, or of LK_PROOF_RTMR, as
 * `kind` says. PCR 10 is left to IMA; RTMR3 to a rule on its value, unless the log has events for it.
 * Findings go to the report: EVENTLOG_* of registers.h, EVENTLOG_BANK, EVENTLOG_REPLAY (a PCR of 0 to 7 or an RTMR that is
 * neither explained nor at its reset value), EVENTLOG_NOTHING_QUOTED.
 */
LK_MUST_USE lk_result lk_eventlog_judge(struct lk_bytes log, enum lk_register_kind kind, const struct lk_proof *registers,
                                        size_t n, struct lk_report *report, struct lk_eventlog_judged *out);

#endif
