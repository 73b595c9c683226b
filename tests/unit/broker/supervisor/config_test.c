/* SPDX-License-Identifier: Apache-2.0 */
/* broker/supervisor/config: every error names its line and column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "broker/supervisor/config.h"
#include "proto/link/messages.h"

#define GOOD                                                                     \
    "schema: latchkey-config/1\n"                                                \
    "state: ./state\n"                                                           \
    "listen: [\"127.0.0.1:7443\", \"[::1]:0\"]\n"                                \
    "tls: {certificate: tls.pem, key: /etc/tls.key}\n"                           \
    "token: {module: /usr/lib/softhsm.so, label: latchkey, pin-file: pin}\n"

static lk_result parse(const char *text, struct lk_config **c, struct lk_config_error *e)
{
    return lk_config_parse("/no/such/folder/latchkeyd.conf", text, strlen(text), c, e);
}

static void least_file_has_defaults(void **state)
{
    (void)state;
    struct lk_config *c;
    struct lk_config_error e;
    assert_int_equal(parse(GOOD, &c, &e).code, LK_R_OK);
    assert_string_equal(c->state, "/no/such/folder/state");
    assert_string_equal(c->tls_key, "/etc/tls.key");
    assert_string_equal(c->token.pin_file, "/no/such/folder/pin");
    assert_int_equal(c->n_listen, 2);
    assert_string_equal(c->listen[0].host, "127.0.0.1");
    assert_string_equal(c->listen[1].host, "::1");
    assert_string_equal(c->listen[1].port, "0");
    assert_int_equal(c->verifiers, 2);
    assert_int_equal(c->log_verifiers, 1);
    assert_int_equal(c->large_bundle, 64u << 10);
    assert_int_equal(c->token.timeout_ms, 5000);
    assert_int_equal(c->log_level, LK_LOG_INFO);
    assert_false(c->strict);
    lk_config_free(c);
}

static void all_keys_are_read(void **state)
{
    (void)state;
    static const char text[] =
        "schema: latchkey-config/1\nstate: /s\nlisten: [\"localhost:1\"]\n"
        "tls: {certificate: c, key: k, client-ca: ca}\n"
        "callers:\n  - {sha256: \"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\", roles: [appraise, collateral]}\n"
        "token:\n  module: m\n  label: l\n  pin-file: p\n  sessions: 8\n  timeout: 250ms\n"
        "  environment: {SOFTHSM2_CONF: ./softhsm2.conf, OTHER: plain}\n  read-only: [a]\n  read-write: [b, /c]\n"
        "  profile: network\n  allow-unenforced-templates: yes\n"
        "verifiers: 3\nlog-verifiers: 0\nlarge-bundle: 128KiB\nworker-requests: 7\nchallenge-lifetime: 2m\n"
        "limits: {connections: 5, streams: 6, body-memory: 16MiB, request-rate: 1, request-burst: 2, minimum-rate: 3, deadline: 1s}\n"
        "store: {max-size: 2GiB}\nsandbox: strict\nlog: {level: debug}\npid-file: run.pid\n"
        "users: {front: a, verifier: b, keeper: c, token: d}\n";
    struct lk_config *c;
    struct lk_config_error e;
    lk_result r = parse(text, &c, &e);
    assert_string_equal(e.text, "");
    assert_int_equal(r.code, LK_R_OK);
    assert_int_equal(c->callers[0].roles, LK_ROLE_APPRAISE | LK_ROLE_COLLATERAL);
    assert_int_equal(c->callers[0].sha256[31], 0xff);
    assert_string_equal(c->token.environment[0], "SOFTHSM2_CONF=/no/such/folder/softhsm2.conf");
    assert_string_equal(c->token.environment[1], "OTHER=plain");
    assert_string_equal(c->token.read_write[1], "/c");
    assert_string_equal(c->token.profile, "network");
    assert_true(c->token.allow_unenforced);
    assert_int_equal(c->token.timeout_ms, 250);
    assert_int_equal(c->challenge_lifetime_s, 120);
    assert_int_equal(c->log_verifiers, 0);
    assert_int_equal(c->large_bundle, 128u << 10);
    assert_int_equal(c->limits.body_memory, 16u << 20);
    assert_int_equal(c->limits.deadline_ms, 1000);
    assert_true(c->store_max_size == UINT64_C(2) << 30);
    assert_true(c->strict);
    assert_string_equal(c->users.token, "d");
    lk_config_free(c);
}

static void errors_name_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *extra, *where;
    } cases[] = {
        {"sandboxx: strict\n", ":6:1: unknown key \"sandboxx\""},
        {"sandbox: loose\n", ":6:10: sandbox is normal or strict"},
        {"log-verifiers: 65\n", ":6:16: \"log-verifiers\" must be 0 to 64"},
        {"large-bundle: 1KiB\n", ":6:15: \"large-bundle\" must be 16384 to 4194304"},
        {"verifiers: 0\n", ":6:12: \"verifiers\" must be 1 to 64"},
        {"verifiers: many\n", ":6:12: \"many\" is no number"},
        {"limits: {body-memory: 1KB}\n", ":6:23: \"1KB\" is no size (bytes, KiB, MiB, GiB)"},
        {"challenge-lifetime: 10\n", ":6:21: \"10\" is no duration (ms, s, m, h)"},
        {"callers: [{sha256: \"00\", roles: [appraise]}]\n", ":6:21: a SHA-256 fingerprint is 64 hex digits"},
        {"callers: [{roles: [root]}]\n", ":6:20: role \"root\" is not known; appraise and collateral are"},
        {"users: {front: a}\n", "\"verifier\" is missing"},
        {"log: debug\n", ":6:6: a mapping is wanted here"},
        {"state: again\n", "duplicate"},
        {"limits: {\n", ":7:"},
        {"%TAG ! x\n", ":6:1: a directive"},
        {"% \x87\xf5", ":1:1: not UTF-8"}, /* libfyaml 0.7.12 would never return */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1024];
        snprintf(text, sizeof(text), GOOD "%s", cases[i].extra);
        struct lk_config *c;
        struct lk_config_error e;
        assert_int_equal(parse(text, &c, &e).code, LK_R_CONFIG);
        assert_null(c);
        if (strstr(e.text, cases[i].where) == NULL)
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].extra, e.text, cases[i].where);
    }
}

static void other_documents_are_no_configuration(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "[]", "x", "schema: latchkey-config/2\n", "a: b\n---\n", "listen: [\"a\"]\n",
                                        "listen: [\"::1:5\"]\n", "listen: [\"h:70000\"]\n", "listen: []\n", "state: {}\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct lk_config *c;
        struct lk_config_error e;
        assert_int_equal(parse(texts[i], &c, &e).code, LK_R_CONFIG);
        assert_true(strlen(e.text) > 0);
    }
}

static void absent_file_is_told(void **state)
{
    (void)state;
    struct lk_config *c;
    struct lk_config_error e;
    assert_int_equal(lk_config_load("/no/such/file", &c, &e).code, LK_R_FILE);
    assert_non_null(strstr(e.text, "No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(least_file_has_defaults),
        cmocka_unit_test(all_keys_are_read),
        cmocka_unit_test(errors_name_line_and_column),
        cmocka_unit_test(other_documents_are_no_configuration),
        cmocka_unit_test(absent_file_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
