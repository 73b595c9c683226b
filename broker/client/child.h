/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLIENT_CHILD_H
#define LK_CLIENT_CHILD_H
/*
 * Programs that a client runs for it: ssh-keygen, collectors. What they are told
 * goes through pipes, never through their arguments or environment. Nothing but
 * the three standard descriptors is inherited. The program ignores SIGPIPE: a child may leave before it has read
 * all that it is told.
 */
#include <sys/types.h>

#include "proto/base/buffer.h"

struct lk_child {
    pid_t pid;
    int to;   /* its standard input */
    int from; /* its standard output */
};

/*
 * Starts argv[0] (looked up in PATH) with argv, NULL-terminated; standard error stays ours. IO when there is no
 * process or no such program.
 */
LK_MUST_USE lk_result lk_child_start(const char *const *argv, struct lk_child *out);

/* Closes its input and waits; after the deadline (lk_clock_mono_ms) kills it. True when it exited with status 0. */
bool lk_child_end(struct lk_child *c, uint64_t deadline_mono_ms);

/*
 * Runs argv to its end: writes input, reads its output to out (TOO_LARGE past its max). Input is at most 64 KiB,
 * what a pipe takes at once. IO when it fails, exits with another status than 0, or misses the deadline.
 */
LK_MUST_USE lk_result lk_child_run(const char *const *argv, struct lk_bytes input, uint64_t deadline_mono_ms,
                                   struct lk_buf *out);

#endif
