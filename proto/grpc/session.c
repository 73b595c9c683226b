/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/session_internal.h"

#include <stdlib.h>
#include <string.h>

#define NEVER UINT64_MAX
#define WINDOW (1 << 20)        /* of each stream and of the connection: one bundle in one round trip */
#define HEADER_LIST_FACTOR 4    /* past so many limits the connection ends instead of the request */
#define GOAWAY_AFTER_MS 1000    /* between shutdown notice and GOAWAY: streams already on their way arrive */
#define MAX_CONTINUATIONS 8
#define MAX_OUTBOUND_ACK 64

/* --- ending ---------------------------------------------------------------------------------------------------- */

/* Not an error to the caller: the GOAWAY must still leave. */
static void end(struct lk_grpc_session *s, uint32_t http2_error, const char *verdict)
{
    if (s->verdict != NULL)
        return;
    s->verdict = verdict;
    nghttp2_submit_goaway(s->h2, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(s->h2), http2_error,
                          (const uint8_t *)verdict, strlen(verdict));
    nghttp2_session_terminate_session(s->h2, http2_error);
}

static void count_reset(struct lk_grpc_session *s)
{
    if (!lk_grpc_policing_reset(&s->policing, &s->env->limits, s->env->now_ms()))
        end(s, NGHTTP2_ENHANCE_YOUR_CALM, "reset_budget");
}

/* --- callbacks: what arrives ----------------------------------------------------------------------------------- */

static struct lk_grpc_call *call_of(nghttp2_session *h2, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h2, id);
}

static int on_begin_headers(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
    struct lk_grpc_session *s = user;
    s->headers_since_ms = s->env->now_ms();
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct lk_grpc_call *c = lk_grpc_call_new(s, frame->hd.stream_id);
    if (c == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    nghttp2_session_set_stream_user_data(h2, c->id, c);
    return 0;
}

static void keep_header(struct lk_grpc_call *c, struct lk_bytes name, struct lk_bytes value)
{
    if (name.len == 0 || name.data[0] == ':')
        return;
    lk_put_sized_u16be(&c->kept, name);
    lk_put_sized_u16be(&c->kept, value);
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
    (void)flags;
    struct lk_grpc_session *s = user;
    struct lk_grpc_call *c = call_of(h2, frame->hd.stream_id);
    if (c == NULL)
        return 0;
    lk_grpc_head_add(&c->head, lk_bytes(name, name_len), lk_bytes(value, value_len));
    if (s->env->keep_headers)
        keep_header(c, lk_bytes(name, name_len), lk_bytes(value, value_len));
    if (c->head.list_size <= (size_t)HEADER_LIST_FACTOR * s->env->limits.header_list)
        return 0;
    /* a few compressed bytes can stand for megabytes: no more is unpacked */
    s->verdict = "header_list";
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static void on_headers(struct lk_grpc_session *s, const nghttp2_frame *frame)
{
    struct lk_grpc_call *c = call_of(s->h2, frame->hd.stream_id);
    s->headers_since_ms = 0;
    if (c == NULL)
        return;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        lk_grpc_call_begin(c);
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        lk_grpc_call_end(c);
}

static void on_data(struct lk_grpc_session *s, const nghttp2_frame *frame)
{
    struct lk_grpc_call *c = call_of(s->h2, frame->hd.stream_id);
    if (c != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        lk_grpc_call_end(c);
}

static void on_ping(struct lk_grpc_session *s, const nghttp2_frame *frame)
{
    bool ack = frame->hd.flags & NGHTTP2_FLAG_ACK;
    if (!ack && !lk_grpc_policing_ping(&s->policing, &s->env->limits, s->env->now_ms()))
        end(s, NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings");
}

static void on_reset(struct lk_grpc_session *s, const nghttp2_frame *frame)
{
    (void)frame;
    count_reset(s);
}

static void on_settings(struct lk_grpc_session *s, const nghttp2_frame *frame)
{
    (void)frame;
    s->preface = true;
}

static int on_frame_recv(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
    static void (*const handlers[])(struct lk_grpc_session *, const nghttp2_frame *) = {
        [NGHTTP2_DATA] = on_data,         [NGHTTP2_HEADERS] = on_headers, [NGHTTP2_RST_STREAM] = on_reset,
        [NGHTTP2_SETTINGS] = on_settings, [NGHTTP2_PING] = on_ping,
    };
    (void)h2;
    unsigned type = frame->hd.type;
    if (type < sizeof(handlers) / sizeof(handlers[0]) && handlers[type] != NULL)
        handlers[type](user, frame);
    return 0;
}

static int on_data_chunk(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *user)
{
    (void)flags;
    (void)user;
    struct lk_grpc_call *c = call_of(h2, id);
    if (c != NULL)
        lk_grpc_call_data(c, lk_bytes(data, len));
    return 0;
}

static int on_invalid_frame(nghttp2_session *h2, const nghttp2_frame *frame, int error, void *user)
{
    (void)h2;
    (void)frame;
    (void)error;
    count_reset(user);
    return 0;
}

static int on_stream_close(nghttp2_session *h2, int32_t id, uint32_t error, void *user)
{
    (void)error;
    (void)user;
    struct lk_grpc_call *c = call_of(h2, id);
    if (c == NULL)
        return 0;
    nghttp2_session_set_stream_user_data(h2, id, NULL);
    lk_grpc_call_drop(c);
    return 0;
}

/* --- callbacks: what was sent ---------------------------------------------------------------------------------- */

/* Early finish: only after the trailers have left, for an earlier reset would cancel them. */
static void after_end_stream(struct lk_grpc_session *s, int32_t id)
{
    struct lk_grpc_call *c = call_of(s->h2, id);
    if (c == NULL || c->ended)
        return;
    c->ended = true;
    if (!c->half_closed)
        nghttp2_submit_rst_stream(s->h2, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
}

static int on_frame_send(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
    (void)h2;
    struct lk_grpc_session *s = user;
    bool content = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (content)
        lk_grpc_policing_sent(&s->policing);
    if (content && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        after_end_stream(s, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR)
        count_reset(s);
    return 0;
}

/* --- making and freeing ---------------------------------------------------------------------------------------- */

static bool make_callbacks(nghttp2_session_callbacks **out)
{
    if (nghttp2_session_callbacks_new(out) != 0)
        return false;
    nghttp2_session_callbacks_set_on_begin_headers_callback(*out, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(*out, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(*out, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(*out, on_data_chunk);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(*out, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(*out, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(*out, on_frame_send);
    return true;
}

static bool make_options(const struct lk_grpc_limits *l, nghttp2_option **out)
{
    if (nghttp2_option_new(out) != 0)
        return false;
    nghttp2_option_set_no_closed_streams(*out, 1);
    nghttp2_option_set_max_continuations(*out, MAX_CONTINUATIONS);
    nghttp2_option_set_max_outbound_ack(*out, MAX_OUTBOUND_ACK);
    /* ours comes first and says why; this one is the net under it */
    nghttp2_option_set_stream_reset_rate_limit(*out, 2 * (uint64_t)l->reset_burst, 2 * (uint64_t)l->reset_rate);
    return true;
}

static bool make_h2(struct lk_grpc_session *s)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    bool ok = make_callbacks(&callbacks) && make_options(&s->env->limits, &option) &&
              nghttp2_session_server_new2(&s->h2, callbacks, s, option) == 0;
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return ok;
}

static bool announce(struct lk_grpc_session *s)
{
    const struct lk_grpc_limits *l = &s->env->limits;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, l->streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, l->header_list},
    };
    return nghttp2_submit_settings(s->h2, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(settings[0])) == 0 &&
           nghttp2_session_set_local_window_size(s->h2, NGHTTP2_FLAG_NONE, 0, WINDOW) == 0;
}

struct lk_grpc_session *lk_grpc_session_new(struct lk_grpc_env *env, const struct lk_grpc_peer *peer,
                                            void (*wake)(void *arg), void *arg)
{
    struct lk_grpc_session *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    uint64_t now = env->now_ms(), tenth = env->limits.connection_age_ms / 10;
    *s = (struct lk_grpc_session){.env = env,
                                  .peer = *peer,
                                  .wake = wake,
                                  .wake_arg = arg,
                                  .began_ms = now,
                                  .idle_since_ms = now,
                                  .age_ms = env->limits.connection_age_ms - tenth + lk_grpc_jitter((uint32_t)tenth)};
    if (make_h2(s) && announce(s))
        return s;
    lk_grpc_session_free(s);
    return NULL;
}

void lk_grpc_session_free(struct lk_grpc_session *s)
{
    if (s == NULL)
        return;
    while (s->calls != NULL)
        lk_grpc_call_drop(s->calls);
    nghttp2_session_del(s->h2);
    free(s);
}

/* --- bytes ----------------------------------------------------------------------------------------------------- */

lk_result lk_grpc_session_receive(struct lk_grpc_session *s, struct lk_bytes in)
{
    LK_REQUIRE(s->verdict == NULL, FRAME_CLOSED);
    ssize_t n = nghttp2_session_mem_recv(s->h2, in.data, in.len);
    if (n == NGHTTP2_ERR_FLOODED)
        s->verdict = "flood";
    if (n < 0 && s->verdict == NULL)
        s->verdict = "not_http2";
    LK_REQUIRE(n >= 0, FRAME_CLOSED);
    return LK_OK;
}

lk_result lk_grpc_session_output(struct lk_grpc_session *s, struct lk_bytes *out)
{
    const uint8_t *data = NULL;
    ssize_t n = nghttp2_session_mem_send(s->h2, &data);
    LK_REQUIRE(n >= 0, FRAME_CLOSED);
    *out = lk_bytes(data, (size_t)n);
    return LK_OK;
}

bool lk_grpc_session_done(const struct lk_grpc_session *s)
{
    return nghttp2_session_want_read(s->h2) == 0 && nghttp2_session_want_write(s->h2) == 0;
}

const char *lk_grpc_session_verdict(const struct lk_grpc_session *s)
{
    return s->verdict;
}

/* --- time ------------------------------------------------------------------------------------------------------ */

void lk_grpc_session_drain(struct lk_grpc_session *s)
{
    if (s->drain_since_ms != 0)
        return;
    s->drain_since_ms = s->env->now_ms();
    nghttp2_submit_shutdown_notice(s->h2);
    s->wake(s->wake_arg);
}

uint64_t lk_grpc_session_idle_since(const struct lk_grpc_session *s)
{
    return s->n_calls > 0 ? NEVER : s->idle_since_ms;
}

static void say_goaway(struct lk_grpc_session *s)
{
    static const struct lk_grpc_refusal ending = {LK_GRPC_UNAVAILABLE, LK_R_OVERLOAD, 0, "the connection is ending"};
    s->goaway = true;
    nghttp2_submit_goaway(s->h2, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(s->h2), NGHTTP2_NO_ERROR,
                          NULL, 0);
    for (struct lk_grpc_call *c = s->calls, *next; c != NULL; c = next) {
        next = c->next;
        if (c->method != NULL && c->method->kind != LK_GRPC_UNARY)
            lk_grpc_call_abort(c, &ending);
    }
    s->wake(s->wake_arg);
}

/* The moments at which the connection itself does something; NEVER for those that do not apply now. */
struct moments {
    uint64_t preface, headers, idle, age, goaway, drained;
};

static struct moments moments_of(const struct lk_grpc_session *s)
{
    const struct lk_grpc_limits *l = &s->env->limits;
    bool draining = s->drain_since_ms != 0;
    return (struct moments){
        .preface = s->preface ? NEVER : s->began_ms + l->handshake_ms,
        .headers = s->headers_since_ms == 0 ? NEVER : s->headers_since_ms + l->grace_ms,
        .idle = s->n_calls > 0 || draining ? NEVER : s->idle_since_ms + l->idle_ms,
        .age = draining ? NEVER : s->began_ms + s->age_ms,
        .goaway = draining && !s->goaway ? s->drain_since_ms + GOAWAY_AFTER_MS : NEVER,
        .drained = draining ? s->drain_since_ms + l->drain_ms : NEVER,
    };
}

uint64_t lk_grpc_session_next(const struct lk_grpc_session *s)
{
    struct moments m = moments_of(s);
    const uint64_t all[] = {m.preface, m.headers, m.idle, m.age, m.goaway, m.drained};
    uint64_t next = NEVER;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        next = all[i] < next ? all[i] : next;
    for (const struct lk_grpc_call *c = s->calls; c != NULL; c = c->next) {
        uint64_t t = lk_grpc_call_next(c);
        next = t < next ? t : next;
    }
    return next;
}

lk_result lk_grpc_session_tick(struct lk_grpc_session *s)
{
    uint64_t now = s->env->now_ms();
    struct moments m = moments_of(s);
    if (now >= m.preface)
        s->verdict = "no_preface";
    if (now >= m.headers)
        s->verdict = "slow_headers";
    if (now >= m.drained)
        s->verdict = "drain_time";
    LK_REQUIRE(s->verdict == NULL, FRAME_CLOSED);
    if (now >= m.idle || now >= m.age)
        lk_grpc_session_drain(s);
    if (now >= m.goaway)
        say_goaway(s);
    for (struct lk_grpc_call *c = s->calls, *next; c != NULL; c = next) {
        next = c->next;
        lk_grpc_call_tick(c, now);
    }
    return LK_OK;
}
