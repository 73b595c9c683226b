/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/fetch/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "proto/base/file.h"

static lk_result failed(const char *what, const char *target)
{
    fprintf(stderr, "latchkey-fetch: %s %s: %s\n", what, target, strerror(errno));
    return LK_FAIL(OUTPUT);
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

/* A secret on a disk outlives the boot that proved something. */
static bool is_in_memory(int fd)
{
    struct statfs fs;
    errno = EPERM;
    return fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static bool fill(int fd, const struct lk_target *t, struct lk_bytes secret)
{
    return lk_file_write(fd, secret) && (!t->has_owner || fchown(fd, t->owner, t->group) == 0) && fchmod(fd, t->mode) == 0 &&
           fsync(fd) == 0;
}

static lk_result write_file(const struct lk_target *t, struct lk_bytes secret)
{
    char temporary[LK_TARGET_PATH_MAX + 8];
    snprintf(temporary, sizeof(temporary), "%s.XXXXXX", t->path);
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 until it is whole */
    if (fd < 0)
        return failed("creating", temporary);
    bool allowed = !t->in_memory || is_in_memory(fd);
    if (!allowed)
        fprintf(stderr, "latchkey-fetch: %s is on no file system in memory (tmpfs); on-disk in its target allows that\n", t->path);
    bool ok = allowed && fill(fd, t, secret);
    ok = close(fd) == 0 && ok;
    ok = ok && rename(temporary, t->path) == 0 && sync_folder(t->path);
    if (ok)
        return LK_OK;
    lk_result r = failed("writing", t->path);
    unlink(temporary);
    return r;
}

lk_result lk_target_write(const struct lk_target *t, const char *text, struct lk_bytes secret)
{
    if (t->kind == LK_TARGET_FILE)
        return write_file(t, secret);
    errno = EINVAL;
    return t->kind == LK_TARGET_STREAM && lk_file_write(t->fd, secret) ? LK_OK : failed("writing", text);
}

lk_result lk_fetch_write(const char *target, struct lk_bytes secret)
{
    struct lk_target t;
    errno = EINVAL;
    if (!lk_target_parse(target, &t))
        return failed("writing", target);
    return lk_target_write(&t, target, secret);
}
