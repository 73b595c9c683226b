/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_MSG_UNPACK_H
#define LK_MSG_UNPACK_H
/*
 * The one way in which protobuf messages of others are unpacked. The wire form
 * (protobuf.dev, "Encoding") is walked first, against the descriptor and without
 * allocating: depth, number of elements, wire types, UTF-8 and unknown fields are
 * settled before protobuf-c sees a byte. protobuf-c then allocates from the arena
 * only: a few megabytes of empty submessages cannot become hundreds.
 *
 * Stricter than protobuf itself, so that two readers can never see two messages in
 * the same bytes: unknown fields, repeated occurrences of a singular field, two
 * members of one oneof, groups, over-long varints, and NUL in a string are refused
 * at every level. No encoder produces them.
 */
#include "proto/base/arena.h"
#include "proto/base/bytes.h"
#include "proto/base/result.h"

#include <protobuf-c/protobuf-c.h>

struct lk_msg_limits {
    size_t max_bytes;    /* of the whole message */
    unsigned max_depth;  /* 1: no submessages */
    size_t max_elements; /* fields and packed values, over all levels */
};

/* Fits every message of proto/api: a bundle of LK_BUNDLE_MAX, five levels, 1024 elements. */
extern const struct lk_msg_limits LK_MSG_LIMITS_REQUEST;
/* For what administrators sign: 1 MiB, eight levels, 32768 elements. */
extern const struct lk_msg_limits LK_MSG_LIMITS_DOCUMENT;
/* One part of a reference set: 960 KiB of members and what is said about them. */
extern const struct lk_msg_limits LK_MSG_LIMITS_SET;

/*
 * Unpacks bytes as a message of the type. *out lives in the arena (nothing to free);
 * it is NULL unless the result is OK. The arena needs up to twice the message's
 * bytes, and 256 bytes for each element.
 *
 * REQUEST_MALFORMED      not the wire form of the type
 * REQUEST_UNKNOWN_FIELD  a field, at any level, that the type does not have
 * REQUEST_LIMIT          a limit, or the arena's cap, is reached
 */
LK_MUST_USE lk_result lk_msg_unpack(const ProtobufCMessageDescriptor *type, struct lk_bytes bytes,
                                    struct lk_arena *arena, const struct lk_msg_limits *limits, void **out);

/*
 * As lk_msg_unpack, but one bytes field of the message itself, large and singular, stays where it is: *run borrows it from
 * bytes (absent when the message has none), and in *out it is empty.
 */
LK_MUST_USE lk_result lk_msg_unpack_apart(const ProtobufCMessageDescriptor *type, struct lk_bytes bytes, unsigned field,
                                          struct lk_arena *arena, const struct lk_msg_limits *limits, void **out,
                                          struct lk_bytes *run);

/* The walk alone, without unpacking: the same results. */
LK_MUST_USE lk_result lk_msg_scan(const ProtobufCMessageDescriptor *type, struct lk_bytes bytes,
                                  const struct lk_msg_limits *limits);

#endif
