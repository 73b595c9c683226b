/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base/log.h"
#include "proto/base/sandbox_steps.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

#define INT_MASK 0xffffffffu
#define EQ(arg, v) {(arg), SCMP_CMP_MASKED_EQ, INT_MASK, (v)}
#define MASKED(arg, mask, v) {(arg), SCMP_CMP_MASKED_EQ, (mask), (v)}

/* One way in which a call with a rule is allowed; all comparisons must hold. */
static const struct {
    const char *word;
    unsigned n;
    struct scmp_arg_cmp cmp[3];
} rules[] = {
    {"mmap:anonymous", 3,
     {MASKED(2, PROT_EXEC, 0),
      MASKED(3, INT_MASK & ~(unsigned)(MAP_NORESERVE | MAP_STACK), MAP_PRIVATE | MAP_ANONYMOUS), EQ(4, INT_MASK)}},
    {"mmap:noexec", 1, {MASKED(2, PROT_EXEC, 0)}},
    {"mprotect:noexec", 1, {MASKED(2, PROT_EXEC, 0)}},
    {"write:log", 1, {EQ(0, 2)}},
    {"fcntl:flags", 1, {EQ(1, F_GETFL)}},
    {"fcntl:flags", 1, {EQ(1, F_SETFL)}},
    {"fcntl:flags", 1, {EQ(1, F_GETFD)}},
    {"fcntl:flags", 1, {EQ(1, F_SETFD)}},
    {"fcntl:flags", 1, {EQ(1, F_DUPFD_CLOEXEC)}},
    {"fcntl:seals", 1, {EQ(1, F_ADD_SEALS)}},
    {"fcntl:seals", 1, {EQ(1, F_GET_SEALS)}},
    {"clone:thread", 1, {MASKED(0, CLONE_THREAD, CLONE_THREAD)}},
    {"ioctl:fionbio", 1, {EQ(1, FIONBIO)}},
    {"ioctl:fionbio", 1, {EQ(1, FIONREAD)}},
    {"openat:read", 1, {MASKED(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)}},
    {"prctl:name", 1, {EQ(0, PR_SET_NAME)}},
    {"prctl:name", 1, {EQ(0, PR_SET_VMA)}},
};

static bool ends_in(const char *word, const char *end)
{
    size_t n = strlen(word), m = strlen(end);
    return n > m && strcmp(word + n - m, end) == 0;
}

static int call_number(const char *word)
{
    char name[64];
    size_t n = strcspn(word, ":");
    if (n >= sizeof(name))
        return __NR_SCMP_ERROR;
    memcpy(name, word, n);
    name[n] = '\0';
    return seccomp_syscall_resolve_name(name);
}

/* Number of rules that were added, or -1. */
static int add_ruled(scmp_filter_ctx ctx, const char *word, int call)
{
    int added = 0;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (strcmp(rules[i].word, word) != 0)
            continue;
        if (seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, rules[i].n, rules[i].cmp) != 0)
            return -1;
        added++;
    }
    return added;
}

static bool add_word(scmp_filter_ctx ctx, const char *word)
{
    int call = call_number(word);
    if (call == __NR_SCMP_ERROR)
        return false;
    if (strchr(word, ':') == NULL)
        return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, 0, NULL) == 0;
    if (ends_in(word, ":absent"))
        return seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(ENOSYS), call, 0, NULL) == 0;
    if (ends_in(word, ":none"))
        return seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EPERM), call, 0, NULL) == 0;
    return add_ruled(ctx, word, call) > 0;
}

static lk_result add_words(scmp_filter_ctx ctx, char *words)
{
    char *rest = NULL;
    for (char *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        if (add_word(ctx, word))
            continue;
        lk_log(LK_LOG_ERROR, "sandbox.failed", "step=seccomp word=%s", lk_log_text(word));
        return LK_FAIL(SANDBOX);
    }
    return LK_OK;
}

static lk_result load(scmp_filter_ctx ctx, char *words)
{
    LK_TRY(add_words(ctx, words));
    /* Threads that a PKCS#11 module or a library started come under the filter too. */
    int r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
    if (r == 0)
        r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (r == 0)
        r = seccomp_load(ctx);
    errno = -r;
    return r == 0 ? LK_OK : lk_sandbox_failed("seccomp");
}

lk_result lk_sandbox_filter(const char *calls)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    char *words = strdup(calls);
    lk_result r = ctx == NULL || words == NULL ? LK_FAIL(SANDBOX) : load(ctx, words);
    free(words);
    if (ctx != NULL)
        seccomp_release(ctx);
    return r;
}
