/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/token/serve.h"

#include "keystore/token/head.h"
#include "keystore/token/object.h"
#include "keystore/token/vault.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/link/frame.h"
#include "proto/seal/key.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <time.h>

enum { FRAME_ROOM = 86 << 10, OUTPUT_ROOM = 84 << 10, TICK_MS = 100 };

static lk_result do_wrap(struct lk_session *s, struct lk_bytes payload, struct lk_buf *out)
{
    struct lk_call_wrap c;
    LK_TRY(lk_call_wrap_get(payload, &c));
    return lk_vault_wrap(s, c.kek, c.plaintext, out);
}

static lk_result do_unwrap(struct lk_session *s, struct lk_bytes payload, struct lk_buf *out)
{
    struct lk_call_unwrap c;
    LK_SECRET_AUTO secret = {0};
    LK_TRY(lk_call_unwrap_get(payload, &c));
    LK_TRY(lk_vault_unwrap(s, c.blob, &secret));
    lk_put(out, lk_secret_bytes(&secret));
    return LK_OK;
}

static lk_result do_rewrap(struct lk_session *s, struct lk_bytes payload, struct lk_buf *out)
{
    struct lk_call_rewrap c;
    LK_TRY(lk_call_rewrap_get(payload, &c));
    return lk_vault_rewrap(s, c.blob, &c.recipient, out);
}

static lk_result do_import(struct lk_session *s, struct lk_bytes payload, struct lk_buf *out)
{
    struct lk_call_import c;
    LK_TRY(lk_call_import_get(payload, &c));
    return lk_vault_import(s, c.kek, c.sealed, out);
}

static lk_result do_sign(struct lk_session *s, struct lk_bytes payload, struct lk_buf *out)
{
    struct lk_call_sign c;
    LK_TRY(lk_call_sign_get(payload, &c));
    return lk_vault_sign(s, c.domain, c.message, out);
}

static lk_result do_head(struct lk_session *s, struct lk_bytes payload, struct lk_buf *out)
{
    struct lk_call_head c;
    struct lk_head in_force;
    LK_TRY(lk_call_head_get(payload, &c));
    LK_TRY(c.set ? lk_head_set(s, &c.expected, &c.next, &in_force) : lk_head_read(s, &in_force));
    lk_head_put(out, &in_force);
    return LK_OK;
}

static const struct row {
    uint16_t type;
    const char *name;
    lk_result (*run)(struct lk_session *s, struct lk_bytes payload, struct lk_buf *out);
} rows[] = {
    {LK_F_CALL_WRAP, "wrap", do_wrap},       {LK_F_CALL_UNWRAP, "unwrap", do_unwrap},
    {LK_F_CALL_REWRAP, "rewrap", do_rewrap}, {LK_F_CALL_IMPORT, "import", do_import},
    {LK_F_CALL_SIGN, "sign", do_sign},       {LK_F_CALL_HEAD, "head", do_head},
};

struct job {
    const struct row *row;
    struct lk_bytes payload;
    struct lk_buf *out;
};

/* A second attempt begins with an empty output. */
static lk_result run_job(struct lk_session *s, void *arg)
{
    struct job *j = arg;
    j->out->len = 0;
    s->fault = CKR_OK;
    s->fault_of = "";
    LK_TRY(j->row->run(s, j->payload, j->out));
    return lk_buf_ok(j->out);
}

lk_result lk_token_call(struct lk_session *s, uint16_t type, struct lk_bytes payload, struct lk_buf *out)
{
    struct job j = {NULL, payload, out};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].type == type)
            j.row = &rows[i];
    LK_REQUIRE(j.row != NULL, FRAME_FORBIDDEN);
    lk_result r = lk_session_run(s, run_job, &j);
    if (!lk_ok(r))
        lk_log(LK_LOG_WARN, "token.call-failed", "call=%s reason=%s function=%s rv=0x%lx name=%s", j.row->name,
               lk_reason(r.code)->name, s->fault_of == NULL ? "" : s->fault_of, s->fault, lk_rv_name(s->fault));
    return r;
}

lk_result lk_token_facts(struct lk_session *s, struct lk_buf *keys, struct lk_token_info *out)
{
    *out = (struct lk_token_info){.import_suite = s->token->traits.import_suite};
    for (size_t i = 0; i < 4; i++)
        out->suites[i] = s->token->traits.suites[i];
    LK_TRY(lk_genesis_read(s, out->installation_id));
    LK_TRY(lk_head_read(s, &out->head));
    LK_TRY(lk_vault_installation_key(s, keys));
    size_t installation_len = keys->len;
    LK_TRY(lk_vault_import_key(s, keys));
    out->installation_key = lk_bytes(keys->data, installation_len);
    out->import_key = lk_bytes(keys->data + installation_len, keys->len - installation_len);
    return LK_OK;
}

struct server {
    struct lk_token *token;
    int fd;
    pthread_mutex_t reading, writing;
    atomic_int end;      /* enum lk_serve_end + 1, once it is known */
    atomic_uint running; /* threads */
    atomic_uint_least64_t began[LK_TOKEN_THREADS_MAX]; /* of the call that the thread is in; 0: none */
};

struct seat {
    struct server *server;
    unsigned number;
};

static void finish(struct server *v, enum lk_serve_end end)
{
    int unknown = 0;
    atomic_compare_exchange_strong(&v->end, &unknown, (int)end + 1);
}

static bool next_call(struct server *v, struct lk_secret *room, struct lk_frame *frame)
{
    pthread_mutex_lock(&v->reading);
    bool open = atomic_load(&v->end) == 0;
    lk_result r = open ? lk_frame_recv(v->fd, LK_LINK_KEEPER_TOKEN, room->data, room->len, frame) : LK_OK;
    if (open && !lk_ok(r))
        finish(v, r.code == LK_R_FRAME_CLOSED ? LK_SERVE_CLOSED : LK_SERVE_FAILED);
    pthread_mutex_unlock(&v->reading);
    return open && lk_ok(r);
}

static bool answer(struct server *v, uint64_t request, lk_result r, struct lk_bytes output, struct lk_secret *room)
{
    struct lk_buf frame = lk_locked_buf(room);
    lk_call_result_put(&frame, r, output);
    pthread_mutex_lock(&v->writing);
    lk_result sent = lk_ok(lk_buf_ok(&frame)) ? lk_frame_send(v->fd, LK_F_RESULT, request, lk_buf_bytes(&frame))
                                              : LK_FAIL(INTERNAL);
    pthread_mutex_unlock(&v->writing);
    OPENSSL_cleanse(room->data, frame.len);
    if (!lk_ok(sent))
        finish(v, sent.code == LK_R_FRAME_CLOSED ? LK_SERVE_CLOSED : LK_SERVE_FAILED);
    return lk_ok(sent);
}

static bool serve_one(struct seat *seat, struct lk_session *s, struct lk_secret *in, struct lk_secret *out)
{
    struct server *v = seat->server;
    struct lk_frame frame;
    if (!next_call(v, in, &frame))
        return false;
    struct lk_buf output = lk_locked_buf(out);
    atomic_store(&v->began[seat->number], lk_clock_mono_ms());
    lk_result r = lk_token_call(s, frame.type, frame.payload, &output);
    atomic_store(&v->began[seat->number], 0);
    OPENSSL_cleanse(in->data, in->len);
    bool go_on = r.code != LK_R_FRAME_FORBIDDEN;
    if (go_on)
        go_on = answer(v, frame.request, r, lk_buf_bytes(&output), in);
    else
        finish(v, LK_SERVE_FAILED);
    OPENSSL_cleanse(out->data, out->len);
    return go_on;
}

static void *serve_thread(void *arg)
{
    struct seat *seat = arg;
    struct lk_session session = {.token = seat->server->token, .handle = CK_INVALID_HANDLE};
    LK_SECRET_AUTO in = {0};
    LK_SECRET_AUTO out = {0};
    bool go_on = lk_ok(lk_secret_new(&in, FRAME_ROOM)) && lk_ok(lk_secret_new(&out, OUTPUT_ROOM));
    if (!go_on)
        finish(seat->server, LK_SERVE_FAILED);
    while (go_on)
        go_on = serve_one(seat, &session, &in, &out);
    lk_session_close(&session);
    atomic_fetch_sub(&seat->server->running, 1);
    return NULL;
}

static bool hung(struct server *v, unsigned n, uint64_t timeout_ms)
{
    uint64_t now = lk_clock_mono_ms();
    for (unsigned i = 0; i < n; i++) {
        uint64_t began = atomic_load(&v->began[i]);
        if (began != 0 && now > began + timeout_ms)
            return true;
    }
    return false;
}

/* The threads are detached: one that hangs in the module can be left there, and the process ends around it. */
static bool start_threads(struct server *v, struct seat *seats, unsigned n)
{
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    bool ok = true;
    for (unsigned i = 0; ok && i < n; i++) {
        pthread_t id;
        seats[i] = (struct seat){v, i};
        atomic_fetch_add(&v->running, 1);
        ok = pthread_create(&id, &detached, serve_thread, &seats[i]) == 0;
        if (!ok)
            atomic_fetch_sub(&v->running, 1);
    }
    pthread_attr_destroy(&detached);
    return ok;
}

enum lk_serve_end lk_token_serve(struct lk_token *t, int fd, unsigned n, uint64_t timeout_ms)
{
    /* Static: threads that hang outlive this call. One token process serves one link in its life. */
    static struct server v;
    static struct seat seats[LK_TOKEN_THREADS_MAX];
    v.token = t;
    v.fd = fd;
    pthread_mutex_init(&v.reading, NULL);
    pthread_mutex_init(&v.writing, NULL);
    n = n > LK_TOKEN_THREADS_MAX ? LK_TOKEN_THREADS_MAX : n;
    if (!start_threads(&v, seats, n))
        finish(&v, LK_SERVE_FAILED);
    while (atomic_load(&v.running) > 0) {
        if (hung(&v, n, timeout_ms)) {
            lk_log(LK_LOG_ERROR, "token.hung", "timeout_ms=%llu", (unsigned long long)timeout_ms);
            return LK_SERVE_HUNG;
        }
        if (atomic_load(&v.end) == (int)LK_SERVE_FAILED + 1)
            return LK_SERVE_FAILED;
        nanosleep(&(struct timespec){.tv_nsec = TICK_MS * 1000000L}, NULL);
    }
    return (enum lk_serve_end)(atomic_load(&v.end) - 1);
}
