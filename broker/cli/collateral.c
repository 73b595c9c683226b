/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey collateral`: certificates, lists and documents that vendors sign. */
#include "broker/cli/collateral.h"

static const struct lk_command verbs[] = {
    {"fetch", "ask AMD's and Intel's services for what is missing or runs out", lk_collateral_fetch},
    {"import", "FILE|DIR... | --export DIR FILE|DIR...", lk_collateral_import},
    {"status", "[--fleet FILE] [--days N] [--json]", lk_collateral_status},
};

int lk_cmd_collateral(int argc, char **argv)
{
    return lk_cli_dispatch("latchkey collateral", verbs, sizeof(verbs) / sizeof(verbs[0]), argc, argv);
}
