/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/collateral_client.h"

#include <stdio.h>
#include <string.h>

#include "broker/client/failure.h"
#include "broker/client/pack.h"
#include "proto/base/clock.h"
#include "proto/msg/unpack.h"

#define ARENA_MAX (32u << 20)
#define REQUEST_MAX (2u << 20)
#define ROWS 1000

static uint64_t deadline(const struct lk_loader *l)
{
    return lk_clock_mono_ms() + (uint64_t)l->profile.timeout_s * 1000;
}

lk_result lk_loader_open(struct lk_loader *l)
{
    lk_result r = LK_FAIL(BROKER_ADDRESS);
    LK_TRY(lk_profile_resolve_client(&l->args, &l->profile));
    l->arena = lk_arena_new(ARENA_MAX);
    LK_REQUIRE(l->arena != NULL, MEMORY);
    char *rest = l->profile.broker;
    for (char *address = strtok_r(rest, " ", &rest); address != NULL; address = strtok_r(NULL, " ", &rest)) {
        struct lk_dial dial = {.address = address, .ca_file = l->profile.ca, .certificate = l->profile.client_certificate,
                               .key = l->profile.client_key,
                               .server_name = l->profile.server_name[0] != '\0' ? l->profile.server_name : NULL};
        r = lk_grpc_open(&dial, deadline(l), &l->client);
        if (lk_ok(r) || lk_class_of(r) != LK_CLASS_UNAVAILABLE)
            return r;
    }
    return r;
}

void lk_loader_close(struct lk_loader *l)
{
    lk_grpc_close(l->client);
    lk_arena_free(l->arena);
    *l = (struct lk_loader){0};
}

static lk_result call(struct lk_loader *l, const char *method, const void *request, const ProtobufCMessageDescriptor *type, void **out)
{
    LK_BUF_AUTO bytes = lk_buf(REQUEST_MAX);
    LK_GRPC_REPLY_AUTO reply = {0};
    lk_arena_reset(l->arena);
    lk_client_pack(&bytes, request);
    LK_TRY(lk_buf_ok(&bytes));
    LK_TRY(lk_grpc_call(l->client, method, lk_buf_bytes(&bytes), deadline(l), &reply));
    if (reply.status != 0) {
        struct lk_failure f;
        lk_failure_read(&reply, l->arena, &f);
        snprintf(l->said, sizeof(l->said), "%s", reply.message);
        enum lk_reason_code code = lk_reason_by_name(f.code);
        return code == LK_R_COUNT || code == LK_R_OK ? LK_FAIL(BROKER_PROTOCOL) : (lk_result){code};
    }
    LK_REQUIRE(lk_ok(lk_msg_unpack(type, lk_buf_bytes(&reply.body), l->arena, &LK_MSG_LIMITS_DOCUMENT, out)), BROKER_PROTOCOL);
    return LK_OK;
}

lk_result lk_loader_put(struct lk_loader *l, const Latchkey__V1__CollateralPutRequest *m,
                        const Latchkey__V1__CollateralPutResponse **out)
{
    void *answer = NULL;
    LK_TRY(call(l, "/latchkey.v1.Collateral/Put", m, &latchkey__v1__collateral_put_response__descriptor, &answer));
    *out = answer;
    return LK_OK;
}

lk_result lk_loader_status(struct lk_loader *l, const char *after, const Latchkey__V1__CollateralStatusResponse **out)
{
    Latchkey__V1__CollateralStatusRequest m = LATCHKEY__V1__COLLATERAL_STATUS_REQUEST__INIT;
    void *answer = NULL;
    m.after = (char *)(uintptr_t)after;
    m.limit = ROWS;
    LK_TRY(call(l, "/latchkey.v1.Collateral/Status", &m, &latchkey__v1__collateral_status_response__descriptor, &answer));
    *out = answer;
    return LK_OK;
}

int lk_loader_fail(const struct lk_loader *l, lk_result r, const char *what)
{
    if (l->said[0] != '\0')
        fprintf(stderr, "latchkey: the broker says: %s\n", l->said);
    return lk_cli_fail(r, "%s", what);
}
