/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock by number: Debian 12's header knows ABI 1 only, the kernel says at run time what it has. */
#include "proto/base/sandbox_steps.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Kernel's Documentation/userspace-api/landlock.rst: bits by ABI. */
#define FS_ABI1 UINT64_C(0x1fff)
#define FS_REFER (UINT64_C(1) << 13)     /* ABI 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define NET_ALL UINT64_C(3)              /* ABI 4: bind and connect TCP */
#define SCOPE_ALL UINT64_C(3)            /* ABI 6: abstract sockets, signals to outside */

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

static lk_result restrict_to(int ruleset, const struct lk_sandbox *s, uint64_t handled)
{
    LK_REQUIRE(s->n_paths == 0 || s->allow_paths != NULL, SANDBOX);
    if (s->n_paths > 0)
        LK_TRY(s->allow_paths(ruleset, s, handled));
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
