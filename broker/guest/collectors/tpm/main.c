/* SPDX-License-Identifier: Apache-2.0 */
/* latchkey-evidence-tpm: docs/man/latchkey-evidence-tpm.1, docs/collector-protocol.md */
#include "broker/guest/collectors/tpm/options.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

/* An end of input: the loop then gives the TPM's keys back, which without a resource manager nobody else would. */
static void stop(int signal)
{
    (void)signal;
    stopped = 1;
    close(STDIN_FILENO);
}

static void catch_signals(void)
{
    struct sigaction end = {.sa_handler = stop}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

int main(int argc, char **argv)
{
    struct lk_tpm_options options;
    const char *tell;
    if (!lk_tpm_options_read(argc, argv, &options, &tell))
        return 64;
    if (tell != NULL) {
        fputs(tell, stdout);
        return 0;
    }
    /* The library tells every missing NV index as an error; what matters goes into the answer. */
    setenv("TSS2_LOG", "all+NONE", 0);
    catch_signals();
    struct lk_tpm_collector *c = lk_tpm_collector_new(&options);
    if (c == NULL)
        return 70;
    lk_result r = lk_collector_serve(&lk_tpm_collector_ops, c, STDIN_FILENO, STDOUT_FILENO);
    lk_tpm_collector_free(c);
    if (lk_ok(r) || stopped)
        return 0;
    fprintf(stderr, "latchkey-evidence-tpm: %s\n", lk_reason(r.code)->text);
    return 2;
}
