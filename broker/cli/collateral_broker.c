/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/collateral_broker.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/cli/remote.h"
#include "broker/client/failure.h"
#include "broker/client/pack.h"
#include "latchkey.pb-c.h"
#include "proto/base/clock.h"
#include "proto/base/collateral.h"
#include "proto/msg/unpack.h"

#define ARENA_MAX (16u << 20)
#define MESSAGE_MAX (LK_COLLATERAL_REQUEST_MAX + (64u << 10))
#define PUT_MAX (LK_COLLATERAL_REQUEST_MAX - LK_COLLATERAL_PIECE_MAX) /* leaves room for one more */
#define CHAINS_MAX 32

struct lk_collateral_broker {
    struct lk_grpc_client *client;
    struct lk_arena *arena; /* of one call */
    unsigned timeout_s;
};

static uint64_t deadline(const struct lk_collateral_broker *b)
{
    return lk_clock_mono_ms() + (uint64_t)b->timeout_s * 1000;
}

lk_result lk_collateral_open(const struct lk_dial *dial, unsigned timeout_s, struct lk_collateral_broker **out)
{
    struct lk_collateral_broker *b = *out = calloc(1, sizeof(*b));
    LK_REQUIRE(b != NULL, MEMORY);
    b->timeout_s = timeout_s;
    b->arena = lk_arena_new(ARENA_MAX);
    LK_REQUIRE(b->arena != NULL, MEMORY);
    return lk_grpc_open(dial, deadline(b), &b->client);
}

void lk_collateral_close(struct lk_collateral_broker *b)
{
    if (b == NULL)
        return;
    lk_grpc_close(b->client);
    lk_arena_free(b->arena);
    free(b);
}

/* The answer lives in the arena until the next call. */
static lk_result call(struct lk_collateral_broker *b, const char *method, const void *request, const ProtobufCMessageDescriptor *type,
                      void **out)
{
    LK_BUF_AUTO bytes = lk_buf(MESSAGE_MAX);
    LK_GRPC_REPLY_AUTO reply = {0};
    struct lk_failure failure;
    lk_client_pack(&bytes, request);
    LK_TRY(lk_buf_ok(&bytes));
    LK_TRY(lk_grpc_call(b->client, method, lk_buf_bytes(&bytes), deadline(b), &reply));
    lk_arena_reset(b->arena);
    if (reply.status == 0)
        return lk_ok(lk_msg_unpack(type, lk_buf_bytes(&reply.body), b->arena, &LK_MSG_LIMITS_DOCUMENT, out)) ? LK_OK
                                                                                                              : LK_FAIL(BROKER_PROTOCOL);
    lk_failure_read(&reply, b->arena, &failure);
    enum lk_reason_code code = lk_reason_by_name(failure.code);
    return code == LK_R_COUNT || code == LK_R_OK ? LK_FAIL(BROKER_PROTOCOL) : (lk_result){code};
}

lk_result lk_collateral_missing(struct lk_collateral_broker *b, void (*missing)(void *context, const char *name, const char *note),
                                void *context)
{
    Latchkey__V1__CollateralStatusRequest request = LATCHKEY__V1__COLLATERAL_STATUS_REQUEST__INIT;
    void *out = NULL;
    request.limit = 1; /* the entries are of no interest here */
    LK_TRY(call(b, "/latchkey.v1.Collateral/Status", &request, &latchkey__v1__collateral_status_response__descriptor, &out));
    const Latchkey__V1__CollateralStatusResponse *status = out;
    for (size_t i = 0; i < status->n_missing; i++)
        if (lk_collateral_name_ok(lk_bytes_str(status->missing[i]->name)))
            missing(context, status->missing[i]->name, status->missing[i]->note);
    return LK_OK;
}

/* ---- putting ---- */

struct batch {
    struct lk_buf bytes; /* of all pieces, one after another */
    ProtobufCBinaryData piece[LK_COLLATERAL_PIECES_MAX];
    char file[LK_COLLATERAL_PIECES_MAX][NAME_MAX + 1];
    size_t n, chains, chain_bytes; /* the first are the chains, which stay for the next request */
};

static bool is_chain(const char *file)
{
    return strstr(file, "-chain") != NULL || strstr(file, "_chain_") != NULL;
}

static bool is_piece(const char *file)
{
    const char *dot = strrchr(file, '.');
    return file[0] != '.' && dot != NULL && (strcmp(dot, ".der") == 0 || strcmp(dot, ".json") == 0);
}

static void tell_refusals(const struct batch *t, const Latchkey__V1__CollateralPutResponse *answer, size_t *refused)
{
    for (size_t i = 0; i < answer->n_pieces && i < t->n; i++) {
        const Latchkey__V1__CollateralOutcome *o = answer->pieces[i];
        if (strcmp(o->outcome, "refused") != 0)
            continue;
        const struct lk_reason *reason = lk_reason(lk_reason_by_name(o->code));
        ++*refused;
        fprintf(stderr, "latchkey: the broker refused %s: %s: %s %s\n", t->file[i], reason->name, reason->text, reason->remedy);
    }
}

static lk_result send(struct lk_collateral_broker *b, struct batch *t, size_t *refused)
{
    Latchkey__V1__CollateralPutRequest request = LATCHKEY__V1__COLLATERAL_PUT_REQUEST__INIT;
    void *out = NULL;
    uint8_t *at = t->bytes.data;
    if (t->n == 0)
        return LK_OK;
    for (size_t i = 0; i < t->n; at += t->piece[i++].len)
        t->piece[i].data = at; /* the buffer may have moved while it grew */
    request.pieces = t->piece;
    request.n_pieces = t->n;
    LK_TRY(call(b, "/latchkey.v1.Collateral/Put", &request, &latchkey__v1__collateral_put_response__descriptor, &out));
    tell_refusals(t, out, refused);
    t->n = t->chains;
    t->bytes.len = t->chain_bytes;
    return LK_OK;
}

static lk_result add(struct lk_collateral_broker *b, struct batch *t, const char *folder, const char *file, size_t *refused)
{
    char path[PATH_MAX];
    LK_BUF_AUTO piece = lk_buf(LK_COLLATERAL_PIECE_MAX);
    if (t->n == LK_COLLATERAL_PIECES_MAX || t->bytes.len > PUT_MAX)
        LK_TRY(send(b, t, refused));
    LK_REQUIRE((size_t)snprintf(path, sizeof(path), "%s/%s", folder, file) < sizeof(path), TOO_LARGE);
    LK_TRY(lk_cli_read_file(path, &piece));
    lk_put(&t->bytes, lk_buf_bytes(&piece));
    t->piece[t->n].len = piece.len;
    snprintf(t->file[t->n++], sizeof(t->file[0]), "%s", file);
    return lk_buf_ok(&t->bytes);
}

/* The files of one sort. */
static lk_result add_all(struct lk_collateral_broker *b, struct batch *t, const char *folder, DIR *dir, bool chains, size_t *refused)
{
    rewinddir(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        if (is_piece(e->d_name) && is_chain(e->d_name) == chains && !(chains && t->n == CHAINS_MAX))
            LK_TRY(add(b, t, folder, e->d_name, refused));
    return LK_OK;
}

static lk_result put_all(struct lk_collateral_broker *b, struct batch *t, const char *folder, DIR *dir, size_t *refused)
{
    LK_TRY(add_all(b, t, folder, dir, true, refused));
    t->chains = t->n;
    t->chain_bytes = t->bytes.len;
    LK_TRY(add_all(b, t, folder, dir, false, refused));
    return send(b, t, refused);
}

lk_result lk_collateral_put(struct lk_collateral_broker *b, const char *folder, size_t *refused)
{
    *refused = 0;
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return lk_cli_file_failed(folder);
    struct batch *t = calloc(1, sizeof(*t));
    lk_result r = t == NULL ? LK_FAIL(MEMORY) : LK_OK;
    if (lk_ok(r)) {
        t->bytes = lk_buf(LK_COLLATERAL_REQUEST_MAX);
        r = put_all(b, t, folder, dir, refused);
        lk_buf_free(&t->bytes);
    }
    free(t);
    closedir(dir);
    return r;
}
