/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/msg/unpack.h"
#include "proto/base/limits.h"
#include "proto/msg/scan.h"

#include <string.h>

const struct lk_msg_limits LK_MSG_LIMITS_REQUEST = {LK_BUNDLE_MAX, 5, 1024};
const struct lk_msg_limits LK_MSG_LIMITS_DOCUMENT = {1u << 20, 8, 32768};

const struct lk_msg_limits LK_MSG_LIMITS_SET = {1u << 20, 1, 16};

struct allocations {
    struct lk_arena *arena;
    bool refused;
};

static void *take(void *context, size_t size)
{
    struct allocations *a = context;
    void *at = lk_arena_alloc(a->arena, size);
    a->refused = a->refused || at == NULL;
    return at;
}

static void keep(void *context, void *at)
{
    (void)context; /* the arena gives everything back at once */
    (void)at;
}

lk_result lk_msg_unpack(const ProtobufCMessageDescriptor *type, struct lk_bytes bytes, struct lk_arena *arena,
                        const struct lk_msg_limits *limits, void **out)
{
    *out = NULL;
    LK_TRY(lk_msg_scan(type, bytes, limits));
    struct allocations a = {arena, false};
    ProtobufCAllocator allocator = {take, keep, &a};
    *out = protobuf_c_message_unpack(type, &allocator, bytes.len, bytes.data);
    if (*out != NULL)
        return LK_OK;
    return a.refused ? LK_FAIL(REQUEST_LIMIT) : LK_FAIL(REQUEST_MALFORMED);
}

lk_result lk_msg_unpack_apart(const ProtobufCMessageDescriptor *type, struct lk_bytes bytes, unsigned field,
                              struct lk_arena *arena, const struct lk_msg_limits *limits, void **out, struct lk_bytes *run)
{
    struct lk_bytes whole;
    *out = NULL;
    LK_TRY(lk_msg_scan(type, bytes, limits));
    LK_TRY(lk_msg_find(bytes, field, &whole, run));
    if (whole.data == NULL)
        return lk_msg_unpack(type, bytes, arena, limits, out);
    size_t before = (size_t)(whole.data - bytes.data), after = bytes.len - before - whole.len;
    uint8_t *rest = lk_arena_alloc(arena, before + after);
    LK_REQUIRE(rest != NULL, REQUEST_LIMIT);
    memcpy(rest, bytes.data, before);
    memcpy(rest + before, whole.data + whole.len, after);
    return lk_msg_unpack(type, lk_bytes(rest, before + after), arena, limits, out);
}
