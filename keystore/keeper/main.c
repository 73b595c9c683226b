/* SPDX-License-Identifier: Apache-2.0 */
/* latchkey-keeper: what is kept, what is released, and the record of it. docs/man/latchkey-keeper.8. */
#include "keystore/keeper/keeper.h"
#include "proto/base/sandbox.h"
#include "proto/link/descriptors.h"
#include "proto/link/settings.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOCKED_BYTES (1u << 20)
#define SPENT_TICKETS 65536
#define SPENT_BYTES (64u << 20)

/* Everything that the keeper may do: talk on inherited links, and write what LMDB has open. It opens nothing more. */
static const struct lk_sandbox sandbox = {
    .program = "keeper",
    .calls = "recvmsg sendmsg read write readv writev pread64 pwrite64 pwritev fdatasync fsync fstat newfstatat lseek "
             "fcntl ftruncate memfd_create close epoll_wait epoll_pwait epoll_ctl poll ioctl:fionbio eventfd2 "
             "clock_gettime gettimeofday clock_nanosleep nanosleep futex sched_yield getpid gettid getrandom brk "
             "mmap:noexec munmap mremap mprotect:noexec madvise clone:thread clone3:absent rseq set_robust_list "
             "rt_sigprocmask rt_sigaction rt_sigreturn tgkill exit exit_group restart_syscall sysinfo",
    .namespaces = LK_NS_ALL,
    .landlock = true,
    .first_closed = LK_FD_KEEPER_END,
    .nofile = 512,
    .makes_threads = true,
    .writes_files = true,
};

void lk_keeper_written(evutil_socket_t fd, short what, void *keeper)
{
    struct lk_keeper *k = keeper;
    (void)fd;
    (void)what;
    lk_writer_reap(k->writer);
}

#ifndef LK_SANITIZED /* whose handlers say more */
/* A page of the store that the disk does not give, or that leads out of the file: nothing may be released from it. */
static void on_bad_page(int sig)
{
    static const char line[] = "error keeper event=keeper.fail code=STORE_DAMAGED what=\"a page of the store cannot be read\"\n";
    ssize_t n = write(2, line, sizeof(line) - 1);
    (void)n;
    (void)sig;
    _exit(LK_EXIT_NO_USE);
}

static void catch_bad_pages(void)
{
    struct sigaction a = {.sa_handler = on_bad_page};
    sigaction(SIGBUS, &a, NULL);
    sigaction(SIGSEGV, &a, NULL);
}
#else
static void catch_bad_pages(void)
{
}
#endif

static void ignore_control_signals(void)
{
    signal(SIGINT, SIG_IGN); /* a terminal's; the supervisor decides when the keeper ends */
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

static lk_result read_settings(struct lk_keeper *k, bool *strict)
{
    struct lk_settings s;
    LK_TRY(lk_settings_read(LK_FD_SETTINGS, &s));
    *strict = lk_settings_strict(&s);
    lk_log_setup("keeper", lk_settings_log_level(&s));
    lk_result r = lk_settings_uint(&s, "max-size", 1u << 20, UINT64_C(1) << 44, &k->max_size);
    if (lk_ok(r))
        r = lk_settings_uint(&s, "verifiers", 1, 1024, &k->verifiers);
    if (lk_ok(r))
        r = lk_settings_uint(&s, "challenge-lifetime", 1, 3600, &k->challenge_lifetime);
    if (lk_ok(r))
        r = lk_settings_uint(&s, "token-timeout-ms", 1, 600000, &k->token_timeout_ms);
    lk_settings_free(&s);
    return r;
}

static lk_result make(struct lk_keeper *k)
{
    struct event_config *c = event_config_new();
    LK_REQUIRE(c != NULL, MEMORY);
    k->base = event_base_new_with_config(c);
    event_config_free(c);
    k->last_call = &k->calls;
    k->last_making = &k->makings;
    k->state = lk_state_new();
    k->spent = lk_spent_new(SPENT_TICKETS, SPENT_BYTES);
    k->budget = lk_budget_new();
    k->noise = lk_noise_new();
    k->collateral.missing = lk_missing_new();
    k->answer_spki = lk_buf(1024);
    k->certification = lk_buf(256);
    k->installation_key = lk_buf(1024);
    k->import_key = lk_buf(1024);
    k->import_certification = lk_buf(256);
    bool ok = k->base != NULL && k->state != NULL && k->spent != NULL && k->budget != NULL && k->noise != NULL &&
              k->collateral.missing != NULL;
    return ok ? LK_OK : LK_FAIL(MEMORY);
}

/* OpenSSL fetches on first use: once, while nothing is forbidden yet. */
static void warm_up(void)
{
    uint8_t digest[32];
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
    (void)EVP_Digest("", 0, digest, NULL, EVP_sha256(), NULL);
}

static lk_result prepare(struct lk_keeper *k)
{
    bool strict = false;
    LK_TRY(read_settings(k, &strict));
    LK_TRY(lk_sandbox_begin(&sandbox, strict));
    catch_bad_pages();
    ignore_control_signals();
    warm_up();
    LK_TRY(lk_secret_setup(LOCKED_BYTES));
    LK_TRY(make(k));
    LK_TRY(lk_store_open(".", k->max_size, &k->store, &k->header));
    LK_TRY(lk_sandbox_enter(&sandbox, strict));
    LK_TRY(lk_ring_open(k, LK_FD_CONTROL));
    return lk_trail_start(k);
}

static int serve(void)
{
    static struct lk_keeper keeper;
    lk_log_setup("keeper", LK_LOG_INFO);
    lk_result r = prepare(&keeper);
    if (!lk_ok(r))
        lk_keeper_fail(r, "start");
    lk_port_send(keeper.control, LK_F_CTL_READY, 0, LK_BYTES_NONE);
    event_base_dispatch(keeper.base);
    lk_writer_stop(keeper.writer); /* what is queued is written; its answers find no link */
    lk_store_close(keeper.store);
    _exit(0);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--init") == 0)
        return lk_keeper_init();
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("latchkey-keeper " LK_VERSION);
        return 0;
    }
    if (argc != 1) {
        bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
        fputs("latchkey-keeper is started by latchkeyd, and with --init by latchkey init\n", help ? stdout : stderr);
        return help ? 0 : 64;
    }
    return serve();
}
