/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/seal/merkle.h"

#include "proto/seal/hash.h"

#include <string.h>

static lk_result node(const uint8_t left[static 32], const uint8_t right[static 32], uint8_t out[static 32])
{
    static const uint8_t tag[] = {1};
    return lk_sha256(LK_PARTS(LK_BYTES(tag), lk_bytes(left, 32), lk_bytes(right, 32)), out);
}

lk_result lk_merkle_leaf(struct lk_bytes data, uint8_t out[static 32])
{
    static const uint8_t tag[] = {0};
    return lk_sha256(LK_PARTS(LK_BYTES(tag), data), out);
}

/* Adding one to size carries through its set low bits, and each carry joins two subtrees of that height. */
lk_result lk_merkle_append(struct lk_merkle *m, const uint8_t leaf[static 32])
{
    LK_REQUIRE(m->size < UINT64_MAX, TOO_LARGE);
    uint8_t carry[32];
    memcpy(carry, leaf, 32);
    unsigned k = 0;
    for (; (m->size >> k & 1) != 0; k++)
        LK_TRY(node(m->subtree[k], carry, carry));
    memcpy(m->subtree[k], carry, 32);
    m->size++;
    return LK_OK;
}

lk_result lk_merkle_root(const struct lk_merkle *m, uint8_t out[static 32])
{
    if (m->size == 0)
        return lk_sha256(NULL, 0, out);
    bool any = false;
    for (unsigned k = 0; k < LK_MERKLE_DEPTH; k++) {
        if ((m->size >> k & 1) == 0)
            continue;
        if (any)
            LK_TRY(node(m->subtree[k], out, out));
        else
            memcpy(out, m->subtree[k], 32);
        any = true;
    }
    return LK_OK;
}

/* MTH(D[from:from+count]), 2.1.1. */
static lk_result range_root(uint64_t from, uint64_t count, lk_merkle_leaf_fn leaf, void *arg, uint8_t out[static 32])
{
    struct lk_merkle m = {0};
    for (uint64_t i = 0; i < count; i++) {
        uint8_t hash[32];
        LK_TRY(leaf(arg, from + i, hash));
        LK_TRY(lk_merkle_append(&m, hash));
    }
    return lk_merkle_root(&m, out);
}

/* The largest power of two smaller than n, n > 1. */
static uint64_t split(uint64_t n)
{
    uint64_t k = 1;
    while (k < n - k)
        k *= 2;
    return k;
}

static lk_result put_range(uint64_t from, uint64_t count, lk_merkle_leaf_fn leaf, void *arg,
                           struct lk_merkle_proof *out)
{
    LK_REQUIRE(out->n < sizeof(out->path) / sizeof(out->path[0]), INTERNAL);
    return range_root(from, count, leaf, arg, out->path[out->n++].bytes);
}

static void reverse(struct lk_merkle_proof *p)
{
    for (size_t i = 0; i < p->n / 2; i++) {
        struct lk_merkle_hash other = p->path[i];
        p->path[i] = p->path[p->n - 1 - i];
        p->path[p->n - 1 - i] = other;
    }
}

/* The recursion of the RFC, from the root down; the proof goes from the leaf up. */
lk_result lk_merkle_prove_inclusion(uint64_t i, uint64_t size, lk_merkle_leaf_fn leaf, void *arg,
                                    struct lk_merkle_proof *out)
{
    LK_REQUIRE(i < size, INTERNAL);
    out->n = 0;
    uint64_t from = 0, count = size;
    while (count > 1) {
        uint64_t k = split(count);
        bool left = i - from < k;
        LK_TRY(left ? put_range(from + k, count - k, leaf, arg, out) : put_range(from, k, leaf, arg, out));
        from = left ? from : from + k;
        count = left ? k : count - k;
    }
    reverse(out);
    return LK_OK;
}

lk_result lk_merkle_prove_consistency(uint64_t first, uint64_t size, lk_merkle_leaf_fn leaf, void *arg,
                                      struct lk_merkle_proof *out)
{
    LK_REQUIRE(first > 0 && first <= size, INTERNAL);
    out->n = 0;
    uint64_t from = 0, count = size, m = first;
    bool whole = true; /* b of SUBPROOF: the subtree's hash is the old root, which the verifier has */
    while (m != count) {
        uint64_t k = split(count);
        bool left = m <= k;
        LK_TRY(left ? put_range(from + k, count - k, leaf, arg, out) : put_range(from, k, leaf, arg, out));
        from = left ? from : from + k;
        count = left ? k : count - k;
        m = left ? m : m - k;
        whole = whole && left;
    }
    if (!whole)
        LK_TRY(put_range(from, count, leaf, arg, out));
    reverse(out);
    return LK_OK;
}

static bool same(const uint8_t a[static 32], const uint8_t b[static 32])
{
    return memcmp(a, b, 32) == 0;
}

lk_result lk_merkle_check_inclusion(const uint8_t leaf[static 32], uint64_t i, uint64_t size,
                                    const struct lk_merkle_proof *p, const uint8_t root[static 32])
{
    LK_REQUIRE(i < size, AUDIT_PROOF);
    uint64_t fn = i, sn = size - 1;
    uint8_t r[32];
    memcpy(r, leaf, 32);
    for (size_t at = 0; at < p->n; at++) {
        LK_REQUIRE(sn != 0, AUDIT_PROOF);
        if ((fn & 1) != 0 || fn == sn) {
            LK_TRY(node(p->path[at].bytes, r, r));
            for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
                sn >>= 1;
        } else {
            LK_TRY(node(r, p->path[at].bytes, r));
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && same(r, root) ? LK_OK : LK_FAIL(AUDIT_PROOF);
}

lk_result lk_merkle_check_consistency(uint64_t first, uint64_t size, const uint8_t first_root[static 32],
                                      const uint8_t root[static 32], const struct lk_merkle_proof *p)
{
    LK_REQUIRE(first > 0 && first <= size, AUDIT_PROOF);
    if (first == size)
        return p->n == 0 && same(first_root, root) ? LK_OK : LK_FAIL(AUDIT_PROOF);
    bool power = (first & (first - 1)) == 0; /* then the old root is itself the first hash of the path */
    LK_REQUIRE(p->n > 0 || power, AUDIT_PROOF);
    uint64_t fn = first - 1, sn = size - 1;
    for (; (fn & 1) != 0; fn >>= 1)
        sn >>= 1;
    uint8_t fr[32], sr[32];
    memcpy(fr, power ? first_root : p->path[0].bytes, 32);
    memcpy(sr, fr, 32);
    for (size_t at = power ? 0 : 1; at < p->n; at++) {
        LK_REQUIRE(sn != 0, AUDIT_PROOF);
        const uint8_t *c = p->path[at].bytes;
        if ((fn & 1) != 0 || fn == sn) {
            LK_TRY(node(c, fr, fr));
            LK_TRY(node(c, sr, sr));
            for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
                sn >>= 1;
        } else {
            LK_TRY(node(sr, c, sr));
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && same(fr, first_root) && same(sr, root) ? LK_OK : LK_FAIL(AUDIT_PROOF);
}
