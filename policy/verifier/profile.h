/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_VERIFIER_PROFILE_H
#define LK_VERIFIER_PROFILE_H
/*
 * Everything that a verifier may do once it reads requests. The test of the sandbox (tests/system/sandbox) runs
 * hostile bodies under this same profile.
 */
#include "proto/base/sandbox.h"
#include "proto/link/descriptors.h"

/* Reads requests, writes verdicts and log lines, computes. No descriptor is ever opened (RLIMIT_NOFILE 0). */
static const struct lk_sandbox lk_verifier_profile = {
    .program = "verifier",
    .calls = "recvmsg sendmsg write:log getpid getrandom clock_gettime brk mmap:anonymous munmap mremap madvise futex "
             "exit_group rt_sigreturn",
    .namespaces = LK_NS_ALL,
    .landlock = true,
    .first_closed = LK_FD_VERIFIER_END,
};

#endif
