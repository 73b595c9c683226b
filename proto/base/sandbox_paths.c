/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock's paths: in a file of its own, because it is the one part of the sandbox that opens files. */
#include "proto/base/log.h"
#include "proto/base/sandbox_steps.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_FILE (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE | \
                 FS_IOCTL_DEV)

static uint64_t rights_of(const struct lk_sandbox_path *p, uint64_t handled, bool folder)
{
    uint64_t rights = 0;
    if ((p->rights & LK_PATH_READ) != 0)
        rights |= FS_READ;
    if ((p->rights & LK_PATH_WRITE) != 0)
        rights |= handled & ~(uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | FS_READ);
    if ((p->rights & LK_PATH_EXECUTE) != 0)
        rights |= LANDLOCK_ACCESS_FS_EXECUTE;
    return folder ? rights : rights & handled & FS_FILE;
}

static lk_result add_path(int ruleset, const struct lk_sandbox_path *p, uint64_t handled)
{
    struct landlock_path_beneath_attr rule = {.parent_fd = open(p->path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd == -1) {
        lk_log(LK_LOG_INFO, "sandbox.path-absent", "path=%s", lk_log_text(p->path));
        return LK_OK;
    }
    struct stat st;
    bool folder = fstat(rule.parent_fd, &st) == 0 && S_ISDIR(st.st_mode);
    rule.allowed_access = rights_of(p, handled, folder);
    long r = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
    return r == 0 ? LK_OK : lk_sandbox_failed("landlock-path");
}

lk_result lk_sandbox_allow_paths(int ruleset, const struct lk_sandbox *s, uint64_t handled)
{
    for (size_t i = 0; i < s->n_paths; i++)
        LK_TRY(add_path(ruleset, &s->paths[i], handled));
    return LK_OK;
}
