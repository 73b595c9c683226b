/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/frame.h"

#include "proto/base/clock.h"
#include "proto/base/cursor.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* Milliseconds that poll may wait, in steps that fit an int. */
static int wait_ms(uint64_t deadline, uint64_t now)
{
    if (deadline == 0)
        return -1;
    return deadline - now > 60000 ? 60000 : (int)(deadline - now);
}

static lk_result wait_for(int fd, short events, uint64_t deadline)
{
    for (;;) {
        uint64_t now = lk_clock_mono_ms();
        LK_REQUIRE(deadline == 0 || now < deadline, DEADLINE);
        struct pollfd p = {.fd = fd, .events = events};
        int n = poll(&p, 1, wait_ms(deadline, now));
        if (n > 0)
            return LK_OK;
        LK_REQUIRE(n == 0 || errno == EINTR, IO);
    }
}

/* done tells how far it came, so that the caller can tell an end between messages from one inside. */
static lk_result read_all(int fd, uint64_t deadline, uint8_t *out, size_t len, size_t *done)
{
    for (*done = 0; *done < len;) {
        LK_TRY(wait_for(fd, POLLIN, deadline));
        ssize_t n = read(fd, out + *done, len - *done);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        LK_REQUIRE(n >= 0, IO);
        LK_REQUIRE(n > 0, SHORT_INPUT);
        *done += (size_t)n;
    }
    return LK_OK;
}

static lk_result write_all(int fd, uint64_t deadline, struct lk_bytes v)
{
    for (size_t done = 0; done < v.len;) {
        LK_TRY(wait_for(fd, POLLOUT, deadline));
        ssize_t n = write(fd, v.data + done, v.len - done);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        LK_REQUIRE(n > 0, IO);
        done += (size_t)n;
    }
    return LK_OK;
}

lk_result lk_collector_read(int fd, uint64_t deadline, struct lk_buf *out)
{
    uint8_t head[4];
    size_t done = 0;
    out->len = 0;
    lk_result r = read_all(fd, deadline, head, sizeof(head), &done);
    if (r.code == LK_R_SHORT_INPUT && done == 0)
        return LK_FAIL(FRAME_CLOSED);
    LK_TRY(r);
    struct lk_cursor c = lk_cursor(LK_BYTES(head));
    uint32_t len = lk_u32be(&c);
    LK_REQUIRE(len > 0 && len <= LK_COLLECTOR_FRAME_MAX, TOO_LARGE);
    uint8_t *room = lk_put_room(out, len);
    LK_REQUIRE(room != NULL, MEMORY);
    return read_all(fd, deadline, room, len, &done);
}

lk_result lk_collector_write(int fd, uint64_t deadline, struct lk_bytes message)
{
    LK_REQUIRE(message.len > 0 && message.len <= LK_COLLECTOR_FRAME_MAX, TOO_LARGE);
    uint8_t head[4] = {(uint8_t)(message.len >> 24), (uint8_t)(message.len >> 16), (uint8_t)(message.len >> 8),
                       (uint8_t)message.len};
    LK_TRY(write_all(fd, deadline, LK_BYTES(head)));
    return write_all(fd, deadline, message);
}
