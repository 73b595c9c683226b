/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/collateral/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/file.h"

lk_result lk_keep_folder(const char *path, int *fd)
{
    LK_REQUIRE(mkdir(path, 0755) == 0 || errno == EEXIST, FILE);
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    LK_REQUIRE(*fd >= 0, FILE);
    return LK_OK;
}

lk_result lk_keep_read(int folder, const char *file, struct lk_buf *out)
{
    struct stat st;
    int fd = openat(folder, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    LK_REQUIRE(fd >= 0, FILE);
    bool whole = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && lk_file_read(fd, out);
    close(fd);
    LK_REQUIRE(whole, FILE);
    return lk_buf_ok(out);
}

/* The file has exactly these bytes. */
static bool same(int folder, const char *file, struct lk_bytes bytes)
{
    LK_BUF_AUTO old = lk_buf(bytes.len);
    return lk_ok(lk_keep_read(folder, file, &old)) && lk_bytes_eq(lk_buf_bytes(&old), bytes);
}

static bool replace(int folder, const char *aside, const char *file, struct lk_bytes bytes)
{
    int fd = openat(folder, aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return false;
    bool ok = lk_file_write(fd, bytes) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    /* The folder's entry must be on the disk too, or a crash could bring the old file back. */
    return ok && renameat(folder, aside, folder, file) == 0 && (fsync(folder) == 0 || errno == EINVAL);
}

lk_result lk_keep(int folder, const char *file, struct lk_bytes bytes, bool *changed)
{
    char aside[NAME_MAX + 1];
    *changed = !same(folder, file, bytes);
    if (!*changed)
        return LK_OK;
    /* A dot: readers of such folders skip it. What an ended process of our number left is of no use to anyone. */
    snprintf(aside, sizeof(aside), ".new-%ld", (long)getpid());
    unlinkat(folder, aside, 0);
    if (replace(folder, aside, file, bytes))
        return LK_OK;
    int error = errno;
    unlinkat(folder, aside, 0);
    errno = error;
    return LK_FAIL(IO);
}
