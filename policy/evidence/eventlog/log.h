/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVENTLOG_LOG_H
#define LK_EVENTLOG_LOG_H
/*
 * Splits a TCG event log into its events: the SHA-1 format (TCG_PCClientPCREvent) and the crypto-agile one
 * (TCG_PCR_EVENT2), PC Client Platform Firmware Profile 1.05, section 10. Says nothing about what they mean.
 * A confidential computing event log (ACPI table CCEL; Intel TDX Guest-Hypervisor Communication Interface, section 4.3)
 * is of the crypto-agile form, with register indexes in the place of PCRs.
 *
 *     LK_TRY(lk_tcg_open(bytes, &log));
 *     for (;;) {
 *         LK_TRY(lk_tcg_next(&log, &event, &more));
 *         if (!more) break;
 *     }
 */
#include "proto/base/cursor.h"
#include "proto/tpm/algs.h"

#define LK_TCG_LOG_MAX (1u << 20)  /* bytes: what firmware gives the log room for */
#define LK_TCG_BANKS_MAX 8
#define LK_TCG_NO_INDEX 0xffffffffU /* option ROMs log EV_NO_ACTION under it */

struct lk_tcg_log {
    struct lk_cursor c;
    bool agile;
    struct {
        uint16_t alg, size;
    } banks[LK_TCG_BANKS_MAX];
    size_t n_banks, n_events;
};

struct lk_tcg_event {
    uint32_t index, type; /* PCR, or the register index of a confidential computing log */
    struct lk_bytes digests[LK_TCG_BANKS_MAX]; /* as the log's banks */
    struct lk_bytes data;
};

/*
 * Reads the head: a first event "Spec ID Event03" makes the log crypto-agile; anything else is the SHA-1 format.
 * EVENTLOG_HEAD: empty, or a Spec ID event that is no such (a bank twice, a known bank of another size, none,
 * more than LK_TCG_BANKS_MAX). The log borrows from input.
 */
LK_MUST_USE lk_result lk_tcg_open(struct lk_bytes input, struct lk_tcg_log *log);

/*
 * The next event; more is false at the end, or where only bytes 00 or only bytes FF follow. EVENTLOG_EVENT: it
 * runs past the end, or a crypto-agile event has other banks than the head says, or one twice.
 */
LK_MUST_USE lk_result lk_tcg_next(struct lk_tcg_log *log, struct lk_tcg_event *event, bool *more);

/* The event's digest for a bank; absent when the log has no such bank. */
struct lk_bytes lk_tcg_digest(const struct lk_tcg_log *log, const struct lk_tcg_event *event, uint16_t alg);

/* Event types, same document, section 10.4.1. */
enum lk_tcg_type {
    LK_TCG_NO_ACTION = 0x03,
    LK_TCG_SEPARATOR = 0x04,
    LK_TCG_EVENT_TAG = 0x06,
    LK_TCG_CRTM_VERSION = 0x08,
    LK_TCG_IPL = 0x0d,
    LK_TCG_VARIABLE_DRIVER_CONFIG = (int)0x80000001,
    LK_TCG_BOOT_APPLICATION = (int)0x80000003,
    LK_TCG_GPT_EVENT = (int)0x80000006,
    LK_TCG_EFI_ACTION = (int)0x80000007,
    LK_TCG_VARIABLE_AUTHORITY = (int)0x800000e0,
};

/* "EV_SEPARATOR"; NULL when the type is not in the table. */
const char *lk_tcg_type_name(uint32_t type);

/* True when the profile, or firmware in the field, puts events of the type into this PCR. EV_NO_ACTION belongs anywhere. */
bool lk_tcg_type_belongs(uint32_t type, uint32_t pcr);

/* The same for an RTMR, which takes several PCRs' part (registers.h). RTMR3 is the guest's own and takes any type. */
bool lk_tcg_type_belongs_rtmr(uint32_t type, uint32_t rtmr);

#endif
