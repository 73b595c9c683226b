/* SPDX-License-Identifier: Apache-2.0 */
/* What a client sends after the TLS handshake: bytes into a session whose handlers answer, refuse, stream or keep quiet. */
#include "proto/grpc/session.h"

#include <stdlib.h>
#include <string.h>

static uint64_t clock_ms;
static struct lk_grpc_call *kept[64];
static size_t n_kept;

static uint64_t fuzz_clock(void)
{
    return clock_ms;
}

static void no_wake(void *arg)
{
    (void)arg;
}

static void answer(void *arg, struct lk_grpc_call *call, struct lk_bytes message)
{
    (void)arg;
    static const struct lk_grpc_refusal refusal = {LK_GRPC_ABORTED, LK_R_OVERLOAD, 7, NULL};
    if (message.len % 2 == 0)
        lk_grpc_call_reply(call, message);
    else
        lk_grpc_call_refuse(call, &refusal);
}

static void keep(void *arg, struct lk_grpc_call *call, struct lk_bytes message)
{
    (void)arg;
    if (!lk_ok(lk_grpc_call_send(call, message)))
        return;
    for (size_t i = 0; i < n_kept; i++)
        if (kept[i] == call)
            return;
    if (n_kept < 64)
        kept[n_kept++] = call;
}

static void forget(void *arg, struct lk_grpc_call *call)
{
    (void)arg;
    for (size_t i = 0; i < n_kept; i++)
        if (kept[i] == call)
            kept[i--] = kept[--n_kept];
}

static void half_close(void *arg, struct lk_grpc_call *call)
{
    forget(arg, call);
    lk_grpc_call_finish(call, LK_GRPC_OK, LK_BYTES_NONE, LK_BYTES_NONE);
}

static const struct lk_grpc_method methods[] = {
    {.path = "/f.F/Unary", .kind = LK_GRPC_UNARY, .max_message = 4096, .on_message = answer},
    {.path = "/f.F/Stream", .kind = LK_GRPC_SERVER_STREAM, .max_message = 4096, .on_message = keep, .on_gone = forget},
    {.path = "/f.F/Bidi", .kind = LK_GRPC_BIDI, .max_message = 4096, .on_message = keep, .on_half_close = half_close,
     .on_gone = forget},
};

static bool drain_output(struct lk_grpc_session *s)
{
    struct lk_bytes out;
    do {
        if (!lk_ok(lk_grpc_session_output(s, &out)))
            return false;
    } while (out.len > 0);
    return true;
}

/* The preface is given, so that the fuzzer begins at the first frame; time passes between the pieces. */
static void talk(struct lk_grpc_session *s, struct lk_bytes in)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    bool on = lk_ok(lk_grpc_session_receive(s, lk_bytes(preface, sizeof(preface) - 1)));
    while (on && in.len > 0) {
        size_t n = in.len < 200 ? in.len : 200;
        on = lk_ok(lk_grpc_session_receive(s, lk_bytes(in.data, n))) && drain_output(s);
        in = lk_bytes(in.data + n, in.len - n);
        clock_ms += 50;
        on = on && lk_ok(lk_grpc_session_tick(s));
    }
    drain_output(s);
    clock_ms += 60000;
    if (lk_ok(lk_grpc_session_tick(s)))
        drain_output(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[9] = {4};
    static struct lk_grpc_buckets *buckets;
    if (buckets == NULL)
        buckets = lk_grpc_buckets_new();
    struct lk_grpc_env env = {.limits = lk_grpc_limits_default(), .buckets = buckets, .now_ms = fuzz_clock, .keep_headers = true};
    env.routes = (struct lk_grpc_routes){.methods = {&methods[0], &methods[1], &methods[2]}, .n = 3};
    env.limits.body_memory = 16384;
    clock_ms += 1000000;
    struct lk_grpc_peer peer = {.address = "fuzz", .source_key = LK_BYTES(key)};
    struct lk_grpc_session *s = lk_grpc_session_new(&env, &peer, no_wake, NULL);
    if (s == NULL || buckets == NULL)
        abort();
    talk(s, lk_bytes(data, size));
    lk_grpc_session_free(s);
    if (env.body_memory_used != 0 || n_kept != 0)
        abort();
    return 0;
}
