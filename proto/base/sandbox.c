/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/sandbox.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/sandbox_steps.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static unsigned absent;

lk_result lk_sandbox_failed(const char *step)
{
    lk_log(LK_LOG_ERROR, "sandbox.failed", "step=%s error=%s", step, lk_log_text(strerror(errno)));
    return LK_FAIL(SANDBOX);
}

/* Something that was left open by mistake is a way out of the sandbox. */
static lk_result check_descriptors(int first_closed)
{
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return lk_sandbox_failed("descriptors");
    long stray = -1;
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        long fd = e->d_name[0] == '.' ? -1 : strtol(e->d_name, NULL, 10);
        if (fd >= first_closed && fd != dirfd(dir))
            stray = fd;
    }
    closedir(dir);
    if (stray == -1)
        return LK_OK;
    lk_log(LK_LOG_ERROR, "sandbox.failed", "step=descriptors open=%ld", stray);
    return LK_FAIL(SANDBOX);
}

static lk_result missing(unsigned gap, const char *what, bool strict)
{
    absent |= gap;
    lk_log(strict ? LK_LOG_ERROR : LK_LOG_WARN, "sandbox.absent", "what=%s", what);
    return strict ? LK_FAIL(SANDBOX) : LK_OK;
}

static lk_result enter_namespaces(unsigned wanted, bool strict)
{
    static const struct {
        unsigned bit;
        int flag;
    } map[] = {
        {LK_NS_NET, CLONE_NEWNET}, {LK_NS_IPC, CLONE_NEWIPC}, {LK_NS_MOUNT, CLONE_NEWNS}, {LK_NS_UTS, CLONE_NEWUTS},
    };
    if (wanted == 0)
        return LK_OK;
    int flags = CLONE_NEWUSER;
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
        flags |= (wanted & map[i].bit) != 0 ? map[i].flag : 0;
    return unshare(flags) == 0 ? LK_OK : missing(LK_GAP_NAMESPACES, "namespaces", strict);
}

static lk_result limit(int which, rlim_t value, const char *step)
{
    struct rlimit r = {value, value};
    return setrlimit((__rlimit_resource_t)which, &r) == 0 ? LK_OK : lk_sandbox_failed(step);
}

/* The C library opens its time zone file at the first conversion: let that be before the filter. */
static void warm_clock(void)
{
    char now[32];
    lk_time_format(lk_clock_wall(), now, sizeof(now));
}

lk_result lk_sandbox_begin(const struct lk_sandbox *s, bool strict)
{
    tzset(); /* gmtime_r and timegm look for the time zone once, when there are files no more */
    signal(SIGPIPE, SIG_IGN);
    warm_clock();
    LK_TRY(check_descriptors(s->first_closed)); /* first: /proc is closed to a process that is not dumpable */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return lk_sandbox_failed("pdeathsig");
    LK_TRY(enter_namespaces(s->namespaces, strict));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return lk_sandbox_failed("no_new_privs");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return lk_sandbox_failed("dumpable");
    return limit(RLIMIT_CORE, 0, "core");
}

static lk_result filter(const struct lk_sandbox *s)
{
#ifdef LK_SANITIZED
    (void)s;
    absent |= LK_GAP_SECCOMP;
    lk_log(LK_LOG_WARN, "sandbox.absent", "what=seccomp reason=sanitizer-build");
    return LK_OK;
#else
    return lk_sandbox_filter(s->calls);
#endif
}

lk_result lk_sandbox_enter(const struct lk_sandbox *s, bool strict)
{
    bool no_landlock = false;
    if (s->landlock)
        LK_TRY(lk_sandbox_landlock(s, &no_landlock));
    if (no_landlock)
        LK_TRY(missing(LK_GAP_LANDLOCK, "landlock", strict));
    LK_TRY(limit(RLIMIT_NOFILE, s->nofile, "nofile"));
    if (!s->makes_threads)
        LK_TRY(limit(RLIMIT_NPROC, 0, "nproc"));
    if (!s->writes_files)
        LK_TRY(limit(RLIMIT_FSIZE, 0, "fsize"));
    return filter(s);
}

unsigned lk_sandbox_absent(void)
{
    return absent;
}
