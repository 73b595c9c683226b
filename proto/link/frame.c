/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/link/frame.h"
#include "proto/base/cursor.h"
#include "proto/link/permits.h"
#include "proto/link/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void put_le(uint8_t *out, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

void lk_frame_head_put(const struct lk_frame_head *h, uint8_t out[static LK_FRAME_HEADER])
{
    put_le(out, h->len, 4);
    put_le(out + 4, h->type, 2);
    put_le(out + 6, 0, 2);
    put_le(out + 8, h->request, 8);
}

lk_result lk_frame_head_get(const uint8_t in[static LK_FRAME_HEADER], enum lk_link link, struct lk_frame_head *h)
{
    struct lk_cursor c = lk_cursor(lk_bytes(in, LK_FRAME_HEADER));
    h->len = lk_u32le(&c);
    h->type = lk_u16le(&c);
    uint16_t reserved = lk_u16le(&c);
    h->request = lk_u64le(&c);
    LK_REQUIRE(reserved == 0 && lk_link_permits(link, h->type, h->len), FRAME_FORBIDDEN);
    return LK_OK;
}

static bool take_fd(struct msghdr *m, int *fd)
{
    bool fine = (m->msg_flags & MSG_CTRUNC) == 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int got;
            memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (*fd == -1) {
                *fd = got;
                continue;
            }
            close(got);
            fine = false;
        }
    }
    return fine;
}

lk_result lk_wire_recv(int sock, bool takes_fd, uint8_t *at, size_t n, size_t *got, int *fd)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec iov = {at, n};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (takes_fd) {
        m.msg_control = control.room;
        m.msg_controllen = sizeof(control.room);
    }
    *got = 0;
    ssize_t r;
    do
        r = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
    while (r < 0 && errno == EINTR);
    if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return LK_OK;
    if (r < 0)
        return errno == ECONNRESET ? LK_FAIL(FRAME_CLOSED) : LK_FAIL(IO);
    LK_REQUIRE(take_fd(&m, fd), FRAME_FORBIDDEN);
    LK_REQUIRE(r > 0, FRAME_CLOSED);
    *got = (size_t)r;
    return LK_OK;
}

lk_result lk_wire_send(int sock, struct lk_bytes a, struct lk_bytes b, int fd, size_t *sent)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov[2] = {{(void *)(uintptr_t)a.data, a.len}, {(void *)(uintptr_t)b.data, b.len}};
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
    if (fd != -1) {
        m.msg_control = control.room;
        m.msg_controllen = sizeof(control.room);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(int));
    }
    *sent = 0;
    ssize_t r;
    do
        r = sendmsg(sock, &m, MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return LK_OK;
    if (r < 0)
        return errno == EPIPE || errno == ECONNRESET ? LK_FAIL(FRAME_CLOSED) : LK_FAIL(IO);
    *sent = (size_t)r;
    return LK_OK;
}

/* A blocking socket never gives "would block"; one that does was set up wrongly, and waiting here would spin. */
static lk_result recv_all(int sock, bool takes_fd, uint8_t *at, size_t n, int *fd)
{
    for (size_t have = 0; have < n;) {
        size_t got;
        LK_TRY(lk_wire_recv(sock, takes_fd, at + have, n - have, &got, fd));
        LK_REQUIRE(got > 0, IO);
        have += got;
    }
    return LK_OK;
}

static lk_result recv_frame(int fd, enum lk_link link, uint8_t *buf, size_t buf_size, struct lk_frame *out)
{
    bool takes_fd = lk_link_brings_fds(link);
    uint8_t head[LK_FRAME_HEADER];
    struct lk_frame_head h;
    LK_TRY(recv_all(fd, takes_fd, head, sizeof(head), &out->fd));
    LK_TRY(lk_frame_head_get(head, link, &h));
    LK_REQUIRE(h.len <= buf_size, FRAME_FORBIDDEN);
    LK_TRY(recv_all(fd, takes_fd, buf, h.len, &out->fd));
    LK_REQUIRE(lk_frame_brings_fd(h.type) == (out->fd != -1), FRAME_FORBIDDEN);
    out->type = h.type;
    out->request = h.request;
    out->payload = lk_bytes(buf, h.len);
    return LK_OK;
}

lk_result lk_frame_recv(int fd, enum lk_link link, uint8_t *buf, size_t buf_size, struct lk_frame *out)
{
    *out = (struct lk_frame){.fd = -1};
    lk_result r = recv_frame(fd, link, buf, buf_size, out);
    if (!lk_ok(r) && out->fd != -1) {
        close(out->fd);
        out->fd = -1;
    }
    return r;
}

lk_result lk_frame_send_fd(int fd, uint16_t type, uint64_t request, struct lk_bytes payload, int pass)
{
    LK_REQUIRE(payload.len <= lk_frame_max(type), FRAME_FORBIDDEN);
    uint8_t head[LK_FRAME_HEADER];
    lk_frame_head_put(&(struct lk_frame_head){(uint32_t)payload.len, type, request}, head);
    struct lk_bytes first = LK_BYTES(head);
    while (first.len + payload.len > 0) {
        size_t sent;
        LK_TRY(lk_wire_send(fd, first, payload, pass, &sent));
        LK_REQUIRE(sent > 0, IO);
        pass = -1; /* it left with the first byte */
        size_t from_first = sent < first.len ? sent : first.len;
        first = lk_bytes(first.data + from_first, first.len - from_first);
        payload = lk_bytes(payload.data + (sent - from_first), payload.len - (sent - from_first));
    }
    return LK_OK;
}

lk_result lk_frame_send(int fd, uint16_t type, uint64_t request, struct lk_bytes payload)
{
    return lk_frame_send_fd(fd, type, request, payload, -1);
}
