/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/collector.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/client/child.h"
#include "broker/client/pack.h"
#include "broker/guest/collectors/frame.h"
#include "broker/guest/fetch/say.h"
#include "proto/base/clock.h"
#include "proto/base/file.h"
#include "proto/msg/unpack.h"

#define ARGS_MAX 32
static const struct lk_msg_limits RESPONSE = {LK_COLLECTOR_FRAME_MAX, 5, 1024}; /* logs may be larger than a bundle */
#define END_MS 5000 /* to give sessions and keys back */

struct lk_collector {
    struct lk_child child;
    bool running;
    unsigned timeout_s;
    const Latchkey__V1__CollectorDescription *description;
};

/* One exchange; the answer is of the wanted kind. */
static lk_result exchange(struct lk_collector *c, const Latchkey__V1__CollectorRequest *request,
                          Latchkey__V1__CollectorResponse__ResultCase wanted, bool quiet, struct lk_arena *arena,
                          const Latchkey__V1__CollectorResponse **out)
{
    uint64_t deadline = lk_clock_mono_ms() + (uint64_t)c->timeout_s * 1000;
    LK_BUF_AUTO bytes = lk_buf(LK_COLLECTOR_FRAME_MAX);
    lk_client_pack(&bytes, request);
    LK_TRY(lk_buf_ok(&bytes));
    LK_REQUIRE(lk_ok(lk_collector_write(c->child.to, deadline, lk_buf_bytes(&bytes))), COLLECTOR_PROTOCOL);
    LK_REQUIRE(lk_ok(lk_collector_read(c->child.from, deadline, &bytes)), COLLECTOR_PROTOCOL);
    void *m = NULL;
    lk_result r = lk_msg_unpack(&latchkey__v1__collector_response__descriptor, lk_buf_bytes(&bytes), arena, &RESPONSE, &m);
    lk_buf_wipe(&bytes); /* an activation's secret may have been inside */
    LK_REQUIRE(lk_ok(r), COLLECTOR_PROTOCOL);
    *out = m;
    if ((*out)->result_case == wanted)
        return LK_OK;
    LK_REQUIRE((*out)->result_case == LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ERROR, COLLECTOR_PROTOCOL);
    const Latchkey__V1__CollectorError *e = (*out)->error;
    if (!quiet)
        lk_say_collector(lk_collector_name(c), e->code, e->text);
    return e->retryable ? LK_FAIL(COLLECTOR_BUSY) : LK_FAIL(COLLECTOR_FAILED);
}

static lk_result describe(struct lk_collector *c, struct lk_arena *arena)
{
    Latchkey__V1__CollectorDescribe call = LATCHKEY__V1__COLLECTOR_DESCRIBE__INIT;
    Latchkey__V1__CollectorRequest request = LATCHKEY__V1__COLLECTOR_REQUEST__INIT;
    request.call_case = LATCHKEY__V1__COLLECTOR_REQUEST__CALL_DESCRIBE;
    request.describe = &call;
    const Latchkey__V1__CollectorResponse *response = NULL;
    LK_TRY(exchange(c, &request, LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_DESCRIPTION, false, arena, &response));
    LK_REQUIRE(response->description->protocol == 1, COLLECTOR_PROTOCOL);
    c->description = response->description;
    return LK_OK;
}

static lk_result start(const char *command, struct lk_arena *arena, struct lk_child *child)
{
    char path[PATH_MAX];
    const char *argv[ARGS_MAX + 1];
    size_t n = 0;
    char *rest = lk_arena_str(arena, command, strlen(command));
    LK_REQUIRE(rest != NULL, MEMORY);
    for (char *word = strtok_r(rest, " ", &rest); word != NULL && n < ARGS_MAX; word = strtok_r(NULL, " ", &rest))
        argv[n++] = word;
    argv[n] = NULL;
    LK_REQUIRE(n > 0, COLLECTOR_MISSING);
    if (strchr(argv[0], '/') == NULL && lk_file_program(argv[0], path))
        argv[0] = path; /* else as PATH has it */
    LK_REQUIRE(lk_ok(lk_child_start(argv, child)), COLLECTOR_START);
    return LK_OK;
}

lk_result lk_collector_begin(const char *command, unsigned timeout_s, struct lk_arena *arena, struct lk_collector **out)
{
    struct lk_collector *c = calloc(1, sizeof(*c));
    LK_REQUIRE(c != NULL, MEMORY);
    c->timeout_s = timeout_s;
    lk_result r = start(command, arena, &c->child);
    c->running = lk_ok(r);
    if (c->running)
        r = describe(c, arena);
    if (!lk_ok(r)) {
        lk_collector_end(c);
        return r;
    }
    *out = c;
    return LK_OK;
}

void lk_collector_end(struct lk_collector *c)
{
    if (c == NULL)
        return;
    if (c->running)
        (void)lk_child_end(&c->child, lk_clock_mono_ms() + END_MS); /* its status changes nothing any more */
    free(c);
}

const char *lk_collector_name(const struct lk_collector *c)
{
    return c->description != NULL ? c->description->program : "collector";
}

bool lk_collector_has(const struct lk_collector *c, const char *family)
{
    for (size_t i = 0; i < c->description->n_families; i++)
        if (strcmp(c->description->families[i], family) == 0)
            return true;
    return false;
}

bool lk_collector_identifies(const struct lk_collector *c)
{
    return c->description->identifies;
}

lk_result lk_collector_identify(struct lk_collector *c, bool quiet, struct lk_arena *arena,
                                const Latchkey__V1__CollectorIdentity **out)
{
    Latchkey__V1__CollectorIdentify call = LATCHKEY__V1__COLLECTOR_IDENTIFY__INIT;
    Latchkey__V1__CollectorRequest request = LATCHKEY__V1__COLLECTOR_REQUEST__INIT;
    request.call_case = LATCHKEY__V1__COLLECTOR_REQUEST__CALL_IDENTIFY;
    request.identify = &call;
    const Latchkey__V1__CollectorResponse *response = NULL;
    LK_TRY(exchange(c, &request, LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_IDENTITY, quiet, arena, &response));
    *out = response->identity;
    return LK_OK;
}

lk_result lk_collector_activate(struct lk_collector *c, struct lk_bytes blob, struct lk_bytes secret,
                                struct lk_arena *arena, struct lk_bytes *s)
{
    Latchkey__V1__CollectorActivate call = LATCHKEY__V1__COLLECTOR_ACTIVATE__INIT;
    Latchkey__V1__CollectorRequest request = LATCHKEY__V1__COLLECTOR_REQUEST__INIT;
    call.credential_blob = lk_client_bin(blob);
    call.encrypted_secret = lk_client_bin(secret);
    request.call_case = LATCHKEY__V1__COLLECTOR_REQUEST__CALL_ACTIVATE;
    request.activate = &call;
    const Latchkey__V1__CollectorResponse *response = NULL;
    LK_TRY(exchange(c, &request, LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ACTIVATED, false, arena, &response));
    *s = lk_bytes(response->activated->s.data, response->activated->s.len);
    return LK_OK;
}

lk_result lk_collector_collect(struct lk_collector *c, struct lk_bytes binding,
                               const Latchkey__V1__EvidenceAlternative *bundle, size_t item, struct lk_arena *arena,
                               Latchkey__V1__EvidenceItem **out)
{
    Latchkey__V1__CollectorCollect call = LATCHKEY__V1__COLLECTOR_COLLECT__INIT;
    call.families = lk_arena_array(arena, bundle->n_items, sizeof(*call.families));
    LK_REQUIRE(call.families != NULL, MEMORY);
    for (; call.n_families < bundle->n_items; call.n_families++)
        call.families[call.n_families] = bundle->items[call.n_families]->family;
    Latchkey__V1__CollectorRequest message = LATCHKEY__V1__COLLECTOR_REQUEST__INIT;
    call.binding = lk_client_bin(binding);
    call.request = bundle->items[item];
    message.call_case = LATCHKEY__V1__COLLECTOR_REQUEST__CALL_COLLECT;
    message.collect = &call;
    const Latchkey__V1__CollectorResponse *response = NULL;
    LK_TRY(exchange(c, &message, LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ITEM, false, arena, &response));
    *out = response->item;
    return LK_OK;
}
