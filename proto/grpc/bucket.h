/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_GRPC_BUCKET_H
#define LK_GRPC_BUCKET_H
/* Token buckets: one alone, and a table of them by source prefix or client certificate. */
#include "proto/base/bytes.h"

#include <sys/socket.h>

struct lk_grpc_bucket {
    uint64_t millitokens;
    uint64_t at_ms; /* when it was last filled; 0: never, which means full */
};

/* Takes one token; false when there is none. rate is tokens per second. */
bool lk_grpc_bucket_take(struct lk_grpc_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ms);

/*
 * A table of fixed size. Keys are hashed with a random key, so that nobody can choose neighbours; where a set is
 * full, the bucket that is nearest to full gives way, which loses the least memory of misdeeds.
 */
struct lk_grpc_buckets;
struct lk_grpc_buckets *lk_grpc_buckets_new(void); /* NULL without memory or randomness */
void lk_grpc_buckets_free(struct lk_grpc_buckets *t);
bool lk_grpc_buckets_take(struct lk_grpc_buckets *t, struct lk_bytes key, uint32_t rate, uint32_t burst, uint64_t now_ms);

#define LK_GRPC_PREFIX_KEY 9
/* The key of a source: 4 and all 4 bytes of IPv4 (mapped into IPv6 too), 6 and the first 8 of IPv6; 0 for others. */
struct lk_bytes lk_grpc_prefix_key(const struct sockaddr *a, uint8_t out[static LK_GRPC_PREFIX_KEY]);

#endif
