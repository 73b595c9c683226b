/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/keeper/port.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct lk_port {
    struct lk_chan *chan;
    struct event *readable, *writable;
    lk_port_frame_fn on_frame;
    lk_port_end_fn on_end;
    void *arg;
    bool ended, reading;
};

static void end(struct lk_port *p, lk_result why)
{
    if (p->ended)
        return;
    p->ended = true;
    event_del(p->readable);
    event_del(p->writable);
    p->on_end(p->arg, why);
}

static void read_now(struct lk_port *p)
{
    if (p->ended || p->reading)
        return;
    p->reading = true;
    lk_result r = lk_chan_read(p->chan, p->on_frame, p->arg);
    p->reading = false;
    if (!lk_ok(r))
        end(p, r);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    read_now(arg);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct lk_port *p = arg;
    (void)fd;
    (void)what;
    /* What can no longer be written was not read: the end shows on the reading side too. */
    if (!lk_ok(lk_chan_flush(p->chan)) || lk_chan_pending(p->chan) == 0)
        event_del(p->writable);
}

struct lk_port *lk_port_open(struct event_base *base, int fd, enum lk_link incoming, lk_port_frame_fn on_frame,
                             lk_port_end_fn on_end, void *arg)
{
    struct lk_port *p = calloc(1, sizeof(*p));
    struct lk_chan *chan = evutil_make_socket_nonblocking(fd) == 0 ? lk_chan_new(fd, incoming) : NULL;
    if (p == NULL || chan == NULL) {
        free(p);
        if (chan != NULL)
            lk_chan_free(chan);
        else
            close(fd);
        return NULL;
    }
    *p = (struct lk_port){.chan = chan, .on_frame = on_frame, .on_end = on_end, .arg = arg};
    p->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, p);
    p->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, p);
    if (p->readable == NULL || p->writable == NULL || event_add(p->readable, NULL) != 0) {
        lk_port_close(p);
        return NULL;
    }
    return p;
}

void lk_port_close(struct lk_port *p)
{
    if (p == NULL)
        return;
    p->ended = true;
    if (p->readable != NULL)
        event_free(p->readable);
    if (p->writable != NULL)
        event_free(p->writable);
    lk_chan_free(p->chan);
    free(p);
}

void lk_port_send_fd(struct lk_port *p, uint16_t type, uint64_t request, struct lk_bytes payload, int pass)
{
    if (p == NULL || p->ended)
        return;
    lk_result r = lk_chan_write_fd(p->chan, type, request, payload, pass);
    if (lk_ok(r) && lk_chan_pending(p->chan) > 0)
        event_add(p->writable, NULL);
}

void lk_port_send(struct lk_port *p, uint16_t type, uint64_t request, struct lk_bytes payload)
{
    lk_port_send_fd(p, type, request, payload, -1);
}

size_t lk_port_pending(const struct lk_port *p)
{
    return p == NULL || p->ended ? 0 : lk_chan_pending(p->chan);
}

void lk_port_drain(struct lk_port *p)
{
    if (p != NULL)
        read_now(p);
}
