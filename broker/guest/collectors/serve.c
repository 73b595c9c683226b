/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/serve.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "broker/guest/collectors/frame.h"
#include "proto/base/arena.h"
#include "proto/msg/unpack.h"

typedef Latchkey__V1__CollectorRequest request_t;
typedef Latchkey__V1__CollectorResponse response_t;

static const struct {
    const char *name;
    bool retryable;
} codes[LK_COLLECTOR_CODES] = {
    [LK_COLLECTOR_UNSUPPORTED] = {"UNSUPPORTED", false}, [LK_COLLECTOR_BAD_REQUEST] = {"BAD_REQUEST", false},
    [LK_COLLECTOR_NO_DEVICE] = {"NO_DEVICE", false},     [LK_COLLECTOR_DEVICE] = {"DEVICE", false},
    [LK_COLLECTOR_DEVICE_BUSY] = {"DEVICE_BUSY", true},  [LK_COLLECTOR_NO_CERTIFICATE] = {"NO_CERTIFICATE", false},
    [LK_COLLECTOR_NO_BANK] = {"NO_BANK", false},         [LK_COLLECTOR_CREDENTIAL] = {"CREDENTIAL", false},
    [LK_COLLECTOR_INTERNAL] = {"INTERNAL", false},
};

bool lk_collector_fail(struct lk_collector_failure *f, enum lk_collector_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    f->code = code;
    vsnprintf(f->text, sizeof(f->text), fmt, args);
    va_end(args);
    return false;
}

bool lk_collector_fail_device(struct lk_collector_failure *f, enum lk_device_status status, const struct lk_device_error *e)
{
    static const enum lk_collector_code device_codes[] = {[LK_DEVICE_OK] = LK_COLLECTOR_INTERNAL,
                                                          [LK_DEVICE_NONE] = LK_COLLECTOR_NO_DEVICE,
                                                          [LK_DEVICE_FAILED] = LK_COLLECTOR_DEVICE,
                                                          [LK_DEVICE_BUSY] = LK_COLLECTOR_DEVICE_BUSY};
    return lk_collector_fail(f, device_codes[status], "%s", e->text);
}

void lk_collector_put_part(struct lk_collector_item *item, const char *name, struct lk_bytes data)
{
    if (data.len == 0 || item->n == LK_COLLECTOR_PARTS_MAX)
        return;
    item->parts[item->n].name = name;
    item->parts[item->n].data = lk_buf(LK_COLLECTOR_PART_MAX);
    lk_put(&item->parts[item->n].data, data);
    item->n++;
}

static lk_result pack(const response_t *response, struct lk_buf *out)
{
    size_t len = protobuf_c_message_get_packed_size(&response->base);
    out->len = 0;
    uint8_t *room = len > 0 && len <= LK_COLLECTOR_FRAME_MAX ? lk_put_room(out, len) : NULL;
    LK_REQUIRE(room != NULL, TOO_LARGE);
    protobuf_c_message_pack(&response->base, room);
    return LK_OK;
}

static ProtobufCBinaryData binary(struct lk_bytes v)
{
    return (ProtobufCBinaryData){.len = v.len, .data = (uint8_t *)(uintptr_t)v.data};
}

static struct lk_bytes plain(ProtobufCBinaryData v)
{
    return lk_bytes(v.data, v.len);
}

static lk_result put_failure(const struct lk_collector_failure *f, struct lk_buf *out)
{
    Latchkey__V1__CollectorError error = LATCHKEY__V1__COLLECTOR_ERROR__INIT;
    response_t response = LATCHKEY__V1__COLLECTOR_RESPONSE__INIT;
    error.code = (char *)(uintptr_t)codes[f->code].name;
    error.text = (char *)(uintptr_t)f->text;
    error.retryable = codes[f->code].retryable;
    response.result_case = LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ERROR;
    response.error = &error;
    return pack(&response, out);
}

struct call {
    const struct lk_collector_ops *ops;
    void *self;
    const request_t *request;
    struct lk_buf *out;
    struct lk_collector_failure failure;
};

static lk_result unsupported(struct call *c, const char *what)
{
    lk_collector_fail(&c->failure, LK_COLLECTOR_UNSUPPORTED, "%s is not known to this collector", what);
    return put_failure(&c->failure, c->out);
}

static lk_result describe(struct call *c)
{
    char *families[LK_COLLECTOR_FAMILIES_MAX];
    Latchkey__V1__CollectorDescription d = LATCHKEY__V1__COLLECTOR_DESCRIPTION__INIT;
    response_t response = LATCHKEY__V1__COLLECTOR_RESPONSE__INIT;
    d.protocol = 1;
    d.program = (char *)(uintptr_t)c->ops->program;
    d.version = (char *)(uintptr_t)LK_VERSION;
    d.families = families;
    while (c->ops->families[d.n_families] != NULL && d.n_families < LK_COLLECTOR_FAMILIES_MAX) {
        families[d.n_families] = (char *)(uintptr_t)c->ops->families[d.n_families];
        d.n_families++;
    }
    d.identifies = c->ops->identify != NULL;
    response.result_case = LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_DESCRIPTION;
    response.description = &d;
    return pack(&response, c->out);
}

static lk_result identify(struct call *c)
{
    if (c->ops->identify == NULL)
        return unsupported(c, "identify");
    LK_BUF_AUTO ek = lk_buf(LK_COLLECTOR_PART_MAX);
    LK_BUF_AUTO ak = lk_buf(LK_COLLECTOR_PART_MAX);
    if (!c->ops->identify(c->self, &ek, &ak, &c->failure))
        return put_failure(&c->failure, c->out);
    LK_TRY(lk_buf_ok(&ek));
    LK_TRY(lk_buf_ok(&ak));
    Latchkey__V1__CollectorIdentity identity = LATCHKEY__V1__COLLECTOR_IDENTITY__INIT;
    response_t response = LATCHKEY__V1__COLLECTOR_RESPONSE__INIT;
    identity.ek_public = binary(lk_buf_bytes(&ek));
    identity.ak_public = binary(lk_buf_bytes(&ak));
    response.result_case = LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_IDENTITY;
    response.identity = &identity;
    return pack(&response, c->out);
}

static lk_result activate(struct call *c)
{
    if (c->ops->activate == NULL)
        return unsupported(c, "activate");
    const Latchkey__V1__CollectorActivate *a = c->request->activate;
    LK_SECRET_AUTO s = {0};
    if (!c->ops->activate(c->self, plain(a->credential_blob), plain(a->encrypted_secret), &s, &c->failure))
        return put_failure(&c->failure, c->out);
    Latchkey__V1__CollectorActivated activated = LATCHKEY__V1__COLLECTOR_ACTIVATED__INIT;
    response_t response = LATCHKEY__V1__COLLECTOR_RESPONSE__INIT;
    activated.s = binary(lk_secret_bytes(&s));
    response.result_case = LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ACTIVATED;
    response.activated = &activated;
    return pack(&response, c->out);
}

static lk_result put_item(struct call *c, const struct lk_collector_item *item)
{
    Latchkey__V1__EvidencePart parts[LK_COLLECTOR_PARTS_MAX], *pointers[LK_COLLECTOR_PARTS_MAX];
    for (size_t i = 0; i < item->n; i++) {
        LK_TRY(lk_buf_ok(&item->parts[i].data));
        latchkey__v1__evidence_part__init(&parts[i]);
        parts[i].name = (char *)(uintptr_t)item->parts[i].name;
        parts[i].data = binary(lk_buf_bytes(&item->parts[i].data));
        pointers[i] = &parts[i];
    }
    Latchkey__V1__EvidenceItem message = LATCHKEY__V1__EVIDENCE_ITEM__INIT;
    response_t response = LATCHKEY__V1__COLLECTOR_RESPONSE__INIT;
    message.family = c->request->collect->request->family;
    message.parts = pointers;
    message.n_parts = item->n;
    response.result_case = LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ITEM;
    response.item = &message;
    return pack(&response, c->out);
}

static void item_free(struct lk_collector_item *item)
{
    for (size_t i = 0; i < item->n; i++)
        lk_buf_free(&item->parts[i].data);
}

static bool has_family(const struct lk_collector_ops *ops, const char *family)
{
    for (const char *const *f = ops->families; *f != NULL; f++)
        if (strcmp(*f, family) == 0)
            return true;
    return false;
}

static lk_result collect(struct call *c)
{
    const Latchkey__V1__CollectorCollect *r = c->request->collect;
    if (r->request == NULL || !has_family(c->ops, r->request->family))
        return unsupported(c, "the family");
    if (r->binding.len != 64) {
        lk_collector_fail(&c->failure, LK_COLLECTOR_BAD_REQUEST, "a binding has 64 bytes, not %zu", r->binding.len);
        return put_failure(&c->failure, c->out);
    }
    struct lk_collector_item item = {.n = 0};
    if (c->ops->bundle != NULL)
        c->ops->bundle(c->self, r->families, r->n_families);
    bool done = c->ops->collect(c->self, plain(r->binding), r->request, &item, &c->failure);
    lk_result result = done ? put_item(c, &item) : put_failure(&c->failure, c->out);
    item_free(&item);
    return result;
}

static lk_result dispatch(struct call *c)
{
    static const struct {
        Latchkey__V1__CollectorRequest__CallCase which;
        lk_result (*call)(struct call *c);
    } calls[] = {
        {LATCHKEY__V1__COLLECTOR_REQUEST__CALL_DESCRIBE, describe},
        {LATCHKEY__V1__COLLECTOR_REQUEST__CALL_IDENTIFY, identify},
        {LATCHKEY__V1__COLLECTOR_REQUEST__CALL_ACTIVATE, activate},
        {LATCHKEY__V1__COLLECTOR_REQUEST__CALL_COLLECT, collect},
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (calls[i].which == c->request->call_case)
            return calls[i].call(c);
    return LK_FAIL(REQUEST_MALFORMED);
}

lk_result lk_collector_answer(const struct lk_collector_ops *ops, void *self, struct lk_bytes request,
                              struct lk_buf *response)
{
    struct lk_arena *arena = lk_arena_new(2 * request.len + (512U << 10));
    LK_REQUIRE(arena != NULL, MEMORY);
    void *message = NULL;
    lk_result r = lk_msg_unpack(&latchkey__v1__collector_request__descriptor, request, arena, &LK_MSG_LIMITS_REQUEST,
                                &message);
    struct call c = {.ops = ops, .self = self, .request = message, .out = response};
    if (lk_ok(r))
        r = dispatch(&c);
    lk_arena_free(arena);
    return r;
}

static lk_result serve_one(const struct lk_collector_ops *ops, void *self, int in, int out, struct lk_buf *request,
                           struct lk_buf *response)
{
    LK_TRY(lk_collector_read(in, 0, request));
    LK_TRY(lk_collector_answer(ops, self, lk_buf_bytes(request), response));
    return lk_collector_write(out, 0, lk_buf_bytes(response));
}

lk_result lk_collector_serve(const struct lk_collector_ops *ops, void *self, int in, int out)
{
    lk_result r;
    do {
        struct lk_buf request = lk_buf(LK_COLLECTOR_FRAME_MAX), response = lk_buf(LK_COLLECTOR_FRAME_MAX);
        r = serve_one(ops, self, in, out, &request, &response);
        lk_buf_wipe(&request);
        lk_buf_wipe(&response); /* it may have held an activation's secret */
    } while (lk_ok(r));
    return r.code == LK_R_FRAME_CLOSED ? LK_OK : r;
}
