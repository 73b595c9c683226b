/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLECTOR_TPM_OPTIONS_H
#define LK_COLLECTOR_TPM_OPTIONS_H
#include "broker/guest/collectors/tpm/tpm.h"

/* What --help prints. */
extern const char lk_tpm_help[];

/*
 * Reads the command line into o, defaults first; values stay borrowed. False for wrong usage, which was told on standard
 * error. *help is set when --help was asked for.
 */
bool lk_tpm_options_read(int argc, char **argv, struct lk_tpm_options *o, bool *help);

#endif
