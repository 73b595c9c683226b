/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_SANDBOX_H
#define LK_BASE_SANDBOX_H
/*
 * How a program locks itself in. Archive lk_sandbox. Each program states its
 * profile once, near its main: the line that says everything it may do.
 *
 *     static const struct lk_sandbox sandbox = {
 *         .program = "verifier",
 *         .calls = "recvmsg sendmsg getpid getrandom brk mmap:anonymous munmap futex exit_group rt_sigreturn write:log",
 *         .namespaces = LK_NS_ALL, .landlock = true, .first_closed = LK_FD_VERIFIER_END,
 *     };
 *
 *     LK_TRY(lk_sandbox_begin(&sandbox, strict));     first thing in main, before a byte is read
 *     ... open, map, load, warm up ...
 *     LK_TRY(lk_sandbox_enter(&sandbox, strict));     no way back
 *
 * begin: no_new_privs, non-dumpable, no core files, nothing but the expected descriptors open, SIGPIPE ignored,
 *   death with the parent, namespaces where the kernel offers them.
 * enter: rlimits, Landlock where offered, seccomp: calls that are not named kill the process (the parent sees SIGSYS).
 *   All but namespaces and Landlock are required; with `strict` these are too. What is not there is logged
 *   (event=sandbox.absent) and told by lk_sandbox_absent. In sanitizer builds the filter is left out and logged.
 *
 * calls: names of system calls, separated by spaces. A name with a rule is allowed for such arguments only:
 *   mmap:anonymous     MAP_PRIVATE|MAP_ANONYMOUS (and NORESERVE, STACK), fd -1, never PROT_EXEC
 *   mmap:noexec        any mapping without PROT_EXEC
 *   mprotect:noexec
 *   write:log          descriptor 2
 *   fcntl:flags        F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC
 *   clone:thread       CLONE_THREAD; for glibc's fallback name clone3:absent (ENOSYS) beside it
 *   clone3:absent      gives ENOSYS instead of death; so does any other name with :absent (not rseq: glibc aborts)
 *   ioctl:fionbio      FIONBIO, FIONREAD
 *   openat:read        O_RDONLY without O_CREAT, O_TRUNC
 *   prctl:name         PR_SET_NAME, PR_SET_VMA
 *   fcntl:seals        F_ADD_SEALS, F_GET_SEALS
 *   kill:none          any other name with :none is allowed only to fail: EPERM
 */
#include "proto/base/result.h"

#include <stddef.h>

enum lk_namespace {
    LK_NS_USER = 1,
    LK_NS_NET = 2,
    LK_NS_IPC = 4,
    LK_NS_MOUNT = 8,
    LK_NS_UTS = 16,
    LK_NS_ALL = 31,
};

enum lk_path_right { LK_PATH_READ = 1, LK_PATH_WRITE = 2, LK_PATH_EXECUTE = 4 }; /* with all that is below */

struct lk_sandbox_path {
    const char *path; /* one that does not exist is left out, and logged */
    unsigned rights;  /* enum lk_path_right */
};

struct lk_sandbox {
    const char *program;
    const char *calls;
    unsigned namespaces;  /* LK_NS_USER comes with any of the others */
    bool landlock;        /* only `paths` stay within reach; none: no file at all */
    const struct lk_sandbox_path *paths;
    size_t n_paths;
    /* lk_sandbox_allow_paths when there are paths: a function that opens files is not even linked elsewhere */
    lk_result (*allow_paths)(int ruleset, const struct lk_sandbox *s, uint64_t handled);
    bool tcp;             /* with landlock: TCP bind and connect stay possible (a token in a network) */
    int first_closed;     /* this descriptor and all above it must not be open when begin is called */
    unsigned nofile;      /* RLIMIT_NOFILE after enter; 0: no new descriptor ever */
    bool makes_threads;   /* else RLIMIT_NPROC 0 */
    bool writes_files;    /* else RLIMIT_FSIZE 0 */
};

/* Bits of what the kernel did not offer. */
enum lk_sandbox_gap { LK_GAP_NAMESPACES = 1, LK_GAP_LANDLOCK = 2, LK_GAP_SECCOMP = 4 /* sanitizer builds */ };

/* SANDBOX, with event=sandbox.failed and the step in the log. */
LK_MUST_USE lk_result lk_sandbox_begin(const struct lk_sandbox *s, bool strict);
LK_MUST_USE lk_result lk_sandbox_enter(const struct lk_sandbox *s, bool strict);
unsigned lk_sandbox_absent(void);

/* Adds the profile's paths to a Landlock ruleset that handles these rights. For lk_sandbox.allow_paths. SANDBOX. */
LK_MUST_USE lk_result lk_sandbox_allow_paths(int ruleset, const struct lk_sandbox *s, uint64_t handled);

#endif
