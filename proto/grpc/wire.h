/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_WIRE_H
#define LK_GRPC_WIRE_H
/*
 * What client and server share of gRPC over HTTP/2: status codes, grpc-timeout, grpc-message and -bin
 * metadata. Source: the gRPC document "PROTOCOL-HTTP2"; each rule names its section.
 */
#include "proto/base/buffer.h"
#include "proto/base/bytes.h"

/* The gRPC document "statuscodes". */
enum lk_grpc_status {
    LK_GRPC_OK = 0,
    LK_GRPC_CANCELLED = 1,
    LK_GRPC_UNKNOWN = 2,
    LK_GRPC_INVALID_ARGUMENT = 3,
    LK_GRPC_DEADLINE_EXCEEDED = 4,
    LK_GRPC_NOT_FOUND = 5,
    LK_GRPC_ALREADY_EXISTS = 6,
    LK_GRPC_PERMISSION_DENIED = 7,
    LK_GRPC_RESOURCE_EXHAUSTED = 8,
    LK_GRPC_FAILED_PRECONDITION = 9,
    LK_GRPC_ABORTED = 10,
    LK_GRPC_OUT_OF_RANGE = 11,
    LK_GRPC_UNIMPLEMENTED = 12,
    LK_GRPC_INTERNAL = 13,
    LK_GRPC_UNAVAILABLE = 14,
    LK_GRPC_DATA_LOSS = 15,
    LK_GRPC_UNAUTHENTICATED = 16,
    LK_GRPC_STATUS_COUNT
};

/* "OK", "CANCELLED", ...; "UNKNOWN" for numbers without a name. */
const char *lk_grpc_status_name(unsigned status);

/* grpc-status as decimal text of 1 or 2 digits ("Responses"). False for anything else. */
bool lk_grpc_status_parse(struct lk_bytes text, unsigned *out);

/* The status that a client reports for an HTTP/2 error code of RST_STREAM ("HTTP2 Transport Mapping", "Errors"). */
enum lk_grpc_status lk_grpc_status_of_reset(uint32_t http2_error);

/* The status that a client reports for an HTTP status that is not 200 (the document "http-grpc-status-mapping"). */
enum lk_grpc_status lk_grpc_status_of_http(unsigned http_status);

/*
 * grpc-timeout ("Requests"): 1 to 8 digits, then one of H M S m u n. Milliseconds, rounded up. False for anything else.
 */
bool lk_grpc_timeout_parse(struct lk_bytes text, uint64_t *ms);
/* Writes ms in the finest unit that needs at most 8 digits; out_size at least 10. */
void lk_grpc_timeout_format(uint64_t ms, char *out, size_t out_size);

/* grpc-message ("Responses", Percent-Encoded): all outside 0x20..0x7E, and %, become %XX. */
void lk_grpc_percent_encode(struct lk_buf *out, struct lk_bytes text);
/* A % without two hex digits stays as it is, as the document demands. */
void lk_grpc_percent_decode(struct lk_buf *out, struct lk_bytes text);

/* -bin metadata ("Binary-Header"): written without padding. */
void lk_grpc_bin_encode(struct lk_buf *out, struct lk_bytes bytes);
/*
 * Accepts padded and unpadded text of the standard alphabet without other characters; the unused bits of the last
 * character must be zero. BAD_TEXT, TOO_LARGE.
 */
LK_MUST_USE lk_result lk_grpc_bin_decode(struct lk_buf *out, struct lk_bytes text);
/* Values that were joined with commas: takes the first of *rest into *one; false when nothing is left. */
bool lk_grpc_bin_next(struct lk_bytes *rest, struct lk_bytes *one);

#endif
