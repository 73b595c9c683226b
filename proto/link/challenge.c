/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/link/verdict.h"

#include <string.h>

#define BLOB_MAX 512u
#define SECRET_MAX 1024u
#define EVIDENCE_MAX (8u << 10)

void lk_challenge_frame_put(struct lk_buf *out, const struct lk_challenge_frame *c)
{
    lk_put_u64le(out, c->deadline_mono_ms);
    lk_put(out, LK_BYTES(c->caller));
    lk_put_u16le(out, (uint16_t)c->failed);
    lk_put_u8(out, c->activated ? 1 : 0);
    lk_put(out, LK_BYTES(c->context));
    lk_put(out, LK_BYTES(c->s_hash));
    lk_put_u64le(out, c->generation);
    lk_put_sized_u32le(out, c->credential_blob);
    lk_put_sized_u32le(out, c->encrypted_secret);
    lk_put_sized_u32le(out, c->evidence_request);
}

static bool empty(const struct lk_challenge_frame *c)
{
    return !c->activated && lk_bytes_zero(LK_BYTES(c->context)) && lk_bytes_zero(LK_BYTES(c->s_hash)) &&
           c->credential_blob.len == 0 && c->encrypted_secret.len == 0 && c->evidence_request.len == 0;
}

static bool consistent(const struct lk_challenge_frame *c)
{
    if (c->failed != LK_R_OK)
        return empty(c);
    bool blobs = c->credential_blob.len > 0 && c->encrypted_secret.len > 0;
    bool no_blobs = c->credential_blob.len == 0 && c->encrypted_secret.len == 0;
    return c->activated ? blobs : no_blobs && lk_bytes_zero(LK_BYTES(c->context));
}

lk_result lk_challenge_frame_get(struct lk_bytes payload, struct lk_challenge_frame *out)
{
    memset(out, 0, sizeof(*out));
    struct lk_cursor c = lk_cursor(payload);
    out->deadline_mono_ms = lk_u64le(&c);
    lk_copy(&c, out->caller, sizeof(out->caller));
    uint16_t failed = lk_u16le(&c);
    uint8_t activated = lk_u8(&c);
    lk_copy(&c, out->context, sizeof(out->context));
    lk_copy(&c, out->s_hash, sizeof(out->s_hash));
    out->generation = lk_u64le(&c);
    out->credential_blob = lk_take_u32le(&c, BLOB_MAX);
    out->encrypted_secret = lk_take_u32le(&c, SECRET_MAX);
    out->evidence_request = lk_take_u32le(&c, EVIDENCE_MAX);
    LK_REQUIRE(lk_ok(lk_cursor_end(&c)) && failed < LK_R_COUNT && activated <= 1, FRAME_FORBIDDEN);
    out->failed = (enum lk_reason_code)failed;
    out->activated = activated == 1;
    LK_REQUIRE(consistent(out), FRAME_FORBIDDEN);
    return LK_OK;
}
