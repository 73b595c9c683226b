/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/file.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool lk_file_read(int fd, struct lk_buf *out)
{
    uint8_t piece[16384];
    ssize_t n;
    while ((n = read(fd, piece, sizeof(piece))) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0)
            lk_put(out, lk_bytes(piece, (size_t)n));
        if (!lk_ok(lk_buf_ok(out)))
            break;
    }
    OPENSSL_cleanse(piece, sizeof(piece));
    return n >= 0;
}

bool lk_file_write(int fd, struct lk_bytes v)
{
    for (size_t done = 0; done < v.len;) {
        ssize_t n = write(fd, v.data + done, v.len - done);
        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool lk_file_program(const char *name, char path[static PATH_MAX])
{
    static const char *const places[] = {"", "../libexec/latchkey/"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n <= 0)
        return false;
    self[n] = '\0';
    *(strrchr(self, '/') + 1) = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        if (snprintf(path, PATH_MAX, "%s%s%s", self, places[i], name) < PATH_MAX && access(path, X_OK) == 0)
            return true;
    return false;
}
