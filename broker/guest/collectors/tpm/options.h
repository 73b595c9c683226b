/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLECTOR_TPM_OPTIONS_H
#define LK_COLLECTOR_TPM_OPTIONS_H
#include "broker/guest/collectors/tpm/tpm.h"

/*
 * Reads the command line into o, defaults first; values stay borrowed. False for wrong usage, which was told on standard
 * error. *tell is what --help or --version asked for, else NULL.
 */
bool lk_tpm_options_read(int argc, char **argv, struct lk_tpm_options *o, const char **tell);

#endif
