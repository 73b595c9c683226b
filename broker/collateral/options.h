/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLATERAL_OPTIONS_H
#define LK_COLLATERAL_OPTIONS_H
/* The command line of latchkey-collateral-fetch. */
#include "broker/collateral/pace.h"
#include "broker/collateral/want.h"

struct lk_collateral_options {
    struct lk_services services;
    const char *ca[LK_VENDORS];
    const char *out;    /* folder */
    uint32_t ahead_s;   /* what is in force for longer than that is not asked for again; 0: everything is */
    struct lk_pace pace;
};

/* False: *code is the exit code; what is wrong, or the help, has been printed. */
bool lk_collateral_options(int argc, char **argv, struct lk_collateral_options *o, int *code);

/* "0.25": seconds, to milliseconds. False for what is none, or above the maximum. */
bool lk_seconds(const char *text, uint32_t max_ms, uint32_t *out);

#endif
