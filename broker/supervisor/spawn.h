/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_SUPERVISOR_SPAWN_H
#define LK_SUPERVISOR_SPAWN_H
/* Starting a program: exactly the descriptors, the user and the environment that are named, and nothing else. */
#include "proto/base/result.h"

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#define LK_SPAWN_FDS_MAX 32

struct lk_spawn {
    const char *program;      /* "latchkey-front" */
    const char *const *args;  /* after argv[0]; NULL-terminated; NULL: none */
    const char *const *env;   /* NULL-terminated; NULL: empty */
    const char *folder;       /* working directory; NULL: "/" */
    const char *user;         /* "" or NULL: as it is */
    int fds[LK_SPAWN_FDS_MAX]; /* becomes descriptor 3 + i; stays the caller's; 0, 1 and 2 are made by spawn */
    size_t n_fds;
};

/* lk_file_program for the other programs of the ring; one that is missing is logged. FILE. */
LK_MUST_USE lk_result lk_spawn_find(const char *program, char path[static PATH_MAX]);

/* *log is the read end of the child's descriptor 2, non-blocking; the caller owns it. FILE, IO. */
LK_MUST_USE lk_result lk_spawn(const struct lk_spawn *s, pid_t *pid, int *log);

#endif
