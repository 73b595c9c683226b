/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLATERAL_ANSWER_H
#define LK_COLLATERAL_ANSWER_H
/*
 * Whether a service's answer has the shape of what was asked for. No signature, date or name is looked at: the broker's
 * verifier judges those. Here a proxy's page or half a file is told from the thing itself, and not kept.
 */
#include "broker/collateral/want.h"
#include "proto/base/buffer.h"

#define LK_ANSWER_MAX (256u << 10) /* bytes of one body */
#define LK_ANSWER_CHAIN_MAX (16u << 10) /* bytes of an issuer chain, as it stands in the header */
#define LK_ANSWER_EXCERPT 80

/*
 * Appends to `out` what is kept of the body: its bytes as they are; hex digits of a revocation list decoded; the
 * certificates of a chain as DER, one after another.
 * VENDOR_TRUNCATED when the form's own lengths or brackets say that more should come; VENDOR_ANSWER; TOO_LARGE.
 */
LK_MUST_USE lk_result lk_answer_body(enum lk_answer_form form, struct lk_bytes body, struct lk_buf *out);

/*
 * Until when a kept piece is in force, as it says itself: nextUpdate of a list or document, notAfter of the certificate
 * that ends first. 0 when it does not say so in its form.
 */
int64_t lk_answer_until(const struct lk_want *want, struct lk_bytes kept);

/*
 * The value, without white space around, of a header line ("Name: value", its line end included) whose name ends in
 * -Issuer-Chain. Of any other line absent.
 */
struct lk_bytes lk_answer_chain_header(struct lk_bytes line);

/* Appends the URL-encoded PEM certificates of such a value, as DER one after another. VENDOR_ANSWER, TOO_LARGE. */
LK_MUST_USE lk_result lk_answer_chain(struct lk_bytes value, struct lk_buf *out);

/* The first bytes of a body for a person: printable ASCII, the rest as dots. */
void lk_answer_excerpt(struct lk_bytes body, char out[static LK_ANSWER_EXCERPT]);

#endif
