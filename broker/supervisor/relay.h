/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SUPERVISOR_RELAY_H
#define LK_SUPERVISOR_RELAY_H
/*
 * A child's descriptor 2: whole lines go on to the supervisor's log with the sender's pid behind them, so that no
 * process can write another's lines. Two things are noted on the way, both about the writer itself: its last error, for
 * the line with which the supervisor gives up, and what its sandbox lacks, for the health text. What is not a log line (a module's own output) becomes event=output.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define LK_RELAY_LINE 3072

struct lk_relay {
    int fd; /* -1 when closed */
    size_t have;
    bool skipping; /* inside a line that is too long */
    char line[LK_RELAY_LINE];
    char error[400];  /* its last line of level error, without the time; cut to the room */
    unsigned absent;  /* enum lk_sandbox_gap: what it said by event=sandbox.absent that the kernel does not offer */
};

/* Reads what is there, at most 64 KiB, and writes whole lines. False at end of file: the relay has closed its fd. */
bool lk_relay_read(struct lk_relay *r, const char *program, pid_t pid);
void lk_relay_close(struct lk_relay *r);

#endif
