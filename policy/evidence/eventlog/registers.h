/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVENTLOG_REGISTERS_H
#define LK_EVENTLOG_REGISTERS_H
/*
 * Registers that are only ever extended, apart from any log: PCRs of one bank (TPM 2.0 Library Part 1, section
 * 17.2), or RTMRs (Intel TDX Module, section 12). A log is replayed into them.
 */
#include "policy/evidence/eventlog/log.h"

#define LK_REGISTERS_MAX 24

enum lk_register_kind {
    LK_REGISTERS_PCR,
    LK_REGISTERS_RTMR, /* RTMR n of 0 to 3; in a log its index is n + 1, and index 0 (MRTD) is not replayed */
};

struct lk_registers {
    enum lk_register_kind kind;
    const struct lk_tpm_hash *hash;
    uint8_t value[LK_REGISTERS_MAX][LK_TPM_DIGEST_MAX];
    uint32_t extends[LK_REGISTERS_MAX]; /* how often */
    uint32_t n;
};

/* Reset values: zero; FF for PCR 17 to 22 (PC Client Platform TPM Profile, section 4.6.2). */
void lk_registers_reset(struct lk_registers *r, enum lk_register_kind kind, const struct lk_tpm_hash *hash);

/* value = H(value || digest). CRYPTO; EVENTLOG_REGISTER: no such register, or a digest of another size. */
LK_MUST_USE lk_result lk_registers_extend(struct lk_registers *r, uint32_t register_number, struct lk_bytes digest);

/* The value of a register; absent when there is none of that number. Lives as long as r. */
struct lk_bytes lk_registers_value(const struct lk_registers *r, uint32_t register_number);

/* True when v is what the register holds before anything was measured into it: its reset value, at any locality for PCR 0. */
bool lk_registers_is_reset(const struct lk_registers *r, uint32_t register_number, struct lk_bytes v);

/*
 * Replays a log from the reset values: EV_NO_ACTION extends nothing; one in PCR 0 with "StartupLocality" gives PCR 0
 * its start value (PFP section 10.4.5.3) and must come before PCR 0 is extended. EVENTLOG_* of log.h;
 * EVENTLOG_REGISTER: an index that no register has (FFFFFFFF is fine with EV_NO_ACTION); EVENTLOG_LOCALITY;
 * EVENTLOG_BANK: the log has no digests of this hash.
 */
LK_MUST_USE lk_result lk_tcg_replay(struct lk_bytes log, enum lk_register_kind kind, const struct lk_tpm_hash *hash,
                                    struct lk_registers *out);

#endif
