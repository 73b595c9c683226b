/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/bucket.h"

#include <netinet/in.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#define SETS 1024u
#define WAYS 8u
#define TAG 16u

struct entry {
    uint8_t tag[TAG];
    struct lk_grpc_bucket bucket;
};

struct lk_grpc_buckets {
    uint8_t key[32];
    struct entry sets[SETS][WAYS];
};

static void fill(struct lk_grpc_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ms)
{
    uint64_t most = (uint64_t)burst * 1000, elapsed = now_ms - b->at_ms;
    /* rate tokens per second are rate millitokens per millisecond; a day fills any bucket */
    bool full = b->at_ms == 0 || elapsed > 86400000u || b->millitokens + elapsed * rate > most;
    b->millitokens = full ? most : b->millitokens + elapsed * rate;
    b->at_ms = now_ms == 0 ? 1 : now_ms;
}

bool lk_grpc_bucket_take(struct lk_grpc_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ms)
{
    fill(b, rate, burst, now_ms);
    if (b->millitokens < 1000)
        return false;
    b->millitokens -= 1000;
    return true;
}

struct lk_grpc_buckets *lk_grpc_buckets_new(void)
{
    struct lk_grpc_buckets *t = calloc(1, sizeof(*t));
    if (t != NULL && RAND_bytes(t->key, sizeof(t->key)) == 1)
        return t;
    free(t);
    return NULL;
}

void lk_grpc_buckets_free(struct lk_grpc_buckets *t)
{
    free(t);
}

static void hash(const struct lk_grpc_buckets *t, struct lk_bytes key, uint8_t out[static 32])
{
    uint8_t block[32 + 64] = {0};
    size_t n = key.len < 64 ? key.len : 64;
    memcpy(block, t->key, 32);
    if (n > 0)
        memcpy(block + 32, key.data, n);
    SHA256(block, 32 + n, out);
}

/* The key's entry, or the one of its set that gives way. */
static struct entry *find(struct lk_grpc_buckets *t, const uint8_t h[static 32])
{
    struct entry *set = t->sets[((unsigned)h[30] << 8 | h[31]) % SETS], *fullest = &set[0];
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].bucket.at_ms != 0 && memcmp(set[i].tag, h, TAG) == 0)
            return &set[i];
        if (set[i].bucket.at_ms == 0 ||
            (fullest->bucket.at_ms != 0 && set[i].bucket.millitokens > fullest->bucket.millitokens))
            fullest = &set[i];
    }
    memset(fullest, 0, sizeof(*fullest));
    memcpy(fullest->tag, h, TAG);
    return fullest;
}

bool lk_grpc_buckets_take(struct lk_grpc_buckets *t, struct lk_bytes key, uint32_t rate, uint32_t burst, uint64_t now_ms)
{
    uint8_t h[32];
    hash(t, key, h);
    return lk_grpc_bucket_take(&find(t, h)->bucket, rate, burst, now_ms);
}

struct lk_bytes lk_grpc_prefix_key(const struct sockaddr *a, uint8_t out[static LK_GRPC_PREFIX_KEY])
{
    memset(out, 0, LK_GRPC_PREFIX_KEY);
    if (a->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, a, sizeof(in));
        out[0] = 4;
        memcpy(out + 1, &in.sin_addr, 4);
    }
    if (a->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, a, sizeof(in6));
        bool mapped = IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr);
        out[0] = mapped ? 4 : 6;
        memcpy(out + 1, (const uint8_t *)&in6.sin6_addr + (mapped ? 12 : 0), mapped ? 4 : 8);
    }
    return lk_bytes(out, LK_GRPC_PREFIX_KEY);
}
