/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/client/client.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/clock.h"
#include "proto/base/cursor.h"
#include "proto/grpc/inbox.h"
#include "proto/grpc/wire.h"

struct lk_grpc_client {
    struct lk_conn *conn;
    nghttp2_session *session;
    const char *authority;
};

/* One call under way: the stream's user data. */
struct call {
    struct lk_bytes request;
    uint8_t prefix[LK_GRPC_PREFIX];
    size_t sent; /* of prefix and request together */
    struct lk_grpc_reply *reply;
    struct lk_buf data;
    bool http_ok, grpc_type, closed;
    uint32_t reset; /* error code that the stream was closed with */
    lk_result failure;
};

void lk_grpc_reply_free(struct lk_grpc_reply *r)
{
    lk_buf_wipe(&r->body);
    lk_buf_free(&r->details);
}

static struct call *call_of(nghttp2_session *session, int32_t stream)
{
    return nghttp2_session_get_stream_user_data(session, stream);
}

static void take_status(struct call *call, struct lk_bytes value)
{
    call->http_ok = lk_bytes_eq(value, lk_bytes_str("200"));
}

static void take_type(struct call *call, struct lk_bytes value)
{
    static const char prefix[] = "application/grpc"; /* "+proto" and parameters may follow */
    call->grpc_type = value.len >= sizeof(prefix) - 1 && memcmp(value.data, prefix, sizeof(prefix) - 1) == 0;
}

static void take_grpc_status(struct call *call, struct lk_bytes value)
{
    unsigned status = 0;
    call->reply->status = lk_grpc_status_parse(value, &status) ? (int)status : -1;
}

static void take_message(struct call *call, struct lk_bytes value)
{
    char *out = call->reply->message;
    LK_BUF_AUTO text = lk_buf(sizeof(call->reply->message) - 1);
    lk_grpc_percent_decode(&text, value);
    for (size_t i = 0; i < text.len; i++) /* it is shown on terminals */
        out[i] = text.data[i] < 0x20 || text.data[i] == 0x7f ? '?' : (char)text.data[i];
    out[text.len] = '\0';
}

static void take_details(struct call *call, struct lk_bytes value)
{
    lk_buf_free(&call->reply->details);
    call->reply->details = lk_buf(LK_GRPC_DETAILS_MAX);
    struct lk_bytes one;
    if (!lk_grpc_bin_next(&value, &one) || !lk_ok(lk_grpc_bin_decode(&call->reply->details, one)))
        call->failure = LK_FAIL(BROKER_PROTOCOL);
}

static const struct {
    const char *name;
    void (*take)(struct call *call, struct lk_bytes value);
} headers[] = {
    {":status", take_status},         {"content-type", take_type},
    {"grpc-status", take_grpc_status}, {"grpc-message", take_message},
    {"grpc-status-details-bin", take_details},
};

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
    (void)flags, (void)user;
    struct call *call = call_of(session, frame->hd.stream_id);
    if (call == NULL)
        return 0;
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
        if (lk_bytes_eq(lk_bytes(name, name_len), lk_bytes_str(headers[i].name)))
            headers[i].take(call, lk_bytes(value, value_len));
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t len, void *user)
{
    (void)flags, (void)user;
    struct call *call = call_of(session, stream);
    if (call != NULL)
        lk_put(&call->data, lk_bytes(data, len));
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t error, void *user)
{
    (void)user;
    struct call *call = call_of(session, stream);
    if (call == NULL)
        return 0;
    call->closed = true;
    call->reset = error;
    return 0;
}

static ssize_t read_request(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t size, uint32_t *flags,
                            nghttp2_data_source *source, void *user)
{
    (void)session, (void)stream, (void)user;
    struct call *call = source->ptr;
    size_t n = 0, total = LK_GRPC_PREFIX + call->request.len;
    while (n < size && call->sent < LK_GRPC_PREFIX)
        buf[n++] = call->prefix[call->sent++];
    size_t left = total - call->sent, chunk = left < size - n ? left : size - n;
    if (chunk > 0)
        memcpy(buf + n, call->request.data + (call->sent - LK_GRPC_PREFIX), chunk);
    call->sent += chunk;
    if (call->sent == total)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)(n + chunk);
}

static lk_result make_session(struct lk_grpc_client *c)
{
    nghttp2_session_callbacks *callbacks = NULL;
    LK_REQUIRE(nghttp2_session_callbacks_new(&callbacks) == 0, MEMORY);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    int failed = nghttp2_session_client_new(&c->session, callbacks, c);
    nghttp2_session_callbacks_del(callbacks);
    LK_REQUIRE(failed == 0, MEMORY);
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 96u << 10}, /* details, in base64 */
    };
    LK_REQUIRE(nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 2) == 0, MEMORY);
    return LK_OK;
}

lk_result lk_grpc_open(const struct lk_dial *dial, uint64_t deadline_mono_ms, struct lk_grpc_client **out)
{
    struct lk_grpc_client *c = calloc(1, sizeof(*c));
    LK_REQUIRE(c != NULL, MEMORY);
    c->authority = dial->address;
    lk_result r = lk_conn_open(dial, deadline_mono_ms, &c->conn);
    if (lk_ok(r))
        r = make_session(c);
    if (!lk_ok(r)) {
        lk_grpc_close(c);
        return r;
    }
    *out = c;
    return LK_OK;
}

void lk_grpc_close(struct lk_grpc_client *c)
{
    if (c == NULL)
        return;
    nghttp2_session_del(c->session);
    lk_conn_close(c->conn);
    free(c);
}

static nghttp2_nv header(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name, .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name), .valuelen = strlen(value)};
}

static lk_result submit(struct lk_grpc_client *c, const char *method, struct call *call, uint64_t deadline)
{
    uint64_t now = lk_clock_mono_ms();
    LK_REQUIRE(now < deadline, BROKER_TIMEOUT);
    char timeout[10];
    lk_grpc_timeout_format(deadline - now, timeout, sizeof(timeout));
    nghttp2_nv nv[] = {
        header(":method", "POST"),
        header(":scheme", "https"),
        header(":path", method),
        header(":authority", c->authority),
        header("te", "trailers"),
        header("content-type", "application/grpc"),
        header("user-agent", "latchkey/" LK_VERSION),
        header("grpc-timeout", timeout),
    };
    nghttp2_data_provider body = {.source.ptr = call, .read_callback = read_request};
    int32_t stream = nghttp2_submit_request(c->session, NULL, nv, sizeof(nv) / sizeof(*nv), &body, call);
    LK_REQUIRE(stream > 0, BROKER_UNREACHABLE); /* no stream ids left, or GOAWAY was received */
    return LK_OK;
}

static lk_result send_pending(struct lk_grpc_client *c, uint64_t deadline)
{
    for (;;) {
        const uint8_t *data = NULL;
        ssize_t n = nghttp2_session_mem_send(c->session, &data);
        LK_REQUIRE(n >= 0, MEMORY);
        if (n == 0)
            return LK_OK;
        LK_TRY(lk_conn_write(c->conn, lk_bytes(data, (size_t)n), deadline));
    }
}

/* Sends and receives until the stream is closed. */
static lk_result run(struct lk_grpc_client *c, struct call *call, uint64_t deadline)
{
    uint8_t buf[16384];
    for (;;) {
        LK_TRY(send_pending(c, deadline));
        if (call->closed)
            return LK_OK;
        size_t n = 0;
        LK_TRY(lk_conn_read(c->conn, buf, sizeof(buf), &n, deadline));
        ssize_t used = nghttp2_session_mem_recv(c->session, buf, n);
        LK_REQUIRE(used == (ssize_t)n, BROKER_PROTOCOL);
        LK_TRY(lk_buf_ok(&call->data));
    }
}

/* One uncompressed message and nothing else. */
static lk_result read_body(struct call *call)
{
    struct lk_cursor c = lk_cursor(lk_buf_bytes(&call->data));
    uint8_t compressed = lk_u8(&c);
    uint32_t len = lk_u32be(&c);
    struct lk_bytes message = lk_take(&c, len);
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)) && compressed == 0, BROKER_PROTOCOL);
    call->reply->body = lk_buf(LK_GRPC_REPLY_MAX);
    lk_put(&call->reply->body, message);
    return lk_buf_ok(&call->reply->body);
}

static lk_result finish(struct call *call)
{
    bool early = call->reset == NGHTTP2_NO_ERROR; /* also after a server's early RST_STREAM(NO_ERROR) */
    LK_REQUIRE(early || call->reply->status >= 0, BROKER_UNREACHABLE);
    LK_REQUIRE(call->http_ok && call->grpc_type && call->reply->status >= 0, BROKER_PROTOCOL);
    LK_TRY(call->failure);
    return call->reply->status == 0 ? read_body(call) : LK_OK;
}

lk_result lk_grpc_call(struct lk_grpc_client *c, const char *method, struct lk_bytes request, uint64_t deadline_mono_ms,
                       struct lk_grpc_reply *reply)
{
    *reply = (struct lk_grpc_reply){.status = -1};
    LK_REQUIRE(request.len <= UINT32_MAX, TOO_LARGE);
    struct call call = {.request = request, .reply = reply, .data = lk_buf(LK_GRPC_REPLY_MAX + LK_GRPC_PREFIX)};
    lk_grpc_prefix(call.prefix, (uint32_t)request.len);
    lk_result r = submit(c, method, &call, deadline_mono_ms);
    if (lk_ok(r))
        r = run(c, &call, deadline_mono_ms);
    if (lk_ok(r))
        r = finish(&call);
    lk_buf_wipe(&call.data);
    return r;
}
