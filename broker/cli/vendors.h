/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_VENDORS_H
#define LK_CLI_VENDORS_H
/*
 * One run of latchkey-collateral-fetch, the program that asks the vendors' services: it is told names, and says line by
 * line what became of each.
 */
#include "proto/base/buffer.h"

#include <stdio.h>

#define LK_VENDORS_ARGS_MAX 48

/* Names that are wanted: lines for the program. It takes each but once. */
struct lk_wanted {
    struct lk_buf lines;
    size_t n;
};

/* Adds a name, and the issuer chain that comes with it; product may be NULL. */
void lk_wanted_add(struct lk_wanted *w, const char *name, const char *product);

struct lk_vendors_run {
    const char *args[LK_VENDORS_ARGS_MAX]; /* of the program, after its name; NULL-terminated */
    bool json;                             /* what it says goes to standard output as it is, but for waits */
    /* What came of it. */
    size_t there, failed;
    int64_t first_end; /* when the first of what is there runs out; INT64_MAX */
};

/*
 * Runs it to its end and tells a person, or with json a script, what it says. The exit code: 0 all is there, 1 some is not,
 * 3 no service answered, 64 it does not like its arguments, 70 it broke.
 */
int lk_vendors_run(struct lk_vendors_run *run, const struct lk_wanted *wanted);

#endif
