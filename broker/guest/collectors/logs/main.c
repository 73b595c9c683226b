/* SPDX-License-Identifier: Apache-2.0 */
/* latchkey-evidence-logs: the collector for the kernel's logs (docs/man/latchkey-evidence-logs.1). */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "broker/guest/collectors/logs/logs.h"

#define EXIT_BROKEN 2 /* the caller does not speak the protocol */
#define EXIT_USAGE 64

static const char usage[] =
    "usage: latchkey-evidence-logs [--securityfs FOLDER]\n\n"
    "Collects the firmware's event log and IMA's list for latchkey-fetch, which starts it and talks to it over standard\n"
    "input and output.\n\n"
    "  --securityfs FOLDER  default /sys/kernel/security; mounted there when it is not\n";

int main(int argc, char **argv)
{
    static const struct option table[] = {{"securityfs", required_argument, NULL, 's'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'v'},
                                          {0}};
    struct lk_logs_options options = {.securityfs = "/sys/kernel/security"};
    for (int opt; (opt = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (opt == 'h' || opt == 'v')
            return fputs(opt == 'h' ? usage : "latchkey-evidence-logs " LK_VERSION "\n", stdout) < 0;
        if (opt == '?')
            return EXIT_USAGE;
        options.securityfs = optarg;
    }
    if (optind < argc)
        return EXIT_USAGE;
    signal(SIGPIPE, SIG_IGN);
    lk_result r = lk_collector_serve(&lk_logs_collector_ops, &options, STDIN_FILENO, STDOUT_FILENO);
    if (lk_ok(r))
        return 0;
    fprintf(stderr, "latchkey-evidence-logs: %s\n", lk_reason(r.code)->text);
    return EXIT_BROKEN;
}
