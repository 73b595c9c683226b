/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/reflection.h"
#include "proto/grpc/pb.h"

#include <stdlib.h>
#include <string.h>

#define REQUEST_MAX 2048
#define RESPONSE_MAX (256u << 10)
#define DEPTH_MAX 16

/* reflection.proto */
enum { BY_FILENAME = 3, BY_SYMBOL = 4, BY_EXTENSION = 5, EXTENSION_NUMBERS = 6, LIST_SERVICES = 7 };
enum { VALID_HOST = 1, ORIGINAL_REQUEST = 2, FILE_RESPONSE = 4, LIST_RESPONSE = 6, ERROR_RESPONSE = 7 };
enum { REQUEST_HOST = 1, FILE_BYTES = 1, LIST_SERVICE = 1, SERVICE_NAME = 1, ERROR_CODE = 1, ERROR_TEXT = 2 };

/* descriptor.proto: what a thing of one kind contains that has a name (always field 1). */
enum { SET_FILE = 1, FILE_PACKAGE = 2, FILE_SERVICE = 6, NAME = 1 };
enum kind { FILE_KIND, MESSAGE_KIND, ENUM_KIND, SERVICE_KIND, LEAF_KIND };
static const struct {
    enum kind in;
    uint32_t field;
    enum kind gives;
} children[] = {
    {FILE_KIND, 4, MESSAGE_KIND},    {FILE_KIND, 5, ENUM_KIND},    {FILE_KIND, FILE_SERVICE, SERVICE_KIND},
    {FILE_KIND, 7, LEAF_KIND},       {MESSAGE_KIND, 2, LEAF_KIND}, {MESSAGE_KIND, 3, MESSAGE_KIND},
    {MESSAGE_KIND, 4, ENUM_KIND},    {MESSAGE_KIND, 6, LEAF_KIND}, {MESSAGE_KIND, 8, LEAF_KIND},
    {ENUM_KIND, 2, LEAF_KIND},       {SERVICE_KIND, 2, LEAF_KIND},
};

static bool child_kind(enum kind in, uint32_t field, enum kind *gives)
{
    for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++)
        if (children[i].in == in && children[i].field == field) {
            *gives = children[i].gives;
            return true;
        }
    return false;
}

/* What is left of symbol after `name` and a dot; absent when symbol does not begin so. Empty when it is `name`. */
static struct lk_bytes after(struct lk_bytes symbol, struct lk_bytes name)
{
    if (symbol.len < name.len || (name.len > 0 && memcmp(symbol.data, name.data, name.len) != 0))
        return LK_BYTES_NONE;
    if (symbol.len == name.len)
        return lk_bytes(symbol.data + name.len, 0);
    if (symbol.data[name.len] != '.')
        return LK_BYTES_NONE;
    return lk_bytes(symbol.data + name.len + 1, symbol.len - name.len - 1);
}

static bool contains(struct lk_bytes thing, enum kind kind, struct lk_bytes symbol, int depth)
{
    struct lk_cursor c = lk_cursor(thing);
    struct lk_pb_field f;
    enum kind gives;
    while (depth < DEPTH_MAX && lk_pb_next(&c, &f)) {
        if (f.wire != LK_PB_BYTES || !child_kind(kind, f.number, &gives))
            continue;
        struct lk_bytes rest = after(symbol, lk_pb_find(f.bytes, NAME));
        if (rest.data != NULL && (rest.len == 0 || contains(f.bytes, gives, rest, depth + 1)))
            return true;
    }
    return false;
}

static bool file_has_symbol(struct lk_bytes file, struct lk_bytes symbol)
{
    struct lk_bytes package = lk_pb_find(file, FILE_PACKAGE);
    struct lk_bytes rest = package.len == 0 ? symbol : after(symbol, package);
    return rest.len > 0 && contains(file, FILE_KIND, rest, 0);
}

static bool file_has_name(struct lk_bytes file, struct lk_bytes name)
{
    return lk_bytes_eq(lk_pb_find(file, NAME), name);
}

static void put_error(struct lk_buf *out, enum lk_grpc_status code, const char *text)
{
    LK_BUF_AUTO e = lk_buf(256);
    lk_pb_put_uint(&e, ERROR_CODE, code);
    lk_pb_put_str(&e, ERROR_TEXT, text);
    lk_pb_put_bytes(out, ERROR_RESPONSE, lk_buf_bytes(&e));
}

static void put_file(struct lk_buf *out, struct lk_bytes set, struct lk_bytes wanted,
                     bool (*matches)(struct lk_bytes, struct lk_bytes))
{
    struct lk_cursor c = lk_cursor(set);
    struct lk_pb_field f;
    while (lk_pb_next(&c, &f)) {
        if (f.number != SET_FILE || !matches(f.bytes, wanted))
            continue;
        LK_BUF_AUTO r = lk_buf(RESPONSE_MAX);
        lk_pb_put_bytes(&r, FILE_BYTES, f.bytes);
        lk_pb_put_bytes(out, FILE_RESPONSE, lk_buf_bytes(&r));
        return;
    }
    put_error(out, LK_GRPC_NOT_FOUND, "not found");
}

static void put_service(struct lk_buf *list, struct lk_bytes package, struct lk_bytes name)
{
    LK_BUF_AUTO full = lk_buf(512);
    lk_put(&full, package);
    if (package.len > 0)
        lk_put_u8(&full, '.');
    lk_put(&full, name);
    LK_BUF_AUTO service = lk_buf(520);
    lk_pb_put_bytes(&service, SERVICE_NAME, lk_buf_bytes(&full));
    lk_pb_put_bytes(list, LIST_SERVICE, lk_buf_bytes(&service));
}

static void put_services_of(struct lk_buf *list, struct lk_bytes file)
{
    struct lk_cursor c = lk_cursor(file);
    struct lk_pb_field f;
    while (lk_pb_next(&c, &f))
        if (f.number == FILE_SERVICE && f.wire == LK_PB_BYTES)
            put_service(list, lk_pb_find(file, FILE_PACKAGE), lk_pb_find(f.bytes, NAME));
}

static void put_list(struct lk_buf *out, struct lk_bytes set)
{
    struct lk_cursor c = lk_cursor(set);
    struct lk_pb_field f;
    LK_BUF_AUTO list = lk_buf(RESPONSE_MAX);
    while (lk_pb_next(&c, &f))
        if (f.number == SET_FILE)
            put_services_of(&list, f.bytes);
    lk_pb_put_bytes(out, LIST_RESPONSE, lk_buf_bytes(&list));
}

static void put_answer(struct lk_buf *out, struct lk_bytes set, const struct lk_pb_field *question)
{
    switch (question->number) {
    case BY_FILENAME:
        put_file(out, set, question->bytes, file_has_name);
        break;
    case BY_SYMBOL:
        put_file(out, set, question->bytes, file_has_symbol);
        break;
    case LIST_SERVICES:
        put_list(out, set);
        break;
    case BY_EXTENSION:
    case EXTENSION_NUMBERS:
        put_error(out, LK_GRPC_NOT_FOUND, "there are no extensions");
        break;
    default:
        put_error(out, LK_GRPC_INVALID_ARGUMENT, "no question");
    }
}

bool lk_grpc_reflection_answer(struct lk_bytes descriptor_set, struct lk_bytes request, struct lk_buf *out)
{
    struct lk_cursor c = lk_cursor(request);
    struct lk_pb_field f, question = {.number = 0};
    struct lk_bytes host = LK_BYTES_NONE;
    while (lk_pb_next(&c, &f)) {
        if (f.wire != LK_PB_BYTES)
            continue;
        if (f.number == REQUEST_HOST)
            host = f.bytes;
        else
            question = f; /* a oneof: the last one counts */
    }
    if (!lk_ok(lk_cursor_end(&c)))
        return false;
    if (host.len > 0)
        lk_pb_put_bytes(out, VALID_HOST, host);
    lk_pb_put_bytes(out, ORIGINAL_REQUEST, request);
    put_answer(out, descriptor_set, &question);
    return lk_ok(lk_buf_ok(out));
}

struct lk_grpc_reflection {
    struct lk_bytes set;
    struct lk_grpc_method v1, v1alpha;
};

static void on_message(void *arg, struct lk_grpc_call *call, struct lk_bytes message)
{
    static const struct lk_grpc_refusal malformed = {LK_GRPC_INVALID_ARGUMENT, LK_R_REQUEST_MALFORMED, 0, NULL};
    const struct lk_grpc_reflection *r = arg;
    LK_BUF_AUTO b = lk_buf(RESPONSE_MAX);
    if (!lk_grpc_reflection_answer(r->set, message, &b))
        lk_grpc_call_refuse(call, &malformed);
    else if (!lk_ok(lk_grpc_call_send(call, lk_buf_bytes(&b))))
        return; /* the client does not read; its stream was reset */
}

static void on_half_close(void *arg, struct lk_grpc_call *call)
{
    (void)arg;
    lk_grpc_call_finish(call, LK_GRPC_OK, LK_BYTES_NONE, LK_BYTES_NONE);
}

static struct lk_grpc_method method(struct lk_grpc_reflection *r, const char *path)
{
    return (struct lk_grpc_method){.path = path,
                                   .kind = LK_GRPC_BIDI,
                                   .max_message = REQUEST_MAX,
                                   .on_message = on_message,
                                   .on_half_close = on_half_close,
                                   .arg = r};
}

struct lk_grpc_reflection *lk_grpc_reflection_new(struct lk_grpc_server *server, struct lk_bytes descriptor_set)
{
    struct lk_grpc_reflection *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->set = descriptor_set;
    r->v1 = method(r, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
    r->v1alpha = method(r, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
    if (lk_ok(lk_grpc_server_add(server, &r->v1)) && lk_ok(lk_grpc_server_add(server, &r->v1alpha)))
        return r;
    lk_grpc_reflection_free(r);
    return NULL;
}

void lk_grpc_reflection_free(struct lk_grpc_reflection *r)
{
    free(r);
}
