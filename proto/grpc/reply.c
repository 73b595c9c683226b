/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/session_internal.h"

#include <stdio.h>
#include <string.h>

#define HEADERS_MAX (4 + 2 * LK_GRPC_METADATA_MAX)

struct header_list {
    nghttp2_nv nv[HEADERS_MAX];
    size_t n;
    char status_text[4], http_text[4];
};

static void add(struct header_list *l, const char *name, struct lk_bytes value)
{
    /* nghttp2 copies both; its type lacks the const */
    l->nv[l->n++] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                                 .namelen = strlen(name),
                                 .value = (uint8_t *)(uintptr_t)value.data,
                                 .valuelen = value.len,
                                 .flags = NGHTTP2_NV_FLAG_NONE};
}

static void add_response(struct header_list *l, unsigned http_status)
{
    snprintf(l->http_text, sizeof(l->http_text), "%u", http_status % 1000);
    add(l, ":status", lk_bytes_str(l->http_text));
    if (http_status == 200)
        add(l, "content-type", lk_bytes_str("application/grpc"));
}

static void add_metadata(struct header_list *l, const struct lk_grpc_metadata *m)
{
    for (size_t i = 0; i < m->n; i++) {
        uint8_t *at = m->bytes.data + m->pairs[i].at;
        l->nv[l->n++] = (nghttp2_nv){.name = at,
                                     .namelen = m->pairs[i].name_len,
                                     .value = at + m->pairs[i].name_len,
                                     .valuelen = m->pairs[i].value_len,
                                     .flags = NGHTTP2_NV_FLAG_NONE};
    }
}

static void add_status(struct header_list *l, const struct lk_grpc_call *c)
{
    snprintf(l->status_text, sizeof(l->status_text), "%u", (unsigned)c->status % 100);
    add(l, "grpc-status", lk_bytes_str(l->status_text));
    if (c->status_message.len > 0)
        add(l, "grpc-message", lk_buf_bytes(&c->status_message));
    if (c->status_details.len > 0)
        add(l, "grpc-status-details-bin", lk_buf_bytes(&c->status_details));
    add_metadata(l, &c->trailing);
}

/* What a client with another compression needs to know ("compression" document). */
static void add_encodings(struct header_list *l, const struct lk_grpc_call *c)
{
    if (c->status == LK_GRPC_UNIMPLEMENTED && c->head.other_encoding)
        add(l, "grpc-accept-encoding", lk_bytes_str("identity"));
}

static void finish_data(struct lk_grpc_call *c, uint32_t *flags)
{
    struct header_list l = {.n = 0};
    add_status(&l, c);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (nghttp2_submit_trailer(c->session->h2, c->id, l.nv, l.n) == 0)
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
}

static ssize_t read_outbox(nghttp2_session *h2, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
                           nghttp2_data_source *source, void *user)
{
    (void)h2;
    (void)id;
    (void)user;
    struct lk_grpc_call *c = source->ptr;
    size_t left = c->outbox.len - c->outbox_pos, n = left < length ? left : length;
    if (n > 0)
        memcpy(buf, c->outbox.data + c->outbox_pos, n);
    c->outbox_pos += n;
    if (c->outbox_pos == c->outbox.len) {
        c->outbox.len = c->outbox_pos = 0;
        if (c->finished)
            finish_data(c, flags);
        else if (n == 0)
            return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)n;
}

void lk_grpc_reply_start(struct lk_grpc_call *c)
{
    struct header_list l = {.n = 0};
    add_response(&l, 200);
    add_metadata(&l, &c->initial);
    nghttp2_data_provider provider = {.source = {.ptr = c}, .read_callback = read_outbox};
    c->responding = true;
    if (nghttp2_submit_response(c->session->h2, c->id, l.nv, l.n, &provider) != 0)
        nghttp2_submit_rst_stream(c->session->h2, NGHTTP2_FLAG_NONE, c->id, NGHTTP2_INTERNAL_ERROR);
}

void lk_grpc_reply_http(struct lk_grpc_call *c, unsigned http_status)
{
    struct header_list l = {.n = 0};
    add_response(&l, http_status);
    c->finished = c->responding = true;
    nghttp2_submit_response(c->session->h2, c->id, l.nv, l.n, NULL);
}

void lk_grpc_reply_status(struct lk_grpc_call *c)
{
    if (c->responding) {
        nghttp2_session_resume_data(c->session->h2, c->id);
        return;
    }
    struct header_list l = {.n = 0};
    add_response(&l, 200);
    add_encodings(&l, c);
    add_metadata(&l, &c->initial);
    add_status(&l, c);
    c->responding = true;
    nghttp2_submit_response(c->session->h2, c->id, l.nv, l.n, NULL);
}
