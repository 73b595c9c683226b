/* SPDX-License-Identifier: Apache-2.0 */
/* What a collector may answer, from a program that says what a file holds, whatever it is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/client/pack.h"
#include "broker/guest/fetch/collector.h"
#include "proto/base/buffer.h"

typedef Latchkey__V1__CollectorResponse response_t;

static char folder[] = "/tmp/lk-collector-XXXXXX";
static char answers[64], script[64], command[80];
static struct lk_arena *arena;

static int make_folder(void **state)
{
    (void)state;
    arena = lk_arena_new(1u << 20);
    if (arena == NULL || mkdtemp(folder) == NULL)
        return -1;
    snprintf(answers, sizeof(answers), "%s/answers", folder);
    snprintf(script, sizeof(script), "%s/script", folder);
    snprintf(command, sizeof(command), "sh %s", script);
    FILE *f = fopen(script, "w");
    if (f == NULL)
        return -1;
    fprintf(f, "cat %s\ncat >/dev/null\n", answers); /* and reads on, until it is let go */
    return fclose(f);
}

static int remove_folder(void **state)
{
    (void)state;
    lk_arena_free(arena);
    unlink(answers);
    unlink(script);
    return rmdir(folder);
}

static void say(FILE *f, const response_t *response)
{
    LK_BUF_AUTO bytes = lk_buf(1024);
    LK_BUF_AUTO frame = lk_buf(1024);
    lk_client_pack(&bytes, response);
    lk_put_u32be(&frame, (uint32_t)bytes.len);
    lk_put(&frame, lk_buf_bytes(&bytes));
    assert_true(lk_ok(lk_buf_ok(&frame)));
    assert_int_equal(fwrite(frame.data, 1, frame.len, f), frame.len);
}

/* A description of that protocol version, then a second answer if any. */
static void prepare(uint32_t protocol, const response_t *second)
{
    Latchkey__V1__CollectorDescription d = LATCHKEY__V1__COLLECTOR_DESCRIPTION__INIT;
    response_t r = LATCHKEY__V1__COLLECTOR_RESPONSE__INIT;
    FILE *f = fopen(answers, "w");
    assert_non_null(f);
    d.protocol = protocol;
    d.program = (char *)(uintptr_t)"test";
    r.result_case = LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_DESCRIPTION;
    r.description = &d;
    say(f, &r);
    if (second != NULL)
        say(f, second);
    assert_int_equal(fclose(f), 0);
}

static enum lk_reason_code identify(const response_t *second)
{
    struct lk_collector *c = NULL;
    const Latchkey__V1__CollectorIdentity *identity;
    lk_arena_reset(arena);
    prepare(1, second);
    assert_int_equal(lk_collector_begin(command, 60, arena, &c).code, LK_R_OK);
    enum lk_reason_code code = lk_collector_identify(c, true, arena, &identity).code;
    lk_collector_end(c);
    return code;
}

static void errors_tell_whether_a_retry_helps(void **state)
{
    (void)state;
    Latchkey__V1__CollectorError e = LATCHKEY__V1__COLLECTOR_ERROR__INIT;
    response_t r = LATCHKEY__V1__COLLECTOR_RESPONSE__INIT;
    r.result_case = LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ERROR;
    r.error = &e;
    assert_int_equal(identify(&r), LK_R_COLLECTOR_FAILED);
    e.retryable = true;
    assert_int_equal(identify(&r), LK_R_COLLECTOR_BUSY);
}

static void another_kind_of_answer_is_no_protocol(void **state)
{
    (void)state;
    Latchkey__V1__CollectorActivated a = LATCHKEY__V1__COLLECTOR_ACTIVATED__INIT;
    response_t r = LATCHKEY__V1__COLLECTOR_RESPONSE__INIT;
    r.result_case = LATCHKEY__V1__COLLECTOR_RESPONSE__RESULT_ACTIVATED;
    r.activated = &a;
    assert_int_equal(identify(&r), LK_R_COLLECTOR_PROTOCOL);
}

static void another_version_is_no_protocol(void **state)
{
    (void)state;
    struct lk_collector *c = NULL;
    prepare(2, NULL);
    assert_int_equal(lk_collector_begin(command, 60, arena, &c).code, LK_R_COLLECTOR_PROTOCOL);
    assert_int_equal(lk_collector_begin("false", 60, arena, &c).code, LK_R_COLLECTOR_PROTOCOL);
    assert_int_equal(lk_collector_begin("/nonexistent/collector", 60, arena, &c).code, LK_R_COLLECTOR_START);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_tell_whether_a_retry_helps),
        cmocka_unit_test(another_kind_of_answer_is_no_protocol),
        cmocka_unit_test(another_version_is_no_protocol),
    };
    signal(SIGPIPE, SIG_IGN); /* as latchkey-fetch does */
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
