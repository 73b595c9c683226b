/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LK_DCAP_SAY_H
#define LK_DCAP_SAY_H
/* Where findings go, and under which family's name: both families share this code. */
#include "proto/base/report.h"

struct lk_dcap_say {
    struct lk_report *to;
    const char *item; /* "tdx" or "sgx" */
};

/* Adds a finding about `rule`; NULL texts are empty. Returns a result of the code. */
static inline lk_result lk_dcap_fail(const struct lk_dcap_say *say, enum lk_reason_code code, const char *rule,
                                     const char *expected, const char *actual)
{
    return lk_report_add(say->to, code, say->item, rule, expected, actual);
}

#endif
