/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static lk_result failed(const char *what, const char *target)
{
    fprintf(stderr, "latchkey-fetch: %s %s: %s\n", what, target, strerror(errno));
    return LK_FAIL(OUTPUT);
}

static bool write_all(int fd, struct lk_bytes data)
{
    for (size_t done = 0; done < data.len;) {
        ssize_t n = write(fd, data.data + done, data.len - done);
        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* The folder's entry must be on the disk too, or a crash could bring the old file back. */
static bool sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];
    int len = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
    snprintf(folder, sizeof(folder), "%.*s", len, slash == NULL ? "." : path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0 || errno == EINVAL; /* some file systems have nothing to sync */
    close(fd);
    return ok;
}

static lk_result write_file(const char *path, struct lk_bytes secret)
{
    char temporary[PATH_MAX];
    if ((size_t)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return failed("writing", path);
    }
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return failed("creating", temporary);
    bool ok = write_all(fd, secret) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && rename(temporary, path) == 0 && sync_folder(path);
    if (ok)
        return LK_OK;
    lk_result r = failed("writing", path);
    unlink(temporary);
    return r;
}

lk_result lk_fetch_write(const char *target, struct lk_bytes secret)
{
    if (strcmp(target, "-") == 0)
        return write_all(STDOUT_FILENO, secret) ? LK_OK : failed("writing", "standard output");
    if (strncmp(target, "fd:", 3) != 0)
        return write_file(target, secret);
    char *end = NULL;
    long fd = strtol(target + 3, &end, 10);
    if (*end != '\0' || target[3] == '\0' || fd < 0 || fd > INT_MAX) {
        errno = EBADF;
        return failed("writing", target);
    }
    return write_all((int)fd, secret) ? LK_OK : failed("writing", target);
}
