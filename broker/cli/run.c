/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/cli/run.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/supervisor/spawn.h"

#define ARGS_MAX 16

/* Above every target first, so that no descriptor is overwritten before it is placed. */
static bool place_descriptors(const int fds[static LK_RUN_FDS])
{
    int high[LK_RUN_FDS];
    for (int i = 0; i < LK_RUN_FDS; i++) {
        int fd = fds[i] >= 0 ? fds[i] : open("/dev/null", O_RDWR | O_CLOEXEC);
        high[i] = fcntl(fd, F_DUPFD_CLOEXEC, 64);
        if (high[i] < 0)
            return false;
    }
    for (int i = 0; i < LK_RUN_FDS; i++)
        if (dup2(high[i], i) != i)
            return false;
    return close_range(LK_RUN_FDS, ~0u, 0) == 0;
}

static bool become(const char *user)
{
    if (user == NULL || *user == '\0' || geteuid() != 0)
        return true;
    const struct passwd *pw = getpwnam(user);
    return pw != NULL && initgroups(user, pw->pw_gid) == 0 && setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == 0 &&
           setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0;
}

static _Noreturn void child(const struct lk_run *r, const char *path)
{
    static const char *const none[] = {NULL};
    const char *argv[ARGS_MAX + 2] = {r->program};
    for (int i = 0; r->args != NULL && r->args[i] != NULL && i < ARGS_MAX; i++)
        argv[1 + i] = r->args[i];
    if ((r->folder == NULL || chdir(r->folder) == 0) && become(r->user) && place_descriptors(r->fds))
        execve(path, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)(r->env != NULL ? r->env : none));
    _exit(127);
}

lk_result lk_run_start(const struct lk_run *r, pid_t *pid)
{
    char path[PATH_MAX];
    LK_TRY(lk_spawn_find(r->program, path));
    *pid = fork();
    LK_REQUIRE(*pid >= 0, IO);
    if (*pid == 0)
        child(r, path);
    return LK_OK;
}

int lk_run_wait(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
