/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/audit/audit.h"

#include "proto/base/cursor.h"

#include <string.h>

static const char tree_key[] = "audit";

static void be64(uint64_t v, uint8_t out[static 8])
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (56 - 8 * i));
}

/* u64be size, then the subtrees that its bits stand for, the smallest first. */
static void tree_put(struct lk_buf *out, const struct lk_merkle *m)
{
    lk_put_u64be(out, m->size);
    for (unsigned k = 0; k < LK_MERKLE_DEPTH; k++)
        if ((m->size >> k & 1) != 0)
            lk_put(out, LK_BYTES(m->subtree[k]));
}

static lk_result tree_get(struct lk_bytes raw, struct lk_merkle *m)
{
    struct lk_cursor c = lk_cursor(raw);
    *m = (struct lk_merkle){0};
    m->size = lk_u64be(&c);
    for (unsigned k = 0; k < LK_MERKLE_DEPTH; k++)
        if ((m->size >> k & 1) != 0)
            lk_copy(&c, m->subtree[k], 32);
    return lk_ok(lk_cursor_end(&c)) ? LK_OK : LK_FAIL(STORE_DAMAGED);
}

#define TREE_MAX (8 + 32 * LK_MERKLE_DEPTH)

static lk_result tree_decode(lk_result got, const struct lk_buf *raw, struct lk_merkle *m)
{
    *m = (struct lk_merkle){0};
    if (got.code == LK_R_NOT_FOUND) /* nothing was appended yet */
        return LK_OK;
    LK_TRY(got);
    return tree_get(lk_buf_bytes(raw), m);
}

static lk_result tree_in(struct lk_txn *t, struct lk_merkle *m)
{
    LK_BUF_AUTO raw = lk_buf(TREE_MAX);
    lk_result r = lk_txn_get(t, LK_TABLE_META, lk_bytes_str(tree_key), NULL, &raw);
    return tree_decode(r, &raw, m);
}

lk_result lk_audit_tree(struct lk_store *s, struct lk_merkle *out)
{
    LK_BUF_AUTO raw = lk_buf(TREE_MAX);
    lk_result r = lk_store_get(s, LK_TABLE_META, lk_bytes_str(tree_key), NULL, &raw);
    return tree_decode(r, &raw, out);
}

lk_result lk_audit_append(struct lk_txn *t, struct lk_bytes record, struct lk_bytes decision, uint64_t *index)
{
    struct lk_merkle m;
    uint8_t leaf[32], key[8];
    LK_BUF_AUTO raw = lk_buf(TREE_MAX);
    LK_TRY(tree_in(t, &m));
    *index = m.size;
    be64(m.size, key);
    LK_TRY(lk_merkle_leaf(record, leaf));
    LK_TRY(lk_merkle_append(&m, leaf));
    tree_put(&raw, &m);
    LK_TRY(lk_buf_ok(&raw));
    LK_TRY(lk_txn_insert(t, LK_TABLE_AUDIT, LK_BYTES(key), 1, record));
    if (decision.len > 0)
        LK_TRY(lk_txn_insert(t, LK_TABLE_DECISIONS, decision, 1, LK_BYTES(key)));
    return lk_txn_put(t, LK_TABLE_META, lk_bytes_str(tree_key), m.size, lk_buf_bytes(&raw));
}

lk_result lk_audit_checkpoint_message(const struct lk_merkle *m, uint8_t out[static LK_CHECKPOINT_SIGNED])
{
    be64(m->size, out);
    return lk_merkle_root(m, out + 8);
}

void lk_audit_checkpoint_put(struct lk_buf *out, const uint8_t message[static LK_CHECKPOINT_SIGNED],
                             struct lk_bytes signature)
{
    lk_put(out, lk_bytes(message, LK_CHECKPOINT_SIGNED));
    lk_put_sized_u16be(out, signature);
}

static lk_result index_of(struct lk_bytes key, uint64_t *index)
{
    struct lk_cursor c = lk_cursor(key);
    *index = lk_u64be(&c);
    return lk_ok(lk_cursor_end(&c)) ? LK_OK : LK_FAIL(STORE_DAMAGED);
}

lk_result lk_audit_find(struct lk_store *s, struct lk_bytes decision, uint64_t *index)
{
    LK_BUF_AUTO raw = lk_buf(8);
    LK_TRY(lk_store_get(s, LK_TABLE_DECISIONS, decision, NULL, &raw));
    return index_of(lk_buf_bytes(&raw), index);
}

struct walk {
    lk_audit_fn fn;
    void *arg;
    uint64_t left, expected;
};

/* A leaf that is missing between two others is as bad as one that was altered. */
static lk_result walk_one(void *arg, struct lk_bytes key, uint64_t version, struct lk_bytes value, bool *stop)
{
    struct walk *w = arg;
    uint64_t index;
    (void)version;
    LK_TRY(index_of(key, &index));
    LK_REQUIRE(index == w->expected++, STORE_DAMAGED);
    LK_TRY(w->fn(w->arg, index, value));
    *stop = --w->left == 0;
    return LK_OK;
}

lk_result lk_audit_each(struct lk_store *s, uint64_t first, uint64_t limit, lk_audit_fn fn, void *arg)
{
    uint8_t key[8];
    struct walk w = {fn, arg, limit, first};
    be64(first, key);
    return limit == 0 ? LK_OK : lk_store_each(s, LK_TABLE_AUDIT, LK_BYTES(key), walk_one, &w);
}

static lk_result hash_one(void *arg, uint64_t index, struct lk_bytes record)
{
    uint8_t leaf[32];
    (void)index;
    LK_TRY(lk_merkle_leaf(record, leaf));
    return lk_merkle_append(arg, leaf);
}

lk_result lk_audit_verify(struct lk_store *s)
{
    struct lk_merkle kept, seen = {0};
    uint8_t a[32], b[32];
    LK_TRY(lk_audit_tree(s, &kept));
    LK_TRY(lk_audit_each(s, 0, UINT64_MAX, hash_one, &seen));
    LK_REQUIRE(kept.size == seen.size, STORE_DAMAGED);
    LK_TRY(lk_merkle_root(&kept, a));
    LK_TRY(lk_merkle_root(&seen, b));
    return lk_bytes_eq(LK_BYTES(a), LK_BYTES(b)) ? LK_OK : LK_FAIL(STORE_DAMAGED);
}
