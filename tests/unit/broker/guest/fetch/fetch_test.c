/* SPDX-License-Identifier: Apache-2.0 */
/* Command line, exit codes, waiting times, targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/guest/fetch/options.h"
#include "broker/guest/fetch/outcome.h"
#include "broker/guest/fetch/output.h"

#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static bool read_line(struct lk_fetch_options *o, const char *line, int *code)
{
    static char text[512];
    char *argv[32] = {"latchkey-fetch"}, *rest = text;
    int argc = 1;
    snprintf(text, sizeof(text), "%s", line);
    for (char *word = strtok_r(rest, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    extern int optind;
    optind = 0;
    *code = -1;
    return lk_fetch_options_read(o, argc, argv, code);
}

static void a_command_line_is_read(void **state)
{
    (void)state;
    struct lk_fetch_options o;
    int code;
    assert_true(read_line(&o, "--broker a:1 --broker b:2 --broker-id " ID " --secret x=/run/x --secret y=fd:3 --suite p256 "
                              "--on-refused wait --timeout 0 --json --collector c", &code));
    assert_int_equal(o.n_brokers, 2);
    assert_int_equal(o.n_secrets, 2);
    assert_memory_equal(o.secrets[0].name, "x", o.secrets[0].name_len);
    assert_string_equal(o.secrets[0].target, "/run/x");
    assert_string_equal(o.secrets[1].target, "fd:3");
    assert_int_equal(o.key, LK_GUEST_KEY_P256);
    assert_true(o.wait_when_refused && o.json && !o.default_collectors);
    assert_int_equal(o.timeout_s, 0);
    assert_false(o.secrets[0].create);
    assert_true(read_line(&o, "--broker a:1 --broker-id " ID " --create --secret x=/run/x --secret y=/run/y", &code));
    assert_true(o.secrets[0].create && o.secrets[1].create);
}

static void one_secret_goes_to_standard_output(void **state)
{
    (void)state;
    struct lk_fetch_options o;
    int code;
    assert_true(read_line(&o, "--broker a:1 --broker-id " ID " --secret disk/{tpm.ek-sha256}", &code));
    assert_string_equal(o.secrets[0].target, "-");
    assert_true(o.default_collectors);
    assert_true(read_line(&o, "--broker a:1 --broker-id " ID " --secret x --out-fd 7", &code));
    assert_string_equal(o.secrets[0].target, "fd:7");
}

static void wrong_lines_are_usage_errors(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "--broker a:1 --broker-id " ID, "--broker a:1 --secret x", "--broker-id " ID " --secret x",
        "--broker a:1 --broker-id 12 --secret x", "--broker a:1 --broker-id " ID " --secret x --secret y",
        "--broker a:1 --broker-id " ID " --secret =f", "--broker a:1 --broker-id " ID " --secret x=",
        "--broker a:1 --broker-id " ID " --secret x --on-refused maybe", "--broker a:1 --broker-id " ID " --secret x --suite rot13",
        "--broker a:1 --broker-id " ID " --secret x extra", "--broker a:1 --broker-id " ID " --secret x --call-timeout 0",
        "--broker a:1 --broker-id " ID " --secret x --out-fd -1",
    };
    struct lk_fetch_options o;
    int code;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_false(read_line(&o, bad[i], &code));
        assert_int_equal(code, 64);
    }
}

static struct lk_fetch_outcome own(lk_result r)
{
    struct lk_fetch_outcome o;
    lk_outcome_local(&o, r);
    return o;
}

static struct lk_fetch_outcome said(enum lk_class cls)
{
    struct lk_failure f = {.cls = cls, .code = "X", .message = ""};
    struct lk_fetch_outcome o;
    lk_outcome_failure(&o, &f);
    return o;
}

static void each_class_has_its_exit_code(void **state)
{
    (void)state;
    static const struct { enum lk_class cls; int exit; enum lk_retry retry; } cases[] = {
        {LK_CLASS_AFFIRMED, 0, LK_RETRY_NEVER},      {LK_CLASS_REFUSED, 1, LK_RETRY_LATER},
        {LK_CLASS_NOT_AUTHENTIC, 2, LK_RETRY_NEVER}, {LK_CLASS_CANNOT_JUDGE, 3, LK_RETRY_LATER},
        {LK_CLASS_MALFORMED, 4, LK_RETRY_OTHER},     {LK_CLASS_UNAVAILABLE, 5, LK_RETRY_SOON},
        {LK_CLASS_INTERNAL, 70, LK_RETRY_ONCE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct lk_fetch_outcome o = said(cases[i].cls);
        assert_int_equal(lk_fetch_exit(&o), cases[i].exit);
        assert_int_equal(lk_fetch_retry(&o), cases[i].retry);
    }
}

static void a_code_of_ours_from_a_broker_ends_nothing(void **state)
{
    (void)state;
    struct lk_failure f = {.cls = LK_CLASS_UNAVAILABLE, .code = "OUTPUT", .message = ""};
    struct lk_fetch_outcome o;
    lk_outcome_failure(&o, &f);
    assert_int_equal(lk_fetch_retry(&o), LK_RETRY_SOON);
    assert_int_equal(lk_fetch_exit(&o), LK_FETCH_EXIT_UNAVAILABLE);
}

static void what_this_program_found_has_codes_of_its_own(void **state)
{
    (void)state;
    struct lk_fetch_outcome o = own(LK_FAIL(ANSWER_SIGNATURE));
    assert_int_equal(lk_fetch_exit(&o), 6);
    assert_int_equal(lk_fetch_retry(&o), LK_RETRY_OTHER);
    o = own(LK_FAIL(COLLECTOR_FAILED));
    assert_int_equal(lk_fetch_exit(&o), 7);
    o = own(LK_FAIL(OUTPUT));
    assert_int_equal(lk_fetch_exit(&o), 8);
    o = own(LK_FAIL(BROKER_UNREACHABLE));
    assert_int_equal(lk_fetch_exit(&o), 5);
    o = own(LK_FAIL(HPKE_OPEN));
    o.is_signed = true; /* the broker's own word of that name is its class, not our fault */
    assert_int_equal(lk_fetch_exit(&o), 2);
}

static void delays_double_and_spread(void **state)
{
    (void)state;
    struct lk_fetch_outcome o = said(LK_CLASS_UNAVAILABLE);
    assert_int_equal(lk_fetch_delay(&o, 1, 0), 250);
    assert_in_range(lk_fetch_delay(&o, 1, UINT32_MAX), 749, 750);
    assert_int_equal(lk_fetch_delay(&o, 2, 0), 500);
    assert_int_equal(lk_fetch_delay(&o, 1000, 0), 15000);
    o = said(LK_CLASS_REFUSED);
    assert_int_equal(lk_fetch_delay(&o, 1, 0), 2500);
}

static void retry_info_is_the_least(void **state)
{
    (void)state;
    struct lk_fetch_outcome o = said(LK_CLASS_UNAVAILABLE);
    o.has_retry = true;
    o.retry_ms = 8000;
    assert_int_equal(lk_fetch_delay(&o, 1, 0), 8000);
    assert_in_range(lk_fetch_delay(&o, 1, UINT32_MAX), 9999, 10000);
    o.retry_ms = 1;
    assert_int_equal(lk_fetch_delay(&o, 1, 0), 250);
}

static void a_file_has_mode_0600_and_appears_whole(void **state)
{
    (void)state;
    char folder[] = "/tmp/lk-fetch-XXXXXX", path[64], missing[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/key", folder);
    snprintf(missing, sizeof(missing), "%s/none/key", folder);
    assert_true(lk_ok(lk_fetch_write(path, LK_BYTES("first"))));
    assert_true(lk_ok(lk_fetch_write(path, LK_BYTES("second!"))));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, sizeof("second!"));
    assert_int_equal(lk_fetch_write(missing, LK_BYTES("x")).code, LK_R_OUTPUT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); /* no temporary file was left */
}

static void a_descriptor_gets_exactly_the_bytes(void **state)
{
    (void)state;
    int ends[2];
    char target[16], got[8];
    assert_int_equal(pipe(ends), 0);
    snprintf(target, sizeof(target), "fd:%d", ends[1]);
    assert_true(lk_ok(lk_fetch_write(target, lk_bytes_str("abc"))));
    assert_int_equal(read(ends[0], got, sizeof(got)), 3);
    assert_memory_equal(got, "abc", 3);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(lk_fetch_write(target, lk_bytes_str("abc")).code, LK_R_OUTPUT);
    assert_int_equal(lk_fetch_write("fd:x", lk_bytes_str("abc")).code, LK_R_OUTPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_of_ours_from_a_broker_ends_nothing),
        cmocka_unit_test(a_command_line_is_read),
        cmocka_unit_test(one_secret_goes_to_standard_output),
        cmocka_unit_test(wrong_lines_are_usage_errors),
        cmocka_unit_test(each_class_has_its_exit_code),
        cmocka_unit_test(what_this_program_found_has_codes_of_its_own),
        cmocka_unit_test(delays_double_and_spread),
        cmocka_unit_test(retry_info_is_the_least),
        cmocka_unit_test(a_file_has_mode_0600_and_appears_whole),
        cmocka_unit_test(a_descriptor_gets_exactly_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
