/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_AMD_SP_SERVE_H
#define LK_AMD_SP_SERVE_H
/*
 * Plays configfs-tsm (Linux, Documentation/ABI/testing/configfs-tsm) in an ordinary folder: a guest makes
 * ROOT/report/NAME and writes inblob (64 bytes) and perhaps privlevel; outblob, auxblob and
 * generation appear soon after, and all of it goes away some seconds later.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes outblob and the rest into the folder; auxblob only with certs. */
typedef void amd_sp_answer_fn(void *context, const char *folder, const uint8_t report_data[static 64], uint32_t vmpl, bool certs);

/*
 * A module at VMPL 0 (AMD publication 58019) above a kernel at VMPL 2. When a guest writes service_provider svsm and the
 * vTPM's GUID, the report is the module's: over SHA-512(inblob || manifest), with manifestblob, without certificates.
 */
struct amd_sp_module {
    uint8_t manifest[16384];
    size_t len;
};

/* Serves until the process is ended. Makes ROOT and ROOT/report. module: NULL without one. */
_Noreturn void amd_sp_serve(const char *root, const struct amd_sp_module *module, amd_sp_answer_fn *answer, void *context);

#endif
