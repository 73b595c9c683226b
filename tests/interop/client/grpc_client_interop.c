/* SPDX-License-Identifier: Apache-2.0 */
/* Our client against a server that is not ours: grpc_client_interop ADDRESS CA OTHER-CA; exit 0 when all holds. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/clock.h"
#include "proto/grpc/client/client.h"

static int failures;

static void check(bool ok, const char *what)
{
    printf("%s %s\n", ok ? "ok    " : "FAILED", what);
    failures += !ok;
}

static uint64_t in_ms(uint64_t ms)
{
    return lk_clock_mono_ms() + ms;
}

static void echo(struct lk_grpc_client *c, size_t size)
{
    uint8_t *data = malloc(size + 1);
    if (data == NULL)
        exit(70);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 31 >> 3);
    LK_GRPC_REPLY_AUTO reply = {0};
    lk_result r = lk_grpc_call(c, "/interop.Test/Echo", lk_bytes(data, size), in_ms(10000), &reply);
    char what[64];
    snprintf(what, sizeof(what), "echo of %zu bytes", size);
    check(lk_ok(r) && reply.status == 0 && lk_bytes_eq(lk_buf_bytes(&reply.body), lk_bytes(data, size)), what);
    free(data);
}

static void refusal(struct lk_grpc_client *c)
{
    LK_GRPC_REPLY_AUTO reply = {0};
    lk_result r = lk_grpc_call(c, "/interop.Test/Refuse", LK_BYTES("x"), in_ms(10000), &reply);
    uint8_t all[256];
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (uint8_t)i;
    check(lk_ok(r) && reply.status == 7, "status of a refusal");
    check(strcmp(reply.message, "nein: 100 % \xe2\x82\xac") == 0, "percent-encoded message");
    check(lk_bytes_eq(lk_buf_bytes(&reply.details), LK_BYTES(all)), "binary details");
}

static void unknown_method(struct lk_grpc_client *c)
{
    LK_GRPC_REPLY_AUTO reply = {0};
    lk_result r = lk_grpc_call(c, "/interop.Test/Nothing", LK_BYTES_NONE, in_ms(10000), &reply);
    check(lk_ok(r) && reply.status == 12, "unknown method is UNIMPLEMENTED");
}

static void deadline(struct lk_grpc_client *c)
{
    LK_GRPC_REPLY_AUTO reply = {0};
    uint64_t start = lk_clock_mono_ms();
    lk_result r = lk_grpc_call(c, "/interop.Test/Slow", LK_BYTES_NONE, in_ms(300), &reply);
    bool told = lk_ok(r) && reply.status == 4; /* the server may be quicker to see it pass */
    check(told || r.code == LK_R_BROKER_TIMEOUT, "a deadline ends the call");
    check(lk_clock_mono_ms() - start < 2000, "a deadline ends the call in time");
}

static void certificate(const char *address, const char *ca, lk_result wanted, const char *what)
{
    struct lk_grpc_client *c = NULL;
    struct lk_dial dial = {.address = address, .ca_file = ca};
    check(lk_grpc_open(&dial, in_ms(10000), &c).code == wanted.code, what);
    lk_grpc_close(c);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 64;
    signal(SIGPIPE, SIG_IGN);
    struct lk_grpc_client *c = NULL;
    struct lk_dial dial = {.address = argv[1]};
    check(lk_ok(lk_grpc_open(&dial, in_ms(10000), &c)), "connect without a CA");
    if (c == NULL)
        return 1;
    static const size_t sizes[] = {0, 1, 16379, 16384, 100000, 3u << 20};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        echo(c, sizes[i]);
    refusal(c);
    unknown_method(c);
    deadline(c);
    lk_grpc_close(c);
    certificate(argv[1], argv[2], LK_OK, "connect with the right CA");
    certificate(argv[1], argv[3], LK_FAIL(BROKER_TLS), "another CA's certificate is refused");
    certificate(argv[1], "/nonexistent", LK_FAIL(FILE), "a CA file that is not there");
    return failures == 0 ? 0 : 1;
}
