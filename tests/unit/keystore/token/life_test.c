/* SPDX-License-Identifier: Apache-2.0 */
/* keystore/token: PIN, keys that are missing, sessions and devices that go away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keystore/token/create.h"
#include "keystore/token/head.h"
#include "keystore/token/serve.h"
#include "keystore/token/trial.h"
#include "keystore/token/vault.h"
#include "proto/link/frame.h"
#include "tests/emulators/softhsm/softhsm.h"

#define CODE(r) ((int)(r).code)

static struct softhsm hsm;
static char control[128];

static int start(void **state)
{
    (void)state;
    struct lk_token t;
    struct lk_session s;
    if (!softhsm_start(&hsm) || !lk_ok(softhsm_open(&t, &s, SOFTHSM_MODULE, SOFTHSM_PIN)) ||
        !lk_ok(lk_create_all(&s, false)))
        return 1;
    lk_token_close(&t);
    snprintf(control, sizeof(control), "%s/control", hsm.dir);
    return setenv("SHIM_CONTROL", control, 1);
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

/* A trial, then a wrap that the fault hits; the call must come back right. */
static void survives(const char *fault)
{
    struct lk_token t;
    struct lk_session s;
    LK_BUF_AUTO payload = lk_buf(128);
    LK_BUF_AUTO again = lk_buf(256);
    LK_BUF_AUTO blob = lk_buf(256);
    LK_BUF_AUTO out = lk_buf(256);
    assert_int_equal(CODE(softhsm_open(&t, &s, SHIM, SOFTHSM_PIN)), LK_R_OK);
    assert_int_equal(CODE(lk_trial(&s, false)), LK_R_OK);
    order(fault);
    lk_call_wrap_put(&payload, &(struct lk_call_wrap){LK_KEK_SEALED, lk_bytes_str("secret")});
    assert_int_equal(CODE(lk_token_call(&s, LK_F_CALL_WRAP, lk_buf_bytes(&payload), &blob)), LK_R_OK);
    assert_int_equal(access(control, F_OK), -1); /* the fault did happen */
    order(fault);
    lk_call_unwrap_put(&again, &(struct lk_call_unwrap){lk_buf_bytes(&blob)});
    assert_int_equal(CODE(lk_token_call(&s, LK_F_CALL_UNWRAP, lk_buf_bytes(&again), &out)), LK_R_OK);
    assert_true(lk_bytes_eq(lk_buf_bytes(&out), lk_bytes_str("secret")));
    lk_session_close(&s);
    lk_token_close(&t);
}

static void lost_sessions_are_opened_again(void **state)
{
    (void)state;
    survives("lose");
}

static void a_lost_device_is_initialised_again(void **state)
{
    (void)state;
    survives("gone");
}

static void a_wrong_pin_is_tried_once(void **state)
{
    (void)state;
    struct lk_token t;
    struct lk_session s;
    assert_int_equal(CODE(softhsm_open(&t, &s, SOFTHSM_MODULE, "00000000")), LK_R_TOKEN_PIN);
    assert_null(t.pin.data); /* nothing is left that could be tried again */
    assert_int_equal(CODE(lk_session_open(&s, &t)), LK_R_TOKEN_PIN);
    lk_token_close(&t);
}

static void a_second_session_needs_no_second_login(void **state)
{
    (void)state;
    struct lk_token t;
    struct lk_session a, b;
    struct lk_head head;
    assert_int_equal(CODE(softhsm_open(&t, &a, SOFTHSM_MODULE, SOFTHSM_PIN)), LK_R_OK);
    assert_int_equal(CODE(lk_session_open(&b, &t)), LK_R_OK);
    assert_int_equal(CODE(lk_head_read(&b, &head)), LK_R_OK);
    lk_token_close(&t);
}

static void an_unknown_label_or_module_is_told(void **state)
{
    (void)state;
    struct lk_token t;
    LK_SECRET_AUTO pin = {0};
    assert_int_equal(CODE(lk_secret_copy(&pin, lk_bytes_str("x"))), LK_R_OK);
    assert_int_equal(CODE(lk_token_open(&t, SOFTHSM_MODULE, "another", &pin)), LK_R_TOKEN_CONFIG);
    lk_token_close(&t);
    assert_int_equal(CODE(lk_token_open(&t, "/nonexistent.so", SOFTHSM_LABEL, &pin)), LK_R_TOKEN_CONFIG);
    assert_int_equal(CODE(lk_token_open(&t, "/lib/x86_64-linux-gnu/libc.so.6", SOFTHSM_LABEL, &pin)),
                     LK_R_TOKEN_CONFIG);
}

static void an_installation_is_made_once(void **state)
{
    (void)state;
    struct lk_token t;
    struct lk_session s;
    uint8_t before[32], after[32];
    assert_int_equal(CODE(softhsm_open(&t, &s, SOFTHSM_MODULE, SOFTHSM_PIN)), LK_R_OK);
    assert_int_equal(CODE(lk_genesis_read(&s, before)), LK_R_OK);
    assert_int_equal(CODE(lk_create_all(&s, false)), LK_R_TOKEN_EXISTS);
    assert_int_equal(CODE(lk_genesis_read(&s, after)), LK_R_OK);
    assert_memory_equal(before, after, 32);
    lk_token_close(&t);
}

/* Each key in turn is missing: the trial names it, and so does init afterwards. */
static void every_key_is_needed(void **state)
{
    (void)state;
    for (int key = 0; key < LK_TOKEN_KEYS; key++) {
        struct softhsm own;
        struct lk_token t;
        struct lk_session s;
        CK_OBJECT_HANDLE h;
        assert_true(softhsm_copy(&hsm, &own));
        assert_int_equal(CODE(softhsm_open(&t, &s, SOFTHSM_MODULE, SOFTHSM_PIN)), LK_R_OK);
        assert_int_equal(CODE(lk_session_key(&s, (enum lk_token_key)key, &h)), LK_R_OK);
        assert_int_equal(t.module.f->C_DestroyObject(s.handle, h), CKR_OK);
        s.keys[key] = CK_INVALID_HANDLE;
        assert_int_equal(CODE(lk_trial(&s, false)), LK_R_TOKEN_CONFIG);
        assert_int_equal(CODE(lk_create_all(&s, false)), LK_R_TOKEN_EXISTS);
        lk_token_close(&t);
        softhsm_stop(&own);
    }
    softhsm_use(&hsm);
}

/* A token that lets secrets out of KEK in-token makes no installation, unless told that this is accepted. */
static void a_token_without_templates_is_refused(void **state)
{
    (void)state;
    struct softhsm own;
    struct lk_token t;
    struct lk_session s;
    bool present = true;
    assert_true(softhsm_start(&own));
    assert_int_equal(CODE(softhsm_open(&t, &s, SHIM, SOFTHSM_PIN)), LK_R_OK);
    order("no-template");
    assert_int_equal(CODE(lk_create_all(&s, false)), LK_R_TOKEN_TEMPLATE);
    assert_int_equal(CODE(lk_session_has_key(&s, LK_TOKEN_KEK_SEALED, &present)), LK_R_OK);
    assert_false(present); /* what was made is gone again */
    assert_int_equal(CODE(lk_create_all(&s, true)), LK_R_OK);
    assert_false(t.traits.template_enforced);
    unlink(control);
    assert_int_equal(CODE(lk_trial(&s, false)), LK_R_TOKEN_TEMPLATE);
    lk_token_close(&t);
    softhsm_stop(&own);
    softhsm_use(&hsm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost_sessions_are_opened_again),
        cmocka_unit_test(a_lost_device_is_initialised_again),
        cmocka_unit_test(a_wrong_pin_is_tried_once),
        cmocka_unit_test(a_second_session_needs_no_second_login),
        cmocka_unit_test(an_unknown_label_or_module_is_told),
        cmocka_unit_test(an_installation_is_made_once),
        cmocka_unit_test(every_key_is_needed),
        cmocka_unit_test(a_token_without_templates_is_refused),
    };
    if (!softhsm_present()) {
        print_message("SKIPPED: SoftHSM2 is not installed (package softhsm2)\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, start, stop);
}
