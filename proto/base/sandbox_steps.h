/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_BASE_SANDBOX_STEPS_H
#define LK_BASE_SANDBOX_STEPS_H
/* The two steps of lk_sandbox_enter that have a file of their own. */
#include "proto/base/sandbox.h"

/* The seccomp filter of a list of calls (sandbox.h). SANDBOX, logged. */
LK_MUST_USE lk_result lk_sandbox_filter(const char *calls);

/* Landlock, as far as the running kernel offers it. *absent: it offers nothing. SANDBOX, logged. */
LK_MUST_USE lk_result lk_sandbox_landlock(const struct lk_sandbox *s, bool *absent);

/* Logs event=sandbox.failed with the step and errno. */
lk_result lk_sandbox_failed(const char *step);

#endif
