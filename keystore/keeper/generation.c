/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots, and the generations of workers that judge by them. */
#include "keystore/collateral/table.h"
#include "keystore/keeper/keeper.h"
#include "proto/base/clock.h"
#include "proto/link/snapshot.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct collect {
    const struct lk_change *change;
    struct lk_snapshot_entry *entries;
    size_t n, cap;
    enum lk_snapshot_kind kind;
};

static const struct {
    enum lk_object_kind object;
    enum lk_snapshot_kind snapshot;
} kinds[] = {
    {LK_OBJECT_POLICY, LK_SNAP_POLICY},
    {LK_OBJECT_REFERENCE, LK_SNAP_REFERENCE},
    {LK_OBJECT_ANCHOR, LK_SNAP_ANCHOR},
    {LK_OBJECT_SET, LK_SNAP_SET},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* What a change says about an object replaces what the state says. */
static bool overridden(const struct lk_change *c, const struct lk_object *o)
{
    for (size_t i = 0; c != NULL && i < c->e.n_items; i++) {
        enum lk_object_kind kind;
        bool deletes;
        if (lk_change_kind_of(c->e.items[i].kind, &kind, &deletes) && kind == o->kind &&
            lk_bytes_eq(c->e.items[i].object, lk_bytes_str(o->name)))
            return true;
    }
    return false;
}

static void add(struct collect *c, enum lk_snapshot_kind kind, uint64_t revision, struct lk_bytes name,
                struct lk_bytes body)
{
    if (c->n < c->cap)
        c->entries[c->n++] = (struct lk_snapshot_entry){kind, revision, name, body};
}

static bool add_object(void *arg, const struct lk_object *o)
{
    struct collect *c = arg;
    if (!overridden(c->change, o))
        add(c, c->kind, o->revision, lk_bytes_str(o->name), lk_bytes(o->payload, o->payload_len));
    return true;
}

static void add_changed(struct collect *c, enum lk_object_kind kind)
{
    for (size_t i = 0; c->change != NULL && i < c->change->e.n_items; i++) {
        enum lk_object_kind of;
        bool deletes;
        const struct lk_envelope_item *item = &c->change->e.items[i];
        if (lk_change_kind_of(item->kind, &of, &deletes) && of == kind && !deletes)
            add(c, c->kind, c->change->revisions[i], item->object, c->change->payloads[i]);
    }
}

static void put_suites(const struct lk_keeper *k, struct lk_buf *out)
{
    const enum lk_suite always[] = {LK_SUITE_HPKE_X25519, LK_SUITE_HPKE_P256};
    for (size_t i = 0; i < 2; i++)
        lk_put(out, lk_bytes(lk_suite_name(always[i]), strlen(lk_suite_name(always[i])) + 1));
    for (size_t i = 0; i < 4 && k->suites[i] != LK_SUITE_NONE; i++)
        lk_put(out, lk_bytes(lk_suite_name(k->suites[i]), strlen(lk_suite_name(k->suites[i])) + 1));
}

/* Grows the list: how many there are is known only when they have been read. */
static lk_result add_collateral(void *arg, struct lk_bytes key, uint64_t version, struct lk_bytes value, bool *stop)
{
    struct collect *c = arg;
    struct lk_collateral_row row;
    (void)stop;
    LK_TRY(lk_collateral_row_get(value, version, &row));
    if (c->n == c->cap) {
        struct lk_snapshot_entry *grown = reallocarray(c->entries, 2 * c->cap, sizeof(*grown));
        LK_REQUIRE(grown != NULL, MEMORY);
        c->entries = grown;
        c->cap *= 2;
    }
    add(c, LK_SNAP_COLLATERAL, version, key, row.bytes);
    return LK_OK;
}

/* What the view lends is copied once, into the snapshot. */
static lk_result write_snapshot(struct lk_keeper *k, struct collect *c, struct lk_view *view, uint64_t number, int *fd,
                                struct lk_msg_snapshot *m)
{
    struct lk_snapshot_head head = {.generation = number};
    LK_BUF_AUTO suites = lk_buf(1024);
    for (size_t i = 0; i < KINDS; i++) {
        c->kind = kinds[i].snapshot;
        lk_state_each(k->state, kinds[i].object, add_object, c);
        add_changed(c, kinds[i].object);
    }
    put_suites(k, &suites);
    LK_TRY(lk_buf_ok(&suites));
    /* the last NUL is left out: names are separated, not ended */
    add(c, LK_SNAP_SUITES, 0, lk_bytes_str("suites"), lk_bytes(suites.data, suites.len - 1));
    LK_TRY(lk_view_each(view, LK_TABLE_COLLATERAL, LK_BYTES_NONE, add_collateral, c));
    memcpy(head.start_id, k->start_id, 16);
    memcpy(head.admission_key, k->keys.data + 32, 32);
    memcpy(head.broker_id, k->broker_id, 32);
    lk_result r = lk_snapshot_write(&head, c->entries, c->n, fd, &m->length, m->digest);
    OPENSSL_cleanse(head.admission_key, 32);
    return r;
}

lk_result lk_generation_begin(struct lk_keeper *k, const struct lk_change *change)
{
    LK_REQUIRE(k->pending.number == 0, CHANGE_BUSY);
    struct collect c = {.change = change, .cap = LK_ENVELOPE_ITEMS_MAX + 1};
    for (size_t i = 0; i < KINDS; i++)
        c.cap += lk_state_count(k->state, kinds[i].object);
    c.entries = calloc(c.cap, sizeof(*c.entries));
    LK_REQUIRE(c.entries != NULL, MEMORY);
    struct lk_msg_snapshot m = {.generation = k->last_generation + 1};
    struct lk_view *view = NULL;
    uint64_t uploads = k->collateral.uploads; /* those are on the disk */
    int fd = -1;
    lk_result r = lk_view_begin(k->store, &view);
    if (lk_ok(r))
        r = write_snapshot(k, &c, view, m.generation, &fd, &m);
    lk_view_end(view);
    free(c.entries);
    LK_TRY(r);
    k->last_generation = m.generation;
    k->pending = (struct lk_generation){.number = m.generation, .collateral = uploads};
    k->pending_since = lk_clock_mono_ms();
    memcpy(k->pending.digest, m.digest, 32);
    LK_BUF_AUTO payload = lk_buf(64);
    lk_msg_snapshot_put(&payload, &m);
    lk_port_send_fd(k->control, LK_F_CTL_SNAPSHOT, 0, lk_buf_bytes(&payload), fd);
    close(fd);
    lk_log(LK_LOG_INFO, "generation.begin", "generation=%llu objects=%zu", (unsigned long long)m.generation, c.n);
    return LK_OK;
}

static void tell_active(struct lk_keeper *k)
{
    LK_BUF_AUTO payload = lk_buf(16);
    lk_msg_u64_put(&payload, k->active.number);
    lk_port_send(k->control, LK_F_CTL_ACTIVE, 0, lk_buf_bytes(&payload));
}

void lk_generation_activate(struct lk_keeper *k, bool revoke)
{
    k->active = k->pending;
    k->pending = (struct lk_generation){0};
    if (revoke)
        lk_ring_drop_workers(k, k->active.number);
    tell_active(k);
    lk_log(LK_LOG_INFO, "generation.active", "generation=%llu", (unsigned long long)k->active.number);
}

/* Told again which one is in force, the supervisor ends the workers of the other. */
void lk_generation_drop(struct lk_keeper *k)
{
    for (struct lk_worker *w = k->workers; w != NULL; w = w->next)
        if (w->generation == k->pending.number)
            w->generation = LK_GENERATION_DROPPED;
    k->pending = (struct lk_generation){0};
    if (k->active.number != 0)
        tell_active(k);
}

void lk_generation_worker_ready(struct lk_keeper *k)
{
    size_t n = 0;
    lk_port_drain(k->control); /* the supervisor names every worker of a generation before it runs one */
    if (k->pending.number == 0 || lk_change_is_written(k))
        return;
    for (const struct lk_worker *w = k->workers; w != NULL; w = w->next) {
        if (w->generation != k->pending.number)
            continue;
        if (!w->ready)
            return;
        n++;
    }
    if (n < k->verifiers)
        return;
    if (k->change != NULL)
        lk_change_generation_up(k);
    else
        lk_generation_activate(k, false);
}

void lk_generation_dead(struct lk_keeper *k, uint64_t number, const char *text)
{
    if (number == 0 || number != k->pending.number || lk_change_is_written(k))
        return; /* what is being written will be in force: the supervisor then starts its workers anew */
    char detail[512];
    memcpy(detail, k->pending.failure, sizeof(detail));
    if (detail[0] == '\0') {
        strncpy(detail, text, sizeof(detail) - 1);
        detail[sizeof(detail) - 1] = '\0';
    }
    lk_log(LK_LOG_ERROR, "generation.dead", "generation=%llu detail=%s", (unsigned long long)number, lk_log_text(detail));
    if (k->active.number == 0)
        lk_keeper_fail(LK_FAIL(CHANGE_DOES_NOT_LOAD), "no verifier loads the first snapshot");
    lk_generation_drop(k);
    if (k->change != NULL)
        lk_change_generation_failed(k, detail);
}
