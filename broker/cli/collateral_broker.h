/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_CLI_COLLATERAL_BROKER_H
#define LK_CLI_COLLATERAL_BROKER_H
/*
 * The broker's service latchkey.v1.Collateral, for callers whose TLS client certificate has the role `collateral`. Its
 * answers are not signed: they say what to fetch, and what became of what its vendor signed.
 */
#include "proto/grpc/client/client.h"

struct lk_collateral_broker; /* a connection */

/* dial is borrowed until close. Errors of lk_grpc_open. The caller closes *out in either case. */
LK_MUST_USE lk_result lk_collateral_open(const struct lk_dial *dial, unsigned timeout_s, struct lk_collateral_broker **out);
void lk_collateral_close(struct lk_collateral_broker *b); /* NULL is fine */

/* Calls `missing` for each name that requests lacked; note: the product of a chip, or "". Both live until it returns. */
LK_MUST_USE lk_result lk_collateral_missing(struct lk_collateral_broker *b,
                                            void (*missing)(void *context, const char *name, const char *note), void *context);

/*
 * Puts every .der and .json file of the folder, issuer chains with each request, and tells each that the broker refused on
 * standard error. *refused counts them.
 */
LK_MUST_USE lk_result lk_collateral_put(struct lk_collateral_broker *b, const char *folder, size_t *refused);

#endif
