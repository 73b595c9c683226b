/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_SET_H
#define LK_CLI_SET_H
/* `latchkey reference set`: set_make.c makes sets from lists, set.c sends and shows them. */
#include "broker/cli/command.h"
#include "broker/cli/set_file.h"

lk_command_fn lk_reference_set;
lk_command_fn lk_reference_set_make;
lk_command_fn lk_reference_import; /* set_keylime.c */

/*
 * "HEX  PATH" lines as sha256sum and its siblings write them; the length of HEX says the algorithm, and blanks in paths become
 * underscores, as the kernel writes them. What is wrong with which line goes to standard error. FILE, POLICY_OPERAND.
 */
LK_MUST_USE lk_result lk_set_from_sums(struct lk_set_making *m, const char *file, bool digests);

/* Writes bytes to a file that must not be there yet ("-": standard output). FILE. */
LK_MUST_USE lk_result lk_set_write(const char *path, struct lk_bytes bytes);

#endif
