/* SPDX-License-Identifier: Apache-2.0 */
/* What happens by the clock: noise becomes records, checkpoints are signed, what has expired is forgotten. */
#include "keystore/audit/audit.h"
#include "keystore/keeper/keeper.h"
#include "keystore/release/pack.h"
#include "latchkey.pb-c.h"
#include "proto/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS 200
#define MINUTE_MS 60000u
#define CHECKPOINT_MINUTES 10
#define GENERATION_MS 60000u /* for workers to load a snapshot */

struct append {
    struct lk_job job;
    struct lk_buf record;
    struct lk_keeper *keeper;
};

static lk_result append_apply(void *arg, struct lk_txn *t)
{
    struct append *a = arg;
    uint64_t index;
    return lk_audit_append(t, lk_buf_bytes(&a->record), LK_BYTES_NONE, &index);
}

static void append_done(void *arg, lk_result r)
{
    struct append *a = arg;
    if (!lk_ok(r))
        lk_log(LK_LOG_ERROR, "audit.lost", "code=%s", lk_reason(r.code)->name);
    lk_buf_free(&a->record);
    free(a);
}

void lk_trail_append(struct lk_keeper *k, const struct lk_buf *record)
{
    struct append *a = calloc(1, sizeof(*a));
    if (a == NULL || !lk_ok(lk_buf_ok(record))) {
        free(a);
        return;
    }
    *a = (struct append){.keeper = k, .record = lk_buf(LK_AUDIT_RECORD_MAX)};
    lk_put(&a->record, lk_buf_bytes(record));
    a->job = (struct lk_job){.apply = append_apply, .done = append_done, .arg = a};
    lk_writer_submit(k->writer, &a->job);
}

static void flush_noise(struct lk_keeper *k)
{
    enum lk_reason_code code;
    uint64_t count;
    while (lk_noise_take(k->noise, &code, &count)) {
        LK_BUF_AUTO record = lk_buf(1024);
        Latchkey__V1__AuditRecord a = LATCHKEY__V1__AUDIT_RECORD__INIT;
        a.time = lk_clock_wall();
        a.kind = (char *)(uintptr_t)"noise";
        a.class_ = (char *)(uintptr_t)lk_class_name(lk_reason(code)->cls);
        a.code = (char *)(uintptr_t)lk_reason(code)->name;
        a.count = count;
        a.generation = k->active.number;
        if (lk_ok(lk_pack(&record, &a.base)))
            lk_trail_append(k, &record);
    }
}

struct checkpoint {
    struct lk_keeper *keeper;
    uint64_t size;
    uint8_t message[LK_CHECKPOINT_SIGNED];
};

/* Into the log, which leaves this machine where logs are collected: a later, shorter or other tree then shows. */
static void checkpoint_signed(void *arg, lk_result r, struct lk_bytes output)
{
    struct checkpoint *c = arg;
    char root[65], signature[2 * LK_SIGNATURE_MAX + 1];
    if (lk_ok(r)) {
        c->keeper->checkpoint_size = c->size;
        lk_hex(lk_bytes(c->message + 8, 32), root, sizeof(root));
        lk_hex(output, signature, sizeof(signature));
        lk_log(LK_LOG_INFO, "audit.checkpoint", "size=%llu root=%s signature=%s", (unsigned long long)c->size, root, signature);
    }
    free(c);
}

static void sign_checkpoint(struct lk_keeper *k)
{
    struct lk_merkle tree;
    struct checkpoint *c = calloc(1, sizeof(*c));
    if (c == NULL || !lk_ok(lk_audit_tree(k->store, &tree)) || tree.size == k->checkpoint_size ||
        !lk_ok(lk_audit_checkpoint_message(&tree, c->message))) {
        free(c);
        return;
    }
    c->keeper = k;
    c->size = tree.size;
    lk_token_sign(k, LK_SIGN_CHECKPOINT, LK_BYTES(c->message), checkpoint_signed, c);
}

static void each_minute(struct lk_keeper *k, uint64_t minute)
{
    flush_noise(k);
    lk_spent_sweep(k->spent, lk_clock_wall());
    if (minute % CHECKPOINT_MINUTES == 0)
        sign_checkpoint(k);
}

static void check_generation(struct lk_keeper *k)
{
    if (k->pending.number != 0 && k->active.number != 0 && k->pending_since + GENERATION_MS < lk_clock_mono_ms())
        lk_generation_dead(k, k->pending.number, "Its verifiers did not load it in time.");
}

/* An entry that the token could not be told of. */
static void cover_list(struct lk_keeper *k)
{
    bool behind = k->token_head.index < lk_state_head(k->state)->index;
    if (behind && k->token_ready && !k->head_asked && k->appends == NULL)
        lk_start_sync_head(k, &k->token_head);
}

static bool idle(struct lk_keeper *k)
{
    return k->in_flight == 0 && k->change == NULL && k->appends == NULL && lk_writer_idle(k->writer) && lk_port_pending(k->front) == 0 &&
           lk_port_pending(k->admin) == 0;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct lk_keeper *k = arg;
    (void)fd;
    (void)what;
    lk_token_check_time(k);
    if (!k->started)
        return;
    uint64_t minute = lk_clock_mono_ms() / MINUTE_MS;
    if (minute != k->minute)
        each_minute(k, minute);
    k->minute = minute;
    check_generation(k);
    cover_list(k);
    lk_collateral_tick(k);
    if (k->draining && idle(k))
        event_base_loopbreak(k->base);
}

lk_result lk_trail_start(struct lk_keeper *k)
{
    const struct timeval period = {0, TICK_MS * 1000};
    k->minute = lk_clock_mono_ms() / MINUTE_MS;
    k->tick = event_new(k->base, -1, EV_PERSIST, on_tick, k);
    return k->tick != NULL && event_add(k->tick, &period) == 0 ? LK_OK : LK_FAIL(MEMORY);
}
