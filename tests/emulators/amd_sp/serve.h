/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_AMD_SP_SERVE_H
#define LK_AMD_SP_SERVE_H
/*
 * Plays configfs-tsm (Linux, Documentation/ABI/testing/configfs-tsm) in an ordinary folder: a guest makes
 * ROOT/report/NAME and writes inblob (64 bytes) and perhaps privlevel; outblob, auxblob and
 * generation appear soon after, and all of it goes away some seconds later.
 */
#include <stdint.h>

/* Writes outblob, auxblob and the rest into the folder. */
typedef void amd_sp_answer_fn(void *context, const char *folder, const uint8_t report_data[static 64], uint32_t vmpl);

/* Serves until the process is ended. Makes ROOT and ROOT/report. */
_Noreturn void amd_sp_serve(const char *root, amd_sp_answer_fn *answer, void *context);

#endif
