/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/details.h"
#include "proto/grpc/pb.h"

#include <openssl/rand.h>

#define PART_MAX 1024

/* The numbers of google.rpc (proto/api/rpc.proto). */
enum { STATUS_CODE = 1, STATUS_MESSAGE = 2, STATUS_DETAILS = 3 };
enum { ANY_TYPE = 1, ANY_VALUE = 2 };
enum { INFO_REASON = 1, INFO_DOMAIN = 2, INFO_METADATA = 3, ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { RETRY_DELAY = 1, DURATION_SECONDS = 1, DURATION_NANOS = 2 };

const char *lk_grpc_refusal_text(const struct lk_grpc_refusal *r)
{
    return r->message != NULL ? r->message : lk_reason(r->reason)->text;
}

static void put_detail(struct lk_buf *out, const char *type, const struct lk_buf *value)
{
    LK_BUF_AUTO any = lk_buf(PART_MAX);
    lk_pb_put_str(&any, ANY_TYPE, type);
    lk_pb_put_bytes(&any, ANY_VALUE, lk_buf_bytes(value));
    lk_pb_put_bytes(out, STATUS_DETAILS, lk_buf_bytes(&any));
}

static void put_error_info(struct lk_buf *out, enum lk_reason_code reason)
{
    LK_BUF_AUTO entry = lk_buf(PART_MAX);
    lk_pb_put_str(&entry, ENTRY_KEY, "class");
    lk_pb_put_str(&entry, ENTRY_VALUE, lk_class_name(lk_reason(reason)->cls));
    LK_BUF_AUTO info = lk_buf(PART_MAX);
    lk_pb_put_str(&info, INFO_REASON, lk_reason(reason)->name);
    lk_pb_put_str(&info, INFO_DOMAIN, LK_GRPC_DOMAIN);
    lk_pb_put_bytes(&info, INFO_METADATA, lk_buf_bytes(&entry));
    put_detail(out, "type.googleapis.com/google.rpc.ErrorInfo", &info);
}

static void put_retry_info(struct lk_buf *out, uint32_t ms)
{
    LK_BUF_AUTO duration = lk_buf(PART_MAX);
    lk_pb_put_uint(&duration, DURATION_SECONDS, ms / 1000);
    lk_pb_put_uint(&duration, DURATION_NANOS, (uint64_t)(ms % 1000) * 1000000);
    LK_BUF_AUTO info = lk_buf(PART_MAX);
    lk_pb_put_bytes(&info, RETRY_DELAY, lk_buf_bytes(&duration));
    put_detail(out, "type.googleapis.com/google.rpc.RetryInfo", &info);
}

void lk_grpc_refusal_details(struct lk_buf *out, const struct lk_grpc_refusal *r)
{
    if (r->reason == LK_R_OK && r->retry_ms == 0)
        return;
    lk_pb_put_uint(out, STATUS_CODE, (uint64_t)r->status);
    lk_pb_put_str(out, STATUS_MESSAGE, lk_grpc_refusal_text(r));
    if (r->reason != LK_R_OK)
        put_error_info(out, r->reason);
    if (r->retry_ms != 0)
        put_retry_info(out, r->retry_ms);
}

uint32_t lk_grpc_jitter(uint32_t base_ms)
{
    uint32_t r = 0;
    if (RAND_bytes((unsigned char *)&r, sizeof(r)) != 1)
        r = 0; /* without randomness the delay is still right, only not spread */
    return base_ms + (base_ms == 0 ? 0 : r % base_ms);
}
