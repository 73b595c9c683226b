/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVENTLOG_BOOT_H
#define LK_EVENTLOG_BOOT_H
/*
 * What an event log says of the boot, by the rules of docs/evidence-eventlog.md. A TPM measures digests and their
 * order within one PCR; types, data and the order between PCRs are the guest's word. So nothing is taken from an
 * event of a PCR that the quote and the replay do not explain, nothing from data that does not hash to the digest,
 * and nothing is left out of a list because of its type.
 *
 * A CCEL's registers take several PCRs' part each: RTMR0 those of PCR 1 and 7, RTMR1 of 2 to 6, RTMR2 of 8 and up. So
 * what a PCR of its own made certain is certain there only where a digest or a place says it (ccel.c).
 */
#include "policy/appraise/value.h"
#include "policy/evidence/eventlog/registers.h"
#include "proto/base/arena.h"

#define LK_BOOT_TEXT_MAX 65536 /* characters of a text: GRUB measures whole menus */

enum lk_boot_variable { LK_BOOT_SECURE_BOOT, LK_BOOT_PK, LK_BOOT_KEK, LK_BOOT_DB, LK_BOOT_DBX, LK_BOOT_VARIABLES };
enum lk_boot_section { LK_BOOT_LINUX, LK_BOOT_OSREL, LK_BOOT_CMDLINE, LK_BOOT_INITRD, LK_BOOT_UCODE, LK_BOOT_SPLASH,
                       LK_BOOT_DTB, LK_BOOT_UNAME, LK_BOOT_SBAT, LK_BOOT_PCRPKEY, LK_BOOT_SECTIONS };

/* Digests in the order in which they were extended; index counts from 1. */
struct lk_boot_list {
    struct lk_register *r;
    size_t n;
};

struct lk_boot {
    enum lk_register_kind kind;
    const struct lk_tpm_hash *hash; /* of the bank that all digests below are of */
    uint32_t explained;             /* bit i: PCR (or RTMR) i was quoted and the replay gives its value */
    size_t n_events;
    struct lk_bytes crtm_version;   /* data of EV_S_CRTM_VERSION; absent unless there is exactly one before the separator */
    struct lk_bytes variables[LK_BOOT_VARIABLES]; /* contents; absent when not measured */
    struct lk_boot_list authorities, applications, files, runtime; /* runtime: RTMR3 */
    struct lk_bytes sections[LK_BOOT_SECTIONS];   /* digests of a UKI's sections, absent when not measured */
    const char *command_line;       /* NULL: none, or it cannot be told for certain */
    const char *logged_command_line; /* a CCEL's: certain only where `files` is what it must be; NULL: none */
    bool debug_mode, dma_protection_disabled, early_authority;
};

/* The event at which a rule failed, for people. */
struct lk_boot_fault {
    size_t event; /* from 1 */
    uint32_t pcr; /* or RTMR */
    uint32_t type;
};

/* The register that holds one kind of thing: a PCR or an RTMR; 31 for none. */
enum lk_boot_place { LK_BOOT_PLACE_VARIABLES, LK_BOOT_PLACE_APPLICATIONS, LK_BOOT_PLACE_FILES, LK_BOOT_PLACE_RUNTIME };
uint32_t lk_boot_register(enum lk_register_kind kind, enum lk_boot_place place);

/*
 * Reads the log in one bank. kind, explained: as in struct lk_boot. Lists, texts and digests lie in the arena or borrow
 * from the log. MEMORY, CRYPTO, EVENTLOG_* of log.h, and EVENTLOG_TYPE, _RETYPED, _DATA, _SEPARATOR, _VARIABLE,
 * _SECURE_BOOT_STATE, _AFTER_EXIT.
 */
LK_MUST_USE lk_result lk_boot_read(struct lk_bytes log, enum lk_register_kind kind, const struct lk_tpm_hash *hash,
                                   uint32_t explained, struct lk_arena *arena, struct lk_boot *out,
                                   struct lk_boot_fault *fault);

#endif
