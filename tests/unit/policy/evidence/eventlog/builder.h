/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EVENTLOG_BUILDER_H
#define EVENTLOG_BUILDER_H
/* Writes event logs for tests, event by event, with the right digests unless a test says otherwise. */
#include "policy/evidence/eventlog/eventlog.h"
#include "proto/base/buffer.h"

struct log_builder {
    struct lk_buf buf;
    const struct lk_tpm_hash *banks[3];
    size_t n_banks;
    bool agile, ccel;
};

/* sha1 and sha256 when agile, with the Spec ID event; else the SHA-1 format, nothing yet. */
void builder_open(struct log_builder *b, bool agile);
/*
 * A CCEL: sha384 alone. Whatever is put names a PCR, which becomes the register that takes its part; BUILDER_RUNTIME is
 * RTMR3, BUILDER_MRTD the index that no register has.
 */
#define BUILDER_RUNTIME 16
#define BUILDER_MRTD 0
void builder_open_ccel(struct log_builder *b);
void builder_close(struct log_builder *b);

/* An event whose digests are of `hashed`. */
void builder_put(struct log_builder *b, uint32_t pcr, uint32_t type, struct lk_bytes hashed, struct lk_bytes data);
/* An event whose digests are of its data: a string without its NUL. */
void builder_text(struct log_builder *b, uint32_t pcr, uint32_t type, const char *text);
void builder_separator(struct log_builder *b, uint32_t pcr, uint32_t value);
/* UEFI_VARIABLE_DATA: EFI_GLOBAL_VARIABLE, or the image security database for db and dbx. */
void builder_variable(struct log_builder *b, uint32_t type, const char *name, struct lk_bytes contents);
/* GRUB: mark, then the text that is hashed, then a NUL. */
void builder_grub(struct log_builder *b, const char *mark, const char *text);

/* Which of a good boot's steps are left out. */
enum builder_without {
    WITHOUT_NOTHING = 0,
    WITHOUT_SEPARATOR_7 = 1,
    WITHOUT_SECURE_BOOT = 2, /* the variable is 0, no authority */
    WITHOUT_AUTHORITY = 4,
    WITHOUT_PK = 8,
    WITHOUT_EXIT = 16,
};
/* Firmware, Secure Boot, shim, GRUB, kernel, command line, end of boot services. */
void builder_good(struct log_builder *b, unsigned without);
/* The same as a CCEL, with a partition table: one separator in RTMR0 and RTMR1, and the end of the boot services last. */
void builder_good_ccel(struct log_builder *b, unsigned without);

#endif
