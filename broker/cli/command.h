/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_COMMAND_H
#define LK_CLI_COMMAND_H
/*
 * A subcommand of `latchkey`: one row of commands.def, one file. Results go to
 * standard output, everything else to standard error.
 */
#include "proto/base/result.h"

#include <stdbool.h>
#include <stddef.h>

#define LK_EXIT_UNPROVEN 6 /* a change was answered, but nothing signed shows it in force */
#define LK_EXIT_USAGE 64 /* EX_USAGE */

/* argv[0] is the subcommand's name. Returns the exit code. */
typedef int lk_command_fn(int argc, char **argv);

struct lk_command {
    const char *name;
    const char *help; /* one line: verbs and what they do */
    lk_command_fn *run;
};

#define LK_COMMAND(name, fn, help) lk_command_fn fn;
#include "broker/cli/commands.def"
#undef LK_COMMAND

/*
 * Runs the row of the table that argv[1] names, with argv + 1: the verbs of a
 * subcommand ("policy check"). Without one, or for --help, prints the table.
 * `program` is what stands before the verb: "latchkey policy".
 */
int lk_cli_dispatch(const char *program, const struct lk_command *rows, size_t n, int argc, char **argv);

/* Whether argv[1] asks for help (--help, -h): prints `text` then. For verbs that are not lk_remote_args's. */
bool lk_cli_help(int argc, char **argv, const char *text);

/* "latchkey: TEXT" and a newline to standard error; returns LK_EXIT_USAGE. */
int lk_cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "latchkey: TEXT: REASON_CODE: what happened (remedy)" to standard error; returns the class's exit code,
 * LK_EXIT_USAGE for USAGE. */
int lk_cli_fail(lk_result r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
