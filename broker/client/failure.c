/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/client/failure.h"

#include <string.h>

#include "proto/grpc/wire.h"
#include "proto/msg/unpack.h"
#include "rpc.pb-c.h"

#define DAY_MS (24u * 3600 * 1000)

/* The class of a gRPC status that comes without ErrorInfo. */
static enum lk_class class_of_status(int grpc_status)
{
    static const enum lk_class classes[LK_GRPC_STATUS_COUNT] = {
        [LK_GRPC_OK] = LK_CLASS_INTERNAL, /* not a failure: nobody may ask */
        [LK_GRPC_CANCELLED] = LK_CLASS_UNAVAILABLE,
        [LK_GRPC_UNKNOWN] = LK_CLASS_INTERNAL,
        [LK_GRPC_INVALID_ARGUMENT] = LK_CLASS_MALFORMED,
        [LK_GRPC_DEADLINE_EXCEEDED] = LK_CLASS_UNAVAILABLE,
        [LK_GRPC_NOT_FOUND] = LK_CLASS_REFUSED,
        [LK_GRPC_ALREADY_EXISTS] = LK_CLASS_REFUSED,
        [LK_GRPC_PERMISSION_DENIED] = LK_CLASS_REFUSED,
        [LK_GRPC_RESOURCE_EXHAUSTED] = LK_CLASS_UNAVAILABLE,
        [LK_GRPC_FAILED_PRECONDITION] = LK_CLASS_CANNOT_JUDGE,
        [LK_GRPC_ABORTED] = LK_CLASS_UNAVAILABLE,
        [LK_GRPC_OUT_OF_RANGE] = LK_CLASS_MALFORMED,
        [LK_GRPC_UNIMPLEMENTED] = LK_CLASS_MALFORMED,
        [LK_GRPC_INTERNAL] = LK_CLASS_INTERNAL,
        [LK_GRPC_UNAVAILABLE] = LK_CLASS_UNAVAILABLE,
        [LK_GRPC_DATA_LOSS] = LK_CLASS_INTERNAL,
        [LK_GRPC_UNAUTHENTICATED] = LK_CLASS_NOT_AUTHENTIC,
    };
    return grpc_status >= 0 && grpc_status < LK_GRPC_STATUS_COUNT ? classes[grpc_status] : LK_CLASS_INTERNAL;
}

/* Copies what may be shown on a terminal; anything else becomes '?'. */
static void copy_printable(char *out, size_t size, const char *text)
{
    size_t n = 0;
    for (; text[n] != '\0' && n + 1 < size; n++)
        out[n] = text[n] > 0x20 && text[n] < 0x7f ? text[n] : '?';
    out[n] = '\0';
}

static void set_class(struct lk_failure *f, const char *name)
{
    for (int c = LK_CLASS_MALFORMED; c < LK_CLASS_COUNT; c++)
        if (strcmp(name, lk_class_name((enum lk_class)c)) == 0)
            f->cls = (enum lk_class)c;
}

static void read_error_info(struct lk_failure *f, struct lk_bytes value, struct lk_arena *arena)
{
    void *m = NULL;
    if (!lk_ok(lk_msg_unpack(&google__rpc__error_info__descriptor, value, arena, &LK_MSG_LIMITS_REQUEST, &m)))
        return;
    const Google__Rpc__ErrorInfo *info = m;
    if (strcmp(info->domain, "latchkey") != 0)
        return;
    copy_printable(f->code, sizeof(f->code), info->reason);
    for (size_t i = 0; i < info->n_metadata; i++) {
        const char *key = info->metadata[i]->key, *text = info->metadata[i]->value;
        if (strcmp(key, "class") == 0)
            set_class(f, text);
        else if (strcmp(key, "decision_id") == 0)
            copy_printable(f->decision_id, sizeof(f->decision_id), text);
        else if (strcmp(key, "item") == 0)
            copy_printable(f->item, sizeof(f->item), text);
    }
}

static void read_retry_info(struct lk_failure *f, struct lk_bytes value, struct lk_arena *arena)
{
    void *m = NULL;
    if (!lk_ok(lk_msg_unpack(&google__rpc__retry_info__descriptor, value, arena, &LK_MSG_LIMITS_REQUEST, &m)))
        return;
    const Google__Rpc__RetryInfo *info = m;
    if (info->retry_delay == NULL || info->retry_delay->seconds < 0 || info->retry_delay->nanos < 0)
        return;
    int64_t seconds = info->retry_delay->seconds;
    uint64_t ms = seconds > DAY_MS / 1000 ? DAY_MS : (uint64_t)seconds * 1000 + (uint64_t)info->retry_delay->nanos / 1000000;
    f->has_retry = true;
    f->retry_ms = ms > DAY_MS ? DAY_MS : ms;
}

static void read_signed_answer(struct lk_failure *f, struct lk_bytes value, struct lk_arena *arena)
{
    (void)arena;
    f->signed_answer = value;
}

static const struct {
    const char *type; /* what follows the last "/" of the type URL */
    void (*read)(struct lk_failure *f, struct lk_bytes value, struct lk_arena *arena);
} kinds[] = {
    {"google.rpc.ErrorInfo", read_error_info},
    {"google.rpc.RetryInfo", read_retry_info},
    {"latchkey.v1.SignedAnswer", read_signed_answer},
};

static void read_detail(struct lk_failure *f, const Google__Rpc__Any *any, struct lk_arena *arena)
{
    const char *slash = strrchr(any->type_url, '/');
    const char *type = slash == NULL ? any->type_url : slash + 1;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(type, kinds[i].type) == 0)
            kinds[i].read(f, lk_bytes(any->value.data, any->value.len), arena);
}

void lk_failure_read(const struct lk_grpc_reply *reply, struct lk_arena *arena, struct lk_failure *out)
{
    *out = (struct lk_failure){.cls = class_of_status(reply->status), .message = reply->message};
    void *m = NULL;
    if (reply->details.len == 0 || !lk_ok(lk_msg_unpack(&google__rpc__status__descriptor, lk_buf_bytes(&reply->details),
                                                        arena, &LK_MSG_LIMITS_REQUEST, &m)))
        return;
    const Google__Rpc__Status *status = m;
    for (size_t i = 0; i < status->n_details; i++)
        read_detail(out, status->details[i], arena);
}
