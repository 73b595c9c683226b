/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/head.h"

#include <string.h>

#define HEADER_OVERHEAD 32 /* RFC 9113, 6.5.2 */

static bool is(struct lk_bytes value, const char *text)
{
    return lk_bytes_eq(value, lk_bytes_str(text));
}

static void take_method(struct lk_grpc_head *h, struct lk_bytes v)
{
    h->post = is(v, "POST");
}

static void take_path(struct lk_grpc_head *h, struct lk_bytes v)
{
    bool fits = v.len <= LK_GRPC_PATH_MAX && memchr(v.data, 0, v.len) == NULL;
    if (fits)
        memcpy(h->path, v.data, v.len);
    h->path[fits ? v.len : 0] = '\0';
}

static void take_te(struct lk_grpc_head *h, struct lk_bytes v)
{
    h->te_trailers = is(v, "trailers");
}

/* "application/grpc" [("+proto" / "+json" / ...)]; parameters after ";" are let through. */
static void take_content_type(struct lk_grpc_head *h, struct lk_bytes v)
{
    static const char want[] = "application/grpc";
    const size_t n = sizeof(want) - 1;
    bool begins = v.len >= n && memcmp(v.data, want, n) == 0;
    h->grpc_content = begins && (v.len == n || v.data[n] == '+' || v.data[n] == ';');
}

static void take_timeout(struct lk_grpc_head *h, struct lk_bytes v)
{
    /* a second one would leave it open which counts */
    h->bad_timeout = h->bad_timeout || h->has_timeout || !lk_grpc_timeout_parse(v, &h->timeout_ms);
    h->has_timeout = true;
}

static void take_encoding(struct lk_grpc_head *h, struct lk_bytes v)
{
    h->other_encoding = !is(v, "identity");
}

static const struct {
    const char *name;
    void (*take)(struct lk_grpc_head *, struct lk_bytes);
} known[] = {
    {":method", take_method},          {":path", take_path},           {"te", take_te},
    {"content-type", take_content_type}, {"grpc-timeout", take_timeout}, {"grpc-encoding", take_encoding},
};

void lk_grpc_head_add(struct lk_grpc_head *h, struct lk_bytes name, struct lk_bytes value)
{
    h->list_size += name.len + value.len + HEADER_OVERHEAD;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (is(name, known[i].name))
            known[i].take(h, value);
}

static struct lk_grpc_refusal refuse(enum lk_grpc_status status, enum lk_reason_code reason, const char *message)
{
    return (struct lk_grpc_refusal){.status = status, .reason = reason, .message = message};
}

unsigned lk_grpc_head_judge(const struct lk_grpc_head *h, const struct lk_grpc_limits *l, struct lk_grpc_refusal *refusal)
{
    *refusal = refuse(LK_GRPC_OK, LK_R_OK, NULL);
    if (!h->grpc_content)
        return 415;
    if (!h->post)
        return 405;
    if (h->list_size > l->header_list)
        *refusal = refuse(LK_GRPC_RESOURCE_EXHAUSTED, LK_R_REQUEST_LIMIT, "the request's headers are too large");
    else if (!h->te_trailers)
        *refusal = refuse(LK_GRPC_INTERNAL, LK_R_REQUEST_MALFORMED, "te: trailers is missing");
    else if (h->bad_timeout)
        *refusal = refuse(LK_GRPC_INTERNAL, LK_R_REQUEST_MALFORMED, "grpc-timeout is malformed");
    return 0;
}
