/* SPDX-License-Identifier: Apache-2.0 */
/* proto/msg/unpack: each refusal by one byte of difference from a message that passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "latchkey.pb-c.h"
#include "policy.pb-c.h"
#include "proto/msg/unpack.h"

static lk_result unpack_limited(const ProtobufCMessageDescriptor *type, struct lk_bytes in, size_t arena_cap,
                                const struct lk_msg_limits *limits)
{
    struct lk_arena *arena = lk_arena_new(arena_cap);
    void *out = NULL;
    lk_result r = lk_msg_unpack(type, in, arena, limits, &out);
    assert_true(lk_ok(r) == (out != NULL));
    lk_arena_free(arena);
    return r;
}

static int unpack(const ProtobufCMessageDescriptor *type, struct lk_bytes in)
{
    return (int)unpack_limited(type, in, 1 << 20, &LK_MSG_LIMITS_REQUEST).code;
}

#define STATEMENT &latchkey__v1__statement__descriptor
#define RELEASE &latchkey__v1__release_request__descriptor
#define OPERAND &latchkey__v1__operand__descriptor

static void a_message_round_trips(void **state)
{
    (void)state;
    Latchkey__V1__SecretRef ref = LATCHKEY__V1__SECRET_REF__INIT;
    ref.name = (char *)(uintptr_t)"disk/1";
    ref.version = 7;
    Latchkey__V1__SecretRef *refs[] = {&ref};
    Latchkey__V1__Statement st = LATCHKEY__V1__STATEMENT__INIT;
    st.purpose = LATCHKEY__V1__STATEMENT__PURPOSE__RELEASE;
    st.secrets = refs;
    st.n_secrets = 1;
    uint8_t wire[128];
    size_t n = latchkey__v1__statement__pack(&st, wire);
    struct lk_arena *arena = lk_arena_new(4096);
    void *out = NULL;
    lk_result r = lk_msg_unpack(STATEMENT, lk_bytes(wire, n), arena, &LK_MSG_LIMITS_REQUEST, &out);
    assert_int_equal(r.code, LK_R_OK);
    const Latchkey__V1__Statement *got = out;
    assert_int_equal(got->n_secrets, 1);
    assert_string_equal(got->secrets[0]->name, "disk/1");
    assert_int_equal(got->secrets[0]->version, 7);
    lk_arena_free(arena);
}

struct refusal {
    const char *what;
    const ProtobufCMessageDescriptor *type;
    const char *wire;
    size_t len;
    enum lk_reason_code code;
};

#define ROW(what, type, wire, code) {what, type, wire, sizeof(wire) - 1, LK_R_##code}

static const struct refusal refusals[] = {
    ROW("empty", STATEMENT, "", OK),
    ROW("purpose", STATEMENT, "\x08\x01", OK),
    ROW("purpose twice", STATEMENT, "\x08\x01\x08\x01", REQUEST_MALFORMED),
    ROW("over-long varint", STATEMENT, "\x08\x81\x00", REQUEST_MALFORMED),
    ROW("varint over 64 bits", STATEMENT, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", REQUEST_MALFORMED),
    ROW("unfinished varint", STATEMENT, "\x08\x81", REQUEST_MALFORMED),
    ROW("field 0", STATEMENT, "\x00\x01", REQUEST_MALFORMED),
    ROW("unknown field", STATEMENT, "\x38\x01", REQUEST_UNKNOWN_FIELD),
    ROW("group", STATEMENT, "\x0b\x0c", REQUEST_MALFORMED),
    ROW("bytes as varint", STATEMENT, "\x10\x01", REQUEST_MALFORMED),
    ROW("length past the end", STATEMENT, "\x12\x02\x61", REQUEST_MALFORMED),
    ROW("suite", STATEMENT, "\x22\x02" "ab", OK),
    ROW("NUL in a string", STATEMENT, "\x22\x02" "a\0", REQUEST_MALFORMED),
    ROW("no UTF-8", STATEMENT, "\x22\x02" "a\xff", REQUEST_MALFORMED),
    ROW("surrogate", STATEMENT, "\x22\x03\xed\xa0\x80", REQUEST_MALFORMED),
    ROW("over-long UTF-8", STATEMENT, "\x22\x02\xc1\x81", REQUEST_MALFORMED),
    ROW("submessage", STATEMENT, "\x2a\x02\x10\x07", OK),
    ROW("unknown field in a submessage", STATEMENT, "\x2a\x02\x20\x07", REQUEST_UNKNOWN_FIELD),
    ROW("reserved field", RELEASE, "\x2a\x00", REQUEST_UNKNOWN_FIELD),
    ROW("one member of a oneof", OPERAND, "\x10\x01", OK),
    ROW("two members of a oneof", OPERAND, "\x08\x01\x10\x01", REQUEST_MALFORMED),
    ROW("packed numbers", &latchkey__v1__pcr_selection__descriptor, "\x12\x02\x01\x02", OK),
    ROW("unpacked numbers", &latchkey__v1__pcr_selection__descriptor, "\x10\x01\x10\x02", OK),
    ROW("cut packed number", &latchkey__v1__pcr_selection__descriptor, "\x12\x02\x01\x82", REQUEST_MALFORMED),
};

static void each_departure_is_refused_with_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *r = &refusals[i];
        int code = unpack(r->type, lk_bytes(r->wire, r->len));
        if (code != (int)r->code)
            fail_msg("%s: %s", r->what, lk_reason((enum lk_reason_code)code)->name);
    }
}

static void empty_submessages_cannot_grow(void **state)
{
    (void)state;
    size_t n = 1 << 20;
    uint8_t *wire = calloc(1, n);
    assert_non_null(wire);
    for (size_t i = 0; i < n; i += 2)
        wire[i] = 0x22; /* ReleaseRequest.items, empty */
    assert_int_equal(unpack(RELEASE, lk_bytes(wire, n)), LK_R_REQUEST_LIMIT);
    assert_int_equal(unpack(RELEASE, lk_bytes(wire, 2048)), LK_R_OK);
    assert_int_equal(unpack(RELEASE, lk_bytes(wire, 2050)), LK_R_REQUEST_LIMIT);
    lk_result r = unpack_limited(RELEASE, lk_bytes(wire, 2048), 4096, &LK_MSG_LIMITS_REQUEST);
    assert_int_equal(r.code, LK_R_REQUEST_LIMIT);
    free(wire);
}

static void depth_and_size_have_limits(void **state)
{
    (void)state;
    struct lk_bytes nested = lk_bytes("\x2a\x02\x10\x07", 4);
    struct lk_msg_limits flat = {64, 1, 64}, small = {3, 5, 64};
    assert_int_equal(unpack_limited(STATEMENT, nested, 4096, &flat).code, LK_R_REQUEST_LIMIT);
    assert_int_equal(unpack_limited(STATEMENT, nested, 4096, &small).code, LK_R_REQUEST_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_round_trips),
        cmocka_unit_test(each_departure_is_refused_with_its_code),
        cmocka_unit_test(empty_submessages_cannot_grow),
        cmocka_unit_test(depth_and_size_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
