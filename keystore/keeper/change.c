/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One change at a time: checked, its secrets imported, its generation brought up, written, its head put into the
 * token, in force, answered.
 */
#include "keystore/audit/audit.h"
#include "keystore/change/payload.h"
#include "keystore/collateral/table.h"
#include "keystore/keeper/keeper.h"
#include "keystore/release/pack.h"
#include "latchkey.pb-c.h"
#include "proto/base/clock.h"
#include "proto/msg/unpack.h"

#include <stdlib.h>
#include <string.h>

struct lk_change_run {
    struct lk_keeper *keeper;
    uint64_t request, front;
    struct lk_arena *arena;
    uint8_t *message; /* the request's bytes, which everything below borrows */
    struct lk_bytes envelope;
    struct lk_change change;
    struct lk_buf blobs[LK_ENVELOPE_ITEMS_MAX];
    enum lk_kek keks[LK_ENVELOPE_ITEMS_MAX];
    size_t next; /* item to be imported */
    int64_t now;
    struct lk_buf audit;
    struct lk_append append;
    bool writing; /* it is in the list's queue: it can be dropped no more */
};

static bool deletes(const struct lk_change_run *run, size_t i, enum lk_object_kind *kind)
{
    bool d = false;
    return lk_change_kind_of(run->change.e.items[i].kind, kind, &d) && d;
}

static bool is_secret_put(const struct lk_change_run *run, size_t i)
{
    return run->change.e.items[i].kind == LK_CHANGE_SECRET_PUT;
}

static void run_free(struct lk_change_run *run)
{
    if (run->keeper->change == run)
        run->keeper->change = NULL;
    for (size_t i = 0; i < LK_ENVELOPE_ITEMS_MAX; i++)
        lk_buf_free(&run->blobs[i]);
    lk_buf_free(&run->append.record);
    lk_buf_free(&run->audit);
    lk_arena_free(run->arena);
    free(run->message);
    free(run);
}

static void refuse(struct lk_change_run *run, lk_result why, const char *detail)
{
    lk_log(LK_LOG_WARN, "change.refused", "req=%llx code=%s", (unsigned long long)run->request, lk_reason(why.code)->name);
    if (run->front == run->keeper->fronts)
        lk_admin_refuse(run->keeper, run->request, why, detail);
    run_free(run);
}

static lk_result pack_response(const struct lk_change_run *run, struct lk_buf *out)
{
    const struct lk_head *head = lk_state_head(run->keeper->state);
    Latchkey__V1__ChangeResponse m = LATCHKEY__V1__CHANGE_RESPONSE__INIT;
    uint64_t revisions[LK_ENVELOPE_ITEMS_MAX];
    memcpy(revisions, run->change.revisions, sizeof(revisions));
    m.index = head->index - 1;
    m.head = lk_pack_bytes(LK_BYTES(head->hash));
    m.generation = run->keeper->active.number;
    m.n_revisions = run->change.e.n_items;
    m.revisions = revisions;
    return lk_pack(out, &m.base);
}

static void answer(struct lk_change_run *run)
{
    LK_BUF_AUTO body = lk_buf(4096);
    if (!lk_ok(pack_response(run, &body)))
        lk_keeper_fail(LK_FAIL(MEMORY), "change answer");
    lk_log(LK_LOG_INFO, "change.applied", "req=%llx index=%llu signer=%s", (unsigned long long)run->request,
           (unsigned long long)run->append.before.index, run->change.signer.fingerprint);
    if (run->front == run->keeper->fronts)
        lk_admin_answer(run->keeper, run->request, lk_buf_bytes(&body));
    run_free(run);
}

/* The change is on the disk and in force. A token that is away gets its head when it comes back. */
static void change_covered(void *arg, lk_result r)
{
    struct lk_change_run *run = arg;
    if (lk_ok(r))
        answer(run);
    else
        refuse(run, LK_FAIL(TOKEN_AWAY), "The change is in force; the token has not yet taken its head.");
}

static void change_written(void *arg, lk_result r)
{
    struct lk_change_run *run = arg;
    struct lk_keeper *k = run->keeper;
    if (!lk_ok(r)) {
        if (run->change.needs_generation)
            lk_generation_drop(k);
        refuse(run, r, NULL);
        return;
    }
    if (run->change.needs_generation)
        lk_generation_activate(k, run->change.revokes);
    if (run->change.drops)
        lk_collateral_changed(k);
}

static lk_result write_items(struct lk_change_run *run, struct lk_txn *t)
{
    for (size_t i = 0; i < run->change.e.n_items; i++) {
        enum lk_object_kind kind;
        struct lk_bytes name = run->change.e.items[i].object;
        bool gone = deletes(run, i, &kind) && kind == LK_OBJECT_SECRET;
        if (is_secret_put(run, i))
            LK_TRY(lk_blob_put(t, name, run->change.revisions[i], run->keks[i], lk_buf_bytes(&run->blobs[i])));
        if (gone)
            LK_TRY(lk_blob_delete(t, name));
        if (run->change.e.items[i].kind == LK_CHANGE_COLLATERAL_DROP)
            LK_TRY(lk_collateral_table_drop(t, name));
    }
    return LK_OK;
}

static lk_result write_change(void *arg, struct lk_txn *t)
{
    struct lk_change_run *run = arg;
    uint64_t index;
    LK_TRY(write_items(run, t));
    return lk_audit_append(t, lk_buf_bytes(&run->audit), LK_BYTES_NONE, &index);
}

static lk_result make_record(struct lk_change_run *run)
{
    struct lk_change_record r = {.prev = LK_BYTES(run->append.before.hash), .time = run->now, .envelope = run->envelope};
    r.n = run->change.e.n_items;
    for (size_t i = 0; i < r.n; i++) {
        bool secret = is_secret_put(run, i);
        r.items[i].note = secret ? (uint8_t)run->keks[i] : 0;
        r.items[i].payload = secret ? lk_bytes("", 0) : run->change.payloads[i];
    }
    return lk_change_record_put(&run->append.record, &r);
}

static lk_result make_audit(struct lk_change_run *run)
{
    Latchkey__V1__AuditRecord a = LATCHKEY__V1__AUDIT_RECORD__INIT;
    Latchkey__V1__ChangedObject rows[LK_ENVELOPE_ITEMS_MAX], *list[LK_ENVELOPE_ITEMS_MAX];
    char names[LK_ENVELOPE_ITEMS_MAX][256];
    for (size_t i = 0; i < run->change.e.n_items; i++) {
        const struct lk_envelope_item *item = &run->change.e.items[i];
        enum lk_object_kind kind = LK_OBJECT_POLICY;
        bool gone = deletes(run, i, &kind);
        latchkey__v1__changed_object__init(&rows[i]);
        memcpy(names[i], item->object.data, item->object.len);
        names[i][item->object.len] = '\0';
        rows[i].kind = (char *)(uintptr_t)lk_object_kind_name(kind);
        rows[i].name = names[i];
        rows[i].revision = gone ? 0 : run->change.revisions[i];
        rows[i].digest = lk_pack_bytes(item->payload_digest);
        rows[i].signer = run->change.signer.fingerprint;
        list[i] = &rows[i];
    }
    a.time = run->now;
    a.kind = (char *)(uintptr_t)"change";
    a.class_ = (char *)(uintptr_t)"affirmed";
    a.code = (char *)(uintptr_t)"OK";
    a.n_changes = run->change.e.n_items;
    a.changes = list;
    a.generation = run->change.needs_generation ? run->keeper->pending.number : run->keeper->active.number;
    return lk_pack(&run->audit, &a.base);
}

static void change_turn(void *arg)
{
    struct lk_change_run *run = arg;
    lk_result r = lk_change_still_fits(run->keeper->state, &run->change); /* a secret may have been made since */
    if (lk_ok(r))
        r = make_record(run);
    if (lk_ok(r))
        r = make_audit(run);
    if (lk_ok(r))
        lk_append_write(&run->append);
    else
        lk_append_cancel(&run->append, r);
}

static void append(struct lk_change_run *run)
{
    run->writing = true;
    run->append.turn = change_turn;
    run->append.write = write_change;
    run->append.written = change_written;
    run->append.covered = change_covered;
    run->append.arg = run;
    run->append.admin = true;
    lk_append_submit(run->keeper, &run->append);
}

void lk_change_generation_up(struct lk_keeper *k)
{
    append(k->change);
}

bool lk_change_is_written(const struct lk_keeper *k)
{
    return k->change != NULL && k->change->writing;
}

void lk_change_generation_failed(struct lk_keeper *k, const char *detail)
{
    refuse(k->change, LK_FAIL(CHANGE_DOES_NOT_LOAD), detail);
}

static void bring_up(struct lk_change_run *run)
{
    if (!run->change.needs_generation) {
        append(run);
        return;
    }
    lk_result r = lk_generation_begin(run->keeper, &run->change);
    if (!lk_ok(r))
        refuse(run, r, NULL);
}

static void import_next(struct lk_change_run *run);

static void imported(void *arg, lk_result r, struct lk_bytes output)
{
    struct lk_change_run *run = arg;
    struct lk_buf *blob = &run->blobs[run->next];
    *blob = lk_buf(LK_BLOB_MAX);
    if (lk_ok(r)) {
        lk_put(blob, output);
        r = lk_buf_ok(blob);
    }
    if (!lk_ok(r)) {
        refuse(run, r, NULL);
        return;
    }
    run->next++;
    import_next(run);
}

static lk_result import_payload(struct lk_change_run *run, struct lk_buf *p)
{
    LK_BUF_AUTO sealed = lk_buf(LK_SEALED_MAX);
    size_t i = run->next;
    LK_TRY(lk_payload_secret(run->change.payloads[i], run->change.e.items[i].object, &run->keks[i], &sealed));
    lk_call_import_put(p, &(struct lk_call_import){run->keks[i], lk_buf_bytes(&sealed)});
    return lk_buf_ok(p);
}

static void import_next(struct lk_change_run *run)
{
    LK_BUF_AUTO p = lk_buf(lk_frame_max(LK_F_CALL_IMPORT));
    while (run->next < run->change.e.n_items && !is_secret_put(run, run->next))
        run->next++;
    if (run->next == run->change.e.n_items) {
        bring_up(run);
        return;
    }
    lk_result r = import_payload(run, &p);
    if (lk_ok(r))
        lk_token_call(run->keeper, LK_F_CALL_IMPORT, &p, imported, run);
    else
        refuse(run, r, NULL);
}

static lk_result unpack(struct lk_change_run *run, struct lk_bytes message, Latchkey__V1__ChangeRequest **out)
{
    void *m = NULL;
    run->message = malloc(message.len + 1);
    run->arena = lk_arena_new(16u << 20);
    LK_REQUIRE(run->message != NULL && run->arena != NULL, MEMORY);
    memcpy(run->message, message.data, message.len);
    LK_TRY(lk_msg_unpack(&latchkey__v1__change_request__descriptor, lk_bytes(run->message, message.len), run->arena,
                         &LK_MSG_LIMITS_REQUEST, &m));
    *out = m;
    return LK_OK;
}

/* What is dropped must be there; nothing else takes a piece away while the change is under way. */
static lk_result check_drops(struct lk_change_run *run)
{
    LK_BUF_AUTO raw = lk_buf(LK_COLLATERAL_RECORD_MAX);
    for (size_t i = 0; run->change.drops && i < run->change.e.n_items; i++) {
        raw.len = 0;
        if (run->change.e.items[i].kind == LK_CHANGE_COLLATERAL_DROP)
            LK_TRY(lk_store_get(run->keeper->store, LK_TABLE_COLLATERAL, run->change.e.items[i].object, NULL, &raw));
    }
    return LK_OK;
}

static lk_result check(struct lk_change_run *run, struct lk_bytes message)
{
    Latchkey__V1__ChangeRequest *m;
    struct lk_bytes payloads[LK_ENVELOPE_ITEMS_MAX];
    LK_TRY(unpack(run, message, &m));
    LK_REQUIRE(m->n_payloads <= LK_ENVELOPE_ITEMS_MAX, CHANGE_PAYLOAD);
    for (size_t i = 0; i < m->n_payloads; i++)
        payloads[i] = lk_bytes(m->payloads[i].data == NULL ? (const uint8_t *)"" : m->payloads[i].data, m->payloads[i].len);
    run->envelope = lk_bytes(m->envelope.data, m->envelope.len);
    LK_TRY(lk_change_check(run->keeper->state, run->envelope, payloads, m->n_payloads, run->now, &run->change));
    return check_drops(run);
}

void lk_change_begin(struct lk_keeper *k, uint64_t request, const struct lk_msg_request *m)
{
    struct lk_change_run *run = k->change == NULL && k->pending.number == 0 ? calloc(1, sizeof(*run)) : NULL;
    if (run == NULL) {
        lk_admin_refuse(k, request, LK_FAIL(CHANGE_BUSY), NULL);
        return;
    }
    *run = (struct lk_change_run){.keeper = k, .request = request, .front = k->fronts, .now = lk_clock_wall()};
    run->append.record = lk_buf(LK_CHANGE_RECORD_MAX);
    run->audit = lk_buf(LK_AUDIT_RECORD_MAX);
    k->change = run;
    lk_result r = check(run, m->message);
    if (lk_ok(r))
        import_next(run);
    else
        refuse(run, r, NULL);
}
