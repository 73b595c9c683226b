/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_COLLATERAL_H
#define LK_CLI_COLLATERAL_H
/* The verbs of `latchkey collateral`. */
#include "broker/cli/command.h"

lk_command_fn lk_collateral_fetch, lk_collateral_import, lk_collateral_status;

#endif
