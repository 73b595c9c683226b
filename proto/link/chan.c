/* SPDX-License-Identifier: Apache-2.0 */
/* The event-loop form of proto/link/frame.h. */
#include "proto/link/frame.h"
#include "proto/link/permits.h"
#include "proto/link/wire.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A frame, or the rest of one, that waits for room in the socket. */
struct waiting {
    struct waiting *next;
    size_t len, sent;
    int fd; /* goes with the first byte; -1 when none or gone */
    uint8_t data[];
};

struct lk_chan {
    int sock;
    enum lk_link incoming;
    bool takes_fd, dead;
    uint8_t head[LK_FRAME_HEADER];
    size_t have; /* of header and payload together */
    struct lk_frame_head h;
    uint8_t *payload;
    size_t room;
    int fd;
    struct waiting *first, **last;
    size_t pending;
};

#define KEEP_ROOM (64u << 10) /* a larger payload buffer is given back after its frame */

struct lk_chan *lk_chan_new(int fd, enum lk_link incoming)
{
    struct lk_chan *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        free(c);
        return NULL;
    }
    c->sock = fd;
    c->fd = -1;
    c->incoming = incoming;
    c->takes_fd = lk_link_brings_fds(incoming);
    c->last = &c->first;
    return c;
}

static void drop_payload(struct lk_chan *c)
{
    if (c->payload != NULL)
        OPENSSL_cleanse(c->payload, c->room);
    free(c->payload);
    c->payload = NULL;
    c->room = 0;
}

static void drop_first(struct lk_chan *c)
{
    struct waiting *w = c->first;
    c->first = w->next;
    if (c->first == NULL)
        c->last = &c->first;
    if (w->fd != -1)
        close(w->fd);
    OPENSSL_cleanse(w->data, w->len);
    free(w);
}

void lk_chan_free(struct lk_chan *c)
{
    if (c == NULL)
        return;
    while (c->first != NULL)
        drop_first(c);
    drop_payload(c);
    if (c->fd != -1)
        close(c->fd);
    close(c->sock);
    free(c);
}

int lk_chan_fd(const struct lk_chan *c)
{
    return c->sock;
}

size_t lk_chan_pending(const struct lk_chan *c)
{
    return c->pending;
}

static lk_result make_room(struct lk_chan *c)
{
    if (c->h.len <= c->room)
        return LK_OK;
    drop_payload(c);
    size_t size = c->h.len < 512 ? 512 : c->h.len;
    c->payload = malloc(size);
    LK_REQUIRE(c->payload != NULL, MEMORY);
    c->room = size;
    return LK_OK;
}

/* Hands the whole frame over and gets ready for the next; the callee owns the descriptor from here. */
static lk_result deliver(struct lk_chan *c, lk_chan_fn on_frame, void *arg)
{
    LK_REQUIRE(lk_frame_brings_fd(c->h.type) == (c->fd != -1), FRAME_FORBIDDEN);
    static const uint8_t empty;
    struct lk_bytes payload = lk_bytes(c->h.len == 0 ? &empty : c->payload, c->h.len);
    struct lk_frame f = {c->h.type, c->h.request, payload, c->fd};
    c->fd = -1;
    c->have = 0;
    lk_result r = on_frame(arg, &f);
    if (c->h.len > 0)
        OPENSSL_cleanse(c->payload, c->h.len);
    if (c->room > KEEP_ROOM)
        drop_payload(c);
    return r;
}

/* One read towards the frame that is under way. *more: something was read. */
static lk_result advance(struct lk_chan *c, lk_chan_fn on_frame, void *arg, bool *more)
{
    bool in_head = c->have < LK_FRAME_HEADER;
    uint8_t *at = in_head ? c->head + c->have : c->payload + (c->have - LK_FRAME_HEADER);
    size_t want = in_head ? LK_FRAME_HEADER - c->have : LK_FRAME_HEADER + c->h.len - c->have;
    size_t got;
    LK_TRY(lk_wire_recv(c->sock, c->takes_fd, at, want, &got, &c->fd));
    *more = got > 0;
    c->have += got;
    if (in_head && c->have == LK_FRAME_HEADER) {
        LK_TRY(lk_frame_head_get(c->head, c->incoming, &c->h));
        LK_TRY(make_room(c));
    }
    if (c->have >= LK_FRAME_HEADER && c->have == LK_FRAME_HEADER + (size_t)c->h.len)
        return deliver(c, on_frame, arg);
    return LK_OK;
}

lk_result lk_chan_read(struct lk_chan *c, lk_chan_fn on_frame, void *arg)
{
    LK_REQUIRE(!c->dead, FRAME_CLOSED);
    lk_result r = LK_OK;
    for (bool more = true; more && lk_ok(r);)
        r = advance(c, on_frame, arg, &more);
    c->dead = !lk_ok(r);
    return r;
}

static struct waiting *queue(struct lk_chan *c, size_t len)
{
    struct waiting *w = calloc(1, sizeof(*w) + len);
    if (w == NULL)
        return NULL;
    w->len = len;
    w->fd = -1;
    *c->last = w;
    c->last = &w->next;
    c->pending += len;
    return w;
}

lk_result lk_chan_flush(struct lk_chan *c)
{
    LK_REQUIRE(!c->dead, FRAME_CLOSED);
    while (c->first != NULL) {
        struct waiting *w = c->first;
        size_t sent;
        lk_result r = lk_wire_send(c->sock, lk_bytes(w->data + w->sent, w->len - w->sent), LK_BYTES_NONE, w->fd, &sent);
        c->dead = !lk_ok(r);
        LK_TRY(r);
        if (sent == 0)
            return LK_OK;
        if (w->fd != -1)
            close(w->fd);
        w->fd = -1;
        w->sent += sent;
        c->pending -= sent;
        if (w->sent == w->len)
            drop_first(c);
    }
    return LK_OK;
}

lk_result lk_chan_write_fd(struct lk_chan *c, uint16_t type, uint64_t request, struct lk_bytes payload, int pass)
{
    LK_REQUIRE(!c->dead, FRAME_CLOSED);
    LK_REQUIRE(payload.len <= lk_frame_max(type) && lk_frame_brings_fd(type) == (pass != -1), FRAME_FORBIDDEN);
    int copy = -1;
    if (pass != -1) {
        copy = fcntl(pass, F_DUPFD_CLOEXEC, 0);
        LK_REQUIRE(copy != -1, IO);
    }
    struct waiting *w = queue(c, LK_FRAME_HEADER + payload.len);
    if (w == NULL) {
        if (copy != -1)
            close(copy);
        c->dead = true; /* a frame that is lost in the middle of a talk cannot be made good */
        return LK_FAIL(MEMORY);
    }
    lk_frame_head_put(&(struct lk_frame_head){(uint32_t)payload.len, type, request}, w->data);
    if (payload.len > 0)
        memcpy(w->data + LK_FRAME_HEADER, payload.data, payload.len);
    w->fd = copy;
    return lk_chan_flush(c);
}

lk_result lk_chan_write(struct lk_chan *c, uint16_t type, uint64_t request, struct lk_bytes payload)
{
    return lk_chan_write_fd(c, type, request, payload, -1);
}
