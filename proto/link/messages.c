/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/link/messages.h"
#include "proto/link/frame.h"

#include <string.h>

#define TEXT_MAX 480u
#define ROLES_ALL ((uint32_t)(LK_ROLE_APPRAISE | LK_ROLE_COLLATERAL))

/* Between our own processes a wrong length is not a malformed request but a broken rule. */
static lk_result ended(const struct lk_cursor *c)
{
    return lk_ok(lk_cursor_end(c)) ? LK_OK : LK_FAIL(FRAME_FORBIDDEN);
}

void lk_msg_request_put(struct lk_buf *out, const struct lk_msg_request *m)
{
    lk_put_u64le(out, m->deadline_mono_ms);
    lk_put_u32le(out, m->roles);
    lk_put(out, LK_BYTES(m->caller));
    lk_put(out, m->message);
}

lk_result lk_msg_request_get(struct lk_bytes payload, struct lk_msg_request *m)
{
    struct lk_cursor c = lk_cursor(payload);
    m->deadline_mono_ms = lk_u64le(&c);
    m->roles = lk_u32le(&c);
    lk_copy(&c, m->caller, sizeof(m->caller));
    m->message = lk_take(&c, lk_left(&c));
    LK_REQUIRE((m->roles & ~ROLES_ALL) == 0, FRAME_FORBIDDEN);
    return ended(&c);
}

void lk_msg_answer_put(struct lk_buf *out, const struct lk_msg_answer *m)
{
    lk_put_u8(out, m->grpc_status);
    lk_put_u32le(out, m->retry_ms);
    lk_put_sized_u32le(out, m->message);
    lk_put_sized_u32le(out, m->details);
    lk_put_sized_u32le(out, m->body);
}

lk_result lk_msg_answer_get(struct lk_bytes payload, struct lk_msg_answer *m)
{
    struct lk_cursor c = lk_cursor(payload);
    m->grpc_status = lk_u8(&c);
    m->retry_ms = lk_u32le(&c);
    m->message = lk_take_u32le(&c, 4096);
    m->details = lk_take_u32le(&c, 2u << 20);
    m->body = lk_take_u32le(&c, 2u << 20);
    /* 16 is the last status of gRPC; a refusal has no body. */
    LK_REQUIRE(m->grpc_status <= 16 && (m->grpc_status == 0 || m->body.len == 0), FRAME_FORBIDDEN);
    return ended(&c);
}

void lk_msg_ready_put(struct lk_buf *out, const struct lk_msg_ready *m)
{
    lk_put_u64le(out, m->generation);
    lk_put(out, LK_BYTES(m->snapshot));
}

lk_result lk_msg_ready_get(struct lk_bytes payload, struct lk_msg_ready *m)
{
    struct lk_cursor c = lk_cursor(payload);
    m->generation = lk_u64le(&c);
    lk_copy(&c, m->snapshot, sizeof(m->snapshot));
    return ended(&c);
}

void lk_msg_worker_put(struct lk_buf *out, const struct lk_msg_worker *m)
{
    lk_put_u32le(out, m->worker);
    lk_put_u64le(out, m->generation);
    lk_put_u8(out, (uint8_t)m->cls);
}

lk_result lk_msg_worker_get(struct lk_bytes payload, struct lk_msg_worker *m)
{
    struct lk_cursor c = lk_cursor(payload);
    m->worker = lk_u32le(&c);
    m->generation = lk_u64le(&c);
    uint8_t cls = lk_u8(&c);
    LK_REQUIRE(cls < LK_WORKER_CLASSES, FRAME_FORBIDDEN);
    m->cls = (enum lk_worker_class)cls;
    return ended(&c);
}

void lk_msg_snapshot_put(struct lk_buf *out, const struct lk_msg_snapshot *m)
{
    lk_put_u64le(out, m->generation);
    lk_put(out, LK_BYTES(m->digest));
    lk_put_u64le(out, m->length);
}

lk_result lk_msg_snapshot_get(struct lk_bytes payload, struct lk_msg_snapshot *m)
{
    struct lk_cursor c = lk_cursor(payload);
    m->generation = lk_u64le(&c);
    lk_copy(&c, m->digest, sizeof(m->digest));
    m->length = lk_u64le(&c);
    return ended(&c);
}

void lk_msg_u32_put(struct lk_buf *out, uint32_t v)
{
    lk_put_u32le(out, v);
}

lk_result lk_msg_u32_get(struct lk_bytes payload, uint32_t *v)
{
    struct lk_cursor c = lk_cursor(payload);
    *v = lk_u32le(&c);
    return ended(&c);
}

void lk_msg_u64_put(struct lk_buf *out, uint64_t v)
{
    lk_put_u64le(out, v);
}

lk_result lk_msg_u64_get(struct lk_bytes payload, uint64_t *v)
{
    struct lk_cursor c = lk_cursor(payload);
    *v = lk_u64le(&c);
    return ended(&c);
}

static void put_text(struct lk_buf *out, const char *text)
{
    size_t n = strlen(text);
    if (n > TEXT_MAX)
        n = TEXT_MAX;
    lk_put_u16le(out, (uint16_t)n);
    for (size_t i = 0; i < n; i++)
        lk_put_u8(out, text[i] >= 0x20 && text[i] < 0x7f ? (uint8_t)text[i] : '?');
}

static void get_text(struct lk_cursor *c, char *text, size_t text_size)
{
    uint16_t n = lk_u16le(c);
    struct lk_bytes b = n <= TEXT_MAX && n < text_size ? lk_take(c, n) : LK_BYTES_NONE;
    text[0] = '\0';
    if (b.data == NULL) {
        lk_cursor_fail(c);
        return;
    }
    for (size_t i = 0; i < b.len; i++)
        if (b.data[i] < 0x20 || b.data[i] > 0x7e)
            lk_cursor_fail(c);
    memcpy(text, b.data, b.len);
    text[b.len] = '\0';
}

void lk_msg_text_put(struct lk_buf *out, uint64_t v, const char *text)
{
    lk_put_u64le(out, v);
    put_text(out, text);
}

lk_result lk_msg_text_get(struct lk_bytes payload, uint64_t *v, char *text, size_t text_size)
{
    struct lk_cursor c = lk_cursor(payload);
    *v = lk_u64le(&c);
    get_text(&c, text, text_size);
    return ended(&c);
}

void lk_msg_health_put(struct lk_buf *out, bool serving, const char *text)
{
    lk_put_u8(out, serving ? 1 : 0);
    put_text(out, text);
}

lk_result lk_msg_health_get(struct lk_bytes payload, bool *serving, char *text, size_t text_size)
{
    struct lk_cursor c = lk_cursor(payload);
    uint8_t flag = lk_u8(&c);
    *serving = flag == 1;
    get_text(&c, text, text_size);
    LK_REQUIRE(flag <= 1, FRAME_FORBIDDEN);
    return ended(&c);
}
