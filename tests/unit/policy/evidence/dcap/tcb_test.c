/* SPDX-License-Identifier: Apache-2.0 */
/* Intel's tables: convergence of statuses, and what a relaunch would change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "policy/evidence/dcap/tcb.h"

#define U LK_TCB_UP_TO_DATE
#define S LK_TCB_SW_HARDENING
#define C LK_TCB_CONFIGURATION
#define CS LK_TCB_CONFIGURATION_AND_SW_HARDENING
#define O LK_TCB_OUT_OF_DATE
#define OC LK_TCB_OUT_OF_DATE_CONFIGURATION
#define R LK_TCB_REVOKED
#define A LK_TCB_RELAUNCH
#define AC LK_TCB_RELAUNCH_CONFIGURATION

static const enum lk_tcb_status all[LK_TCB_IN_DOCUMENTS] = {U, S, C, CS, O, OC, R};

static void convergence(void **state)
{
    static const enum lk_tcb_status with_out_of_date[LK_TCB_IN_DOCUMENTS] = {O, O, OC, OC, O, OC, R};
    (void)state;
    for (size_t i = 0; i < LK_TCB_IN_DOCUMENTS; i++) {
        assert_int_equal(lk_tcb_converge(all[i], U), all[i]);
        assert_int_equal(lk_tcb_converge(all[i], O), with_out_of_date[i]);
        assert_int_equal(lk_tcb_converge(all[i], R), R);
    }
}

static void relaunch(void **state)
{
    static const enum lk_tcb_status after_out_of_date[LK_TCB_IN_DOCUMENTS] = {A, A, AC, AC, O, O, O};
    static const enum lk_tcb_status after_configuration[LK_TCB_IN_DOCUMENTS] = {AC, AC, AC, AC, OC, OC, OC};
    (void)state;
    for (size_t i = 0; i < LK_TCB_IN_DOCUMENTS; i++) {
        assert_int_equal(lk_tcb_relaunch(O, all[i]), after_out_of_date[i]);
        assert_int_equal(lk_tcb_relaunch(OC, all[i]), after_configuration[i]);
        assert_int_equal(lk_tcb_relaunch(U, all[i]), U);
        assert_int_equal(lk_tcb_relaunch(S, all[i]), S);
        assert_int_equal(lk_tcb_relaunch(R, all[i]), R);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(convergence), cmocka_unit_test(relaunch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
