/* SPDX-License-Identifier: Apache-2.0 */
/* A channel fed with any bytes on any link: only permitted frames come out. The first byte chooses the link. */
#include "proto/link/frame.h"
#include "proto/link/permits.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static lk_result on_frame(void *arg, const struct lk_frame *f)
{
    if (!lk_link_permits(*(const enum lk_link *)arg, f->type, f->payload.len) || lk_frame_brings_fd(f->type) || f->fd != -1)
        abort();
    return LK_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fds[2];
    if (size == 0 || size > 32768 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        return 0;
    enum lk_link link = (enum lk_link)(data[0] % LK_LINK_COUNT);
    ssize_t written = write(fds[0], data + 1, size - 1);
    struct lk_chan *c = written == (ssize_t)(size - 1) ? lk_chan_new(fds[1], link) : NULL;
    if (c != NULL) {
        lk_result r = lk_chan_read(c, on_frame, &link);
        (void)r; /* forbidden is as good as fine */
        lk_chan_free(c);
    } else {
        close(fds[1]);
    }
    close(fds[0]);
    return 0;
}
