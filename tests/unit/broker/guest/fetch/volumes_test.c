/* SPDX-License-Identifier: Apache-2.0 */
/* The socket of systemd-cryptsetup's key files, asked as it asks: who connects is in the backlog until it is served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "broker/guest/fetch/volumes.h"
#include "proto/base/clock.h"
#include "proto/base/secret.h"

#define KEY "a key\0with a zero"
static char folder[64];
static struct lk_volumes *volumes;

static const char *path_of(const char *volume)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/keys/%s.key", folder, volume);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/lk-volumes-XXXXXX");
    assert_non_null(mkdtemp(folder));
    volumes = lk_volumes_new();
    assert_non_null(volumes);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char keys[96];
    lk_volumes_free(volumes);
    snprintf(keys, sizeof(keys), "%s/keys", folder);
    if (rmdir(keys) != 0)
        return -1; /* a socket was left */
    return rmdir(folder);
}

static lk_result add(const char *volume)
{
    char keys[96];
    struct lk_target target = {.kind = LK_TARGET_CRYPTTAB};
    snprintf(keys, sizeof(keys), "%s/keys", folder);
    snprintf(target.name, sizeof(target.name), "%s", volume);
    return lk_volumes_add(volumes, keys, &target);
}

/* As attach_luks_or_plain_or_bitlk_by_key_file does; bound: after the NUL, NULL for no name. */
static int ask(const char *volume, const char *bound)
{
    struct sockaddr_un us = {.sun_family = AF_UNIX}, there = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (bound != NULL) {
        memcpy(us.sun_path + 1, bound, strlen(bound));
        socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(bound));
        assert_int_equal(bind(fd, (struct sockaddr *)&us, len), 0);
    }
    strcpy(there.sun_path, path_of(volume));
    assert_int_equal(connect(fd, (struct sockaddr *)&there, sizeof(there)), 0);
    shutdown(fd, SHUT_WR);
    return fd;
}

/* What was answered; it is at its end. */
static size_t answer(int fd, char *got, size_t size)
{
    size_t len = 0;
    ssize_t n;
    while ((n = read(fd, got + len, size - len)) > 0)
        len += (size_t)n;
    close(fd);
    return len;
}

static void serve(unsigned ms, bool all)
{
    lk_volumes_serve(volumes, lk_clock_mono_ms() + ms, all);
}

static void a_volume_gets_its_key(void **state)
{
    (void)state;
    char got[64], name[64];
    struct stat st;
    assert_int_equal(add("root").code, LK_R_OK);
    assert_int_equal(stat(path_of("root"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    snprintf(name, sizeof(name), "d7067f78d982%04x/cryptsetup/root", (unsigned)getpid() & 0xffff);
    int fd = ask("root", name);
    serve(20, true); /* no key yet: it goes on waiting */
    assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), -1);
    assert_null(lk_volumes_unasked(volumes));
    assert_int_equal(lk_volumes_put(volumes, "root", LK_BYTES(KEY)).code, LK_R_OK);
    assert_string_equal(lk_volumes_unasked(volumes), "root");
    uint64_t before = lk_clock_mono_ms();
    serve(5000, true);
    assert_true(lk_clock_mono_ms() - before < 4000); /* everyone has asked */
    assert_int_equal(answer(fd, got, sizeof(got)), sizeof(KEY));
    assert_memory_equal(got, KEY, sizeof(KEY));
    assert_null(lk_volumes_unasked(volumes));
}

static void nobody_else_gets_it(void **state)
{
    (void)state;
    static const char *const names[] = {
        "0123456789abcdef/cryptsetup-tpm2/root", "0123456789abcdef/cryptsetup-fido2-salt/root",
        "0123456789abcdef/cryptsetup-pkcs11/root", "0123456789abcdef/cryptsetup/other", "0123456789abcdef/cryptsetup/roo",
        "0123456789abcdef/cryptsetup/", "/cryptsetup/root", "0123456789abcdef0/cryptsetup/root", "xyz/cryptsetup/root",
        "0123456789abcdef//cryptsetup/root", "root", NULL,
    };
    char got[64];
    assert_int_equal(add("root").code, LK_R_OK);
    assert_int_equal(lk_volumes_put(volumes, "root", LK_BYTES(KEY)).code, LK_R_OK);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        int fd = ask("root", names[i]);
        serve(20, false);
        assert_int_equal(answer(fd, got, sizeof(got)), 0);
        assert_string_equal(lk_volumes_unasked(volumes), "root");
    }
    assert_int_equal(lk_volumes_put(volumes, "other", LK_BYTES(KEY)).code, LK_R_OUTPUT);
}

static void who_waits_for_nothing_sees_the_end(void **state)
{
    (void)state;
    char got[8];
    assert_int_equal(add("root").code, LK_R_OK);
    int fd = ask("root", "1/cryptsetup/root");
    lk_volumes_give_up(volumes);
    assert_int_equal(answer(fd, got, sizeof(got)), 0);
    assert_int_equal(access(path_of("root"), F_OK), -1);
    serve(60000, true); /* nobody is left to wait for */
}

static void a_key_file_of_somebody_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(add("one").code, LK_R_OK); /* makes the folder */
    int fd = open(path_of("two"), O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(add("two").code, LK_R_OUTPUT);
    assert_int_equal(access(path_of("two"), F_OK), 0);
    unlink(path_of("two"));
}

static void a_socket_of_a_former_run_makes_way(void **state)
{
    (void)state;
    assert_int_equal(add("one").code, LK_R_OK);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, path_of("two"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    close(fd);
    assert_int_equal(add("two").code, LK_R_OK);
}

static void sockets_that_systemd_passes_are_taken(void **state)
{
    (void)state;
    char got[64], pid[16], keys[96];
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(keys, sizeof(keys), "%s/keys", folder);
    assert_int_equal(mkdir(keys, 0700), 0);
    strcpy(a.sun_path, path_of("root"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), saved = dup(3);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)) | listen(fd, 4), 0);
    if (fd != 3) {
        assert_int_equal(dup2(fd, 3), 3);
        close(fd);
    }
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    assert_int_equal(add("root").code, LK_R_OK);
    unsetenv("LISTEN_PID");
    assert_int_equal(lk_volumes_put(volumes, "root", LK_BYTES(KEY)).code, LK_R_OK);
    int peer = ask("root", "2/cryptsetup/root");
    serve(5000, true);
    assert_int_equal(answer(peer, got, sizeof(got)), sizeof(KEY));
    lk_volumes_free(volumes);
    volumes = NULL;
    assert_int_equal(unlink(path_of("root")), 0); /* systemd's own: left */
    if (saved >= 0) {
        dup2(saved, 3);
        close(saved);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_volume_gets_its_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_else_gets_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_waits_for_nothing_sees_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_file_of_somebody_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_socket_of_a_former_run_makes_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sockets_that_systemd_passes_are_taken, set_up, tear_down),
    };
    if (!lk_ok(lk_secret_setup(1 << 16)))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
