/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock by number: Debian 12's header knows ABI 1 only, the kernel says at run time what it has. */
#include "proto/base/log.h"
#include "proto/base/sandbox_steps.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Kernel's Documentation/userspace-api/landlock.rst: bits by ABI. */
#define FS_ABI1 UINT64_C(0x1fff)
#define FS_REFER (UINT64_C(1) << 13)     /* ABI 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define NET_ALL UINT64_C(3)              /* ABI 4: bind and connect TCP */
#define SCOPE_ALL UINT64_C(3)            /* ABI 6: abstract sockets, signals to outside */

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_FILE (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | FS_TRUNCATE | \
                 FS_IOCTL_DEV)

struct ruleset {
    uint64_t fs, net, scoped;
};

static uint64_t fs_handled(long abi)
{
    return FS_ABI1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0);
}

static int make_ruleset(long abi, bool tcp, uint64_t *fs)
{
    struct ruleset r = {*fs = fs_handled(abi), abi >= 4 && !tcp ? NET_ALL : 0, abi >= 6 ? SCOPE_ALL : 0};
    size_t size = abi >= 6 ? sizeof(r) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    return (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
}

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

static lk_result restrict_to(int ruleset, const struct lk_sandbox *s, uint64_t handled)
{
    for (size_t i = 0; i < s->n_paths; i++)
        LK_TRY(add_path(ruleset, &s->paths[i], handled));
    return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? LK_OK : lk_sandbox_failed("landlock");
}

lk_result lk_sandbox_landlock(const struct lk_sandbox *s, bool *absent)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    *absent = abi < 1;
    if (*absent)
        return LK_OK;
    uint64_t handled;
    int ruleset = make_ruleset(abi, s->tcp, &handled);
    if (ruleset == -1)
        return lk_sandbox_failed("landlock-ruleset");
    lk_result r = restrict_to(ruleset, s, handled);
    close(ruleset);
    return r;
}
