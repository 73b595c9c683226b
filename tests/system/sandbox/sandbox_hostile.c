/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a taken-over verifier can do: bodies that try to leave run under latchkey-verifier's own profile
 * (policy/verifier/profile.h), each in a process of its own. SIGSYS is the only right end for the hostile ones; the honest ones
 * show that the profile lets a verifier work.
 */
#include "policy/verifier/profile.h"
#include "proto/base/log.h"
#include "proto/link/frame.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void opens_a_file(void) { (void)!open("/etc/passwd", O_RDONLY); }
static void writes_a_file(void) { (void)!open("/tmp/latchkey-hostile", O_WRONLY | O_CREAT, 0600); }
static void opens_by_number(void) { syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", NULL, 0); }
static void makes_a_socket(void) { (void)!socket(AF_INET, SOCK_STREAM, 0); }
static void makes_a_pair(void) { int fds[2]; (void)!socketpair(AF_UNIX, SOCK_STREAM, 0, fds); }
static void forks(void) { (void)!fork(); }
static void runs_a_program(void) { execl("/bin/true", "true", (char *)NULL); }
static void maps_code(void) { (void)!mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static void maps_shared(void) { (void)!mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0); }
static void maps_a_descriptor(void) { (void)!mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 2, 0); }
static void makes_memory_code(void) { mprotect((void *)((uintptr_t)&opens_a_file & ~(uintptr_t)4095), 4096, PROT_READ | PROT_EXEC); }
static void traces_its_parent(void) { syscall(SYS_ptrace, 16, getppid(), 0, 0); }
static void kills_its_parent(void) { kill(1, SIGTERM); }
static void writes_elsewhere(void) { (void)!write(1, "x", 1); }
static void reads_anything(void) { char c; (void)!read(0, &c, 1); }
static void polls(void) { syscall(SYS_poll, NULL, 0, 0); }
static void duplicates(void) { (void)!dup(2); }
static void makes_a_memfd(void) { (void)!memfd_create("x", 0); }
static void asks_for_io_uring(void) { syscall(SYS_io_uring_setup, 8, NULL); }
static void loads_bpf(void) { syscall(SYS_bpf, 0, NULL, 0); }
static void changes_its_filter(void) { syscall(SYS_seccomp, 0, 0, NULL); }
static void changes_namespaces(void) { syscall(SYS_unshare, 0x10000000); }
static void mounts(void) { syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL); }
static void changes_its_user(void) { (void)!setuid(0); }
static void looks_at_others(void) { syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0); }
static void uses_another_abi(void) { syscall(SYS_getpid | 0x40000000); }

static const struct {
    const char *name;
    void (*body)(void);
} hostile[] = {
#define BODY(fn) {#fn, fn}
    BODY(opens_a_file),      BODY(writes_a_file),      BODY(opens_by_number),   BODY(makes_a_socket), BODY(makes_a_pair),
    BODY(forks),             BODY(runs_a_program),     BODY(maps_code),         BODY(maps_shared),    BODY(maps_a_descriptor),
    BODY(makes_memory_code), BODY(traces_its_parent),  BODY(kills_its_parent),  BODY(writes_elsewhere), BODY(reads_anything),
    BODY(polls),             BODY(duplicates),         BODY(makes_a_memfd),     BODY(asks_for_io_uring), BODY(loads_bpf),
    BODY(changes_its_filter), BODY(changes_namespaces), BODY(mounts),           BODY(changes_its_user), BODY(looks_at_others),
    BODY(uses_another_abi),
};

/* What a verifier does all day. */
static void works(void)
{
    uint8_t random[32], buf[64];
    int fds[2] = {LK_FD_VERIFIER_REQUESTS, LK_FD_VERIFIER_VERDICTS};
    struct lk_frame f;
    void *big = malloc(8u << 20), *small = malloc(100);
    memset(big, 1, 8u << 20);
    free(big);
    free(small);
    bool fine = RAND_bytes(random, sizeof(random)) == 1 && time(NULL) > 0 &&
                lk_ok(lk_frame_send(fds[0], LK_F_TAKEN, 1, lk_bytes("abcd", 4))) &&
                lk_ok(lk_frame_recv(fds[1], LK_LINK_KEEPER_FRONT, buf, sizeof(buf), &f));
    lk_log(LK_LOG_INFO, "works", "fine=%d", fine);
    _exit(fine ? 0 : 3);
}

/* A descriptor that is sent along never arrives: RLIMIT_NOFILE is 0. */
static void takes_a_descriptor(void)
{
    uint8_t buf[64];
    struct lk_frame f;
    lk_result r = lk_frame_send_fd(LK_FD_VERIFIER_REQUESTS, LK_F_CTL_FRONT_LINK, 0, LK_BYTES_NONE, 2);
    if (lk_ok(r))
        r = lk_frame_recv(LK_FD_VERIFIER_VERDICTS, LK_LINK_SUPER_KEEPER, buf, sizeof(buf), &f);
    _exit(r.code == LK_R_FRAME_FORBIDDEN ? 0 : 3);
}

static _Noreturn void confined(void (*body)(void))
{
    int fds[2], log[2];
    if (pipe(log) != 0 || dup2(log[1], 2) == -1) /* the log is a pipe, as the supervisor makes it */
        _exit(4);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0 || dup2(fds[0], 20) == -1 || dup2(fds[1], 21) == -1 ||
        dup2(20, LK_FD_VERIFIER_REQUESTS) == -1 || dup2(21, LK_FD_VERIFIER_VERDICTS) == -1 ||
        close_range(LK_FD_VERIFIER_END, ~0u, 0) != 0)
        _exit(4);
    uint8_t random[1];
    RAND_bytes(random, 1);
    lk_log_setup("hostile", LK_LOG_INFO);
    if (!lk_ok(lk_sandbox_begin(&lk_verifier_profile, false)) || !lk_ok(lk_sandbox_enter(&lk_verifier_profile, false)))
        _exit(5);
    body();
    _exit(6); /* the forbidden call came back */
}

static int run(void (*body)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        confined(body);
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

static int expect(const char *name, int status, bool killed)
{
    bool fine = killed ? WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS : WIFEXITED(status) && WEXITSTATUS(status) == 0;
    printf("%s %s: %s %d\n", fine ? "ok  " : "FAIL", name, WIFSIGNALED(status) ? "signal" : "exit",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return fine ? 0 : 1;
}

static int stray_descriptor_is_noticed(void)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close_range(LK_FD_VERIFIER_END, ~0u, 0);
        dup2(2, LK_FD_VERIFIER_END + 3);
        _exit(lk_sandbox_begin(&lk_verifier_profile, false).code == LK_R_SANDBOX ? 0 : 3);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    return expect("stray_descriptor_is_noticed", status, false);
}

int main(void)
{
#ifdef LK_SANITIZED
    puts("SKIP: sanitizer builds have no filter");
    return 77;
#endif
    int failed = expect("works", run(works), false) + expect("takes_a_descriptor", run(takes_a_descriptor), false) +
                 stray_descriptor_is_noticed();
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
        failed += expect(hostile[i].name, run(hostile[i].body), true);
    return failed == 0 ? 0 : 1;
}
