/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_COLLATERAL_CLIENT_H
#define LK_CLI_COLLATERAL_CLIENT_H
/* What the verbs of `latchkey collateral` share that talk to a broker. They name the caller by a client certificate and sign nothing. */
#include "broker/cli/command.h"
#include "broker/cli/profile.h"
#include "latchkey.pb-c.h"
#include "proto/base/arena.h"
#include "proto/grpc/client/client.h"

struct lk_loader {
    struct lk_profile_args args;
    struct lk_profile profile;
    struct lk_grpc_client *client;
    struct lk_arena *arena; /* of the last answer */
    char said[512];         /* the broker's words, when it refused the call */
};

/*
 * args are set, all else is zero. Connects to the first of the profile's brokers that answers. PROFILE and FILE (said why), USAGE,
 * MEMORY, those of lk_grpc_open. Close it in either case.
 */
LK_MUST_USE lk_result lk_loader_open(struct lk_loader *l);
void lk_loader_close(struct lk_loader *l);
#define LK_LOADER_AUTO __attribute__((cleanup(lk_loader_close))) struct lk_loader

/* One call; *out lives until the next. What the broker says, BROKER_*. */
LK_MUST_USE lk_result lk_loader_put(struct lk_loader *l, const Latchkey__V1__CollateralPutRequest *m,
                                    const Latchkey__V1__CollateralPutResponse **out);
LK_MUST_USE lk_result lk_loader_status(struct lk_loader *l, const char *after,
                                       const Latchkey__V1__CollateralStatusResponse **out);
/* Tells r on standard error, with the broker's words and what was being done; gives the exit code. */
int lk_loader_fail(const struct lk_loader *l, lk_result r, const char *what);

#endif
