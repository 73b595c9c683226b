/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_EVENTLOG_READER_H
#define LK_EVENTLOG_READER_H
/* Private to the event log's files: the state of one reading (boot.h). */
#include "policy/evidence/eventlog/boot.h"

#define LK_BOOT_FIRMWARE_PCRS 8
#define LK_BOOT_FIXED 9 /* separators and firmware actions, whose digests everybody knows */

struct lk_boot_texts {
    const char *candidate;  /* the kernel's command line, as its own event says it */
    const char *command;    /* the argument of the one command that loads a kernel */
    size_t n_candidates, n_commands;
    bool unsure;            /* an event whose text is not what was hashed, or a command that boots otherwise */
};

struct lk_boot_reader {
    struct lk_boot *boot;
    struct lk_arena *arena;
    struct lk_tcg_log log;
    uint8_t fixed[LK_BOOT_FIXED][LK_TPM_DIGEST_MAX];
    size_t separators[LK_BOOT_FIRMWARE_PCRS];
    size_t n_crtm;
    bool crtm_over; /* the digest of a separator was seen in PCR 0, whatever its type */
    bool exited;    /* boot services ended */
    struct lk_boot_texts grub, stub;
    size_t section;      /* next section that may come, in PCR 11 */
    size_t section_open; /* section whose contents come next; LK_BOOT_SECTIONS: none */
    bool sections_over;
};

/* True when H(data) is the digest. */
bool lk_boot_covers(const struct lk_tpm_hash *hash, struct lk_bytes data, struct lk_bytes digest);

/*
 * secure_boot.c: events of PCR 7, and what they must say in the end; one authority; one variable, where `closed` says that
 * the separator has been. EVENTLOG_DATA, _VARIABLE, _SECURE_BOOT_STATE.
 */
LK_MUST_USE lk_result lk_boot_pcr7(struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest);
LK_MUST_USE lk_result lk_boot_authority(struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest,
                                        bool closed);
LK_MUST_USE lk_result lk_boot_variable(struct lk_boot_reader *r, const struct lk_tcg_event *e, bool closed);
LK_MUST_USE lk_result lk_boot_variables_end(struct lk_boot_reader *r);

/* ccel.c: an event of an explained RTMR that is no separator and no firmware action. */
LK_MUST_USE lk_result lk_boot_rtmr(struct lk_boot_reader *r, uint32_t rtmr, const struct lk_tcg_event *e,
                                   struct lk_bytes digest);

/* text.c: PCR 8 (GRUB), PCR 12 (systemd-stub), and the command line that follows from them. */
void lk_boot_grub_text(struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest);
void lk_boot_stub_text(struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest);
void lk_boot_text_end(struct lk_boot_reader *r);

/* text.c: takes the text of GRUB that the digest is of; false when it is of none. */
bool lk_boot_grub_hashed(struct lk_boot_reader *r, const struct lk_tcg_event *e, struct lk_bytes digest);

/* text.c: printable ASCII of ASCII or UTF-16LE data, with or without NULs at its end; NULL when it is neither, or too long. */
const char *lk_boot_text(struct lk_bytes data, struct lk_arena *arena);

/* list.c: takes a digest. MEMORY. */
LK_MUST_USE lk_result lk_boot_list_add(struct lk_boot_reader *r, struct lk_boot_list *list, struct lk_bytes digest);

/* list.c: a section's name, then its contents, in the order of the sections' table. False for anything else, for good. */
bool lk_boot_stub_section(struct lk_boot_reader *r, struct lk_bytes digest);

#endif
