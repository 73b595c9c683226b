/* SPDX-License-Identifier: Apache-2.0 */
/* The profile, and signing through ssh-keygen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/cli/profile.h"
#include "broker/cli/sign.h"
#include "proto/seal/envelope.h"

#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static char folder[] = "/tmp/lk-cli-XXXXXX";
static char file[64], key[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(file, sizeof(file), "%s/profile", folder);
    snprintf(key, sizeof(key), "%s/key", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[80];
    unlink(file);
    unlink(key);
    snprintf(path, sizeof(path), "%s.pub", key);
    unlink(path);
    return rmdir(folder);
}

static void write_profile(const char *text)
{
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static lk_result resolve(struct lk_profile *p)
{
    struct lk_profile_args args = {.profile = file};
    return lk_profile_resolve(&args, p);
}

static void paths_of_a_profile_are_relative_to_its_folder(void **state)
{
    (void)state;
    struct lk_profile p;
    write_profile("# mine\n broker = a:1 b:2 \nbroker-id=" ID "\nkey = admin\nca = /etc/ca.pem\n\n");
    assert_true(lk_ok(resolve(&p)));
    assert_string_equal(p.broker, "a:1 b:2");
    assert_int_equal(p.broker_id[1], 0x11);
    assert_string_equal(p.ca, "/etc/ca.pem");
    char expected[80];
    snprintf(expected, sizeof(expected), "%s/admin", folder);
    assert_string_equal(p.key, expected);
    assert_int_equal(p.timeout_s, 30);
}

static void options_go_over_the_profile(void **state)
{
    (void)state;
    struct lk_profile p;
    struct lk_profile_args args = {.profile = file};
    write_profile("broker = a:1\nbroker-id = " ID "\nkey = admin\n");
    assert_true(lk_profile_take(&args, LK_OPT_BROKER, "c:3"));
    assert_true(lk_profile_take(&args, LK_OPT_KEY, "other"));
    assert_false(lk_profile_take(&args, 'x', "y"));
    assert_true(lk_ok(lk_profile_resolve(&args, &p)));
    assert_string_equal(p.broker, "c:3");
    assert_string_equal(p.key, "other"); /* of the command line: relative to the working folder */
}

static void what_is_missing_or_wrong_is_an_error(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "broker-id = " ID "\nkey = k\n", "broker = a:1\nkey = k\n", "broker = a:1\nbroker-id = " ID "\n",
        "broker = a:1\nbroker-id = 00\nkey = k\n", "colour = red\n", "broker\n", "timeout = soon\n", "timeout = 0\n",
    };
    struct lk_profile p;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        write_profile(bad[i]);
        assert_int_equal(resolve(&p).code, LK_R_PROFILE);
    }
    struct lk_profile_args args = {.profile = "/nonexistent"};
    assert_int_equal(lk_profile_resolve(&args, &p).code, LK_R_FILE);
}

static void ssh_keygen_signs_and_we_verify(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof(command), "ssh-keygen -q -t ed25519 -N '' -f %s </dev/null", key);
    if (system(command) != 0)
        skip();
    LK_BUF_AUTO blob = lk_buf(4096);
    struct lk_bytes message = lk_bytes_str("what is to be signed"), signer;
    assert_true(lk_ok(lk_cli_sign(key, message, &blob)));
    assert_true(lk_ok(lk_sshsig_verify(lk_buf_bytes(&blob), message, &signer)));
    assert_int_equal(lk_sshsig_verify(lk_buf_bytes(&blob), lk_bytes_str("another"), &signer).code, LK_R_CHANGE_SIGNATURE);
    LK_BUF_AUTO none = lk_buf(4096);
    assert_int_equal(lk_cli_sign("/nonexistent", message, &none).code, LK_R_SIGN_FAILED);
}

static void only_armour_is_taken(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "AAAA", "-----BEGIN SSH SIGNATURE-----\nAAAA\n", "-----BEGIN SSH SIGNATURE-----\n*\n-----END SSH SIGNATURE-----\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        LK_BUF_AUTO out = lk_buf(64);
        assert_int_equal(lk_sshsig_dearmor(lk_bytes_str(bad[i]), &out).code, LK_R_SIGN_FAILED);
    }
    LK_BUF_AUTO out = lk_buf(64);
    static const char good[] = "-----BEGIN SSH SIGNATURE-----\nYWJj\nZGVm\n-----END SSH SIGNATURE-----\n";
    assert_true(lk_ok(lk_sshsig_dearmor(lk_bytes_str(good), &out)));
    assert_true(lk_bytes_eq(lk_buf_bytes(&out), lk_bytes_str("abcdef")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_of_a_profile_are_relative_to_its_folder), cmocka_unit_test(options_go_over_the_profile),
        cmocka_unit_test(what_is_missing_or_wrong_is_an_error),          cmocka_unit_test(ssh_keygen_signs_and_we_verify),
        cmocka_unit_test(only_armour_is_taken),
    };
    signal(SIGPIPE, SIG_IGN); /* as latchkey does: ssh-keygen may end before it has read what is to be signed */
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
