/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_COLLATERAL_H
#define LK_CLI_COLLATERAL_H
/* The verbs of `latchkey collateral`, and what fetch has of import. */
#include "broker/cli/collateral_client.h"
#include "broker/cli/command.h"

lk_command_fn lk_collateral_fetch, lk_collateral_import, lk_collateral_status;

/*
 * Uploads all files below the folder over the open loader; *refused counts what the broker refused, each named on
 * standard error. What the broker says, BROKER_*, FILE, MEMORY.
 */
LK_MUST_USE lk_result lk_collateral_upload(struct lk_loader *loader, const char *folder, size_t *refused);

#endif
