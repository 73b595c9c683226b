/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/serve.h"
#include "broker/guest/collectors/frame.h"
#include "proto/base/arena.h"
#include "proto/msg/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef Latchkey__V1__CollectorRequest request_t;
typedef Latchkey__V1__CollectorResponse response_t;

static struct lk_arena *arena;

static bool identify(void *self, struct lk_buf *ek, struct lk_buf *ak, struct lk_collector_failure *f)
{
    if (*(bool *)self)
        return lk_collector_fail(f, LK_COLLECTOR_DEVICE_BUSY, "not %s", "now");
    lk_put_u8(ek, 1);
    lk_put_u8(ak, 2);
    return true;
}

static bool collect(void *self, struct lk_bytes binding, const Latchkey__V1__EvidenceItemRequest *request,
                    struct lk_collector_item *item, struct lk_collector_failure *f)
{
    (void)self;
    (void)request;
    (void)f;
    lk_collector_put_part(item, "attest", binding);
    lk_collector_put_part(item, "nothing", LK_BYTES_NONE);
    return true;
}

static const char *const families[] = {"tpm", "eventlog", NULL};
static const struct lk_collector_ops ops = {.program = "test", .families = families, .identify = identify, .collect = collect};

static struct lk_buf packed(const request_t *r)
{
    struct lk_buf out = lk_buf(4096);
    uint8_t *room = lk_put_room(&out, protobuf_c_message_get_packed_size(&r->base));
    assert_non_null(room);
    protobuf_c_message_pack(&r->base, room);
    return out;
}

static const response_t *ask(request_t *r, bool busy)
{
    LK_BUF_AUTO request = packed(r);
    LK_BUF_AUTO response = lk_buf(LK_COLLECTOR_FRAME_MAX);
    void *out;
    assert_int_equal(lk_collector_answer(&ops, &busy, lk_buf_bytes(&request), &response).code, LK_R_OK);
    assert_true(lk_ok(lk_msg_unpack(&latchkey__v1__collector_response__descriptor, lk_buf_bytes(&response), arena,
                                    &LK_MSG_LIMITS_REQUEST, &out)));
    return out;
}

static void it_describes_itself(void **state)
{
    (void)state;
    Latchkey__V1__CollectorDescribe d = LATCHKEY__V1__COLLECTOR_DESCRIBE__INIT;
    request_t r = LATCHKEY__V1__COLLECTOR_REQUEST__INIT;
    r.call_case = LATCHKEY__V1__COLLECTOR_REQUEST__CALL_DESCRIBE;
    r.describe = &d;
    const response_t *a = ask(&r, false);
    assert_int_equal(a->result_case, LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_DESCRIPTION);
    assert_int_equal(a->description->protocol, 1);
    assert_int_equal(a->description->n_families, 2);
    assert_string_equal(a->description->families[0], "tpm");
    assert_string_equal(a->description->families[1], "eventlog");
    assert_true(a->description->identifies);
}

static void failures_carry_their_code(void **state)
{
    (void)state;
    Latchkey__V1__CollectorIdentify i = LATCHKEY__V1__COLLECTOR_IDENTIFY__INIT;
    request_t r = LATCHKEY__V1__COLLECTOR_REQUEST__INIT;
    r.call_case = LATCHKEY__V1__COLLECTOR_REQUEST__CALL_IDENTIFY;
    r.identify = &i;
    const response_t *a = ask(&r, true);
    assert_int_equal(a->result_case, LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ERROR);
    assert_string_equal(a->error->code, "DEVICE_BUSY");
    assert_string_equal(a->error->text, "not now");
    assert_true(a->error->retryable);
    assert_int_equal(ask(&r, false)->identity->ek_public.len, 1);
}

static void a_call_that_is_not_there_is_unsupported(void **state)
{
    (void)state;
    Latchkey__V1__CollectorActivate act = LATCHKEY__V1__COLLECTOR_ACTIVATE__INIT;
    request_t r = LATCHKEY__V1__COLLECTOR_REQUEST__INIT;
    r.call_case = LATCHKEY__V1__COLLECTOR_REQUEST__CALL_ACTIVATE;
    r.activate = &act;
    assert_string_equal(ask(&r, false)->error->code, "UNSUPPORTED");
}

static const response_t *ask_collect(const char *family, size_t binding_len)
{
    static uint8_t binding[64] = {5};
    Latchkey__V1__EvidenceItemRequest item = LATCHKEY__V1__EVIDENCE_ITEM_REQUEST__INIT;
    Latchkey__V1__CollectorCollect c = LATCHKEY__V1__COLLECTOR_COLLECT__INIT;
    request_t r = LATCHKEY__V1__COLLECTOR_REQUEST__INIT;
    item.family = (char *)(uintptr_t)family;
    c.binding = (ProtobufCBinaryData){.len = binding_len, .data = binding};
    c.request = &item;
    r.call_case = LATCHKEY__V1__COLLECTOR_REQUEST__CALL_COLLECT;
    r.collect = &c;
    return ask(&r, false);
}

static void items_are_of_the_family_and_carry_the_binding(void **state)
{
    (void)state;
    const response_t *a = ask_collect("tpm", 64);
    assert_int_equal(a->result_case, LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ITEM);
    assert_string_equal(a->item->family, "tpm");
    assert_int_equal(a->item->n_parts, 1); /* empty parts are left out */
    assert_int_equal(a->item->parts[0]->data.len, 64);
    assert_string_equal(ask_collect("eventlog", 64)->item->family, "eventlog");
    assert_string_equal(ask_collect("sev-snp", 64)->error->code, "UNSUPPORTED");
    assert_string_equal(ask_collect("tpm", 32)->error->code, "BAD_REQUEST");
}

static void garbage_ends_the_conversation(void **state)
{
    (void)state;
    int in[2], out[2];
    bool busy = false;
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    assert_true(lk_ok(lk_collector_write(in[1], 0, lk_bytes_str("\xff\xff"))));
    assert_int_equal(lk_class_of(lk_collector_serve(&ops, &busy, in[0], out[1])), LK_CLASS_MALFORMED);
    close(in[1]); /* the end of input is a good end */
    assert_int_equal(lk_collector_serve(&ops, &busy, in[0], out[1]).code, LK_R_OK);
    close(in[0]);
    close(out[0]);
    close(out[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_describes_itself),
        cmocka_unit_test(failures_carry_their_code),
        cmocka_unit_test(a_call_that_is_not_there_is_unsupported),
        cmocka_unit_test(items_are_of_the_family_and_carry_the_binding),
        cmocka_unit_test(garbage_ends_the_conversation),
    };
    arena = lk_arena_new(64U << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    lk_arena_free(arena);
    return failed;
}
