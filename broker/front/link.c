/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/front/link.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

struct lk_front_link {
    struct lk_chan *chan;
    struct event *readable, *writable, *death;
    lk_chan_fn on_frame;
    void (*on_dead)(void *, lk_result);
    void *arg;
    lk_result why;
    bool reading, freed, dead;
};

static void destroy(struct lk_front_link *l)
{
    struct event *const events[] = {l->readable, l->writable, l->death};
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        if (events[i] != NULL)
            event_free(events[i]);
    lk_chan_free(l->chan);
    free(l);
}

static void die(struct lk_front_link *l, lk_result why)
{
    if (l->dead)
        return;
    l->dead = true;
    l->why = why;
    event_del(l->readable);
    event_del(l->writable);
    event_active(l->death, EV_TIMEOUT, 0);
}

static void on_death(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct lk_front_link *l = arg;
    l->on_dead(l->arg, l->why);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct lk_front_link *l = arg;
    l->reading = true;
    lk_result r = lk_chan_read(l->chan, l->on_frame, l->arg);
    l->reading = false;
    if (l->freed)
        destroy(l);
    else if (!lk_ok(r))
        die(l, r);
}

static void watch_writable(struct lk_front_link *l)
{
    if (!l->dead && lk_chan_pending(l->chan) > 0)
        event_add(l->writable, NULL);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct lk_front_link *l = arg;
    lk_result r = lk_chan_flush(l->chan);
    if (!lk_ok(r))
        die(l, r);
    watch_writable(l);
}

static bool make_events(struct lk_front_link *l, struct event_base *base)
{
    int fd = lk_chan_fd(l->chan);
    l->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, l);
    l->writable = event_new(base, fd, EV_WRITE, on_writable, l);
    l->death = event_new(base, -1, 0, on_death, l);
    return l->readable != NULL && l->writable != NULL && l->death != NULL && event_add(l->readable, NULL) == 0;
}

struct lk_front_link *lk_front_link_new(struct event_base *base, int fd, enum lk_link incoming, lk_chan_fn on_frame,
                                        void (*on_dead)(void *arg, lk_result why), void *arg)
{
    struct lk_front_link *l = calloc(1, sizeof(*l));
    struct lk_chan *chan = l == NULL ? NULL : lk_chan_new(fd, incoming);
    if (chan == NULL) {
        free(l);
        close(fd);
        return NULL;
    }
    *l = (struct lk_front_link){.chan = chan, .on_frame = on_frame, .on_dead = on_dead, .arg = arg};
    if (make_events(l, base))
        return l;
    destroy(l);
    return NULL;
}

void lk_front_link_free(struct lk_front_link *l)
{
    if (l == NULL)
        return;
    if (l->reading) { /* its frame is still in use below us */
        l->freed = true;
        return;
    }
    destroy(l);
}

void lk_front_link_write(struct lk_front_link *l, uint16_t type, uint64_t request, struct lk_bytes payload)
{
    if (l->dead)
        return;
    lk_result r = lk_chan_write(l->chan, type, request, payload);
    if (!lk_ok(r))
        die(l, r);
    watch_writable(l);
}
