/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploads of collateral: put beside the list of changes, recorded, and brought to the verifiers by a generation that
 * waits for more to come. Their list, and what was missing.
 */
#include "keystore/audit/audit.h"
#include "keystore/collateral/table.h"
#include "keystore/keeper/keeper.h"
#include "keystore/release/pack.h"
#include "latchkey.pb-c.h"
#include "proto/base/arena.h"
#include "proto/base/clock.h"
#include "proto/link/collateral.h"

#include <stdlib.h>
#include <string.h>

#define QUIET_MS 500      /* without another upload: a generation begins */
#define WAIT_MS 3000      /* for the first of a row of uploads, at most */
#define PAUSE_MS 1000      /* after a generation for uploads alone, and twice what it took: administrators' changes need their turn */
#define ROWS_USUAL 1000
#define ROWS_MAX 4096
#define ANSWER_MAX ((2u << 20) - 4096)

struct upload {
    struct lk_worker *worker;
    uint64_t request;
    uint8_t *payload; /* of the frame: what the pieces borrow from */
    struct lk_collateral_frame frame;
    struct lk_collateral_piece pieces[LK_COLLATERAL_PIECES_MAX];
    /* Set by the writer's thread. */
    enum lk_collateral_outcome outcomes[LK_COLLATERAL_PIECES_MAX];
    struct lk_collateral_row rows[LK_COLLATERAL_PIECES_MAX];
    struct lk_finding refused[LK_COLLATERAL_PIECES_MAX]; /* by the keeper */
    struct lk_report why; /* of the piece at hand */
    Latchkey__V1__ChangedObject changes[LK_COLLATERAL_PIECES_MAX], *changed[LK_COLLATERAL_PIECES_MAX];
    int64_t now;
    size_t stored;
    struct lk_job job;
};

static char *text(const char *s)
{
    return (char *)(uintptr_t)s;
}

/* ---- answers ---- */

static void tell_refusal(struct lk_worker *w, uint64_t request, enum lk_reason_code code)
{
    LK_BUF_AUTO out = lk_buf(16u << 10);
    if (lk_ok(lk_answer_refusal(code, NULL, NULL, &out)))
        lk_ring_tell_front(w, LK_F_ANSWER, request, lk_buf_bytes(&out));
}

static void tell_body(struct lk_worker *w, uint64_t request, const ProtobufCMessage *m)
{
    LK_BUF_AUTO body = lk_buf(ANSWER_MAX);
    LK_BUF_AUTO out = lk_buf(lk_frame_max(LK_F_ANSWER));
    lk_result r = lk_pack(&body, m);
    if (lk_ok(r))
        r = lk_answer_body(lk_buf_bytes(&body), &out);
    if (lk_ok(r))
        lk_ring_tell_front(w, LK_F_ANSWER, request, lk_buf_bytes(&out));
    else
        tell_refusal(w, request, r.code);
}

static const char *outcome_word(const struct upload *u, size_t i)
{
    if (u->pieces[i].why.code != LK_R_OK || u->refused[i].code != LK_R_OK)
        return "refused";
    if (u->pieces[i].name[0] == '\0')
        return "issuer";
    return u->outcomes[i] == LK_COLLATERAL_STORED ? "stored" : "unchanged";
}

static void answer(struct upload *u)
{
    static Latchkey__V1__CollateralOutcome rows[LK_COLLATERAL_PIECES_MAX], *list[LK_COLLATERAL_PIECES_MAX];
    Latchkey__V1__CollateralPutResponse m = LATCHKEY__V1__COLLATERAL_PUT_RESPONSE__INIT;
    for (size_t i = 0; i < u->frame.n; i++) {
        const struct lk_finding *f = u->refused[i].code != LK_R_OK ? &u->refused[i] : &u->pieces[i].why;
        latchkey__v1__collateral_outcome__init(&rows[i]);
        rows[i].outcome = text(outcome_word(u, i));
        rows[i].name = u->pieces[i].name;
        rows[i].code = text(lk_reason(f->code)->name);
        rows[i].class_ = text(lk_class_name(lk_reason(f->code)->cls));
        rows[i].rule = text(f->rule);
        rows[i].expected = text(f->expected);
        rows[i].actual = text(f->actual);
        list[i] = &rows[i];
    }
    m.n_pieces = u->frame.n;
    m.pieces = list;
    tell_body(u->worker, u->request, &m.base);
}

static void upload_free(struct upload *u)
{
    free(u->payload);
    free(u);
}

static void leave(struct upload *u)
{
    u->worker->keeper->in_flight--;
    lk_ring_worker_answered(u->worker);
    upload_free(u);
}

/* ---- putting ---- */

static lk_result put_one(struct upload *u, size_t i, struct lk_txn *t)
{
    u->why.n = 0;
    lk_result r = lk_collateral_table_put(t, &u->pieces[i], u->now, &u->outcomes[i], &u->rows[i], &u->why);
    if (!lk_ok(r) && u->why.n > 0) { /* of this piece, not of the store */
        u->refused[i] = u->why.findings[0];
        return LK_OK;
    }
    return r;
}

static lk_result record(struct upload *u, struct lk_buf *out)
{
    Latchkey__V1__AuditRecord a = LATCHKEY__V1__AUDIT_RECORD__INIT;
    for (size_t i = 0; i < u->frame.n; i++) {
        if (strcmp(outcome_word(u, i), "stored") != 0)
            continue;
        Latchkey__V1__ChangedObject *row = &u->changes[a.n_changes];
        latchkey__v1__changed_object__init(row);
        row->kind = text("collateral");
        row->name = text(u->pieces[i].name);
        row->revision = u->rows[i].revision;
        row->digest = lk_pack_bytes(LK_BYTES(u->rows[i].digest));
        u->changed[a.n_changes++] = row;
    }
    a.time = u->now;
    a.kind = text("collateral");
    a.class_ = text("affirmed");
    a.code = text("OK");
    a.caller = lk_pack_bytes(LK_BYTES(u->frame.caller));
    a.changes = u->changed;
    return lk_pack(out, &a.base);
}

static lk_result write_upload(void *arg, struct lk_txn *t)
{
    struct upload *u = arg;
    uint64_t index;
    u->stored = 0;
    memset(u->refused, 0, sizeof(u->refused));
    for (size_t i = 0; i < u->frame.n; i++) {
        if (u->pieces[i].why.code != LK_R_OK || u->pieces[i].name[0] == '\0')
            continue;
        LK_TRY(put_one(u, i, t));
        u->stored += strcmp(outcome_word(u, i), "stored") == 0;
    }
    if (u->stored == 0)
        return LK_OK;
    LK_BUF_AUTO out = lk_buf(LK_AUDIT_RECORD_MAX);
    LK_TRY(record(u, &out));
    return lk_audit_append(t, lk_buf_bytes(&out), LK_BYTES_NONE, &index);
}

void lk_collateral_changed(struct lk_keeper *k)
{
    uint64_t now = lk_clock_mono_ms();
    k->collateral.uploads++;
    k->collateral.last_upload = now;
    if (k->collateral.first_waiting == 0)
        k->collateral.first_waiting = now;
}

static void upload_written(void *arg, lk_result r)
{
    struct upload *u = arg;
    struct lk_keeper *k = u->worker->keeper;
    if (!lk_ok(r)) {
        tell_refusal(u->worker, u->request, r.code);
        leave(u);
        return;
    }
    for (size_t i = 0; i < u->frame.n; i++)
        if (strcmp(outcome_word(u, i), "stored") == 0)
            lk_missing_clear(k->collateral.missing, u->pieces[i].name);
    if (u->stored > 0)
        lk_collateral_changed(k);
    lk_log(LK_LOG_INFO, "collateral.put", "req=%llx pieces=%zu stored=%zu", (unsigned long long)u->request, u->frame.n, u->stored);
    answer(u);
    leave(u);
}

static lk_result open_frame(struct lk_worker *w, const struct lk_frame *f, struct upload *u)
{
    u->worker = w;
    u->request = f->request;
    u->now = lk_clock_wall();
    u->payload = malloc(f->payload.len + 1);
    LK_REQUIRE(u->payload != NULL, MEMORY);
    memcpy(u->payload, f->payload.data, f->payload.len);
    LK_TRY(lk_collateral_frame_get(lk_bytes(u->payload, f->payload.len), u->pieces, &u->frame));
    return u->frame.generation == w->generation ? LK_OK : LK_FAIL(FRAME_FORBIDDEN);
}

static lk_result may_put(const struct upload *u)
{
    int64_t skew = u->frame.time - u->now;
    LK_REQUIRE(u->frame.failed == LK_R_OK, INTERNAL); /* replaced by what failed */
    LK_REQUIRE((u->frame.roles & LK_ROLE_COLLATERAL) != 0, CALLER_NOT_NAMED);
    LK_REQUIRE(skew <= LK_CLOCK_SKEW_MAX && skew >= -LK_CLOCK_SKEW_MAX, CLOCK_SKEW);
    LK_REQUIRE(u->frame.deadline_mono_ms > lk_clock_mono_ms(), DEADLINE);
    return LK_OK;
}

lk_result lk_collateral_put(struct lk_worker *w, const struct lk_frame *f)
{
    struct upload *u = calloc(1, sizeof(*u));
    LK_REQUIRE(u != NULL, MEMORY);
    lk_result r = open_frame(w, f, u);
    if (!lk_ok(r)) {
        upload_free(u);
        return r;
    }
    lk_serve_taken(w, f->request);
    r = may_put(u);
    if (!lk_ok(r)) {
        tell_refusal(w, f->request, u->frame.failed != LK_R_OK ? u->frame.failed : r.code);
        upload_free(u);
        return LK_OK;
    }
    w->in_flight++;
    w->keeper->in_flight++;
    u->job = (struct lk_job){.apply = write_upload, .done = upload_written, .arg = u};
    lk_writer_submit(w->keeper->writer, &u->job);
    return LK_OK;
}

/* ---- when it comes into force ---- */

static bool in_force(const struct lk_keeper *k)
{
    return k->active.number != 0 && k->active.collateral == k->collateral.uploads;
}

void lk_collateral_tick(struct lk_keeper *k)
{
    uint64_t now = lk_clock_mono_ms(), since = k->collateral.first_waiting;
    bool covered = in_force(k) || (k->pending.number != 0 && k->pending.collateral == k->collateral.uploads);
    if (covered)
        k->collateral.first_waiting = 0;
    if (k->collateral.begun != 0 && k->pending.number == 0) {
        k->collateral.not_before = now + PAUSE_MS + 2 * (now - k->collateral.begun);
        k->collateral.begun = 0;
    }
    if (covered || k->pending.number != 0 || k->change != NULL || k->active.number == 0 || now < k->collateral.not_before)
        return;
    if (now < k->collateral.last_upload + QUIET_MS && since != 0 && now < since + WAIT_MS)
        return;
    k->collateral.begun = now; /* also when it fails */
    lk_result r = lk_generation_begin(k, NULL);
    if (!lk_ok(r))
        lk_log(LK_LOG_ERROR, "collateral.generation", "code=%s", lk_reason(r.code)->name);
}

/* ---- the list ---- */

struct listing {
    struct lk_arena *arena;
    Latchkey__V1__CollateralEntry **rows;
    size_t n, limit;
    struct lk_bytes after;
    bool more;
};

static lk_result list_one(void *arg, struct lk_bytes key, uint64_t version, struct lk_bytes value, bool *stop)
{
    struct listing *l = arg;
    struct lk_collateral_row row;
    if (lk_bytes_eq(key, l->after))
        return LK_OK;
    l->more = *stop = l->n == l->limit;
    if (l->more)
        return LK_OK;
    LK_TRY(lk_collateral_row_get(value, version, &row));
    Latchkey__V1__CollateralEntry *e = LK_ARENA_NEW(l->arena, Latchkey__V1__CollateralEntry);
    uint8_t *digest = lk_arena_alloc(l->arena, sizeof(row.digest));
    char *name = lk_arena_str(l->arena, key.data, key.len);
    LK_REQUIRE(e != NULL && digest != NULL && name != NULL, MEMORY);
    latchkey__v1__collateral_entry__init(e);
    memcpy(digest, row.digest, sizeof(row.digest));
    e->name = name;
    e->kind = text(lk_collateral_kind_name(row.facts.kind));
    e->number = row.facts.number;
    e->issued = row.facts.issued;
    e->until = row.facts.until;
    e->stored = row.stored;
    e->digest = lk_pack_bytes(lk_bytes(digest, sizeof(row.digest)));
    e->size = (uint32_t)row.bytes.len;
    l->rows[l->n++] = e;
    return LK_OK;
}

static lk_result list_missing(struct lk_keeper *k, struct lk_arena *arena, Latchkey__V1__CollateralStatusResponse *m)
{
    const struct lk_missing_row *row;
    m->missing = lk_arena_array(arena, LK_MISSING_CHIPS + LK_MISSING_OTHERS, sizeof(*m->missing));
    LK_REQUIRE(m->missing != NULL, MEMORY);
    for (size_t i = 0; (row = lk_missing_at(k->collateral.missing, i)) != NULL; i++) {
        Latchkey__V1__CollateralMissing *e = LK_ARENA_NEW(arena, Latchkey__V1__CollateralMissing);
        LK_REQUIRE(e != NULL, MEMORY);
        latchkey__v1__collateral_missing__init(e);
        e->name = text(row->what.name);
        e->note = text(row->what.note);
        e->code = text(lk_reason(row->what.code)->name);
        e->first_seen = row->first_seen;
        e->last_seen = row->last_seen;
        e->count = row->count;
        m->missing[m->n_missing++] = e;
    }
    return LK_OK;
}

static lk_result fill(struct lk_keeper *k, const struct lk_collateral_ask *a, struct lk_arena *arena,
                      Latchkey__V1__CollateralStatusResponse *m)
{
    struct lk_collateral_totals totals;
    struct listing l = {.arena = arena, .after = lk_bytes_str(a->after)};
    l.limit = a->limit == 0 ? ROWS_USUAL : a->limit > ROWS_MAX ? ROWS_MAX : a->limit;
    l.rows = lk_arena_array(arena, l.limit, sizeof(*l.rows));
    LK_REQUIRE(l.rows != NULL, MEMORY);
    LK_TRY(lk_store_each(k->store, LK_TABLE_COLLATERAL, l.after, list_one, &l));
    LK_TRY(lk_collateral_totals_get(k->store, &totals));
    if (l.after.len == 0)
        LK_TRY(list_missing(k, arena, m));
    m->n_entries = l.n;
    m->entries = l.rows;
    m->more = l.more;
    m->in_force = in_force(k);
    m->time = lk_clock_wall();
    m->count = totals.count;
    m->bytes = totals.bytes;
    m->max_count = LK_COLLATERAL_COUNT_MAX;
    m->max_bytes = LK_COLLATERAL_BYTES_MAX;
    return LK_OK;
}

static lk_result may_list(const struct lk_collateral_ask *a)
{
    LK_REQUIRE((a->roles & LK_ROLE_COLLATERAL) != 0, CALLER_NOT_NAMED);
    LK_REQUIRE(a->deadline_mono_ms > lk_clock_mono_ms(), DEADLINE);
    return LK_OK;
}

lk_result lk_collateral_list(struct lk_worker *w, const struct lk_frame *f)
{
    struct lk_collateral_ask a;
    Latchkey__V1__CollateralStatusResponse m = LATCHKEY__V1__COLLATERAL_STATUS_RESPONSE__INIT;
    LK_TRY(lk_collateral_ask_get(f->payload, &a));
    LK_REQUIRE(a.failed != LK_R_OK || a.generation == w->generation, FRAME_FORBIDDEN);
    lk_serve_taken(w, f->request);
    struct lk_arena *arena = lk_arena_new(16u << 20);
    lk_result r = a.failed != LK_R_OK ? (lk_result){a.failed} : may_list(&a);
    if (lk_ok(r))
        r = arena == NULL ? LK_FAIL(MEMORY) : fill(w->keeper, &a, arena, &m);
    if (lk_ok(r))
        tell_body(w, f->request, &m.base);
    else
        tell_refusal(w, f->request, r.code);
    lk_arena_free(arena);
    return LK_OK;
}

void lk_collateral_note(struct lk_keeper *k, const struct lk_report *report)
{
    for (size_t i = 0; i < report->n_missing; i++)
        lk_missing_note(k->collateral.missing, &report->missing[i], lk_clock_wall());
}
