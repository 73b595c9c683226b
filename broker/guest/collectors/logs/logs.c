/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/guest/collectors/logs/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "proto/base/file.h"

#define FILES_MAX 2

/* The first file that is there is sent. */
static const struct {
    const char *family;
    const char *files[FILES_MAX];
} logs[] = {
    {"eventlog", {"tpm0/binary_bios_measurements"}},
    {"ima", {"ima/binary_runtime_measurements", "ima/ascii_runtime_measurements"}},
};

/* A list may grow while it is read: what came until its end is a list. */
static bool read_log(const char *path, int fd, struct lk_buf *out, struct lk_collector_failure *f)
{
    if (!lk_file_read(fd, out))
        return lk_collector_fail(f, LK_COLLECTOR_DEVICE, "reading %s: %s", path, strerror(errno));
    if (!lk_ok(lk_buf_ok(out)))
        return lk_collector_fail(f, LK_COLLECTOR_DEVICE, "%s has more than %u bytes", path, LK_COLLECTOR_PART_MAX);
    /* As Azure's trusted launch has it: nothing that a quote could vouch for. */
    return out->len > 0 || lk_collector_fail(f, LK_COLLECTOR_NO_DEVICE, "%s is empty", path);
}

static int open_file(const char *folder, const char *name, char path[static PATH_MAX])
{
    errno = ENAMETOOLONG;
    return snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

static int open_first(const char *folder, const char *const files[FILES_MAX], char path[static PATH_MAX])
{
    int fd = -1;
    for (size_t i = 0; i < FILES_MAX && files[i] != NULL && fd < 0; i++)
        fd = open_file(folder, files[i], path);
    return fd;
}

/* Where sysfs has the empty folder for it: an initramfs may have left it so. Opening again says if that was no use. */
static void mount_securityfs(const char *folder)
{
    struct statfs fs;
    if (statfs(folder, &fs) == 0 && fs.f_type == SYSFS_MAGIC)
        (void)mount("securityfs", folder, "securityfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static bool collect_files(const struct lk_logs_options *o, const char *const files[FILES_MAX], struct lk_buf *log,
                          struct lk_collector_failure *f)
{
    char path[PATH_MAX];
    int fd = open_first(o->securityfs, files, path);
    if (fd < 0 && errno == ENOENT) {
        mount_securityfs(o->securityfs);
        fd = open_first(o->securityfs, files, path);
    }
    if (fd < 0)
        return lk_collector_fail(f, LK_COLLECTOR_NO_DEVICE, "opening %s: %s", path, strerror(errno));
    bool ok = read_log(path, fd, log, f);
    close(fd);
    return ok;
}

static bool collect(void *self, struct lk_bytes binding, const Latchkey__V1__EvidenceItemRequest *request,
                    struct lk_collector_item *item, struct lk_collector_failure *f)
{
    (void)binding; /* a log carries none: the quote over its registers does */
    LK_BUF_AUTO log = lk_buf(LK_COLLECTOR_PART_MAX);
    size_t i = 0;
    while (strcmp(logs[i].family, request->family) != 0)
        i++; /* it is one of `families`, lk_collector_serve sees to that */
    if (!collect_files(self, logs[i].files, &log, f))
        return false;
    lk_collector_put_part(item, "log", lk_buf_bytes(&log));
    return true;
}

static const char *const families[] = {"eventlog", "ima", NULL};

const struct lk_collector_ops lk_logs_collector_ops = {
    .program = "latchkey-evidence-logs",
    .families = families,
    .collect = collect,
};
