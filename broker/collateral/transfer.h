/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_COLLATERAL_TRANSFER_H
#define LK_COLLATERAL_TRANSFER_H
/*
 * One HTTPS request at a time to one service, through libcurl: certificates verified, https only also after a
 * redirect, three redirects, bounded sizes and times. It never blocks: the caller drives a curl multi handle.
 */
#include <curl/curl.h>

#include "broker/collateral/answer.h"
#include "broker/collateral/pace.h"

struct lk_transfer;

/* What came of a request. body and chain live until the next begin. */
struct lk_got {
    lk_result result;      /* OK, or VENDOR_... */
    long status;           /* of HTTP; 0: none came */
    int64_t retry_after;   /* seconds; 0: none was given */
    struct lk_bytes body;
    struct lk_bytes chain; /* the issuer chain's header value, or absent */
    char detail[160];      /* for a person, printable ASCII */
};

/* ca: file of the certificates to believe instead of the system's, or NULL. MEMORY. */
LK_MUST_USE lk_result lk_transfer_new(const struct lk_pace *pace, const char *ca, struct lk_transfer **out);
void lk_transfer_free(struct lk_transfer *t); /* NULL is fine; no request may be under way */

CURL *lk_transfer_handle(const struct lk_transfer *t);

/* Prepares the handle and adds it to the multi handle; most_ms bounds the request beside the pace. INTERNAL. */
LK_MUST_USE lk_result lk_transfer_begin(struct lk_transfer *t, CURLM *multi, const char *url, uint64_t most_ms);

/* Takes the handle out again and says what came: code is what CURLMSG_DONE brought. */
void lk_transfer_end(struct lk_transfer *t, CURLM *multi, CURLcode code, struct lk_got *out);

/* True for what another try may mend: VENDOR_TRUNCATED, _UNREACHABLE, _TIMEOUT, _BUSY. */
bool lk_transfer_may_retry(lk_result r);

#endif
