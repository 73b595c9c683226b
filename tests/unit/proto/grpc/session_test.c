/* SPDX-License-Identifier: Apache-2.0 */
/* The session core, driven by an nghttp2 client in memory and a clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/grpc/inbox.h"
#include "proto/grpc/session.h"

/* --- a client ------------------------------------------------------------------------------------------------------- */

struct seen {
    char status[8], grpc_status[8], message[256], content_type[64], accept_encoding[32];
    uint8_t data[4096];
    size_t data_len;
    bool closed, trailers_only;
    uint32_t reset;
    int headers;
};

struct fixture {
    struct lk_grpc_env env;
    struct lk_grpc_session *server;
    nghttp2_session *client;
    struct seen seen[64]; /* by stream id / 2 */
    uint32_t goaway_error;
    bool goaway;
    lk_result received;
    /* the handler's side */
    struct lk_grpc_call *call;
    struct lk_bytes message;
    int messages, half_closes, gone, begun;
    bool reply_at_once;
    uint8_t body[70000];
    size_t body_len, body_pos;
    bool body_ends;
};

static uint64_t clock_ms;
static uint64_t test_clock(void)
{
    return clock_ms;
}

static struct seen *seen_of(struct fixture *f, int32_t id)
{
    return &f->seen[(id / 2) % 64];
}

static int on_client_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                            const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
    (void)h2, (void)flags;
    struct seen *s = seen_of(user, frame->hd.stream_id);
    const struct {
        const char *name;
        char *to;
        size_t size;
    } want[] = {{":status", s->status, 8}, {"grpc-status", s->grpc_status, 8}, {"grpc-message", s->message, 256},
                {"content-type", s->content_type, 64}, {"grpc-accept-encoding", s->accept_encoding, 32}};
    for (size_t i = 0; i < 5; i++)
        if (lk_bytes_eq(lk_bytes(name, name_len), lk_bytes_str(want[i].name)))
            snprintf(want[i].to, want[i].size, "%.*s", (int)value_len, (const char *)value);
    return 0;
}

static int on_client_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *user)
{
    (void)h2;
    struct fixture *f = user;
    struct seen *s = seen_of(f, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_HEADERS)
        s->trailers_only = s->headers++ == 0 && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        f->goaway = true;
        f->goaway_error = frame->goaway.error_code;
    }
    return 0;
}

static int on_client_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *data, size_t len, void *user)
{
    (void)h2, (void)flags;
    struct seen *s = seen_of(user, id);
    size_t n = len < sizeof(s->data) - s->data_len ? len : sizeof(s->data) - s->data_len;
    memcpy(s->data + s->data_len, data, n);
    s->data_len += n;
    return 0;
}

static int on_client_close(nghttp2_session *h2, int32_t id, uint32_t error, void *user)
{
    (void)h2;
    struct seen *s = seen_of(user, id);
    s->closed = true;
    s->reset = error;
    return 0;
}

static ssize_t read_body(nghttp2_session *h2, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
    (void)h2, (void)id, (void)user;
    struct fixture *f = source->ptr;
    size_t left = f->body_len - f->body_pos, n = left < length ? left : length;
    memcpy(buf, f->body + f->body_pos, n);
    f->body_pos += n;
    if (f->body_pos == f->body_len && f->body_ends)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (n == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)n;
}

/* Moves bytes both ways until both sides are still. */
static void pump(struct fixture *f)
{
    for (bool moved = true; moved;) {
        const uint8_t *data;
        moved = false;
        ssize_t n = nghttp2_session_mem_send(f->client, &data);
        if (n > 0) {
            moved = true;
            lk_result r = lk_grpc_session_receive(f->server, lk_bytes(data, (size_t)n));
            if (!lk_ok(r))
                f->received = r;
        }
        struct lk_bytes out;
        if (lk_ok(lk_grpc_session_output(f->server, &out)) && out.len > 0) {
            moved = true;
            nghttp2_session_mem_recv(f->client, out.data, out.len);
        }
    }
}

#define NV(n, v) {(uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), sizeof(n) - 1, strlen(v), NGHTTP2_NV_FLAG_NONE}

struct ask {
    const char *path, *content_type, *te, *timeout, *encoding, *method, *filler;
};

static int32_t request(struct fixture *f, struct ask a)
{
    nghttp2_nv nv[10] = {NV(":method", a.method ? a.method : "POST"), NV(":scheme", "https"),
                         NV(":path", a.path ? a.path : "/t.S/Unary"), NV(":authority", "x"),
                         NV("content-type", a.content_type ? a.content_type : "application/grpc")};
    size_t n = 5;
    const nghttp2_nv te = NV("te", a.te ? a.te : "trailers");
    if (a.te == NULL || a.te[0] != '\0')
        nv[n++] = te;
    if (a.timeout != NULL)
        nv[n++] = (nghttp2_nv)NV("grpc-timeout", a.timeout);
    if (a.encoding != NULL)
        nv[n++] = (nghttp2_nv)NV("grpc-encoding", a.encoding);
    if (a.filler != NULL)
        nv[n++] = (nghttp2_nv)NV("filler", a.filler);
    nghttp2_data_provider body = {.source = {.ptr = f}, .read_callback = read_body};
    int32_t id = nghttp2_submit_request(f->client, NULL, nv, n, &body, NULL);
    pump(f);
    return id;
}

static void set_body(struct fixture *f, uint8_t flag, uint32_t length, const char *message, bool ends)
{
    f->body[0] = flag;
    uint8_t prefix[LK_GRPC_PREFIX];
    lk_grpc_prefix(prefix, length);
    memcpy(f->body + 1, prefix + 1, 4);
    memcpy(f->body + 5, message, strlen(message));
    f->body_len = 5 + strlen(message);
    f->body_pos = 0;
    f->body_ends = ends;
}

/* --- a handler ------------------------------------------------------------------------------------------------------- */

static void on_message(void *arg, struct lk_grpc_call *call, struct lk_bytes message)
{
    struct fixture *f = arg;
    f->call = call;
    f->message = message;
    f->messages++;
    if (f->reply_at_once)
        lk_grpc_call_reply(call, message);
}

static void on_half_close(void *arg, struct lk_grpc_call *call)
{
    struct fixture *f = arg;
    f->half_closes++;
    lk_grpc_call_finish(call, LK_GRPC_OK, LK_BYTES_NONE, LK_BYTES_NONE);
}

static void on_gone(void *arg, struct lk_grpc_call *call)
{
    struct fixture *f = arg;
    assert_ptr_equal(call, f->call);
    f->gone++;
}

static void no_wake(void *arg)
{
    (void)arg;
}

static struct lk_grpc_method unary = {.path = "/t.S/Unary", .kind = LK_GRPC_UNARY, .max_message = 60000,
                                      .on_message = on_message, .on_gone = on_gone};
static struct lk_grpc_method stream = {.path = "/t.S/Stream", .kind = LK_GRPC_SERVER_STREAM, .max_message = 1000,
                                       .on_message = on_message, .on_gone = on_gone};
static struct lk_grpc_method bidi = {.path = "/t.S/Bidi", .kind = LK_GRPC_BIDI, .max_message = 1000,
                                     .on_message = on_message, .on_half_close = on_half_close, .on_gone = on_gone};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    clock_ms = 1000000;
    f->env.limits = lk_grpc_limits_default();
    f->env.now_ms = test_clock;
    f->env.buckets = lk_grpc_buckets_new();
    unary.arg = stream.arg = bidi.arg = f;
    f->env.routes = (struct lk_grpc_routes){.methods = {&unary, &stream, &bidi}, .n = 3};
    static const uint8_t key[9] = {4, 127};
    const struct lk_grpc_peer peer = {.address = "test", .source_key = LK_BYTES(key)};
    f->server = lk_grpc_session_new(&f->env, &peer, no_wake, NULL);
    nghttp2_session_callbacks *cb;
    nghttp2_session_callbacks_new(&cb);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_client_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_client_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_client_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_client_close);
    nghttp2_session_client_new(&f->client, cb, f);
    nghttp2_session_callbacks_del(cb);
    nghttp2_submit_settings(f->client, NGHTTP2_FLAG_NONE, NULL, 0);
    pump(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    lk_grpc_session_free(f->server);
    nghttp2_session_del(f->client);
    lk_grpc_buckets_free(f->env.buckets);
    free(f);
    return 0;
}

static void assert_status(struct fixture *f, int32_t id, const char *status)
{
    assert_string_equal(seen_of(f, id)->status, "200");
    assert_string_equal(seen_of(f, id)->grpc_status, status);
    assert_true(seen_of(f, id)->closed);
}

/* --- requests and replies -------------------------------------------------------------------------------------------- */

static void a_unary_call_is_answered_later(void **state)
{
    struct fixture *f = *state;
    set_body(f, 0, 5, "hello", true);
    int32_t id = request(f, (struct ask){0});
    assert_int_equal(f->messages, 1);
    assert_true(lk_bytes_eq(f->message, lk_bytes_str("hello")));
    assert_false(seen_of(f, id)->closed);
    lk_grpc_call_reply(f->call, lk_bytes_str("world"));
    pump(f);
    assert_status(f, id, "0");
    assert_string_equal(seen_of(f, id)->content_type, "application/grpc");
    assert_memory_equal(seen_of(f, id)->data, "\0\0\0\0\5world", 10);
    assert_int_equal(seen_of(f, id)->headers, 2);
    assert_int_equal(f->gone, 0);
    assert_int_equal(f->env.body_memory_used, 0);
}

static void a_refusal_is_trailers_only(void **state)
{
    struct fixture *f = *state;
    set_body(f, 0, 5, "hello", true);
    int32_t id = request(f, (struct ask){0});
    lk_grpc_call_refuse(f->call, &(struct lk_grpc_refusal){LK_GRPC_ABORTED, LK_R_OVERLOAD, 1500, "50% full"});
    pump(f);
    assert_status(f, id, "10");
    assert_true(seen_of(f, id)->trailers_only);
    assert_string_equal(seen_of(f, id)->message, "50%25 full");
}

static void headers_decide_before_any_message(void **state)
{
    struct fixture *f = *state;
    set_body(f, 0, 5, "hello", true);
    int32_t id = request(f, (struct ask){.content_type = "application/json"});
    assert_string_equal(seen_of(f, id)->status, "415");
    f->body_pos = 0;
    id = request(f, (struct ask){.method = "PUT"});
    assert_string_equal(seen_of(f, id)->status, "405");
    f->body_pos = 0;
    assert_status(f, request(f, (struct ask){.path = "/t.S/Other"}), "12");
    f->body_pos = 0;
    assert_status(f, request(f, (struct ask){.te = ""}), "13");
    f->body_pos = 0;
    assert_status(f, request(f, (struct ask){.timeout = "12x"}), "13");
    assert_int_equal(f->messages, 0);
}

static void content_type_may_have_a_suffix(void **state)
{
    struct fixture *f = *state;
    f->reply_at_once = true;
    set_body(f, 0, 1, "x", true);
    assert_status(f, request(f, (struct ask){.content_type = "application/grpc+proto"}), "0");
    f->body_pos = 0;
    assert_string_equal(seen_of(f, request(f, (struct ask){.content_type = "application/grpcx"}))->status, "415");
}

static void large_headers_are_refused_and_huge_ones_end_the_connection(void **state)
{
    struct fixture *f = *state;
    char *filler = calloc(1, 40000);
    memset(filler, 'a', 9000);
    set_body(f, 0, 5, "hello", true);
    assert_status(f, request(f, (struct ask){.filler = filler}), "8");
    memset(filler, 'a', 39000);
    request(f, (struct ask){.filler = filler});
    assert_int_equal(f->received.code, LK_R_FRAME_CLOSED);
    assert_string_equal(lk_grpc_session_verdict(f->server), "header_list");
    free(filler);
}

static void size_is_decided_at_the_prefix(void **state)
{
    struct fixture *f = *state;
    set_body(f, 0, 60001, "", false);
    int32_t id = request(f, (struct ask){0});
    assert_status(f, id, "8");
    assert_int_equal(seen_of(f, id)->reset, NGHTTP2_NO_ERROR);
    assert_int_equal(f->env.body_memory_used, 0);
}

static void body_memory_is_bounded(void **state)
{
    struct fixture *f = *state;
    f->env.limits.body_memory = 50000;
    set_body(f, 0, 30000, "", false);
    request(f, (struct ask){0});
    assert_int_equal(f->env.body_memory_used, 30000);
    set_body(f, 0, 30000, "", false);
    assert_status(f, request(f, (struct ask){0}), "8");
    assert_int_equal(f->env.body_memory_used, 30000);
}

static void a_connection_has_a_share_of_body_memory(void **state)
{
    struct fixture *f = *state;
    f->env.limits.body_memory_connection = 100;
    set_body(f, 0, 101, "", false);
    assert_status(f, request(f, (struct ask){0}), "8");
}

static void cardinality(void **state)
{
    struct fixture *f = *state;
    f->body_len = f->body_pos = 0;
    f->body_ends = true;
    assert_status(f, request(f, (struct ask){0}), "12");
    set_body(f, 0, 1, "x", true);
    memcpy(f->body + 6, "\0\0\0\0\1y", 6);
    f->body_len = 12;
    assert_status(f, request(f, (struct ask){0}), "12");
    set_body(f, 0, 5, "hel", true);
    assert_status(f, request(f, (struct ask){0}), "13");
    set_body(f, 0, 0, "", true);
    f->body_len = 3;
    assert_status(f, request(f, (struct ask){0}), "13");
    assert_int_equal(f->messages, 0);
}

static void compression_is_judged_by_the_flag(void **state)
{
    struct fixture *f = *state;
    f->reply_at_once = true;
    set_body(f, 0, 1, "x", true);
    assert_status(f, request(f, (struct ask){.encoding = "gzip"}), "0");
    set_body(f, 1, 1, "x", true);
    assert_status(f, request(f, (struct ask){0}), "13");
    set_body(f, 1, 1, "x", true);
    assert_status(f, request(f, (struct ask){.encoding = "identity"}), "13");
    set_body(f, 1, 1, "x", true);
    int32_t id = request(f, (struct ask){.encoding = "gzip"});
    assert_status(f, id, "12");
    assert_string_equal(seen_of(f, id)->accept_encoding, "identity");
    set_body(f, 2, 1, "x", true);
    assert_status(f, request(f, (struct ask){.encoding = "gzip"}), "13");
}

static void requests_cost_tokens(void **state)
{
    struct fixture *f = *state;
    f->env.limits.request_burst = 2;
    f->env.limits.request_rate = 1;
    f->reply_at_once = true;
    const char *const want[] = {"0", "0", "8"};
    for (int i = 0; i < 3; i++) {
        set_body(f, 0, 1, "x", true);
        assert_status(f, request(f, (struct ask){0}), want[i]);
    }
    clock_ms += 1000;
    set_body(f, 0, 1, "x", true);
    assert_status(f, request(f, (struct ask){0}), "0");
}

/* --- streams ----------------------------------------------------------------------------------------------------------- */

static void a_server_stream_sends_until_it_ends(void **state)
{
    struct fixture *f = *state;
    set_body(f, 0, 1, "x", true);
    int32_t id = request(f, (struct ask){.path = "/t.S/Stream"});
    for (int i = 0; i < 3; i++) {
        assert_int_equal(lk_grpc_call_send(f->call, lk_bytes_str("a")).code, LK_R_OK);
        pump(f);
        assert_int_equal(seen_of(f, id)->data_len, 6 * (i + 1));
    }
    lk_grpc_call_finish(f->call, LK_GRPC_NOT_FOUND, lk_bytes_str("end"), LK_BYTES_NONE);
    pump(f);
    assert_status(f, id, "5");
}

static void bidi_messages_arrive_one_by_one(void **state)
{
    struct fixture *f = *state;
    set_body(f, 0, 1, "x", false);
    int32_t id = request(f, (struct ask){.path = "/t.S/Bidi"});
    assert_int_equal(f->messages, 1);
    memcpy(f->body + 6, "\0\0\0\0\1y", 6);
    f->body_len = 12;
    f->body_ends = true;
    nghttp2_session_resume_data(f->client, id);
    pump(f);
    assert_int_equal(f->messages, 2);
    assert_int_equal(f->half_closes, 1);
    assert_status(f, id, "0");
    assert_int_equal(f->env.body_memory_used, 0);
}

static void a_wrong_later_message_takes_the_call_from_its_handler(void **state)
{
    struct fixture *f = *state;
    set_body(f, 0, 1, "x", false);
    int32_t id = request(f, (struct ask){.path = "/t.S/Bidi"});
    assert_int_equal(f->messages, 1);
    memcpy(f->body + 6, "\7\0\0\0\0", 5);
    f->body_len = 11;
    nghttp2_session_resume_data(f->client, id);
    pump(f);
    assert_int_equal(f->gone, 1);
    assert_status(f, id, "13");
}

static void output_of_a_stream_is_bounded(void **state)
{
    struct fixture *f = *state;
    set_body(f, 0, 1, "x", true);
    int32_t id = request(f, (struct ask){.path = "/t.S/Stream"});
    static const uint8_t big[1 << 20];
    for (int i = 0; i < 3; i++)
        assert_int_equal(lk_grpc_call_send(f->call, LK_BYTES(big)).code, LK_R_OK);
    assert_int_equal(lk_grpc_call_send(f->call, LK_BYTES(big)).code, LK_R_TOO_LARGE);
    pump(f);
    assert_int_equal(seen_of(f, id)->reset, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_int_equal(f->gone, 0);
}

/* --- time -------------------------------------------------------------------------------------------------------------- */

static void a_deadline_drops_the_work(void **state)
{
    struct fixture *f = *state;
    set_body(f, 0, 5, "hello", true);
    int32_t id = request(f, (struct ask){.timeout = "200m"});
    assert_int_equal(lk_grpc_call_deadline(f->call), clock_ms + 200);
    assert_int_equal(lk_grpc_session_next(f->server), clock_ms + 200);
    clock_ms += 200;
    assert_int_equal(lk_grpc_session_tick(f->server).code, LK_R_OK);
    pump(f);
    assert_int_equal(f->gone, 1);
    assert_status(f, id, "4");
}

static void a_deadline_is_never_longer_than_ours(void **state)
{
    struct fixture *f = *state;
    set_body(f, 0, 5, "hello", true);
    request(f, (struct ask){.timeout = "99999999H"});
    assert_int_equal(lk_grpc_call_deadline(f->call), clock_ms + f->env.limits.deadline_ms);
}

static void a_cancel_drops_the_work(void **state)
{
    struct fixture *f = *state;
    set_body(f, 0, 5, "hello", true);
    int32_t id = request(f, (struct ask){0});
    nghttp2_submit_rst_stream(f->client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    pump(f);
    assert_int_equal(f->gone, 1);
    assert_int_equal(f->env.body_memory_used, 0);
}

static void a_slow_body_is_refused(void **state)
{
    struct fixture *f = *state;
    f->env.limits.deadline_ms = 1000000;
    set_body(f, 0, 60000, "drip", false);
    int32_t id = request(f, (struct ask){0});
    clock_ms += f->env.limits.grace_ms + 7;
    assert_int_equal(lk_grpc_session_tick(f->server).code, LK_R_OK);
    pump(f);
    assert_false(seen_of(f, id)->closed); /* 9 bytes at 1024 a second are 8 ms more */
    clock_ms += 1;
    assert_int_equal(lk_grpc_session_tick(f->server).code, LK_R_OK);
    pump(f);
    assert_status(f, id, "8");
    assert_int_equal(f->env.body_memory_used, 0);
}

static void age_drains_the_connection(void **state)
{
    struct fixture *f = *state;
    set_body(f, 0, 5, "hello", true);
    int32_t id = request(f, (struct ask){.path = "/t.S/Stream"});
    clock_ms += f->env.limits.connection_age_ms / 10 * 11 + 1;
    assert_int_equal(lk_grpc_session_tick(f->server).code, LK_R_OK);
    pump(f);
    assert_true(f->goaway);
    assert_int_equal(f->goaway_error, NGHTTP2_NO_ERROR);
    assert_false(seen_of(f, id)->closed);
    clock_ms += 1000;
    assert_int_equal(lk_grpc_session_tick(f->server).code, LK_R_OK);
    pump(f);
    assert_status(f, id, "14");
    assert_int_equal(f->gone, 1);
    assert_true(lk_grpc_session_done(f->server));
}

static void draining_lets_unary_calls_finish(void **state)
{
    struct fixture *f = *state;
    set_body(f, 0, 5, "hello", true);
    int32_t id = request(f, (struct ask){0});
    lk_grpc_session_drain(f->server);
    clock_ms += 1000;
    assert_int_equal(lk_grpc_session_tick(f->server).code, LK_R_OK);
    pump(f);
    assert_false(lk_grpc_session_done(f->server));
    lk_grpc_call_reply(f->call, lk_bytes_str("late"));
    pump(f);
    assert_status(f, id, "0");
    assert_true(lk_grpc_session_done(f->server));
}

/* --- abuse --------------------------------------------------------------------------------------------------------------- */

static void too_many_pings(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4 && !f->goaway; i++) {
        nghttp2_submit_ping(f->client, NGHTTP2_FLAG_NONE, NULL);
        pump(f);
        assert_int_equal(f->goaway, i == 3);
    }
    assert_int_equal(f->goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_string_equal(lk_grpc_session_verdict(f->server), "too_many_pings");
}

static void pings_are_forgiven_when_data_is_sent(void **state)
{
    struct fixture *f = *state;
    f->reply_at_once = true;
    for (int i = 0; i < 8; i++) {
        nghttp2_submit_ping(f->client, NGHTTP2_FLAG_NONE, NULL);
        set_body(f, 0, 1, "x", true);
        assert_status(f, request(f, (struct ask){0}), "0");
    }
    assert_false(f->goaway);
}

static void rapid_reset_ends_the_connection(void **state)
{
    struct fixture *f = *state;
    f->env.limits.reset_burst = 10;
    for (int i = 0; i < 11; i++) {
        assert_false(f->goaway);
        set_body(f, 0, 5, "hello", true);
        int32_t id = request(f, (struct ask){0});
        nghttp2_submit_rst_stream(f->client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
        pump(f);
    }
    assert_true(f->goaway);
    assert_int_equal(f->goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_string_equal(lk_grpc_session_verdict(f->server), "reset_budget");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_unary_call_is_answered_later),
        T(a_refusal_is_trailers_only),
        T(headers_decide_before_any_message),
        T(content_type_may_have_a_suffix),
        T(large_headers_are_refused_and_huge_ones_end_the_connection),
        T(size_is_decided_at_the_prefix),
        T(body_memory_is_bounded),
        T(a_connection_has_a_share_of_body_memory),
        T(cardinality),
        T(compression_is_judged_by_the_flag),
        T(requests_cost_tokens),
        T(a_server_stream_sends_until_it_ends),
        T(bidi_messages_arrive_one_by_one),
        T(a_wrong_later_message_takes_the_call_from_its_handler),
        T(output_of_a_stream_is_bounded),
        T(a_deadline_drops_the_work),
        T(a_deadline_is_never_longer_than_ours),
        T(a_cancel_drops_the_work),
        T(a_slow_body_is_refused),
        T(age_drains_the_connection),
        T(draining_lets_unary_calls_finish),
        T(too_many_pings),
        T(pings_are_forgiven_when_data_is_sent),
        T(rapid_reset_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
