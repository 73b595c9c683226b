/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/msg/scan.h"
#include "proto/msg/unpack.h"
#include "proto/base/cursor.h"
#include "proto/base/text.h"

/* Messages have at most this many fields: one bit each for "seen". */
#define FIELDS_MAX 64

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_SIZED = 2, WIRE_32 = 5 };

struct scan {
    const struct lk_msg_limits *limits;
    size_t elements;
};

static lk_result scan_message(struct scan *s, const ProtobufCMessageDescriptor *type, struct lk_bytes bytes,
                              unsigned depth);

/* A varint of at most ten bytes, in its shortest form. */
static uint64_t varint(struct lk_cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = lk_u8(c);
        bool overflow = shift == 63 && b > 1;
        bool padded = b == 0 && shift > 0;
        if (overflow || padded)
            break;
        v |= (uint64_t)(b & 0x7f) << shift;
        if ((b & 0x80) == 0)
            return v;
    }
    lk_cursor_fail(c);
    return 0;
}

static struct lk_bytes sized(struct lk_cursor *c)
{
    uint64_t n = varint(c);
    if (n > lk_left(c)) {
        lk_cursor_fail(c);
        return LK_BYTES_NONE;
    }
    return lk_take(c, (size_t)n);
}

static enum wire wire_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_SIZED;
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WIRE_32;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_64;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
        return WIRE_VARINT;
    }
    return WIRE_VARINT;
}

static void skip_scalar(struct lk_cursor *c, enum wire wire)
{
    if (wire == WIRE_VARINT)
        (void)varint(c);
    else
        (void)lk_take(c, wire == WIRE_32 ? 4 : 8);
}

static lk_result scan_packed(struct scan *s, enum wire wire, struct lk_bytes bytes)
{
    struct lk_cursor c = lk_cursor(bytes);
    while (lk_left(&c) > 0 && lk_ok(lk_cursor_ok(&c))) {
        LK_REQUIRE(++s->elements <= s->limits->max_elements, REQUEST_LIMIT);
        skip_scalar(&c, wire);
    }
    return lk_ok(lk_cursor_end(&c)) ? LK_OK : LK_FAIL(REQUEST_MALFORMED);
}

static lk_result scan_sized(struct scan *s, const ProtobufCFieldDescriptor *field, struct lk_cursor *c, unsigned depth)
{
    struct lk_bytes value = sized(c);
    LK_REQUIRE(lk_ok(lk_cursor_ok(c)), REQUEST_MALFORMED);
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return scan_message(s, field->descriptor, value, depth + 1);
    if (field->type == PROTOBUF_C_TYPE_STRING)
        LK_REQUIRE(lk_utf8_ok(value), REQUEST_MALFORMED);
    return LK_OK;
}

static lk_result scan_field(struct scan *s, const ProtobufCFieldDescriptor *field, enum wire wire, struct lk_cursor *c,
                            unsigned depth)
{
    enum wire natural = wire_of(field->type);
    if (natural == WIRE_SIZED && wire == WIRE_SIZED)
        return scan_sized(s, field, c, depth);
    if (wire == WIRE_SIZED && field->label == PROTOBUF_C_LABEL_REPEATED) {
        struct lk_bytes packed = sized(c);
        LK_REQUIRE(lk_ok(lk_cursor_ok(c)), REQUEST_MALFORMED);
        return scan_packed(s, natural, packed);
    }
    LK_REQUIRE(wire == natural, REQUEST_MALFORMED);
    skip_scalar(c, wire);
    return LK_OK;
}

/* Another member of the field's oneof was seen: protobuf would silently take the last. */
static bool oneof_taken(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field, uint64_t seen)
{
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0)
        return false;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *other = &type->fields[i];
        bool same = (other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
                    other->quantifier_offset == field->quantifier_offset;
        if (same && (seen >> i & 1) != 0)
            return true;
    }
    return false;
}

static lk_result note_seen(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field,
                           uint64_t *seen)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return LK_OK;
    uint64_t bit = UINT64_C(1) << (field - type->fields);
    LK_REQUIRE((*seen & bit) == 0 && !oneof_taken(type, field, *seen), REQUEST_MALFORMED);
    *seen |= bit;
    return LK_OK;
}

static lk_result scan_message(struct scan *s, const ProtobufCMessageDescriptor *type, struct lk_bytes bytes,
                              unsigned depth)
{
    LK_REQUIRE(depth <= s->limits->max_depth, REQUEST_LIMIT);
    LK_REQUIRE(type->n_fields <= FIELDS_MAX, INTERNAL);
    struct lk_cursor c = lk_cursor(bytes);
    uint64_t seen = 0;
    while (lk_left(&c) > 0) {
        uint64_t tag = varint(&c);
        LK_REQUIRE(lk_ok(lk_cursor_ok(&c)) && tag >> 3 != 0 && tag <= UINT32_MAX, REQUEST_MALFORMED);
        LK_REQUIRE(++s->elements <= s->limits->max_elements, REQUEST_LIMIT);
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
        LK_REQUIRE(field != NULL, REQUEST_UNKNOWN_FIELD);
        LK_TRY(note_seen(type, field, &seen));
        LK_TRY(scan_field(s, field, (enum wire)(tag & 7), &c, depth));
        LK_REQUIRE(lk_ok(lk_cursor_ok(&c)), REQUEST_MALFORMED);
    }
    return LK_OK;
}

lk_result lk_msg_scan(const ProtobufCMessageDescriptor *type, struct lk_bytes bytes, const struct lk_msg_limits *limits)
{
    LK_REQUIRE(bytes.len <= limits->max_bytes, REQUEST_LIMIT);
    struct scan s = {limits, 0};
    return scan_message(&s, type, bytes, 1);
}

lk_result lk_msg_find(struct lk_bytes bytes, unsigned field, struct lk_bytes *whole, struct lk_bytes *run)
{
    struct lk_cursor c = lk_cursor(bytes);
    *whole = *run = LK_BYTES_NONE;
    while (lk_left(&c) > 0 && lk_ok(lk_cursor_ok(&c))) {
        size_t from = c.pos;
        uint64_t tag = varint(&c);
        bool runs = (tag & 7) == WIRE_SIZED;
        struct lk_bytes value = LK_BYTES_NONE;
        if (runs)
            value = sized(&c);
        else
            skip_scalar(&c, (enum wire)(tag & 7));
        if (!runs || tag >> 3 != field)
            continue;
        *whole = lk_bytes(bytes.data + from, c.pos - from);
        *run = value;
    }
    return lk_ok(lk_cursor_end(&c)) ? LK_OK : LK_FAIL(REQUEST_MALFORMED);
}
