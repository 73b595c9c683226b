/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_VERIFIER_BUNDLE_H
#define LK_VERIFIER_BUNDLE_H
/* The items of a request, as the chain engine takes them. */
#include "policy/chain/chain.h"

#include "latchkey.pb-c.h"

/*
 * items: at least LK_CHAIN_ITEMS_MAX; *n is set. Parts borrow from the message. Findings go to the report.
 * CHAIN_TOO_MANY_ITEMS, CHAIN_UNKNOWN_FAMILY, CHAIN_UNKNOWN_PART, CHAIN_DUPLICATE_PART. Sizes and required parts are the engine's.
 */
LK_MUST_USE lk_result lk_bundle_items(Latchkey__V1__EvidenceItem *const *messages, size_t n_messages,
                                      struct lk_report *report, struct lk_chain_item *items, size_t *n);

#endif
