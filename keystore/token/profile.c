/* SPDX-License-Identifier: Apache-2.0 */
#include "keystore/token/profile.h"

#include "proto/link/descriptors.h"

#include <string.h>

/* Threads, memory, the link; then what a module that keeps files does: open, lock, list, replace. */
#define CALLS_BASE                                                                                               \
    "recvmsg sendmsg read write close futex getpid gettid getrandom brk mmap:noexec mprotect:noexec munmap mremap " \
    "madvise clone:thread clone3:absent set_robust_list rseq exit exit_group rt_sigreturn rt_sigprocmask "           \
    "rt_sigaction clock_gettime clock_nanosleep sched_yield sched_getaffinity restart_syscall prctl:name tgkill "
#define CALLS_FILES                                                                                              \
    "openat open lseek pread64 pwrite64 readv writev fstat newfstatat stat lstat statx access faccessat fcntl flock " \
    "getdents64 mkdir mkdirat rmdir unlink unlinkat rename renameat ftruncate fsync fdatasync umask chmod fchmod "   \
    "getcwd readlink getuid geteuid getgid getegid statfs fstatfs ioctl:fionbio fadvise64 uname sysinfo "
/* A module that logs through syslog, or asks for the network, is told no. */
#define CALLS_OFFLINE "socket:none connect:none sendto:none"
#define CALLS_ONLINE                                                                                             \
    "socket connect sendto recvfrom getsockopt setsockopt getsockname getpeername shutdown poll ppoll select "       \
    "pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd2 pipe2 socketpair"

static const struct {
    const char *name;
    const char *calls;
    unsigned namespaces;
    bool tcp;
} profiles[] = {
    {"file", CALLS_BASE CALLS_FILES CALLS_OFFLINE, LK_NS_NET | LK_NS_IPC | LK_NS_UTS, false},
    {"network", CALLS_BASE CALLS_FILES CALLS_ONLINE, LK_NS_IPC | LK_NS_UTS, true},
};

static lk_result add_paths(const struct lk_settings *s, const char *name, unsigned rights,
                           struct lk_token_profile *out)
{
    size_t at = 0;
    for (const char *path; (path = lk_settings_next(s, name, &at)) != NULL;) {
        LK_REQUIRE(out->sandbox.n_paths < LK_TOKEN_PATHS_MAX, CONFIG);
        out->paths[out->sandbox.n_paths++] = (struct lk_sandbox_path){path, rights};
    }
    return LK_OK;
}

lk_result lk_token_profile(const struct lk_settings *s, struct lk_token_profile *out)
{
    const char *name = lk_settings_text(s, "profile");
    *out = (struct lk_token_profile){
        .sandbox = {.program = "token", .landlock = true, .first_closed = LK_FD_TOKEN_END, .nofile = 256,
                    .makes_threads = true, .writes_files = true}};
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        if (strcmp(name == NULL ? "file" : name, profiles[i].name) != 0)
            continue;
        out->sandbox.calls = profiles[i].calls;
        out->sandbox.namespaces = profiles[i].namespaces;
        out->sandbox.tcp = profiles[i].tcp;
    }
    LK_REQUIRE(out->sandbox.calls != NULL, CONFIG);
    out->sandbox.paths = out->paths;
    out->sandbox.allow_paths = lk_sandbox_allow_paths;
    LK_TRY(add_paths(s, "read-only", LK_PATH_READ, out));
    return add_paths(s, "read-write", LK_PATH_READ | LK_PATH_WRITE, out);
}
