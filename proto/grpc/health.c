/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grpc/health.h"
#include "proto/grpc/pb.h"

#include <stdlib.h>
#include <string.h>

#define REQUEST_MAX 1024
#define NAME_MAX_LEN 255

/* health.proto: HealthCheckRequest.service, HealthCheckResponse.status and ServingStatus. */
enum { REQUEST_SERVICE = 1, RESPONSE_STATUS = 1 };
enum serving { SERVING = 1, NOT_SERVING = 2, SERVICE_UNKNOWN = 3 };

struct service {
    const char *name;
    enum serving status;
};

struct watcher {
    struct watcher *next, *prev;
    struct lk_grpc_call *call;
    const struct service *service;
};

struct lk_grpc_health {
    struct service *services;
    size_t n;
    struct watcher *watchers;
    struct lk_grpc_method check, watch;
};

static bool parse_request(struct lk_bytes message, struct lk_bytes *service)
{
    struct lk_cursor c = lk_cursor(message);
    struct lk_pb_field f;
    *service = lk_bytes("", 0);
    while (lk_pb_next(&c, &f))
        if (f.number == REQUEST_SERVICE && f.wire == LK_PB_BYTES)
            *service = f.bytes;
    return lk_ok(lk_cursor_end(&c)) && service->len <= NAME_MAX_LEN;
}

static struct service *find(const struct lk_grpc_health *h, struct lk_bytes name)
{
    for (size_t i = 0; i < h->n; i++)
        if (lk_bytes_eq(lk_bytes_str(h->services[i].name), name))
            return &h->services[i];
    return NULL;
}

static struct lk_buf response(enum serving status)
{
    struct lk_buf b = lk_buf(16);
    lk_pb_put_uint(&b, RESPONSE_STATUS, status);
    return b;
}

static void refuse_malformed(struct lk_grpc_call *call)
{
    static const struct lk_grpc_refusal malformed = {LK_GRPC_INVALID_ARGUMENT, LK_R_REQUEST_MALFORMED, 0, NULL};
    lk_grpc_call_refuse(call, &malformed);
}

static void on_check(void *arg, struct lk_grpc_call *call, struct lk_bytes message)
{
    static const struct lk_grpc_refusal unknown = {LK_GRPC_NOT_FOUND, LK_R_OK, 0, "unknown service"};
    struct lk_bytes name;
    if (!parse_request(message, &name)) {
        refuse_malformed(call);
        return;
    }
    const struct service *s = find(arg, name);
    if (s == NULL) {
        lk_grpc_call_refuse(call, &unknown);
        return;
    }
    LK_BUF_AUTO b = response(s->status);
    lk_grpc_call_reply(call, lk_buf_bytes(&b));
}

static void watcher_free(struct lk_grpc_health *h, struct watcher *w)
{
    *(w->prev != NULL ? &w->prev->next : &h->watchers) = w->next;
    if (w->next != NULL)
        w->next->prev = w->prev;
    free(w);
}

static struct watcher *watcher_new(struct lk_grpc_health *h, struct lk_grpc_call *call, const struct service *service)
{
    struct watcher *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return NULL;
    *w = (struct watcher){.next = h->watchers, .call = call, .service = service};
    if (h->watchers != NULL)
        h->watchers->prev = w;
    h->watchers = w;
    lk_grpc_call_set_tag(call, w);
    return w;
}

/* A watcher that does not read loses its stream, and with it its place in the list. */
static void tell(struct lk_grpc_health *h, struct watcher *w)
{
    LK_BUF_AUTO b = response(w->service == NULL ? SERVICE_UNKNOWN : w->service->status);
    if (!lk_ok(lk_grpc_call_send(w->call, lk_buf_bytes(&b))))
        watcher_free(h, w);
}

static void on_watch(void *arg, struct lk_grpc_call *call, struct lk_bytes message)
{
    static const struct lk_grpc_refusal no_memory = {LK_GRPC_RESOURCE_EXHAUSTED, LK_R_MEMORY, 1000, NULL};
    struct lk_grpc_health *h = arg;
    struct lk_bytes name;
    if (!parse_request(message, &name)) {
        refuse_malformed(call);
        return;
    }
    struct watcher *w = watcher_new(h, call, find(h, name));
    lk_grpc_call_release(call);
    if (w == NULL)
        lk_grpc_call_refuse(call, &no_memory);
    else
        tell(h, w);
}

static void on_watch_gone(void *arg, struct lk_grpc_call *call)
{
    struct watcher *w = lk_grpc_call_tag(call);
    if (w != NULL)
        watcher_free(arg, w);
}

static bool add_methods(struct lk_grpc_health *h, struct lk_grpc_server *server)
{
    h->check = (struct lk_grpc_method){.path = "/grpc.health.v1.Health/Check",
                                       .kind = LK_GRPC_UNARY,
                                       .max_message = REQUEST_MAX,
                                       .on_message = on_check,
                                       .arg = h};
    h->watch = (struct lk_grpc_method){.path = "/grpc.health.v1.Health/Watch",
                                       .kind = LK_GRPC_SERVER_STREAM,
                                       .max_message = REQUEST_MAX,
                                       .on_message = on_watch,
                                       .on_gone = on_watch_gone,
                                       .arg = h};
    return lk_ok(lk_grpc_server_add(server, &h->check)) && lk_ok(lk_grpc_server_add(server, &h->watch));
}

struct lk_grpc_health *lk_grpc_health_new(struct lk_grpc_server *server, const char *const *services, size_t n)
{
    struct lk_grpc_health *h = calloc(1, sizeof(*h));
    struct service *list = calloc(n + 1, sizeof(*list));
    if (h == NULL || list == NULL) {
        free(h);
        free(list);
        return NULL;
    }
    h->services = list;
    h->n = n;
    for (size_t i = 0; i < n; i++)
        h->services[i] = (struct service){services[i], NOT_SERVING};
    if (add_methods(h, server))
        return h;
    lk_grpc_health_free(h);
    return NULL;
}

void lk_grpc_health_free(struct lk_grpc_health *h)
{
    if (h == NULL)
        return;
    while (h->watchers != NULL)
        watcher_free(h, h->watchers);
    free(h->services);
    free(h);
}

void lk_grpc_health_set(struct lk_grpc_health *h, const char *service, bool serving)
{
    struct service *s = find(h, lk_bytes_str(service));
    enum serving status = serving ? SERVING : NOT_SERVING;
    if (s == NULL || s->status == status)
        return;
    s->status = status;
    struct watcher *next;
    for (struct watcher *w = h->watchers; w != NULL; w = next) {
        next = w->next;
        if (w->service == s)
            tell(h, w);
    }
}
