/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_AAEL_LOG_H
#define LK_AAEL_LOG_H
/*
 * Logs of an attestation agent (Confidential Containers, "Specification for Attestation Agent Event Log"): what happened in the
 * guest after its boot, extended into one register. Two forms:
 *
 *   raw    "INIT/sha384 HEX\n", the register's value before the first event, then lines "DOMAIN OPERATION CONTENT\n"; each
 *          extends the digest of its characters without the line feed
 *   ccel   events of a confidential computing event log for RTMR3, of type EV_EVENT_TAG: tag "AAEL" (u32 little-endian
 *          0x4141454c), u32 length, "DOMAIN OPERATION CONTENT"; each extends the digest of tag, length and text
 */
#include "policy/evidence/eventlog/registers.h"
#include "proto/base/arena.h"

#define LK_AAEL_MAX (1u << 20) /* bytes of a log */
#define LK_AAEL_EVENTS_MAX 4096

struct lk_aael_event {
    struct lk_bytes domain, operation, content;
};

struct lk_aael {
    const struct lk_tpm_hash *hash;
    uint8_t start[LK_TPM_DIGEST_MAX], end[LK_TPM_DIGEST_MAX]; /* of the register; hash->size bytes */
    struct lk_aael_event *events;
    size_t n;
    size_t unknown; /* extends of RTMR3 whose data is no such event, or is not what was hashed; ccel */
};

/* Events borrow from the log, their array lies in the arena. MEMORY, CRYPTO, AAEL_LOG. */
LK_MUST_USE lk_result lk_aael_read_raw(struct lk_bytes log, struct lk_arena *arena, struct lk_aael *out);

/* The same; also EVENTLOG_* of policy/evidence/eventlog/log.h. */
LK_MUST_USE lk_result lk_aael_read_ccel(struct lk_bytes log, struct lk_arena *arena, struct lk_aael *out);

#endif
