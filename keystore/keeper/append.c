/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry of the list of changes after the other: written, applied, its head put into the token. The state is moved
 * on by nothing else.
 */
#include "keystore/keeper/keeper.h"

#define HEAD_TRIES 3

static void turn_of_next(struct lk_keeper *k);

static void over(struct lk_append *a)
{
    struct lk_keeper *k = a->keeper;
    k->appends = a->next;
    turn_of_next(k);
}

static void put_head(struct lk_append *a);

static void head_answered(void *arg, lk_result r, struct lk_bytes output)
{
    struct lk_append *a = arg;
    struct lk_keeper *k = a->keeper;
    if (lk_ok(r))
        r = lk_start_head_is(k, output);
    if (lk_ok(r) && k->token_head.index < lk_state_head(k->state)->index && ++a->tries < HEAD_TRIES) {
        put_head(a); /* another head was in force than this start knew of: one of before, which it was not told */
        return;
    }
    if (lk_ok(r) && k->token_head.index < lk_state_head(k->state)->index)
        r = LK_FAIL(TOKEN_AWAY);
    void (*covered)(void *, lk_result) = a->covered;
    void *of = a->arg;
    over(a);
    covered(of, r);
}

static void put_head(struct lk_append *a)
{
    LK_BUF_AUTO p = lk_buf(256);
    lk_call_head_put(&p, &(struct lk_call_head){true, a->keeper->token_head, *lk_state_head(a->keeper->state)});
    lk_token_call(a->keeper, LK_F_CALL_HEAD, &p, head_answered, a);
}

static lk_result apply(void *arg, struct lk_txn *t)
{
    struct lk_append *a = arg;
    uint8_t key[8];
    lk_change_key(a->before.index, key);
    LK_TRY(lk_txn_insert(t, LK_TABLE_CHANGES, LK_BYTES(key), 1, lk_buf_bytes(&a->record)));
    return a->write(a->arg, t);
}

static void written(void *arg, lk_result r)
{
    struct lk_append *a = arg;
    if (!lk_ok(r)) {
        lk_append_cancel(a, r);
        return;
    }
    r = lk_state_apply(a->keeper->state, lk_buf_bytes(&a->record));
    if (!lk_ok(r))
        lk_keeper_fail(r, "an entry that was checked does not apply");
    a->written(a->arg, LK_OK);
    put_head(a);
}

static void turn_of_next(struct lk_keeper *k)
{
    struct lk_append *a = k->appends;
    if (a == NULL)
        return;
    a->before = *lk_state_head(k->state);
    a->turn(a->arg);
}

void lk_append_submit(struct lk_keeper *k, struct lk_append *a)
{
    struct lk_append **last = &k->appends;
    while (*last != NULL)
        last = &(*last)->next;
    a->keeper = k;
    a->next = NULL;
    a->tries = 0;
    *last = a;
    if (k->appends == a)
        turn_of_next(k);
}

void lk_append_write(struct lk_append *a)
{
    a->job = (struct lk_job){.apply = apply, .done = written, .arg = a, .admin = a->admin};
    lk_writer_submit(a->keeper->writer, &a->job);
}

void lk_append_cancel(struct lk_append *a, lk_result why)
{
    void (*failed)(void *, lk_result) = a->written;
    void *of = a->arg;
    over(a);
    failed(of, why);
}
