/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey`: what administrators and auditors type. */
#include "broker/cli/command.h"
#include "proto/base/log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct lk_command commands[] = {
#define LK_COMMAND(name, fn, help) {name, help, fn},
#include "broker/cli/commands.def"
#undef LK_COMMAND
};

int main(int argc, char **argv)
{
    lk_log_setup("latchkey", LK_LOG_WARN);
    signal(SIGPIPE, SIG_IGN); /* a broker or ssh-keygen that goes away is an error of that call */
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printf("latchkey %s\n", LK_VERSION) < 0;
    return lk_cli_dispatch("latchkey", commands, sizeof(commands) / sizeof(commands[0]), argc, argv);
}
