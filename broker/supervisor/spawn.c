/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/supervisor/spawn.h"
#include "proto/base/file.h"
#include "proto/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

lk_result lk_spawn_find(const char *program, char path[static PATH_MAX])
{
    if (lk_file_program(program, path))
        return LK_OK;
    lk_log(LK_LOG_ERROR, "program.missing", "program=%s", program);
    return LK_FAIL(FILE);
}

/* All sources first go above every target, so that no dup2 hits a source that is still wanted. */
static bool place_descriptors(const struct lk_spawn *s, int log)
{
    enum { ABOVE = 3 + LK_SPAWN_FDS_MAX };
    int high[LK_SPAWN_FDS_MAX], null = open("/dev/null", O_RDWR);
    int log_high = fcntl(log, F_DUPFD, ABOVE);
    if (null == -1 || log_high == -1)
        return false;
    int null_high = fcntl(null, F_DUPFD, ABOVE);
    for (size_t i = 0; i < s->n_fds; i++)
        if ((high[i] = fcntl(s->fds[i], F_DUPFD, ABOVE)) == -1)
            return false;
    if (dup2(null_high, 0) == -1 || dup2(null_high, 1) == -1 || dup2(log_high, 2) == -1)
        return false;
    for (size_t i = 0; i < s->n_fds; i++)
        if (dup2(high[i], 3 + (int)i) == -1)
            return false;
    return close_range(3 + (unsigned)s->n_fds, ~0u, 0) == 0;
}

static bool become(const char *user)
{
    if (user == NULL || *user == '\0' || geteuid() != 0)
        return true;
    const struct passwd *pw = getpwnam(user);
    return pw != NULL && setgroups(0, NULL) == 0 && setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == 0 &&
           setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0;
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
}

static _Noreturn void child(const struct lk_spawn *s, const char *path, int log)
{
    static const char *const no_env[] = {NULL};
    const char *argv[18] = {path};
    for (size_t i = 0; s->args != NULL && s->args[i] != NULL && i < 16; i++)
        argv[1 + i] = s->args[i];
    reset_signals();
    umask(077);
    setpgid(0, 0); /* a key pressed in the supervisor's terminal is not for its children */
    if (chdir(s->folder == NULL ? "/" : s->folder) != 0 || !become(s->user) || !place_descriptors(s, log)) {
        lk_log(LK_LOG_ERROR, "process.not-started", "program=%s error=%s", s->program, lk_log_text(strerror(errno)));
        _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execve(path, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)(s->env == NULL ? no_env : s->env));
    lk_log(LK_LOG_ERROR, "process.not-started", "program=%s error=%s", s->program, lk_log_text(strerror(errno)));
    _exit(127);
}

lk_result lk_spawn(const struct lk_spawn *s, pid_t *pid, int *log)
{
    char path[PATH_MAX];
    int pipe_fds[2];
    LK_TRY(lk_spawn_find(s->program, path));
    LK_REQUIRE(pipe2(pipe_fds, O_CLOEXEC) == 0, IO);
    *pid = fork();
    if (*pid == 0)
        child(s, path, pipe_fds[1]);
    close(pipe_fds[1]);
    if (*pid == -1 || fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK) != 0) {
        close(pipe_fds[0]);
        return LK_FAIL(IO);
    }
    *log = pipe_fds[0];
    return LK_OK;
}
