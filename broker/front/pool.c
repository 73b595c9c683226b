/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/front/pool.h"
#include "broker/front/link.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/link/messages.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024u
#define ADMIN_LINK LK_REQUEST_ADMIN
#define ENVELOPE 64u          /* what lk_msg_request_put adds, at most */
#define CHECK_MS 250

enum state { QUEUED, GIVEN };

struct request {
    struct request *next_id;          /* of the same bucket */
    struct request *next, *prev;      /* queue, while QUEUED */
    uint64_t id, since_ms;            /* id: when GIVEN */
    struct lk_grpc_call *call; /* NULL: the client has left */
    struct lk_bytes message;   /* while QUEUED */
    uint32_t worker, roles;    /* worker: when GIVEN */
    uint16_t frame;
    enum lk_worker_class cls;
    enum state state;
};

struct queue {
    struct request *first, *last;
    size_t n;
};

struct worker {
    struct worker *next;
    struct lk_pool *pool;
    struct lk_front_link *link; /* NULL: could not be watched; the supervisor will see it die */
    uint32_t id;
    enum lk_worker_class cls;
    uint64_t generation;
    uint64_t request, given_ms; /* what it judges, or 0 when it is idle, and since when */
    uint32_t served;
    bool retired;        /* gets no more, and is let go when it is idle */
    bool tired, hung;    /* the supervisor has been told */
};

struct lk_pool {
    struct event_base *base;
    struct lk_pool_limits limits;
    struct lk_pool_hooks hooks;
    struct request *by_id[BUCKETS];
    struct queue queues[LK_WORKER_CLASSES];
    size_t n_admin, n_usable[LK_WORKER_CLASSES];
    struct worker *workers;
    struct lk_front_link *admin;
    uint32_t admin_asked;
    struct event *check;
};

/* --- requests ------------------------------------------------------------------------------------------------------ */

static struct request **slot_of(struct lk_pool *p, uint64_t id)
{
    struct request **at = &p->by_id[id % BUCKETS];
    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next_id;
    return at;
}

static void unqueue(struct lk_pool *p, struct request *r)
{
    struct queue *q = &p->queues[r->cls];
    *(r->prev != NULL ? &r->prev->next : &q->first) = r->next;
    *(r->next != NULL ? &r->next->prev : &q->last) = r->prev;
    r->next = r->prev = NULL;
    q->n--;
}

static void enqueue(struct lk_pool *p, struct request *r)
{
    struct queue *q = &p->queues[r->cls];
    r->prev = q->last;
    *(q->last != NULL ? &q->last->next : &q->first) = r;
    q->last = r;
    q->n++;
}

static struct request *request_new(const struct lk_pool_ask *ask)
{
    struct request *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    *r = (struct request){.since_ms = lk_clock_mono_ms(),
                          .call = ask->call,
                          .message = ask->message,
                          .roles = ask->roles,
                          .frame = ask->frame};
    lk_grpc_call_set_tag(r->call, r);
    return r;
}

/* From here on the keeper's answer finds it. */
static void number(struct lk_pool *p, struct request *r, uint32_t worker, uint32_t n)
{
    r->state = GIVEN;
    r->worker = worker;
    r->id = lk_request_number(worker, n);
    *slot_of(p, r->id) = r;
}

static void unnumber(struct lk_pool *p, struct request *r)
{
    struct request **at = slot_of(p, r->id);
    *at = r->next_id;
    if (r->worker == ADMIN_LINK)
        p->n_admin--;
}

static void request_free(struct lk_pool *p, struct request *r)
{
    if (r->state == QUEUED)
        unqueue(p, r);
    else
        unnumber(p, r);
    if (r->call != NULL)
        lk_grpc_call_set_tag(r->call, NULL);
    free(r);
}

static void refuse(struct lk_pool *p, struct lk_grpc_call *call, enum lk_reason_code reason)
{
    uint32_t retry = lk_grpc_jitter(p->limits.retry_ms);
    lk_grpc_call_refuse(call, &(struct lk_grpc_refusal){LK_GRPC_UNAVAILABLE, reason, retry, NULL});
}

static void say_done(const struct request *r, unsigned status, const char *why)
{
    lk_log(LK_LOG_INFO, "request.done", "req=%llx frame=%u status=%s ms=%llu client=%s code=%s", (unsigned long long)r->id,
           r->frame, lk_grpc_status_name(status), (unsigned long long)(lk_clock_mono_ms() - r->since_ms),
           r->call == NULL ? "gone" : lk_grpc_call_peer(r->call)->address, why);
}

static void fail(struct lk_pool *p, struct request *r, enum lk_reason_code reason)
{
    struct lk_grpc_call *call = r->call;
    say_done(r, LK_GRPC_UNAVAILABLE, lk_reason(reason)->name);
    request_free(p, r);
    if (call != NULL)
        refuse(p, call, reason);
}

/* Every request that was given away and that the test picks out ends UNAVAILABLE. */
static void fail_where(struct lk_pool *p, bool (*pick)(const struct request *, uint32_t), uint32_t which,
                       enum lk_reason_code reason)
{
    for (unsigned b = 0; b < BUCKETS; b++) {
        struct request *next;
        for (struct request *r = p->by_id[b]; r != NULL; r = next) {
            next = r->next_id;
            if (pick(r, which))
                fail(p, r, reason);
        }
    }
}

static bool is_with(const struct request *r, uint32_t worker)
{
    return r->worker == worker;
}

static bool waits_for_keeper(const struct request *r, uint32_t unused)
{
    (void)unused;
    return r->worker != ADMIN_LINK;
}

/* --- workers ------------------------------------------------------------------------------------------------------- */

static void count_usable(struct lk_pool *p)
{
    bool before = p->n_usable[LK_WORKER_USUAL] == 0;
    memset(p->n_usable, 0, sizeof(p->n_usable));
    for (struct worker *w = p->workers; w != NULL; w = w->next)
        p->n_usable[w->cls] += w->link != NULL && !w->retired;
    if (before != (p->n_usable[LK_WORKER_USUAL] == 0))
        p->hooks.on_change(p->hooks.arg);
}

static struct worker **worker_slot(struct lk_pool *p, uint32_t id)
{
    struct worker **at = &p->workers;
    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

static void worker_free(struct lk_pool *p, struct worker *w)
{
    *worker_slot(p, w->id) = w->next;
    lk_front_link_free(w->link);
    free(w);
}

/* It goes on meanwhile: its replacement has to be there first. */
static void tell_if_tired(struct lk_pool *p, struct worker *w)
{
    if (w->tired || w->retired || p->limits.worker_requests == 0 || w->served < p->limits.worker_requests)
        return;
    w->tired = true;
    p->hooks.on_worker(p->hooks.arg, w->id, LK_F_CTL_TIRED);
}

/* An idle worker that gets no more requests is let go. */
static void dismiss_if_done(struct lk_pool *p, struct worker *w)
{
    if (w->request != 0 || w->link == NULL || !w->retired)
        return;
    uint32_t id = w->id;
    worker_free(p, w);
    p->hooks.on_worker(p->hooks.arg, id, LK_F_CTL_RETIRED);
    count_usable(p);
}

/* A worker has come: one of its class that was waiting to be replaced may go. */
static void relieve(struct lk_pool *p, enum lk_worker_class cls)
{
    struct worker *w = p->workers;
    while (w != NULL && (w->cls != cls || !w->tired || w->retired))
        w = w->next;
    if (w == NULL)
        return;
    w->retired = true;
    dismiss_if_done(p, w);
    count_usable(p);
}

static void check_hung(struct lk_pool *p, uint64_t now)
{
    for (struct worker *w = p->workers; w != NULL; w = w->next) {
        if (w->request == 0 || w->hung || now - w->given_ms < p->limits.hang_ms)
            continue;
        w->hung = true;
        lk_log(LK_LOG_ERROR, "worker.hung", "worker=%u req=%llx ms=%llu", w->id, (unsigned long long)w->request,
               (unsigned long long)(now - w->given_ms));
        p->hooks.on_worker(p->hooks.arg, w->id, LK_F_CTL_WORKER_HUNG);
    }
}

static bool any_busy(const struct lk_pool *p)
{
    const struct worker *w = p->workers;
    while (w != NULL && w->request == 0)
        w = w->next;
    return w != NULL;
}

/* The newest generation first: an older one is about to be retired. */
static struct worker *idle_worker(struct lk_pool *p, enum lk_worker_class cls)
{
    struct worker *best = NULL;
    for (struct worker *w = p->workers; w != NULL; w = w->next) {
        bool idle = w->link != NULL && w->request == 0 && !w->retired && w->served < UINT32_MAX;
        if (w->cls == cls && idle && (best == NULL || w->generation > best->generation))
            best = w;
    }
    return best;
}

static void write_request(struct lk_front_link *link, const struct request *r)
{
    struct lk_msg_request m = {.deadline_mono_ms = lk_grpc_call_deadline(r->call), .roles = r->roles, .message = r->message};
    const struct lk_grpc_peer *peer = lk_grpc_call_peer(r->call);
    memcpy(m.caller, peer->certificate, sizeof(m.caller));
    LK_BUF_AUTO b = lk_buf(r->message.len + ENVELOPE);
    lk_msg_request_put(&b, &m);
    lk_front_link_write(link, r->frame, r->id, lk_buf_bytes(&b));
    lk_log(LK_LOG_DEBUG, "request.given", "req=%llx frame=%u bytes=%zu", (unsigned long long)r->id, r->frame, r->message.len);
}

static void give(struct lk_pool *p, struct worker *w, struct request *r)
{
    number(p, r, w->id, ++w->served);
    w->request = r->id;
    w->given_ms = lk_clock_mono_ms();
    write_request(w->link, r);
    r->message = LK_BYTES_NONE;
    lk_grpc_call_release(r->call);
}

static void dispatch(struct lk_pool *p, enum lk_worker_class cls)
{
    struct worker *w;
    struct queue *q = &p->queues[cls];
    while (q->first != NULL && (w = idle_worker(p, cls)) != NULL) {
        struct request *r = q->first;
        unqueue(p, r);
        give(p, w, r);
        tell_if_tired(p, w);
    }
}

/* Requests of a class that has had no worker for a while. */
static void fail_waiting(struct lk_pool *p, enum lk_worker_class cls, uint64_t now)
{
    struct queue *q = &p->queues[cls];
    while (q->first != NULL && p->n_usable[cls] == 0 && now - q->first->since_ms >= p->limits.no_worker_ms)
        fail(p, q->first, LK_R_OVERLOAD);
}

static bool any_queued(const struct lk_pool *p)
{
    return p->queues[LK_WORKER_USUAL].first != NULL || p->queues[LK_WORKER_LARGE].first != NULL;
}

static void on_check(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct lk_pool *p = arg;
    uint64_t now = lk_clock_mono_ms();
    fail_waiting(p, LK_WORKER_USUAL, now);
    fail_waiting(p, LK_WORKER_LARGE, now);
    check_hung(p, now);
    struct timeval tv = {.tv_usec = CHECK_MS * 1000};
    if (any_queued(p) || any_busy(p))
        event_add(p->check, &tv);
}

/* --- what clients ask ---------------------------------------------------------------------------------------------- */

void lk_pool_submit(struct lk_pool *p, const struct lk_pool_ask *ask)
{
    enum lk_worker_class cls = ask->message.len > p->limits.large_bundle ? LK_WORKER_LARGE : LK_WORKER_USUAL;
    struct request *r = p->queues[cls].n >= p->limits.queue ? NULL : request_new(ask);
    if (r == NULL) {
        refuse(p, ask->call, LK_R_OVERLOAD);
        return;
    }
    r->cls = cls;
    enqueue(p, r);
    dispatch(p, cls);
    if (!event_pending(p->check, EV_TIMEOUT, NULL))
        on_check(-1, 0, p);
}

void lk_pool_submit_admin(struct lk_pool *p, const struct lk_pool_ask *ask)
{
    bool room = p->admin != NULL && p->n_admin < p->limits.admin;
    struct request *r = room ? request_new(ask) : NULL;
    if (r == NULL) {
        refuse(p, ask->call, LK_R_OVERLOAD);
        return;
    }
    number(p, r, ADMIN_LINK, ++p->admin_asked);
    p->n_admin++;
    write_request(p->admin, r);
    r->message = LK_BYTES_NONE;
    lk_grpc_call_release(r->call);
}

void lk_pool_forget(struct lk_pool *p, struct lk_grpc_call *call)
{
    struct request *r = lk_grpc_call_tag(call);
    if (r == NULL)
        return;
    r->call = NULL;
    if (r->state == QUEUED)
        request_free(p, r);
}

/* --- what the supervisor says --------------------------------------------------------------------------------------- */

static lk_result no_frames(void *arg, const struct lk_frame *frame)
{
    (void)arg;
    (void)frame;
    return LK_FAIL(FRAME_FORBIDDEN);
}

/* A worker that closed its socket gets no more; the keeper tells what became of its request. */
static void on_worker_dead(void *arg, lk_result why)
{
    struct worker *w = arg;
    struct lk_pool *p = w->pool;
    lk_log(LK_LOG_WARN, "worker.closed", "worker=%u code=%s", w->id, lk_reason(why.code)->name);
    lk_pool_worker_gone(p, w->id);
}

void lk_pool_worker_add(struct lk_pool *p, const struct lk_msg_worker *worker, int fd)
{
    struct worker *w = calloc(1, sizeof(*w));
    if (w == NULL)
        abort(); /* the supervisor counts on it; a front without memory is replaced */
    *w = (struct worker){.pool = p, .id = worker->worker, .generation = worker->generation, .cls = worker->cls};
    /* workers say nothing to the front: any frame type of this direction is forbidden */
    w->link = lk_front_link_new(p->base, fd, LK_LINK_FRONT_WORKER, no_frames, on_worker_dead, w);
    relieve(p, w->cls); /* before it is in the list: it cannot be the one */
    w->next = p->workers;
    p->workers = w;
    count_usable(p);
    dispatch(p, w->cls);
}

void lk_pool_worker_gone(struct lk_pool *p, uint32_t worker)
{
    struct worker *w = *worker_slot(p, worker);
    if (w == NULL)
        return;
    worker_free(p, w);
    count_usable(p);
}

void lk_pool_retire(struct lk_pool *p, uint64_t generation)
{
    struct worker *next;
    for (struct worker *w = p->workers; w != NULL; w = next) {
        next = w->next;
        if (w->generation > generation)
            continue;
        w->retired = true;
        dismiss_if_done(p, w);
    }
    count_usable(p);
}

/* --- what the keeper says ------------------------------------------------------------------------------------------- */

void lk_pool_taken(struct lk_pool *p, uint32_t worker, uint64_t request)
{
    struct worker *w = *worker_slot(p, worker);
    if (w == NULL)
        return;
    if (w->request == 0 || w->request != request) {
        lk_log(LK_LOG_ERROR, "worker.lied", "worker=%u given=%llx answered=%llx", worker, (unsigned long long)w->request,
               (unsigned long long)request);
        p->hooks.on_worker_lied(p->hooks.arg, worker);
        return;
    }
    enum lk_worker_class cls = w->cls;
    w->request = 0;
    dismiss_if_done(p, w);
    dispatch(p, cls);
}

void lk_pool_worker_lost(struct lk_pool *p, uint32_t worker)
{
    lk_pool_worker_gone(p, worker);
    fail_where(p, is_with, worker, LK_R_WORKER_LOST);
}

static void pass_on(struct lk_grpc_call *call, const struct lk_msg_answer *m)
{
    if (m->grpc_status == LK_GRPC_OK)
        lk_grpc_call_reply(call, m->body);
    else
        lk_grpc_call_finish(call, (enum lk_grpc_status)m->grpc_status, m->message, m->details);
}

lk_result lk_pool_answer(struct lk_pool *p, bool admin, uint64_t request, struct lk_bytes payload)
{
    struct lk_msg_answer m;
    LK_REQUIRE((lk_request_worker(request) == ADMIN_LINK) == admin, FRAME_FORBIDDEN);
    LK_TRY(lk_msg_answer_get(payload, &m));
    struct request *r = *slot_of(p, request);
    if (r == NULL) {
        lk_log(LK_LOG_WARN, "answer.unknown", "req=%llx", (unsigned long long)request);
        return LK_OK;
    }
    struct lk_grpc_call *call = r->call;
    say_done(r, m.grpc_status, "-");
    request_free(p, r);
    if (call != NULL)
        pass_on(call, &m);
    return LK_OK;
}

void lk_pool_keeper_gone(struct lk_pool *p)
{
    fail_where(p, waits_for_keeper, 0, LK_R_FRAME_CLOSED);
}

void lk_pool_set_admin(struct lk_pool *p, struct lk_front_link *admin)
{
    fail_where(p, is_with, ADMIN_LINK, LK_R_FRAME_CLOSED);
    p->admin = admin;
}

/* --- making and freeing ---------------------------------------------------------------------------------------------- */

struct lk_pool *lk_pool_new(struct event_base *base, const struct lk_pool_limits *limits, const struct lk_pool_hooks *hooks)
{
    struct lk_pool *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    *p = (struct lk_pool){.base = base, .limits = *limits, .hooks = *hooks};
    p->check = event_new(base, -1, 0, on_check, p);
    if (p->check != NULL)
        return p;
    free(p);
    return NULL;
}

static bool any(const struct request *r, uint32_t unused)
{
    (void)r;
    (void)unused;
    return true;
}

void lk_pool_free(struct lk_pool *p)
{
    if (p == NULL)
        return;
    for (int c = 0; c < LK_WORKER_CLASSES; c++)
        while (p->queues[c].first != NULL)
            fail(p, p->queues[c].first, LK_R_FRAME_CLOSED);
    fail_where(p, any, 0, LK_R_FRAME_CLOSED);
    while (p->workers != NULL)
        worker_free(p, p->workers);
    event_free(p->check);
    free(p);
}

void lk_pool_set_limits(struct lk_pool *p, const struct lk_pool_limits *limits)
{
    p->limits = *limits;
}

size_t lk_pool_workers(const struct lk_pool *p)
{
    return p->n_usable[LK_WORKER_USUAL];
}
