/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/cursor.h"
#include "proto/grpc/session_internal.h"

#include <stdlib.h>
#include <string.h>

#define NEVER UINT64_MAX
#define STATUS_TEXT_MAX 1024  /* of grpc-message, encoded */
#define DETAILS_MAX (7 << 10) /* of grpc-status-details-bin, encoded: clients take 8 KiB of headers in all */
#define METADATA_BYTES 4096
#define KEPT_BYTES 8192

const struct lk_grpc_peer *lk_grpc_call_peer(const struct lk_grpc_call *c)
{
    return &c->session->peer;
}

const char *lk_grpc_call_path(const struct lk_grpc_call *c)
{
    return c->head.path;
}

uint64_t lk_grpc_call_deadline(const struct lk_grpc_call *c)
{
    return c->deadline_ms;
}

void lk_grpc_call_set_tag(struct lk_grpc_call *c, void *tag)
{
    c->tag = tag;
}

void *lk_grpc_call_tag(const struct lk_grpc_call *c)
{
    return c->tag;
}

/* --- its life ------------------------------------------------------------------------------------------------ */

struct lk_grpc_call *lk_grpc_call_new(struct lk_grpc_session *s, int32_t id)
{
    struct lk_grpc_call *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    uint64_t now = s->env->now_ms();
    *c = (struct lk_grpc_call){.session = s,
                               .next = s->calls,
                               .id = id,
                               .began_ms = now,
                               .active_ms = now,
                               .deadline_ms = NEVER,
                               .outbox = lk_buf(s->env->limits.output),
                               .initial.bytes = lk_buf(METADATA_BYTES),
                               .trailing.bytes = lk_buf(METADATA_BYTES),
                               .kept = lk_buf(KEPT_BYTES),
                               .status_message = lk_buf(STATUS_TEXT_MAX),
                               .status_details = lk_buf(DETAILS_MAX)};
    if (s->calls != NULL)
        s->calls->prev = c;
    s->calls = c;
    s->n_calls++;
    return c;
}

/* The handler, if it still has the call, hears that it is over. */
static void detach(struct lk_grpc_call *c)
{
    bool tell = c->delivered && !c->finished && c->method->on_gone != NULL;
    c->finished = true;
    if (tell)
        c->method->on_gone(c->method->arg, c);
}

void lk_grpc_call_release(struct lk_grpc_call *c)
{
    lk_grpc_inbox_next(&c->inbox);
    c->session->reserved -= c->reserved;
    c->session->env->body_memory_used -= c->reserved;
    c->session->env->body_memory_large_used -= c->reserved_large;
    c->reserved = c->reserved_large = 0;
}

void lk_grpc_call_drop(struct lk_grpc_call *c)
{
    struct lk_grpc_session *s = c->session;
    detach(c);
    lk_grpc_call_release(c);
    lk_buf_wipe(&c->outbox);
    lk_buf_free(&c->initial.bytes);
    lk_buf_free(&c->trailing.bytes);
    lk_buf_free(&c->kept);
    lk_buf_free(&c->status_message);
    lk_buf_free(&c->status_details);
    *(c->prev != NULL ? &c->prev->next : &s->calls) = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    free(c);
    if (--s->n_calls == 0)
        s->idle_since_ms = s->env->now_ms();
}

void lk_grpc_call_abort(struct lk_grpc_call *c, const struct lk_grpc_refusal *r)
{
    if (c->finished)
        return;
    detach(c);
    c->finished = false;
    lk_grpc_call_refuse(c, r);
}

/* --- what the handler sends ----------------------------------------------------------------------------------- */

static void wake(struct lk_grpc_call *c)
{
    c->session->wake(c->session->wake_arg);
}

lk_result lk_grpc_call_metadata(struct lk_grpc_call *c, bool trailing, struct lk_bytes name, struct lk_bytes value)
{
    struct lk_grpc_metadata *m = trailing ? &c->trailing : &c->initial;
    LK_REQUIRE(m->n < LK_GRPC_METADATA_MAX, TOO_LARGE);
    size_t at = m->bytes.len;
    lk_put(&m->bytes, name);
    lk_put(&m->bytes, value);
    LK_TRY(lk_buf_ok(&m->bytes));
    m->pairs[m->n].at = at;
    m->pairs[m->n].name_len = name.len;
    m->pairs[m->n].value_len = value.len;
    m->n++;
    return LK_OK;
}

struct lk_bytes lk_grpc_call_header(const struct lk_grpc_call *c, const char *name)
{
    struct lk_cursor k = lk_cursor(lk_buf_bytes(&c->kept));
    while (lk_left(&k) > 0) {
        struct lk_bytes n = lk_take_u16be(&k, KEPT_BYTES), v = lk_take_u16be(&k, KEPT_BYTES);
        if (lk_bytes_eq(n, lk_bytes_str(name)))
            return v;
    }
    return LK_BYTES_NONE;
}

lk_result lk_grpc_call_send(struct lk_grpc_call *c, struct lk_bytes message)
{
    uint8_t prefix[LK_GRPC_PREFIX];
    lk_grpc_prefix(prefix, (uint32_t)message.len);
    lk_put(&c->outbox, LK_BYTES(prefix));
    lk_put(&c->outbox, message);
    if (!lk_ok(lk_buf_ok(&c->outbox))) {
        c->finished = true;
        nghttp2_submit_rst_stream(c->session->h2, NGHTTP2_FLAG_NONE, c->id, NGHTTP2_ENHANCE_YOUR_CALM);
        wake(c);
        return LK_FAIL(TOO_LARGE);
    }
    if (!c->responding)
        lk_grpc_reply_start(c);
    else
        nghttp2_session_resume_data(c->session->h2, c->id);
    wake(c);
    return LK_OK;
}

/* Cut at a character, not inside an escape: what does not fit whole is left out. */
static void put_status_message(struct lk_buf *out, struct lk_bytes text)
{
    size_t n = text.len < STATUS_TEXT_MAX / 3 ? text.len : STATUS_TEXT_MAX / 3;
    while (n > 0 && n < text.len && (text.data[n] & 0xc0) == 0x80)
        n--;
    lk_grpc_percent_encode(out, lk_bytes(text.data, n));
}

void lk_grpc_call_finish(struct lk_grpc_call *c, enum lk_grpc_status status, struct lk_bytes message, struct lk_bytes details)
{
    c->finished = true;
    c->finished_ms = c->session->env->now_ms();
    c->status = status;
    put_status_message(&c->status_message, message);
    lk_grpc_bin_encode(&c->status_details, details);
    if (!lk_ok(lk_buf_ok(&c->status_details)))
        c->status_details.len = 0; /* details that clients would refuse are worse than none */
    lk_grpc_call_release(c);
    lk_grpc_reply_status(c);
    wake(c);
}

void lk_grpc_call_reply(struct lk_grpc_call *c, struct lk_bytes message)
{
    if (lk_ok(lk_grpc_call_send(c, message)))
        lk_grpc_call_finish(c, LK_GRPC_OK, LK_BYTES_NONE, LK_BYTES_NONE);
}

void lk_grpc_call_refuse(struct lk_grpc_call *c, const struct lk_grpc_refusal *r)
{
    LK_BUF_AUTO details = lk_buf(DETAILS_MAX);
    lk_grpc_refusal_details(&details, r);
    lk_grpc_call_finish(c, r->status, lk_bytes_str(lk_grpc_refusal_text(r)), lk_buf_bytes(&details));
}

/* --- what the client sends ------------------------------------------------------------------------------------ */

/* A handler may have the call already: a later message of a stream can be the one that is wrong. */
static void refuse(struct lk_grpc_call *c, enum lk_grpc_status status, enum lk_reason_code reason, uint32_t retry_ms,
                   const char *message)
{
    lk_grpc_call_abort(c, &(struct lk_grpc_refusal){status, reason, retry_ms, message});
}

static void overload(struct lk_grpc_call *c, const char *message)
{
    refuse(c, LK_GRPC_RESOURCE_EXHAUSTED, LK_R_OVERLOAD, lk_grpc_jitter(c->session->env->limits.retry_ms), message);
}

static const struct lk_grpc_method *find_method(const struct lk_grpc_routes *routes, const char *path)
{
    for (size_t i = 0; i < routes->n; i++)
        if (strcmp(routes->methods[i]->path, path) == 0)
            return routes->methods[i];
    return NULL;
}

/* Streams live as long as they like; a unary call has the server's longest deadline at most. */
static void set_deadline(struct lk_grpc_call *c)
{
    uint64_t most = c->method->kind == LK_GRPC_UNARY ? c->session->env->limits.deadline_ms : NEVER;
    uint64_t wanted = c->head.has_timeout ? c->head.timeout_ms : NEVER;
    uint64_t ms = wanted < most ? wanted : most;
    c->deadline_ms = ms > NEVER - c->began_ms ? NEVER : c->began_ms + ms;
}

static bool take_token(struct lk_grpc_session *s)
{
    struct lk_bytes key = s->peer.has_certificate ? LK_BYTES(s->peer.certificate) : s->peer.source_key;
    const struct lk_grpc_limits *l = &s->env->limits;
    return lk_grpc_buckets_take(s->env->buckets, key, l->request_rate, l->request_burst, s->env->now_ms());
}

void lk_grpc_call_begin(struct lk_grpc_call *c)
{
    struct lk_grpc_refusal refusal;
    unsigned http = lk_grpc_head_judge(&c->head, &c->session->env->limits, &refusal);
    if (http != 0) {
        lk_grpc_reply_http(c, http);
        return;
    }
    if (refusal.status != LK_GRPC_OK) {
        lk_grpc_call_refuse(c, &refusal);
        return;
    }
    c->method = find_method(&c->session->env->routes, c->head.path);
    if (c->method == NULL) {
        refuse(c, LK_GRPC_UNIMPLEMENTED, LK_R_OK, 0, "unknown method");
        return;
    }
    set_deadline(c);
    if (!take_token(c->session))
        overload(c, "too many requests from this source");
    else if (c->method->on_begin != NULL)
        c->method->on_begin(c->method->arg, c);
}

static void deliver(struct lk_grpc_call *c)
{
    c->delivered = true;
    c->method->on_message(c->method->arg, c, lk_grpc_inbox_message(&c->inbox));
}

/* "Compression": only identity is spoken; the flag decides, the header says which error. */
static bool flag_ok(struct lk_grpc_call *c)
{
    if (c->inbox.flag == 0)
        return true;
    if (c->inbox.flag == 1 && c->head.other_encoding)
        refuse(c, LK_GRPC_UNIMPLEMENTED, LK_R_REQUEST_MALFORMED, 0, "the message encoding is not supported");
    else
        refuse(c, LK_GRPC_INTERNAL, LK_R_REQUEST_MALFORMED, 0, "compressed flag without an encoding");
    return false;
}

/* Limits may have been lowered below what is in use. */
static bool fits(uint64_t n, uint64_t used, uint64_t most)
{
    return used <= most && n <= most - used;
}

static bool reserve(struct lk_grpc_call *c, uint64_t n)
{
    struct lk_grpc_session *s = c->session;
    const struct lk_grpc_limits *l = &s->env->limits;
    uint64_t large = n > l->large_message ? n : 0;
    if (!fits(n, s->env->body_memory_used, l->body_memory) || !fits(n, s->reserved, l->body_memory_connection) ||
        !fits(large, s->env->body_memory_large_used, l->body_memory_large))
        return false;
    s->env->body_memory_large_used += large;
    c->reserved_large += large;
    s->reserved += n;
    s->env->body_memory_used += n;
    c->reserved += n;
    return true;
}

/* Decides at the prefix; false when the call was refused. */
static bool admit(struct lk_grpc_call *c)
{
    if (!flag_ok(c))
        return false;
    if (c->method->kind != LK_GRPC_BIDI && c->messages > 0) {
        refuse(c, LK_GRPC_UNIMPLEMENTED, LK_R_REQUEST_MALFORMED, 0, "more than one request message");
        return false;
    }
    if (c->inbox.length > c->method->max_message) {
        refuse(c, LK_GRPC_RESOURCE_EXHAUSTED, LK_R_TOO_LARGE, 0,
               c->method->too_large == NULL ? "the request message is too large" : c->method->too_large);
        return false;
    }
    if (!reserve(c, c->inbox.length) || !lk_ok(lk_grpc_inbox_admit(&c->inbox))) {
        overload(c, "no memory for request messages");
        return false;
    }
    return true;
}

/* BIDI: at once. The others keep it until END_STREAM shows that it is the only one. */
static void message_whole(struct lk_grpc_call *c)
{
    c->messages++;
    c->active_ms = c->session->env->now_ms();
    if (c->method->kind != LK_GRPC_BIDI)
        return;
    deliver(c);
    if (!c->finished)
        lk_grpc_call_release(c);
}

/* More DATA after the one message of a unary call: only the prefix of a second message matters. */
static void data_after_message(struct lk_grpc_call *c, struct lk_bytes data)
{
    if (data.len > 0)
        refuse(c, LK_GRPC_UNIMPLEMENTED, LK_R_REQUEST_MALFORMED, 0, "more than one request message");
}

void lk_grpc_call_data(struct lk_grpc_call *c, struct lk_bytes data)
{
    c->received += data.len;
    while (!c->finished) {
        if (c->method->kind != LK_GRPC_BIDI && c->messages > 0) {
            data_after_message(c, data);
            return;
        }
        if (data.len == 0 && !(c->inbox.admitted && c->inbox.have == c->inbox.length))
            return;
        switch (lk_grpc_inbox_feed(&c->inbox, &data)) {
        case LK_GRPC_INBOX_MORE:
            return;
        case LK_GRPC_INBOX_PREFIX:
            if (!admit(c))
                return;
            break;
        case LK_GRPC_INBOX_MESSAGE:
            message_whole(c);
            break;
        }
    }
}

void lk_grpc_call_end(struct lk_grpc_call *c)
{
    c->half_closed = true;
    if (c->finished)
        return;
    bool bidi = c->method->kind == LK_GRPC_BIDI;
    if (bidi ? !lk_grpc_inbox_empty(&c->inbox) : c->messages == 0 && !lk_grpc_inbox_empty(&c->inbox)) {
        lk_grpc_call_abort(c, &(struct lk_grpc_refusal){LK_GRPC_INTERNAL, LK_R_REQUEST_MALFORMED, 0, "the request ends inside a message"});
        return;
    }
    if (bidi) {
        c->delivered = true;
        c->method->on_half_close(c->method->arg, c);
        return;
    }
    if (c->messages != 1) {
        refuse(c, LK_GRPC_UNIMPLEMENTED, LK_R_REQUEST_MALFORMED, 0, "no request message");
        return;
    }
    deliver(c);
}

/* --- time ------------------------------------------------------------------------------------------------------ */

/* When the body so far would be too slow. */
static uint64_t slow_at(const struct lk_grpc_call *c)
{
    const struct lk_grpc_limits *l = &c->session->env->limits;
    if (c->finished || c->half_closed)
        return NEVER;
    if (c->method != NULL && c->method->kind == LK_GRPC_BIDI)
        return c->active_ms + l->idle_ms;
    return c->began_ms + l->grace_ms + c->received * 1000 / l->minimum_rate;
}

/* When a client that opens no window for the reply has waited long enough. */
static uint64_t stalled_at(const struct lk_grpc_call *c)
{
    return c->finished_ms == 0 || c->ended ? NEVER : c->finished_ms + c->session->env->limits.write_stall_ms;
}

uint64_t lk_grpc_call_next(const struct lk_grpc_call *c)
{
    uint64_t slow = slow_at(c), end = c->finished ? stalled_at(c) : c->deadline_ms;
    return slow < end ? slow : end;
}

void lk_grpc_call_tick(struct lk_grpc_call *c, uint64_t now)
{
    static const struct lk_grpc_refusal late = {LK_GRPC_DEADLINE_EXCEEDED, LK_R_DEADLINE, 0, "deadline exceeded"};
    static const struct lk_grpc_refusal slow = {LK_GRPC_RESOURCE_EXHAUSTED, LK_R_REQUEST_LIMIT, 0,
                                                "the request arrives too slowly"};
    if (c->finished && now >= stalled_at(c)) {
        c->finished_ms = 0;
        nghttp2_submit_rst_stream(c->session->h2, NGHTTP2_FLAG_NONE, c->id, NGHTTP2_CANCEL);
    }
    if (c->finished)
        return;
    if (now >= c->deadline_ms)
        lk_grpc_call_abort(c, &late);
    else if (now >= slow_at(c))
        lk_grpc_call_abort(c, &slow);
}
