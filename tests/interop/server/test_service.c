/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/interop/server/test_service.h"
#include "proto/grpc/pb.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX (4u << 20)
#define RESPONSES_MAX 64

/* grpc/testing/messages.proto */
enum { REQUEST_RESPONSE_SIZE = 2, REQUEST_STATUS = 7, STREAM_PARAMETERS = 2, PARAMETERS_SIZE = 1, PARAMETERS_INTERVAL = 2 };
enum { PAYLOAD = 3, PAYLOAD_BODY = 2, STATUS_CODE = 1, STATUS_MESSAGE = 2, RESPONSE_PAYLOAD = 1, AGGREGATED_SIZE = 1 };

struct test_request {
    uint64_t response_size;
    bool has_status;
    uint64_t status;
    struct lk_bytes status_message;
    struct {
        uint64_t size, interval_us;
    } responses[RESPONSES_MAX];
    size_t n;
    struct lk_bytes body;
};

/* One call of a streaming method: responses that are still to be sent. */
struct stream {
    struct lk_grpc_call *call;
    struct event *timer;
    struct test_request todo;
    size_t sent;
    uint64_t received;
    bool half_closed;
};

static struct event_base *loop;

static void read_status(struct test_request *r, struct lk_bytes status)
{
    struct lk_cursor c = lk_cursor(status);
    struct lk_pb_field f;
    r->has_status = true;
    r->status_message = lk_bytes("", 0);
    while (lk_pb_next(&c, &f)) {
        if (f.number == STATUS_CODE)
            r->status = f.value;
        if (f.number == STATUS_MESSAGE)
            r->status_message = f.bytes;
    }
}

static void read_parameters(struct test_request *r, struct lk_bytes parameters)
{
    struct lk_cursor c = lk_cursor(parameters);
    struct lk_pb_field f;
    if (r->n == RESPONSES_MAX)
        return;
    while (lk_pb_next(&c, &f)) {
        if (f.number == PARAMETERS_SIZE)
            r->responses[r->n].size = f.value;
        if (f.number == PARAMETERS_INTERVAL)
            r->responses[r->n].interval_us = f.value;
    }
    r->n++;
}

static bool read_request(struct lk_bytes message, struct test_request *r)
{
    struct lk_cursor c = lk_cursor(message);
    struct lk_pb_field f;
    *r = (struct test_request){0};
    while (lk_pb_next(&c, &f)) {
        if (f.number == REQUEST_RESPONSE_SIZE && f.wire == LK_PB_VARINT)
            r->response_size = f.value;
        if (f.number == STREAM_PARAMETERS && f.wire == LK_PB_BYTES)
            read_parameters(r, f.bytes);
        if (f.number == PAYLOAD && f.wire == LK_PB_BYTES)
            r->body = lk_pb_find(f.bytes, PAYLOAD_BODY);
        if (f.number == REQUEST_STATUS && f.wire == LK_PB_BYTES)
            read_status(r, f.bytes);
    }
    return lk_ok(lk_cursor_end(&c)) && r->response_size <= MESSAGE_MAX;
}

static struct lk_buf response(uint64_t size)
{
    struct lk_buf payload = lk_buf(MESSAGE_MAX + 64), out = lk_buf(MESSAGE_MAX + 128);
    uint8_t *zeros = calloc(1, size + 1);
    if (zeros != NULL)
        lk_pb_put_bytes(&payload, PAYLOAD_BODY, lk_bytes(zeros, size));
    lk_pb_put_bytes(&out, RESPONSE_PAYLOAD, lk_buf_bytes(&payload));
    free(zeros);
    lk_buf_free(&payload);
    return out;
}

/* special_status_message and custom_metadata. */
static void echo_metadata(struct lk_grpc_call *call)
{
    static const char initial[] = "x-grpc-test-echo-initial", trailing[] = "x-grpc-test-echo-trailing-bin";
    struct lk_bytes v = lk_grpc_call_header(call, initial);
    lk_result r = LK_OK;
    if (v.data != NULL)
        r = lk_grpc_call_metadata(call, false, lk_bytes_str(initial), v);
    v = lk_grpc_call_header(call, trailing);
    if (lk_ok(r) && v.data != NULL)
        r = lk_grpc_call_metadata(call, true, lk_bytes_str(trailing), v);
    if (!lk_ok(r))
        abort();
}

static void refuse(struct lk_grpc_call *call)
{
    lk_grpc_call_finish(call, LK_GRPC_INVALID_ARGUMENT, lk_bytes_str("not a request"), LK_BYTES_NONE);
}

static void finish_with(struct lk_grpc_call *call, const struct test_request *r)
{
    lk_grpc_call_finish(call, (enum lk_grpc_status)(r->status % LK_GRPC_STATUS_COUNT), r->status_message, LK_BYTES_NONE);
}

static void empty_call(void *arg, struct lk_grpc_call *call, struct lk_bytes message)
{
    (void)arg;
    (void)message;
    echo_metadata(call);
    lk_grpc_call_reply(call, lk_bytes("", 0));
}

static void unary_call(void *arg, struct lk_grpc_call *call, struct lk_bytes message)
{
    (void)arg;
    struct test_request r;
    if (!read_request(message, &r)) {
        refuse(call);
        return;
    }
    echo_metadata(call);
    if (r.has_status && r.status != 0) {
        finish_with(call, &r);
        return;
    }
    LK_BUF_AUTO b = response(r.response_size);
    lk_grpc_call_reply(call, lk_buf_bytes(&b));
}

/* --- streams -------------------------------------------------------------------------------------------------------- */

static void stream_free(struct stream *s)
{
    event_free(s->timer);
    free(s);
}

static void on_timer(evutil_socket_t fd, short what, void *arg);

static struct stream *stream_of(struct lk_grpc_call *call)
{
    struct stream *s = lk_grpc_call_tag(call);
    if (s != NULL)
        return s;
    s = calloc(1, sizeof(*s));
    if (s == NULL || (s->timer = event_new(loop, -1, 0, on_timer, s)) == NULL)
        abort();
    s->call = call;
    lk_grpc_call_set_tag(call, s);
    echo_metadata(call);
    return s;
}

static void end_stream(struct stream *s)
{
    struct lk_grpc_call *call = s->call;
    struct test_request r = s->todo;
    if (r.has_status && r.status != 0)
        finish_with(call, &r);
    else
        lk_grpc_call_finish(call, LK_GRPC_OK, LK_BYTES_NONE, LK_BYTES_NONE);
    stream_free(s);
}

static void schedule(struct stream *s)
{
    if (s->sent < s->todo.n) {
        uint64_t us = s->todo.responses[s->sent].interval_us;
        struct timeval tv = {(time_t)(us / 1000000), (suseconds_t)(us % 1000000)};
        event_add(s->timer, &tv);
        return;
    }
    if (s->half_closed || (s->todo.has_status && s->todo.status != 0))
        end_stream(s);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct stream *s = arg;
    LK_BUF_AUTO b = response(s->todo.responses[s->sent++].size % MESSAGE_MAX);
    if (!lk_ok(lk_grpc_call_send(s->call, lk_buf_bytes(&b)))) {
        stream_free(s);
        return;
    }
    schedule(s);
}

/* The status message of a request lives only during the call: streams keep a copy. */
static char status_text[4096];

static void stream_message(void *arg, struct lk_grpc_call *call, struct lk_bytes message)
{
    (void)arg;
    struct test_request r;
    struct stream *s = stream_of(call);
    if (!read_request(message, &r)) {
        stream_free(s);
        refuse(call);
        return;
    }
    size_t n = r.status_message.len < sizeof(status_text) ? r.status_message.len : sizeof(status_text);
    if (n > 0)
        memcpy(status_text, r.status_message.data, n);
    for (size_t i = 0; i < r.n && s->todo.n < RESPONSES_MAX; i++)
        s->todo.responses[s->todo.n++] = r.responses[i];
    s->todo.has_status = r.has_status;
    s->todo.status = r.status;
    s->todo.status_message = lk_bytes(status_text, n);
    if (!event_pending(s->timer, EV_TIMEOUT, NULL))
        schedule(s);
}

static void output_call(void *arg, struct lk_grpc_call *call, struct lk_bytes message)
{
    stream_of(call)->half_closed = true;
    stream_message(arg, call, message);
}

static void stream_half_close(void *arg, struct lk_grpc_call *call)
{
    (void)arg;
    struct stream *s = stream_of(call);
    s->half_closed = true;
    if (!event_pending(s->timer, EV_TIMEOUT, NULL))
        schedule(s);
}

static void input_message(void *arg, struct lk_grpc_call *call, struct lk_bytes message)
{
    (void)arg;
    /* StreamingInputCallRequest.payload is field 1 */
    stream_of(call)->received += lk_pb_find(lk_pb_find(message, 1), PAYLOAD_BODY).len;
}

static void input_half_close(void *arg, struct lk_grpc_call *call)
{
    (void)arg;
    struct stream *s = stream_of(call);
    LK_BUF_AUTO b = lk_buf(32);
    lk_pb_put_uint(&b, AGGREGATED_SIZE, s->received);
    stream_free(s);
    lk_grpc_call_reply(call, lk_buf_bytes(&b));
}

static void on_gone(void *arg, struct lk_grpc_call *call)
{
    (void)arg;
    struct stream *s = lk_grpc_call_tag(call);
    if (s != NULL)
        stream_free(s);
}

static struct lk_grpc_method methods[] = {
    {.path = "/grpc.testing.TestService/EmptyCall", .kind = LK_GRPC_UNARY, .on_message = empty_call},
    {.path = "/grpc.testing.TestService/UnaryCall", .kind = LK_GRPC_UNARY, .on_message = unary_call},
    {.path = "/grpc.testing.TestService/StreamingOutputCall", .kind = LK_GRPC_SERVER_STREAM, .on_message = output_call,
     .on_gone = on_gone},
    {.path = "/grpc.testing.TestService/StreamingInputCall", .kind = LK_GRPC_BIDI, .on_message = input_message,
     .on_half_close = input_half_close, .on_gone = on_gone},
    {.path = "/grpc.testing.TestService/FullDuplexCall", .kind = LK_GRPC_BIDI, .on_message = stream_message,
     .on_half_close = stream_half_close, .on_gone = on_gone},
};

lk_result lk_test_service_add(struct lk_grpc_server *server, struct event_base *base)
{
    loop = base;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        methods[i].max_message = MESSAGE_MAX;
        LK_TRY(lk_grpc_server_add(server, &methods[i]));
    }
    return LK_OK;
}
