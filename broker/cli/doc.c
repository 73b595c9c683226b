/* SPDX-License-Identifier: Apache-2.0 */
/* `latchkey doc`: the pages of docs/ that are made from tables. A test compares them with the files. */
#include "broker/cli/command.h"

#include <stdio.h>

static int print_reasons(int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return lk_cli_usage("doc reasons takes no argument");
    puts("<!-- Made by `latchkey doc reasons` from proto/base/reasons/*.def. -->\n# Reason codes\n\n"
         "Every refusal and every fault carries one of these codes; the class says what a caller does about it\n"
         "(docs/protocol.md).");
    for (int cls = LK_CLASS_AFFIRMED; cls < LK_CLASS_COUNT; cls++) {
        printf("\n## %s (exit code of `latchkey appraise`: %d)\n\n| code | what happened | what to do |\n|---|---|---|\n",
               lk_class_name((enum lk_class)cls), lk_class_exit((enum lk_class)cls));
        for (int code = 0; code < LK_R_COUNT; code++) {
            const struct lk_reason *r = lk_reason((enum lk_reason_code)code);
            if (r->cls == (enum lk_class)cls)
                printf("| %s | %s | %s |\n", r->name, r->text, r->remedy);
        }
    }
    return 0;
}

static const struct lk_command pages[] = {
    {"reasons", "docs/reason-codes.md", print_reasons},
};

int lk_cmd_doc(int argc, char **argv)
{
    return lk_cli_dispatch("latchkey doc", pages, sizeof(pages) / sizeof(pages[0]), argc, argv);
}
