/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void print_table(FILE *to, const char *program, const struct lk_command *rows, size_t n)
{
    fprintf(to, "usage: %s COMMAND ...\n\n", program);
    for (size_t i = 0; i < n; i++)
        fprintf(to, "  %-10s %s\n", rows[i].name, rows[i].help);
    fprintf(to, "\n%s COMMAND --help says more.\n", program);
}

bool lk_cli_help(int argc, char **argv, const char *text)
{
    bool asked = argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (asked)
        fputs(text, stdout);
    return asked;
}

int lk_cli_dispatch(const char *program, const struct lk_command *rows, size_t n, int argc, char **argv)
{
    if (lk_cli_help(argc, argv, "")) {
        print_table(stdout, program, rows, n);
        return 0;
    }
    for (size_t i = 0; argc >= 2 && i < n; i++)
        if (strcmp(argv[1], rows[i].name) == 0)
            return rows[i].run(argc - 1, argv + 1);
    if (argc >= 2)
        fprintf(stderr, "%s: no command \"%s\"\n", program, argv[1]);
    print_table(stderr, program, rows, n);
    return LK_EXIT_USAGE;
}

int lk_cli_usage(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("latchkey: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return LK_EXIT_USAGE;
}

int lk_cli_fail(lk_result r, const char *fmt, ...)
{
    const struct lk_reason *reason = lk_reason(r.code);
    va_list ap;
    va_start(ap, fmt);
    fputs("latchkey: ", stderr);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, ": %s: %s %s\n", reason->name, reason->text, reason->remedy);
    return r.code == LK_R_USAGE ? LK_EXIT_USAGE : lk_class_exit(reason->cls);
}
