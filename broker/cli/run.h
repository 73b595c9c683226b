/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_RUN_H
#define LK_CLI_RUN_H
/* Programs of the ring that `latchkey init` runs: with exactly the descriptors, environment and user that are named. */
#include <sys/types.h>

#include "proto/base/result.h"

#define LK_RUN_FDS 6

struct lk_run {
    const char *program;      /* "latchkey-token": beside this program, or installed */
    const char *const *args;  /* after argv[0]; NULL-terminated, or NULL */
    const char *const *env;   /* NULL-terminated, or NULL: empty */
    const char *folder;       /* working directory, or NULL: ours */
    const char *user;         /* "" or NULL: ours */
    int fds[LK_RUN_FDS];      /* becomes descriptor i; -1: /dev/null */
};

/* Starts it. FILE when there is no such program, IO. */
LK_MUST_USE lk_result lk_run_start(const struct lk_run *r, pid_t *pid);

/* Waits for its end: the exit status, or 128 and the signal's number. */
int lk_run_wait(pid_t pid);

#endif
