/* SPDX-License-Identifier: Apache-2.0 */
/* latchkey-token as a process: its descriptors, its link, its sandbox, its ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keystore/token/create.h"
#include "keystore/token/head.h"
#include "proto/link/frame.h"
#include "proto/link/settings.h"
#include "tests/emulators/softhsm/softhsm.h"

#define CODE(r) ((int)(r).code)
enum { ROOM = 128 << 10, EXIT_CONFIGURED = 78 };

static struct softhsm hsm;
static char control_dir[128], control[160];
static uint8_t room[ROOM];

struct process {
    pid_t pid;
    int link;
    struct lk_token_info info;
};

struct options {
    const char *module, *pin, *extra;
    unsigned timeout_ms;
};

static const struct options usual = {SOFTHSM_MODULE, SOFTHSM_PIN, "", 5000};
static const struct options shimmed = {SHIM, SOFTHSM_PIN, "", 5000};

static int start(void **state)
{
    (void)state;
    struct lk_token t;
    struct lk_session s;
    if (!softhsm_start(&hsm) || !lk_ok(softhsm_open(&t, &s, SOFTHSM_MODULE, SOFTHSM_PIN)) ||
        !lk_ok(lk_create_all(&s, false)))
        return 1;
    lk_token_close(&t);
    snprintf(control_dir, sizeof(control_dir), "%s/control", hsm.dir);
    snprintf(control, sizeof(control), "%s/word", control_dir);
    char command[160];
    snprintf(command, sizeof(command), "mkdir %s", control_dir);
    return system(command) != 0 || setenv("SHIM_CONTROL", control, 1) != 0;
}

static int stop(void **state)
{
    (void)state;
    softhsm_stop(&hsm);
    return 0;
}

static void order(const char *word)
{
    FILE *f = fopen(control, "w");
    assert_non_null(f);
    fputs(word, f);
    fclose(f);
}

static int settings_of(const struct options *o)
{
    LK_BUF_AUTO text = lk_buf(4096);
    int fd = -1;
    lk_put_fmt(&text, "module %s\nlabel %s\nsessions 3\ntoken-timeout-ms %u\n", o->module, SOFTHSM_LABEL,
               o->timeout_ms);
    lk_put_fmt(&text, "read-write %s\nread-write %s\nread-only %s\n%s", hsm.tokens, control_dir, hsm.conf, o->extra);
    assert_int_equal(CODE(lk_settings_memfd(lk_buf_bytes(&text), &fd)), LK_R_OK);
    return fd;
}

static int pin_of(const struct options *o)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], o->pin, strlen(o->pin)), strlen(o->pin));
    assert_int_equal(write(ends[1], "\n", 1), 1);
    close(ends[1]);
    return ends[0];
}

/* Descriptors 3, 4 and 5, and nothing else; high copies first, so that none is overwritten on its way. */
static _Noreturn void become_token(int link, int settings, int pin)
{
    const int from[] = {fcntl(link, F_DUPFD, 100), fcntl(settings, F_DUPFD, 100), fcntl(pin, F_DUPFD, 100)};
    for (int i = 0; i < 3; i++)
        dup2(from[i], 3 + i);
    closefrom(6);
    execl(PROGRAM, "latchkey-token", (char *)NULL);
    _exit(127);
}

static struct process spawn(const struct options *o)
{
    struct process p = {0};
    int ends[2], settings = settings_of(o), pin = pin_of(o);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    p.pid = fork();
    assert_true(p.pid >= 0);
    if (p.pid == 0)
        become_token(ends[1], settings, pin);
    close(ends[1]);
    close(settings);
    close(pin);
    p.link = ends[0];
    return p;
}

static lk_result receive(struct process *p, struct lk_frame *f)
{
    struct pollfd ready = {.fd = p->link, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 60000), 1);
    return lk_frame_recv(p->link, LK_LINK_TOKEN_KEEPER, room, sizeof(room), f);
}

static struct process started(const struct options *o)
{
    struct process p = spawn(o);
    struct lk_frame f;
    assert_int_equal(CODE(receive(&p, &f)), LK_R_OK);
    assert_int_equal(f.type, LK_F_TOKEN_READY);
    assert_int_equal(CODE(lk_token_info_get(f.payload, &p.info)), LK_R_OK);
    return p;
}

/* The exit code, or 1000 and the signal. */
static int ended(struct process *p)
{
    int status = 0;
    for (int i = 0; i < 600; i++) {
        if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
            close(p->link);
            return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
        }
        nanosleep(&(struct timespec){.tv_nsec = 50000000L}, NULL);
    }
    kill(p->pid, SIGKILL);
    waitpid(p->pid, &status, 0);
    fail_msg("the process does not end");
    return -1;
}

static int closed(struct process *p)
{
    shutdown(p->link, SHUT_RDWR);
    return ended(p);
}

static void send_call(struct process *p, uint16_t type, uint64_t request, const struct lk_buf *payload)
{
    assert_int_equal(CODE(lk_frame_send(p->link, type, request, lk_buf_bytes(payload))), LK_R_OK);
}

/* One call and its answer; output borrows from the room until the next. */
static lk_result call(struct process *p, uint16_t type, const struct lk_buf *payload, struct lk_bytes *output)
{
    struct lk_frame f;
    lk_result r;
    send_call(p, type, 7, payload);
    LK_TRY(receive(p, &f));
    assert_int_equal(f.type, LK_F_RESULT);
    assert_int_equal(f.request, 7);
    assert_int_equal(CODE(lk_call_result_get(f.payload, &r, output)), LK_R_OK);
    return r;
}

static lk_result wrap(struct process *p, struct lk_buf *blob)
{
    LK_BUF_AUTO payload = lk_buf(128);
    struct lk_bytes output;
    lk_call_wrap_put(&payload, &(struct lk_call_wrap){LK_KEK_SEALED, lk_bytes_str("secret")});
    LK_TRY(call(p, LK_F_CALL_WRAP, &payload, &output));
    blob->len = 0;
    lk_put(blob, output);
    return LK_OK;
}

static void it_serves_and_leaves_when_the_link_closes(void **state)
{
    (void)state;
    struct process p = started(&usual);
    LK_BUF_AUTO blob = lk_buf(256);
    LK_BUF_AUTO payload = lk_buf(256);
    struct lk_bytes output;
    assert_int_equal(p.info.suites[0], LK_SUITE_RSA_SHA1);
    assert_int_equal(CODE(wrap(&p, &blob)), LK_R_OK);
    lk_call_unwrap_put(&payload, &(struct lk_call_unwrap){lk_buf_bytes(&blob)});
    assert_int_equal(CODE(call(&p, LK_F_CALL_UNWRAP, &payload, &output)), LK_R_OK);
    assert_true(lk_bytes_eq(output, lk_bytes_str("secret")));
    blob.data[9] ^= 1;
    payload.len = 0;
    lk_call_unwrap_put(&payload, &(struct lk_call_unwrap){lk_buf_bytes(&blob)});
    assert_int_equal(CODE(call(&p, LK_F_CALL_UNWRAP, &payload, &output)), LK_R_TOKEN_BLOB);
    assert_int_equal(closed(&p), 0);
}

/* Many calls at once: each is answered once, by its own number, in any order. */
static void calls_may_overtake_each_other(void **state)
{
    (void)state;
    enum { CALLS = 120 };
    struct process p = started(&usual);
    bool seen[CALLS] = {false};
    for (uint64_t i = 0; i < CALLS; i++) {
        LK_BUF_AUTO payload = lk_buf(256);
        uint8_t message[4] = {(uint8_t)i};
        if (i % 2 == 0)
            lk_call_sign_put(&payload, &(struct lk_call_sign){LK_SIGN_CHECKPOINT, LK_BYTES(message)});
        else
            lk_call_wrap_put(&payload, &(struct lk_call_wrap){LK_KEK_SEALED, LK_BYTES(message)});
        send_call(&p, i % 2 == 0 ? LK_F_CALL_SIGN : LK_F_CALL_WRAP, i, &payload);
    }
    for (size_t i = 0; i < CALLS; i++) {
        struct lk_frame f;
        lk_result r;
        struct lk_bytes output;
        assert_int_equal(CODE(receive(&p, &f)), LK_R_OK);
        assert_true(f.request < CALLS && !seen[f.request]);
        seen[f.request] = true;
        assert_int_equal(CODE(lk_call_result_get(f.payload, &r, &output)), LK_R_OK);
        assert_int_equal(CODE(r), LK_R_OK);
    }
    assert_int_equal(closed(&p), 0);
}

/* Killed at any moment of head sets, the head is one that was sent, and not before the last that was answered. */
static void the_head_survives_kill_9(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 6; round++) {
        struct process p = started(&usual);
        struct lk_head now = p.info.head, sent = now;
        for (unsigned i = 0; i < 3 + round; i++) {
            LK_BUF_AUTO payload = lk_buf(256);
            struct lk_call_head c = {.set = true, .expected = now, .next = {now.index + 1, {(uint8_t)round}}};
            lk_call_head_put(&payload, &c);
            sent = c.next;
            if (i == 2 + round) { /* the last one is not waited for */
                send_call(&p, LK_F_CALL_HEAD, 7, &payload);
                break;
            }
            struct lk_bytes output;
            assert_int_equal(CODE(call(&p, LK_F_CALL_HEAD, &payload, &output)), LK_R_OK);
            assert_int_equal(CODE(lk_head_get(output, &now)), LK_R_OK);
            assert_int_equal(now.index, sent.index);
        }
        nanosleep(&(struct timespec){.tv_nsec = (long)round * 700000L}, NULL);
        kill(p.pid, SIGKILL);
        assert_int_equal(ended(&p), 1000 + SIGKILL);

        struct process again = started(&usual);
        assert_true(again.info.head.index == now.index || again.info.head.index == sent.index);
        assert_int_equal(closed(&again), 0);
    }
}

static void a_wrong_pin_ends_it_for_good(void **state)
{
    (void)state;
    struct options o = usual;
    o.pin = "00000000";
    struct process p = spawn(&o);
    assert_int_equal(ended(&p), EXIT_CONFIGURED);
}

static void an_unknown_profile_ends_it_for_good(void **state)
{
    (void)state;
    struct options o = usual;
    o.extra = "profile no-such\n";
    struct process p = spawn(&o);
    assert_int_equal(ended(&p), EXIT_CONFIGURED);
}

static void a_frame_that_is_not_the_keepers_ends_it(void **state)
{
    (void)state;
    static const uint16_t types[] = {LK_F_RESULT, LK_F_VERDICT, LK_F_CALL_UNWRAP};
    for (size_t i = 0; i < 3; i++) {
        struct process p = started(&usual);
        LK_BUF_AUTO payload = lk_buf(8);
        lk_put_u8(&payload, 0xff);
        send_call(&p, types[i], 1, &payload);
        assert_int_equal(ended(&p), 1);
    }
}

static void a_hung_token_ends_it(void **state)
{
    (void)state;
    struct options o = shimmed;
    o.timeout_ms = 500;
    struct process p = started(&o);
    LK_BUF_AUTO payload = lk_buf(128);
    order("hang");
    lk_call_wrap_put(&payload, &(struct lk_call_wrap){LK_KEK_SEALED, lk_bytes_str("secret")});
    send_call(&p, LK_F_CALL_WRAP, 1, &payload);
    assert_int_equal(ended(&p), 1);
    unlink(control);
}

static void lost_sessions_and_devices_are_repaired_inside_the_sandbox(void **state)
{
    (void)state;
    static const char *const faults[] = {"lose", "gone", "lose"};
    struct process p = started(&shimmed);
    LK_BUF_AUTO blob = lk_buf(256);
    for (size_t i = 0; i < 3; i++) {
        order(faults[i]);
        assert_int_equal(CODE(wrap(&p, &blob)), LK_R_OK);
        assert_int_equal(access(control, F_OK), -1);
    }
    assert_int_equal(closed(&p), 0);
}

/* A module that turns hostile: no network in the file profile, no child, no other program. */
static void the_module_is_confined(void **state)
{
    (void)state;
#ifdef LK_SANITIZED
    skip(); /* no system call filter in sanitizer builds */
#endif
    static const char *const deadly[] = {"fork", "exec"};
    LK_BUF_AUTO blob = lk_buf(256);
    for (size_t i = 0; i < 2; i++) {
        struct process p = started(&shimmed);
        order(deadly[i]);
        assert_int_not_equal(CODE(wrap(&p, &blob)), LK_R_OK);
        assert_int_equal(ended(&p), 1000 + SIGSYS);
        unlink(control);
    }
    struct process p = started(&shimmed);
    order("socket");
    assert_int_not_equal(CODE(wrap(&p, &blob)), LK_R_OK);
    unlink(control);
    assert_int_equal(CODE(wrap(&p, &blob)), LK_R_OK);
    assert_int_equal(closed(&p), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_serves_and_leaves_when_the_link_closes),
        cmocka_unit_test(calls_may_overtake_each_other),
        cmocka_unit_test(the_head_survives_kill_9),
        cmocka_unit_test(a_wrong_pin_ends_it_for_good),
        cmocka_unit_test(an_unknown_profile_ends_it_for_good),
        cmocka_unit_test(a_frame_that_is_not_the_keepers_ends_it),
        cmocka_unit_test(a_hung_token_ends_it),
        cmocka_unit_test(lost_sessions_and_devices_are_repaired_inside_the_sandbox),
        cmocka_unit_test(the_module_is_confined),
    };
    if (!softhsm_present()) {
        print_message("SKIPPED: SoftHSM2 is not installed (package softhsm2)\n");
        return SKIPPED;
    }
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, start, stop);
}
